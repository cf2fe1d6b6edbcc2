/** Two MIL programs on the same random inputs. */
import { type BlobRecord, blobBytes, isBlobDType } from "../../compiler/bundle/blob.ts";
import { checkMil } from "../../compiler/mil/check.ts";
import { interpretMil, type WeightResolver } from "../../compiler/mil/interpret.ts";
import { canInterpret } from "../../compiler/mil/ops.ts";
import type { MilProgram } from "../../compiler/mil/tree.ts";
import { halfBits } from "../../compiler/support/half.ts";
import { blobUses } from "../../compiler/target/facts/blobs.ts";
import {
  elementCount,
  programContext,
  type Tensor,
  tensorOf,
} from "../../compiler/target/facts/walk.ts";
import { seeded } from "./samples.ts";

/** Where inputs are drawn from. Roots and logarithms want numbers above zero. */
export interface Draw {
  readonly seed: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The largest relative difference between the outputs of two programs, or undefined if one cannot
 * be run: it lacks an argument, or has an op that the interpreter does not know. Where the second
 * has wider ports, the columns that both have are compared; the others of inputs are not zero.
 */
export function distanceBetween(
  first: MilProgram,
  second: MilProgram,
  draw: Draw = { seed: 7, low: 0.25, high: 1.25 },
): number | undefined {
  const weights = weightsOf(first);
  if (!canRun(first) || !canRun(second)) return undefined;
  let worst = 0;
  for (const [i, f] of first.functions.entries()) {
    const uniform = seeded(draw.seed + i);
    const random = (): number => draw.low + (draw.high - draw.low) * uniform();
    const [narrow, wide] = [
      inputsOf(f.inputs, second.functions[i]!.inputs, random),
      second.functions[i]!,
    ] as const;
    const options = { numerics: "ideal", function: f.name, weights } as const;
    const expected = interpretMil(first, narrow.first, options);
    const given = interpretMil(second, narrow.second, options);
    const old = portsBefore(f.outputs, wide.outputs);
    for (const { name } of wide.outputs) {
      const same = expected.get(old.get(name)!)!;
      const found = given.get(name)!;
      const cut = columns(
        { shape: found.shape, element: found.element },
        found.data,
        same.shape.at(-1) ?? 1,
      );
      for (const [j, value] of same.data.entries()) {
        if (Object.is(value, cut[j]!)) continue;
        const error = Math.abs(value - cut[j]!) / (1 + Math.abs(value));
        worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
      }
    }
  }
  return worst;
}

/** The old name of each output: its own, or for renamed ones the next in ASCII order. */
function portsBefore(
  before: readonly { readonly name: string }[],
  after: readonly { readonly name: string }[],
): ReadonlyMap<string, string> {
  const [first, second] = [before, after].map((list) => list.map((o) => o.name).sort()) as [
    string[],
    string[],
  ];
  const lost = first.filter((name) => !second.includes(name));
  return new Map(
    second.map((name) => [name, first.includes(name) ? name : lost.shift()!] as const),
  );
}

/** Whether the interpreter knows every op and the checker has nothing against it. */
function canRun(program: MilProgram): boolean {
  const ops = program.functions.flatMap((f) => f.body.map((s) => s.op));
  if (!ops.every(canInterpret)) return false;
  return checkMil(program).every((d) => d.severity !== "error");
}

/** The first `width` elements of each row. */
function columns({ shape }: Tensor, data: Float64Array, width: number): Float64Array {
  const wide = shape.at(-1) ?? 1;
  return wide === width ? data : data.filter((_, i) => i % wide < width);
}

type Inputs = Record<string, Float64Array>;
type Bindings = MilProgram["functions"][number]["inputs"];

function inputsOf(
  first: Bindings,
  second: Bindings,
  random: () => number,
): { first: Inputs; second: Inputs } {
  const out: { first: Inputs; second: Inputs } = { first: {}, second: {} };
  for (const { name } of first) {
    const [a, b] = [first, second].map(
      (list) => tensorOf(list.find((i) => i.name === name)!.type)!,
    );
    const drawn = (): number => (b!.element === "bool" ? Number(random() > 0.75) : random());
    const isWhole = /int/.test(b!.element);
    const data = Float64Array.from({ length: elementCount(b!.shape) }, () =>
      isWhole ? Math.round(4 * drawn()) : drawn(),
    );
    out.second[name] = data;
    out.first[name] = columns(b!, data, a!.shape.at(-1) ?? 1);
  }
  return out;
}

/** Random weights for every BLOBFILE of a program. */
function weightsOf(program: MilProgram): WeightResolver {
  const random = seeded(99);
  const records = new Map<string, BlobRecord>();
  for (const { path, offset, tensor } of blobUses(programContext(program, { chip: "m4" }))) {
    if (tensor === undefined || !isBlobDType(tensor.element)) continue;
    const count = elementCount(tensor.shape);
    const data = new Uint8Array(blobBytes(tensor.element, count));
    if (tensor.element === "fp16") {
      const view = new DataView(data.buffer);
      for (let i = 0; i < count; i++) view.setUint16(2 * i, halfBits(random() / 8), true);
    }
    records.set(`${path}@${offset}`, { dtype: tensor.element, data });
  }
  return (path, offset) => records.get(`${path}@${offset}`);
}
