/** Writes a bundle: every file whole, the manifest last. */
import { dirname } from "node:path";
import { withFileErrors } from "../messages/files.ts";
import {
  diskFileSystem,
  type FileSystem,
  makeFolder,
  writeFileAtomic,
} from "../support/atomic_write.ts";
import { insidePath } from "../support/inside_folder.ts";
import type { Bundle } from "./manifest.ts";

const text = new TextEncoder();

/**
 * Writes to folder `path`, which is made if it is not there, and to nothing outside of it, whatever links are in it.
 * Throws `UserError` (E0701 to E0707).
 */
export function writeBundle(path: string, bundle: Bundle, disk: FileSystem = diskFileSystem): void {
  const manifest = text.encode(`${JSON.stringify(bundle.manifest, undefined, 2)}\n`);
  for (const [name, bytes] of [...bundle.files, ["manifest.json", manifest] as const]) {
    withFileErrors(() => {
      const file = insidePath(path, name);
      makeFolder(dirname(file));
      writeFileAtomic(file, bytes, disk);
    });
  }
}
