/** GGUF files for tests: their bytes, and what is wrong with damaged ones. */
import { expect } from "vitest";
import { type Diagnostic, UserError } from "../../../compiler/support/diagnostic.ts";
import type { WriteOptions } from "../../../formats/format.ts";
import { encodeGguf } from "../../../formats/gguf.ts";
import { encodeGgufParts, type GgufOutput } from "../../../formats/gguf_encode.ts";
import type { GgufTensor } from "../../../formats/gguf_parse.ts";
import type { GgufValue } from "../../../formats/gguf_types.ts";
import { expectedTensors, type WeightSet } from "../../../formats/weights.ts";

/** The bytes of a model's file. */
export function bytesOf(weights: WeightSet, options: WriteOptions = {}): Uint8Array {
  return Buffer.concat([...encodeGguf("x", weights, options)]);
}

/** The bytes of a file with any values and tensors; a quantised tensor cannot be among them. */
export function bytesOfParts(
  values: ReadonlyMap<string, GgufValue>,
  tensors: ReadonlyMap<string, GgufTensor>,
): Uint8Array {
  const outputs = [...tensors].map(([name, { type, shape, data }]): GgufOutput => {
    if (type !== "F32" && type !== "F16" && type !== "BF16") throw new Error(`${name} is ${type}`);
    return { name, type, shape, values: () => ({ dtype: type, shape, data }) };
  });
  return Buffer.concat([...encodeGgufParts(values, outputs)]);
}

/** The user's error of a call, as "CODE title". */
export function errorIn(work: () => unknown): string {
  const found = diagnosticIn(work);
  return found === undefined ? "no error" : `${found.code} ${found.title}`;
}

export function diagnosticIn(work: () => unknown): Diagnostic | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics[0];
    throw error;
  }
  return undefined;
}

/** The tensors of one model are those of another, bit for bit, in the order of its layers. */
export function expectSameTensors(found: WeightSet, expected: WeightSet): void {
  expect([...found.tensors.keys()]).toEqual([...expectedTensors(expected.config).keys()]);
  for (const [name, tensor] of found.tensors) {
    const { dtype, shape, data } = expected.tensors.get(name)!;
    expect([name, tensor.dtype, tensor.shape]).toEqual([name, dtype, shape]);
    expect(Buffer.compare(tensor.data, data), name).toBe(0);
  }
}
