/** Files where folders are needed. */
import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";

/** The file that stands where `folder`, or one above it, is or will be; undefined where none does. */
export function fileAmong(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const found = statOf(at);
    if (found?.isDirectory() === true) return undefined;
    if (found !== undefined) return at;
    if (at === dirname(at)) return undefined;
  }
}

/** Undefined where nothing is, and for what cannot be looked at: that is reported when it is written to. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
