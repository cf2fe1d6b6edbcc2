/** A named value from outside: tokens, targets, activations. */
import { makeNode, type Node, type Scope } from "../ir/node.ts";
import type { Dim, TensorType } from "../ir/types.ts";
import { bug } from "../support/bug.ts";
import { defineOp } from "./define.ts";

const leaf = (name: string, doc: string) =>
  defineOp({
    name,
    doc,
    operands: [],
    shape: (_inputs, attrs) => ({
      dtype: attrs["dtype"] as TensorType["dtype"],
      shape: attrs["shape"] as readonly Dim[],
    }),
    eval: (_inputs, attrs) => bug(`no value was given for ${name} ${String(attrs["name"])}`),
    samples: [],
  });

export const inputOp = leaf("input", "a value given at run time");
export const paramOp = leaf("param", "a parameter, kept between runs and changed by training");

/** An input of a graph. */
export function input(scope: Scope, name: string, type: TensorType): Node {
  return makeNode(scope, inputOp, [], { name, dtype: type.dtype, shape: type.shape });
}

/**
 * A parameter. `init` says how training starts it: `uniform A` (U(−A, A)), `normal A` (standard
 * deviation A), `ones`, `zeros` or `constant A`.
 */
export function param(scope: Scope, path: string, type: TensorType, init?: string): Node {
  const attrs = { name: path, dtype: type.dtype, shape: type.shape };
  return makeNode(scope, paramOp, [], init === undefined ? attrs : { ...attrs, init });
}
