/** The runs of folders: what cannot be read is said, and long logs are read piece by piece. */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { followRuns } from "../../../report/run/sources.ts";
import { userError } from "../../support/user_error.ts";
import { testFolder } from "../data/support.ts";
import { linesOfRun } from "./run_records.ts";

/** Runs `work` as somebody whom permissions bind. */
function bound<T>(work: () => T): T {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid!(65_534);
  try {
    return work();
  } finally {
    process.seteuid!(0);
  }
}

function folderOf(...names: readonly string[]): string {
  const folder = testFolder();
  chmodSync(folder, 0o755);
  for (const name of names) writeFileSync(join(folder, name), linesOfRun({ to: 4 }));
  return folder;
}

test.each([
  ["may not be listed", 0o300],
  ["may be listed but not entered", 0o444],
  ["may not be used at all", 0],
])("E0702: a folder that %s", (_, mode) => {
  const folder = folderOf();
  const inner = join(folder, "runs");
  mkdirSync(inner);
  writeFileSync(join(inner, "a.jsonl"), linesOfRun({ to: 4 }));
  chmodSync(inner, mode);
  expect(bound(() => userError(() => followRuns([inner])))).toMatch(
    /^E0702 you are not allowed to read `.*runs/,
  );
  chmodSync(inner, 0o700);
});

test("E0702: a file below a folder that may not be entered", () => {
  const folder = folderOf("a.jsonl");
  chmodSync(folder, 0o600);
  const path = join(folder, "a.jsonl");
  expect(bound(() => userError(() => followRuns([path])))).toBe(
    `E0702 you are not allowed to read \`${path}\``,
  );
  chmodSync(folder, 0o700);
});

test("E0707: a path that leads round in circles", () => {
  const folder = folderOf();
  symlinkSync("round.jsonl", join(folder, "round.jsonl"));
  expect(userError(() => followRuns([join(folder, "round.jsonl")]))).toMatch(/^E0707/);
  // Of a folder it is all that there is, or beside a log.
  expect(userError(() => followRuns([folder]))).toMatch(/^E0707/);
  writeFileSync(join(folder, "a.jsonl"), linesOfRun({ to: 4 }));
  expect(followRuns([folder]).poll()).toEqual(["a"]);
});

test("a folder that may not be read for a while is followed on", () => {
  const folder = folderOf("a.jsonl");
  const source = followRuns([folder]);
  expect(source.poll()).toEqual(["a"]);
  chmodSync(folder, 0);
  expect(bound(() => source.poll())).toEqual([]);
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, "b.jsonl"), linesOfRun({ to: 4 }), { mode: 0 });
  expect(bound(() => source.poll())).toEqual([]);
  expect(source.poll()).toEqual(["b"]);
  rmSync(folder, { recursive: true });
  source.poll();
  expect(source.names()).toEqual(["a", "b"]);
});

test("of long logs a number of lines is read at a time, and all in the end", () => {
  const folder = folderOf();
  const lines = linesOfRun({ to: 40, accum: 1 });
  for (const name of ["a", "b"]) writeFileSync(join(folder, `${name}.jsonl`), lines);
  const source = followRuns([folder], { mostLines: 25 });
  const polls: (readonly string[])[] = [];
  for (let changed = source.poll(); changed.length > 0; changed = source.poll()) {
    polls.push(changed);
    if (polls.length === 1) expect(source.view("a")!.now.step).toBeLessThan(25);
  }
  // 46 lines each: the second poll ends the first log and begins the other one.
  expect(polls).toEqual([["a"], ["a", "b"], ["b"], ["b"]]);
  const whole = followRuns([folder]);
  whole.poll();
  for (const name of ["a", "b"]) expect(source.view(name)).toEqual(whole.view(name));
});
