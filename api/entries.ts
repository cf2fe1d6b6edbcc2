/** The entries of a file, found by what the user calls them. */
import { ambiguousEntry, unknownEntry } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Elaborated, Entry } from "../dsl/index.ts";

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
