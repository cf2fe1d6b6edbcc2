/** Models in TypeScript, with their arguments checked. */
import type { Graph } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { aFunction, aName, checkArgument } from "../dsl/arguments.ts";
import type { Builder, Layer } from "../dsl/builder.ts";
import * as builder from "../dsl/builder.ts";
import { checkOptions, OPTIONS } from "./options.ts";

/** What `model` names. */
export interface OutputOptions {
  /** Name of the output: `loss` for what is trained. Default `out`. */
  readonly output?: string;
}

/**
 * The graph of a model written in TypeScript.
 * @throws UserError where operands do not fit, two inputs or parameters have one name (E0205, E0209), or nothing is
 *   returned (E0215).
 */
export function model(
  name: string,
  define: (b: Builder) => Node,
  options: OutputOptions = {},
): Graph {
  checkArgument("model(name, …)", name, aName);
  checkArgument("model(…, define)", define, aFunction);
  return builder.model(name, define, checkOptions("model", options, OPTIONS.model));
}

/** A layer for models in TypeScript: `b.call(gated, x)` calls it, and its parameters are named after it. */
export function layer<A extends readonly unknown[]>(
  name: string,
  build: (b: Builder, ...args: A) => Node,
): Layer<A> {
  checkArgument("layer(name, …)", name, aName);
  checkArgument("layer(…, build)", build, aFunction);
  return builder.layer(name, build);
}
