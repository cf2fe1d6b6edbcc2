/** Models as commands take them: a file or a known name, and an entry of it. */
import { existsSync } from "node:fs";
import type { SourceFile } from "../compiler/support/source.ts";
import { loadModel, modelNames } from "../dsl/index.ts";
import { readTextBytes } from "../formats/files.ts";
import { refuseWeights } from "./weight_files.ts";

export { entriesFor, entryName, entryToCompile } from "../api/entries.ts";

/** The source behind a path or the name of a model we know. Throws a `UserError`. */
export function openSource(pathOrName: string): SourceFile {
  if (modelNames().includes(pathOrName)) return loadModel(pathOrName);
  if (existsSync(pathOrName) && /[/\\.]/.test(pathOrName)) return readSource(pathOrName);
  // The name of a folder of weights may be without a dot.
  refuseWeights(pathOrName, MODEL_TEXT);
  return loadModel(pathOrName);
}

/** The text of a model at a path. Throws a `UserError`: E0835 for weights, and those of files. */
export function readSource(path: string): SourceFile {
  refuseWeights(path, MODEL_TEXT);
  return { path, text: Buffer.from(readTextBytes(path)).toString("utf8") };
}

const MODEL_TEXT = "the text of a model";
