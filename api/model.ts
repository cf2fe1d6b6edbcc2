/** Models as a program gives them: text of the language, a file, a name we know, or a graph it built. */
import type { Graph } from "../compiler/ir/graph.ts";
import { aName, text as aText, checkArgument, isObject, type Rule } from "../dsl/arguments.ts";
import { type Elaborated, type Entry, elaborate, loadModel } from "../dsl/index.ts";
import { entryName, entryToCompile } from "./entries.ts";
import { checkDefinitions, checkOptions, OPTIONS } from "./options.ts";

/** A file of the language that was read and checked. */
export interface Model {
  /** `layer:NAME`, `model:NAME` and `train:NAME`, in order of the file. */
  readonly entries: readonly string[];
  /** Name → size, after `define`. */
  readonly dims: ReadonlyMap<string, number>;
  /**
   * The graph of an entry: `NAME` or `KIND:NAME`. Without a name it is the model, or the only entry.
   * @throws UserError (E0957, E0958) where there is none or several, and with every mistake of shapes.
   */
  graph(entry?: string): Graph;
}

/** What is set from outside. */
export interface ModelOptions {
  /** Dimensions and hyper-parameters: `{ L: 8, rope_theta: 1e6 }`. */
  readonly define?: Readonly<Record<string, number>>;
  /** What messages call the text. Default `model.ane`. */
  readonly path?: string;
}

/** What `compile` and `Session.open` take: text of the language, a `Model`, or a graph. */
export type ModelLike = string | Model | Graph;

/** A `Model` with what the other files of this folder need of it. */
interface OpenedModel extends Model {
  readonly elaborated: Elaborated;
}

/**
 * Reads text of the language.
 * @throws UserError with every mistake of the text, and for options that do not exist or cannot be (E0979, E0955).
 */
export function parse(text: string, options: ModelOptions = {}): Model {
  checkArgument("parse(text)", text, aText);
  const { define = {}, path = "model.ane" } = checkOptions("parse", options, OPTIONS.parse);
  checkDefinitions(define);
  return opened(elaborate({ path, text }, { overrides: define }));
}

/**
 * Reads a file that ends with `.ane`, or a model that comes with anec: `load("tiny")`.
 * @throws UserError where there is none of the name, with every mistake of the text, and for options that do not
 *   exist or cannot be (E0979, E0955).
 */
export function load(nameOrPath: string, options: Pick<ModelOptions, "define"> = {}): Model {
  checkArgument("load(nameOrPath)", nameOrPath, aName);
  const { define = {} } = checkOptions("load", options, OPTIONS.load);
  checkDefinitions(define);
  return opened(elaborate(loadModel(nameOrPath), { overrides: define }));
}

function opened(elaborated: Elaborated): OpenedModel {
  return {
    elaborated,
    entries: elaborated.entries.map(entryName),
    dims: elaborated.dims,
    graph: (entry) => {
      if (entry !== undefined) checkArgument("graph(entry)", entry, aText);
      return entryToCompile(elaborated, entry).graph();
    },
  };
}

const aModel: Rule = {
  needs: "text of the language, a model that was read, or a graph",
  holds: (value) => typeof value === "string" || isModel(value) || isGraph(value),
};

/** The graph that `call` was given; `prefer` decides where no entry is named. */
export function graphOf(
  call: string,
  model: ModelLike,
  entry: string | undefined,
  prefer: Entry["kind"],
): Graph {
  checkArgument(call, model, aModel);
  const read = typeof model === "string" ? parse(model) : model;
  if (!isModel(read)) return read;
  return isOpened(read)
    ? entryToCompile(read.elaborated, entry, prefer).graph()
    : read.graph(entry);
}

function isModel(value: unknown): value is Model {
  return isObject(value) && Array.isArray(value["entries"]) && typeof value["graph"] === "function";
}

function isGraph(value: unknown): value is Graph {
  return isObject(value) && ["inputs", "params", "outputs"].every((k) => Array.isArray(value[k]));
}

function isOpened(model: Model): model is OpenedModel {
  return "elaborated" in model;
}
