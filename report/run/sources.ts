/** The runs that were asked for: logs by their paths, and those in folders, now or later. */
import * as fs from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileNotFound } from "../../compiler/messages/files.ts";
import { notALog } from "../../compiler/messages/logs.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { neighboursOf, readingFile } from "../../formats/files.ts";
import { type FollowedRun, followRun, isLog } from "./follow.ts";
import type { RunSource } from "./server.ts";

/** Logs of a folder that are followed: the latest. */
const MOST_RUNS = 64;

/**
 * Follows logs. A folder stands for the logs in it, and for those that are begun there later. Throws a
 * `UserError`: E0706 for a path where nothing is, E0930 for a file that is no log.
 */
export function followRuns(paths: readonly string[]): RunSource {
  const folders = paths.filter((path) => statOf(path)?.isDirectory() === true);
  const files = paths.filter((path) => !folders.includes(path));
  for (const path of files) needLog(path);
  const followed = new Map<string, FollowedRun>();
  // Files of folders by when they had changed last, and whether they were logs then: looked at once.
  const looked = new Map<string, Looked>();

  const look = (): void => {
    for (const path of files) follow(path);
    for (const folder of folders) for (const path of logsIn(folder, looked)) follow(path);
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
      return [...followed].filter(([, run]) => isChanged(run)).map(([name]) => name);
    },
    names: () => [...followed.keys()],
    view: (name) => followed.get(name)?.view(),
  };
}

/** A log that cannot be read now may be readable later. */
function isChanged(run: FollowedRun): boolean {
  try {
    return run.poll();
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

function needLog(path: string): void {
  if (statOf(path) === undefined) throw new UserError(fileNotFound(path, neighboursOf(path)));
  readingFile(path, () => fs.accessSync(path, fs.constants.R_OK));
  if (!isLog(path)) throw new UserError(notALog(path, 1, "is no record"));
}

interface Looked {
  readonly changed: number;
  readonly isLog: boolean;
}

/** The logs of a folder by name; of too many, the latest. */
function logsIn(folder: string, looked: Map<string, Looked>): string[] {
  const found = namesIn(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => {
      const path = join(folder, name);
      const stat = statOf(path);
      return stat?.isFile() === true ? [{ path, changed: stat.mtimeMs }] : [];
    })
    .filter(({ path, changed }) => {
      const before = looked.get(path);
      if (before?.isLog === true || before?.changed === changed) return before.isLog;
      const isLog = isReadableLog(path);
      looked.set(path, { changed, isLog });
      return isLog;
    });
  const latest = found.sort((a, b) => b.changed - a.changed).slice(0, MOST_RUNS);
  return latest.map(({ path }) => path).sort();
}

function isReadableLog(path: string): boolean {
  try {
    return isLog(path);
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    // A folder may go while the dashboard is open.
    return [];
  }
}

function statOf(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The name of the file, with its folder or a number where another run has it. */
function nameOf(path: string, taken: readonly string[]): string {
  const short = basename(path).replace(/\.jsonl$/, "");
  const long = path.replace(/\.jsonl$/, "");
  const numbered = Array.from({ length: taken.length + 1 }, (_, i) => `${long} (${i + 2})`);
  return [short, long, ...numbered].find((name) => !taken.includes(name)) ?? long;
}
