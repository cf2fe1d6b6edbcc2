/** Whether the tensors of a file are those of its model: none missing, none besides, each of its shape. */
import { missingWeight, unexpectedWeight, wrongWeight } from "../compiler/messages/formats.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { isWeightDtype, weightDtypes } from "./cast.ts";
import type { Tensor } from "./tensor.ts";
import { expectedTensors, type TransformerConfig } from "./weights.ts";

/**
 * The tensors of a model, in the order of its layers. Throws a `UserError` (E0745, E0746, E0747) that names the
 * file `path` and the first tensor that does not fit.
 */
export function checkWeights(
  tensors: ReadonlyMap<string, Tensor>,
  config: TransformerConfig,
  path: string,
): Map<string, Tensor> {
  // Before names are made of a number that the file claims.
  if (config.layers > tensors.size) {
    const name = `model.layers.${tensors.size}.input_layernorm.weight`;
    throw new UserError(missingWeight(path, name, config.layers - tensors.size));
  }
  const expected = expectedTensors(config);
  for (const name of tensors.keys()) {
    if (!expected.has(name)) throw new UserError(unexpected(path, name, config, expected));
  }
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  if (missing.length > 0) throw new UserError(missingWeight(path, missing[0]!, missing.length));
  const ordered = new Map<string, Tensor>();
  for (const [name, shape] of expected) {
    const tensor = tensors.get(name)!;
    const isRight =
      isWeightDtype(tensor.dtype) &&
      tensor.shape.length === shape.length &&
      tensor.shape.every((n, i) => n === shape[i]);
    if (!isRight) {
      const found = `${tensor.dtype} [${tensor.shape.join(", ")}]`;
      const needs = `[${shape.join(", ")}] of ${weightDtypes.join(", ")}`;
      throw new UserError(wrongWeight(path, name, found, needs));
    }
    ordered.set(name, tensor);
  }
  return ordered;
}

function unexpected(
  path: string,
  name: string,
  { family, tied, layers }: TransformerConfig,
  expected: ReadonlyMap<string, unknown>,
) {
  const layer = Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? -1);
  const why =
    name === "lm_head.weight" && tied
      ? "The configuration ties the classifier to the embedding, but this one has other values."
      : layer >= layers
        ? `The configuration has ${layers} layers.`
        : name.endsWith(".bias")
          ? `Models of the family ${family} have no bias there.`
          : `Models of the family ${family} have no such tensor.`;
  return unexpectedWeight(path, name, why, [...expected.keys()].slice(0, 64));
}
