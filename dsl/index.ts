/** The language: text to graphs. */
export type * as ast from "./ast.ts";
export {
  Builder,
  defaultInit,
  type Init,
  type Layer,
  layer,
  type ModelOptions,
  model,
} from "./builder.ts";
export {
  check,
  type Elaborated,
  type ElaborateOptions,
  type Entry,
  elaborate,
} from "./elaborate.ts";
export { format } from "./format.ts";
export { builtIns, dimensionFunctions, signatureOf } from "./functions.ts";
export { type HyperParameter, hyperParameters } from "./hyper_parameters.ts";
export { type Inspection, inspect } from "./inspect.ts";
export { loadModel, modelNames, packageRoot } from "./library.ts";
export type { NameSymbol, Occurrence } from "./occurrences.ts";
export { rearrange, share } from "./rearrange.ts";
export { type Parsed, parseFile } from "./syntax.ts";
