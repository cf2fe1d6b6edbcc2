/** The runs that were asked for: logs by their paths, and those in folders, now or later. */
import * as fs from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileNotFound } from "../../compiler/messages/files.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { neighboursOf, readingFile } from "../../formats/files.ts";
import { checkLog, type FollowedRun, followRun, isLog, type LinesLeft } from "./follow.ts";
import type { RunSource } from "./server.ts";

/** Logs of a folder that are followed: the latest. */
const MOST_RUNS = 64;

/**
 * Follows logs. A folder stands for the logs in it, and for those that are begun there later. `mostLines` are read
 * at a time, of all logs together; what is left is read the next time. Throws a `UserError`: E0706 for a path where
 * nothing is, E0930 for a file that is no log, E0702 and E0707 for what the system does not let be read. A folder of
 * which some logs can be read is followed for them.
 */
export function followRuns(
  paths: readonly string[],
  { mostLines = Number.POSITIVE_INFINITY }: { readonly mostLines?: number } = {},
): RunSource {
  const folders = paths.filter((path) => statOf(path)?.isDirectory() === true);
  const files = paths.filter((path) => !folders.includes(path));
  for (const path of files) needLog(path);
  const followed = new Map<string, FollowedRun>();
  // Files of folders by when they had changed last, and whether they were logs then: looked at once.
  const looked = new Map<string, Looked>();
  for (const folder of folders) needFolder(folder, looked);

  const look = (): void => {
    for (const path of files) follow(path);
    for (const folder of folders)
      for (const path of orElse([], () => logsIn(folder, looked))) follow(path);
  };
  const follow = (path: string): void => {
    const isKnown = [...followed.values()].some((run) => resolve(run.path) === resolve(path));
    if (isKnown || followed.size >= MOST_RUNS) return;
    const name = nameOf(path, [...followed.keys()]);
    followed.set(name, followRun(path, name));
  };
  return {
    poll() {
      look();
      const left: LinesLeft = { lines: mostLines };
      const changed = [...followed].filter(([, run]) => orElse(false, () => run.poll(left)));
      return changed.map(([name]) => name);
    },
    names: () => [...followed.keys()],
    view: (name) => followed.get(name)?.view(),
  };
}

/** What `read` answers, or `otherwise`: what the system refuses now it may allow later. */
function orElse<T>(otherwise: T, read: () => T, told?: (error: UserError) => void): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    told?.(error);
    return otherwise;
  }
}

function needLog(path: string): void {
  if (statOf(path) === undefined) throw new UserError(fileNotFound(path, neighboursOf(path)));
  checkLog(path);
}

/** A folder without logs may get some; one without a log that can be read is an error. */
function needFolder(folder: string, looked: Map<string, Looked>): void {
  const refused: UserError[] = [];
  const logs = logsIn(folder, looked, (error) => refused.push(error));
  if (logs.length === 0 && refused[0] !== undefined) throw refused[0];
}

interface Looked {
  readonly changed: number;
  readonly isLog: boolean;
}

/** The logs of a folder by name; of too many, the latest. What cannot be read of it is left out, and told. */
function logsIn(
  folder: string,
  looked: Map<string, Looked>,
  told?: (error: UserError) => void,
): string[] {
  const found = namesIn(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => {
      const path = join(folder, name);
      const stat = orElse(undefined, () => statOf(path), told);
      return stat?.isFile() === true ? [{ path, changed: stat.mtimeMs }] : [];
    })
    .filter(({ path, changed }) => {
      const before = looked.get(path);
      if (before?.isLog === true || before?.changed === changed) return before.isLog;
      const is = orElse(undefined, () => isLog(path), told);
      if (is !== undefined) looked.set(path, { changed, isLog: is });
      return is === true;
    });
  const latest = found.sort((a, b) => b.changed - a.changed).slice(0, MOST_RUNS);
  return latest.map(({ path }) => path).sort();
}

/** The names in a folder: none if it is gone, as it may be while the dashboard is open. */
function namesIn(folder: string): readonly string[] {
  return readingFile(folder, () => {
    const found = fs.statSync(folder, { throwIfNoEntry: false });
    return found?.isDirectory() === true ? fs.readdirSync(folder) : [];
  });
}

/** Undefined where nothing is. */
function statOf(path: string): fs.Stats | undefined {
  return readingFile(path, () => fs.statSync(path, { throwIfNoEntry: false }));
}

/** The name of the file, with its folder or a number where another run has it. */
function nameOf(path: string, taken: readonly string[]): string {
  const short = basename(path).replace(/\.jsonl$/, "");
  const long = path.replace(/\.jsonl$/, "");
  const numbered = Array.from({ length: taken.length + 1 }, (_, i) => `${long} (${i + 2})`);
  return [short, long, ...numbered].find((name) => !taken.includes(name)) ?? long;
}
