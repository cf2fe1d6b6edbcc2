/**
 * A file that says which process is at work in a folder, so that no second one begins.
 *
 * The file appears whole: it is written under another name and then linked. A process that was killed leaves it
 * behind; on this machine that is noticed, by the process's id and, where the system tells, by the time it started.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { withFileErrors } from "../../compiler/messages/files.ts";
import { searchLocked } from "../../compiler/messages/search.ts";
import { fileFaultOf } from "../../compiler/support/atomic_write.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";

interface Holder {
  readonly process: number;
  readonly host: string;
  /** When it started, in the system's words; empty where they are not told. */
  readonly started: string;
  /** Different for each lock. */
  readonly token: string;
}

export interface Lock {
  /** Safe to call twice. */
  release(): void;
}

/** Takes the lock at `path`. Throws a `UserError`: E0988 if somebody has it, E0701 to E0707. */
export function takeLock(path: string): Lock {
  const token = randomBytes(8).toString("hex");
  const own: Holder = {
    ...{ process: process.pid, host: hostname(), token },
    started: startOf(process.pid) ?? "",
  };
  const draft = `${path}.${token}`;
  return withFileErrors(() => {
    try {
      fs.writeFileSync(draft, `${JSON.stringify(own)}\n`, { flag: "wx" });
      link(draft, path, token);
    } catch (error) {
      throw fileFaultOf(error, path, "write");
    } finally {
      fs.rmSync(draft, { force: true });
    }
    removeDrafts(path);
    return {
      release: () => {
        if (holderOf(path)?.token === token) fs.rmSync(path, { force: true });
      },
    };
  });
}

/** Drafts of processes that were killed before they could link or remove them. */
function removeDrafts(path: string): void {
  for (const name of fs.readdirSync(dirname(path))) {
    if (!isDraft(name, basename(path))) continue;
    const draft = join(dirname(path), name);
    const holder = holderOf(draft);
    if (holder !== undefined && !isAtWork(holder)) fs.rmSync(draft, { force: true });
  }
}

/** Whether a file is called like a draft of the lock `lock`. */
export function isDraft(name: string, lock: string): boolean {
  return name.startsWith(`${lock}.`);
}

/** A few attempts: between two looks the holder may end, or another process be faster. */
function link(draft: string, path: string, token: string): void {
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      fs.linkSync(draft, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = holderOf(path);
    if (holder === undefined) continue;
    if (isAtWork(holder)) throw new UserError(searchLocked(path, holder.process, holder.host));
    // Moved away rather than removed: what was taken may be a newer lock, which is put back then.
    const taken = `${path}.${token}.stale`;
    try {
      fs.renameSync(path, taken);
    } catch {
      continue;
    }
    if (holderOf(taken)?.token === holder.token) fs.rmSync(taken, { force: true });
    else fs.renameSync(taken, path);
  }
  const { process: id = 0, host = hostname() } = holderOf(path) ?? {};
  throw new UserError(searchLocked(path, id, host));
}

/** Undefined if there is no lock. What is none of ours counts as one of an unknown machine. */
function holderOf(path: string): Holder | undefined {
  let text: string;
  try {
    text = fs.readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const unknown: Holder = { process: 0, host: "an unknown machine", started: "", token: text };
  try {
    const holder = JSON.parse(text) as Partial<Holder>;
    const isWhole = Number.isSafeInteger(holder.process) && typeof holder.host === "string";
    return isWhole ? { ...unknown, ...holder } : unknown;
  } catch {
    return unknown;
  }
}

/** Of another machine nothing is known, so its lock holds. */
function isAtWork({ process: id, host, started }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(id, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  // Ids are used again.
  const now = startOf(id);
  return started === "" || now === undefined || now === started;
}

/** When a process started, in clock ticks since the machine did; undefined where there is no /proc. */
function startOf(id: number): string | undefined {
  try {
    const text = fs.readFileSync(`/proc/${id}/stat`, "utf8");
    // The second field, the name, may hold blanks; it ends with the last bracket. The start is the 22nd.
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
