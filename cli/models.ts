/** Models as commands take them: a file or a known name, and an entry of it. */
import { existsSync } from "node:fs";
import type { SourceFile } from "../compiler/support/source.ts";
import { loadModel } from "../dsl/index.ts";
import { readTextBytes } from "../formats/files.ts";

export { entriesFor, entryName, entryToCompile } from "../api/entries.ts";

/** The source behind a path or the name of a model we know. Throws a `UserError`. */
export function openSource(pathOrName: string): SourceFile {
  const isFile =
    existsSync(pathOrName) && (pathOrName.endsWith(".ane") || /[/\\.]/.test(pathOrName));
  if (!isFile) return loadModel(pathOrName);
  return { path: pathOrName, text: Buffer.from(readTextBytes(pathOrName)).toString("utf8") };
}
