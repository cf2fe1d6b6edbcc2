/**
 * Writes a folder whole or not at all: its files go into a temporary folder beside it, which then takes its
 * name in one step. A folder that is replaced is out of the way for that moment and removed afterwards. What
 * killed writers left is removed first.
 */
import * as fs from "node:fs";
import { dirname, join, resolve } from "node:path";
import { withFileErrors } from "../compiler/messages/files.ts";
import { outputExists } from "../compiler/messages/formats.ts";
import { fileFaultOf, makeFolder, writeFileAtomic } from "../compiler/support/atomic_write.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { removeStaleTemporaries, temporaryName } from "../compiler/support/temporary_files.ts";

export interface FolderFile {
  /** Its path in the folder. */
  readonly name: string;
  readonly chunks: Iterable<Uint8Array>;
}

/** Throws a `UserError`: E0749 if it is there and is not to be replaced, else E0701 to E0707. */
export function writeFolderAtomic(
  folder: string,
  files: readonly FolderFile[],
  { replace }: { readonly replace: boolean },
): void {
  const target = resolve(folder);
  const isThere = fs.existsSync(target);
  const isEmpty =
    isThere && fs.statSync(target).isDirectory() && fs.readdirSync(target).length === 0;
  if (isThere && !isEmpty && !replace) throw new UserError(outputExists(folder));

  removeStaleTemporaries(target);
  const beside = (): string => join(dirname(target), temporaryName(target));
  const [fresh, old] = [beside(), beside()];
  withFileErrors(() => {
    try {
      makeFolder(fresh);
      for (const { name, chunks } of files) {
        makeFolder(dirname(join(fresh, name)));
        writeFileAtomic(join(fresh, name), chunks);
      }
      if (isThere) fs.renameSync(target, old);
      try {
        fs.renameSync(fresh, target);
      } catch (error) {
        if (isThere) fs.renameSync(old, target);
        throw error;
      }
    } catch (error) {
      throw fileFaultOf(error, folder, "write");
    } finally {
      fs.rmSync(fresh, { recursive: true, force: true });
    }
    if (isThere) fs.rmSync(old, { recursive: true, force: true });
  });
}
