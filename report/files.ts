/** Files of folders that strangers made: only inside of them, and only up to a size. */
import { realpathSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { outsideOfFolder, tooLargeToReport } from "../compiler/messages/report.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { isBelow } from "../compiler/support/inside_folder.ts";
import { readFileBytes, readingFile } from "../formats/files.ts";

/** Bytes of a text that is drawn. */
export const MOST_TEXT = 64 * 2 ** 20;
/** Bytes of a weight file whose values are looked at. */
export const MOST_WEIGHTS = 2 ** 30;

/**
 * The path of a regular file `name` in `folder`, or undefined if there is none. Throws a `UserError` (E0763)
 * if it lies outside, links followed, and E0702 and E0707 where the system does not follow them.
 */
export function insideFile(folder: string, name: string): string | undefined {
  if (name.includes("\0") || isAbsolute(name)) throw new UserError(outsideOfFolder(folder, name));
  const path = join(folder, name);
  if (!isBelow(folder, path)) throw new UserError(outsideOfFolder(folder, name));
  return readingFile(path, () => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined || !found.isFile()) return undefined;
    if (!isBelow(realpathSync(folder), realpathSync(path)))
      throw new UserError(outsideOfFolder(folder, name));
    return path;
  });
}

/** The bytes of a file of at most `most`. Throws a `UserError` (E0762, E0702 to E0707). */
export function boundedBytes(path: string, most: number): Uint8Array {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > most) throw new UserError(tooLargeToReport(path, "byte", size, most));
  return readFileBytes(path);
}
