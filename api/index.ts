/**
 * anec as a library.
 *
 *     import { compile, layer, load, model, ops, Session } from "anec";
 *
 *     compile(load("tiny"), { target: "ane" }).write("tiny.anec");    // MIL programs and their schedule
 *     const session = Session.open(load("tiny"), { learn: { lr: 1e-3 } });
 *
 * Models are text of the language (docs/language.md) or are built with `model`, `layer` and the functions in
 * `ops`; both become graphs, and everything here takes either. A mistake of the user is thrown as a
 * `UserError`, whose diagnostics `explainErrors` turns into text.
 */
export type { Graph } from "../compiler/ir/graph.ts";
export type { Node } from "../compiler/ir/node.ts";
export type { Dim } from "../compiler/ir/types.ts";
export { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
export { Builder, type Init, type Layer } from "../dsl/builder.ts";
export { NativeError } from "../runtime-native/js/index.ts";
export { VERSION } from "../version.ts";
export { layer, model, type OutputOptions } from "./build.ts";
export { type Compiled, type CompileOptions, compile } from "./compile.ts";
export { explainErrors } from "./errors.ts";
export { load, type Model, type ModelLike, type ModelOptions, parse } from "./model.ts";
export * as ops from "./ops.ts";
export {
  type LearnOptions,
  Session,
  type SessionOptions,
  type Slot,
  type Step,
  type Values,
} from "./session.ts";
