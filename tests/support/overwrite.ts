/** Writes of thousands of small files that only a test reads. */
import { closeSync, constants, ftruncateSync, openSync, writeSync } from "node:fs";

/**
 * Makes `bytes` the contents of a file, in its place. `writeFileSync` cuts a file to nothing first, and some file systems
 * (ext4) then wait for the disk: milliseconds for each write.
 */
export function overwrite(path: string, bytes: Uint8Array): void {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    let at = 0;
    while (at < bytes.length) at += writeSync(file, bytes, at, bytes.length - at, at);
    ftruncateSync(file, bytes.length);
  } finally {
    closeSync(file);
  }
}
