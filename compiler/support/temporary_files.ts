/**
 * The temporary files of `writeFileAtomic`, and what is left of them when a process is killed.
 *
 *     .anec-FFFFFFFFHHHHHHHHPPPPPPPPRRRRRRRR.tmp
 *           file    host    process random       eight hex digits each
 *
 * A process that is killed cannot clean up behind itself. The name says which file was being written
 * and by whom, so that the next writer of the same file can.
 */
import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";

/** A temporary that has not grown for so long is nobody's. Milliseconds. */
const STALE_AFTER = 60 * 60 * 1000;

/** A name of one write of `target` only. It fits wherever the file's own name does. */
export function temporaryName(target: string): string {
  const writer = process.pid.toString(16).padStart(8, "0");
  const random = randomBytes(4).toString("hex");
  return `.anec-${digest8(basename(target))}${digest8(hostname())}${writer}${random}.tmp`;
}

/**
 * Removes the temporary files that writes of `target` left beside it: those whose process on this machine is
 * gone, and those that are an hour old. Temporary files of other files stay, and so does what the system
 * refuses to remove: nothing depends on it.
 */
export function removeStaleTemporaries(target: string, now: number = Date.now()): void {
  for (const temporary of temporariesOf(target)) {
    ignoringFailure(() => {
      const age = now - fs.statSync(temporary.path).mtimeMs;
      const isLeft = temporary.host === digest8(hostname()) && !isRunning(temporary.writer);
      if (isLeft || age > STALE_AFTER) fs.rmSync(temporary.path, { recursive: true });
    });
  }
}

interface Temporary {
  readonly path: string;
  readonly host: string;
  /** Id of the process. */
  readonly writer: number;
}

function temporariesOf(target: string): readonly Temporary[] {
  const found: Temporary[] = [];
  ignoringFailure(() => {
    const folder = dirname(target);
    const own = digest8(basename(target));
    const pattern = /^\.anec-([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{8})[0-9a-f]{8}\.tmp$/;
    for (const name of fs.readdirSync(folder)) {
      const [, file, host, writer] = pattern.exec(name) ?? [];
      if (file !== own || host === undefined) continue;
      found.push({ path: join(folder, name), host, writer: Number.parseInt(writer!, 16) });
    }
  });
  return found;
}

/** Whether there is a process of that id on this machine; another user's counts too. */
function isRunning(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function digest8(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

function ignoringFailure(call: () => void): void {
  try {
    call();
  } catch {
    // Nothing depends on it.
  }
}
