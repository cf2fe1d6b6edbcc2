/** Writes a bundle: every file whole, the manifest last. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { diskFileSystem, fileFaultOf, type FileSystem, writeFileAtomic } from "../support/atomic_write.ts";
import type { Bundle } from "./manifest.ts";

const text = new TextEncoder();

/** Writes to folder `path`, which is made if it is not there. Throws `FileFault`. */
export function writeBundle(path: string, bundle: Bundle, files: FileSystem = diskFileSystem): void {
  const manifest = text.encode(`${JSON.stringify(bundle.manifest, undefined, 2)}\n`);
  for (const [name, bytes] of [...bundle.files, ["manifest.json", manifest] as const]) {
    const file = join(path, name);
    try {
      mkdirSync(dirname(file), { recursive: true });
    } catch (error) {
      throw fileFaultOf(error, dirname(file), "write");
    }
    writeFileAtomic(file, bytes, files);
  }
}
