/** Models as commands take them: a file or a known name, and an entry of it. */
import { existsSync } from "node:fs";
import { ambiguousEntry, unknownEntry } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import { type Elaborated, type Entry, loadModel } from "../dsl/index.ts";
import { readFileBytes } from "../formats/files.ts";

/** The source behind a path or the name of a model we know. Throws a `UserError`. */
export function openSource(pathOrName: string): SourceFile {
  const isFile =
    existsSync(pathOrName) && (pathOrName.endsWith(".ane") || /[/\\.]/.test(pathOrName));
  if (!isFile) return loadModel(pathOrName);
  return { path: pathOrName, text: Buffer.from(readFileBytes(pathOrName)).toString("utf8") };
}

/** `train:tiny`. */
export function entryName(entry: Entry): string {
  return `${entry.kind}:${entry.name}`;
}

/** The entries that `wish` names: `KIND:NAME`, a bare NAME, or all of them. Throws E0957. */
export function entriesFor(model: Elaborated, wish: string | undefined): readonly Entry[] {
  const { entries, source } = model;
  const found = entries.filter(
    (e) => wish === undefined || wish === e.name || wish === entryName(e),
  );
  if (found.length > 0) return found;
  throw new UserError(unknownEntry(source.path, wish ?? "", entries.map(entryName)));
}

/** The entry to compile: the one that is named; without a name the preferred kind, the model, or the only one. */
export function entryToCompile(
  model: Elaborated,
  wish: string | undefined,
  prefer: Entry["kind"] = "model",
): Entry {
  const candidates = entriesFor(model, wish);
  if (candidates.length === 1) return candidates[0]!;
  for (const kind of [prefer, "model"]) {
    const found = candidates.filter((e) => e.kind === kind);
    if (found.length === 1) return found[0]!;
  }
  throw new UserError(ambiguousEntry(model.source.path, candidates.map(entryName)));
}
