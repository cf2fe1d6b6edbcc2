/** Writes a bundle: every file whole, the manifest last. */
import { dirname, join } from "node:path";
import { withFileErrors } from "../messages/files.ts";
import {
  diskFileSystem,
  type FileSystem,
  makeFolder,
  writeFileAtomic,
} from "../support/atomic_write.ts";
import type { Bundle } from "./manifest.ts";

const text = new TextEncoder();

/** Writes to folder `path`, which is made if it is not there. Throws `UserError` (E0701 …). */
export function writeBundle(path: string, bundle: Bundle, disk: FileSystem = diskFileSystem): void {
  const manifest = text.encode(`${JSON.stringify(bundle.manifest, undefined, 2)}\n`);
  for (const [name, bytes] of [...bundle.files, ["manifest.json", manifest] as const]) {
    const file = join(path, name);
    withFileErrors(() => {
      makeFolder(dirname(file));
      writeFileAtomic(file, bytes, disk);
    });
  }
}
