/** The files of a search, whatever a kill or somebody else leaves of them; and the lock on them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import {
  files,
  openLedger,
  readRecords,
  readSettings,
  writeSettings,
} from "../../../training/search/ledger.ts";
import { takeLock } from "../../../training/search/lock.ts";
import { programPage } from "../../../training/search/program_page.ts";
import type { ExperimentRecord } from "../../../training/search/record.ts";
import { checkNewFolder } from "../../../training/search/search.ts";
import { summaryPage } from "../../../training/search/summary_page.ts";
import { userError } from "../../support/user_error.ts";
import { testFolder } from "../data/support.ts";
import { loop, settingsOf, simulated } from "./support.ts";

const settings = settingsOf({ experiments: 6 });

function someRecords(): Promise<readonly ExperimentRecord[]> {
  const measure = simulated(({ lr, accum }, seed) =>
    accum === 16 ? null : 3 - 10 * (lr as number) + seed * 1e-7,
  );
  return loop(settings, measure);
}

test("cut off at any byte, the files are mended and nothing whole is lost", async () => {
  const records = await someRecords();
  const whole = testFolder();
  const ledger = openLedger(whole, settings);
  for (const record of records) ledger.append(record);
  const [jsonl, tsv] = [files.records, files.results].map((n) => readFileSync(join(whole, n)));
  expect(readRecords(whole)).toEqual(records);

  const folder = testFolder();
  const paths = [files.records, files.results].map((n) => join(folder, n)) as [string, string];
  for (let cut = 0; cut < jsonl!.length; cut += 97) {
    writeFileSync(paths[0], jsonl!.subarray(0, cut));
    // The rows are at most one behind, and may be cut off too.
    const there = jsonl!.subarray(0, cut).toString().split("\n").length - 1;
    const rows = tsv!
      .toString()
      .split("\n")
      .slice(0, 1 + there)
      .join("\n");
    writeFileSync(paths[1], rows.slice(0, rows.length - (cut % 40)));
    const mended = openLedger(folder, settings);
    expect(mended.records).toEqual(records.slice(0, there));
    for (const record of records.slice(there)) mended.append(record);
    expect(readFileSync(paths[0]).equals(jsonl!)).toBe(true);
    expect(readFileSync(paths[1]).equals(tsv!)).toBe(true);
  }
});

test("rows have the columns of the protocol", async () => {
  const records = await someRecords();
  const folder = testFolder();
  for (const record of records) openLedger(folder, settings).append(record);
  const lines = readFileSync(join(folder, files.results), "utf8").trimEnd().split("\n");
  expect(lines[0]!.split("\t")).toEqual([
    ...["commit", "val_loss", "steps", "params_M", "ms_step", "status", "description"],
    "all_losses",
  ]);
  const [commit, loss, steps, parameters, ms, status, description, all] = lines[1]!.split("\t");
  expect([steps, parameters, ms, status]).toEqual(["90", "0.001", "11.1", "keep"]);
  expect(commit).toBe(records[0]!.digest.slice(0, 7));
  expect([loss, description]).toEqual(["2.990", "baseline; the model as it is"]);
  expect(all).toBe("[2.990,2.990,2.990,2.990,2.990]");
  expect(lines.every((line) => line.split("\t").length === 8)).toBe(true);

  const other = testFolder();
  const karpathy = settingsOf({ protocol: "karpathy" });
  const crash: ExperimentRecord = { ...records[0]!, status: "crash", losses: [], runs: [] };
  const ledger = openLedger(other, karpathy);
  ledger.append(records[0]!);
  ledger.append({ ...crash, experiment: 1, change: "a\tb\nc" });
  const rows = readFileSync(join(other, files.results), "utf8").split("\n");
  expect(rows[0]).toBe("commit\tval_bpb\tmemory_gb\tstatus\tdescription");
  expect(rows[1]!.split("\t").slice(1, 4)).toEqual(["2.990204", "0.0", "keep"]);
  expect(rows[2]!.split("\t").slice(1)).toEqual([
    ...["0.000000", "0.0", "crash", "a b c; the model as it is"],
  ]);
});

test("a file that was changed from outside is refused with its line", async () => {
  const records = await someRecords();
  const folder = testFolder();
  writeSettings(folder, settings);
  expect(readSettings(folder)).toEqual(settings);
  const path = join(folder, files.records);
  const line = (record: object) => `${JSON.stringify(record)}\n`;
  const read = (text: string): string => {
    writeFileSync(path, text);
    return userError(() => readRecords(folder)).replace(path, "PATH");
  };
  expect(read("{}x\n")).toBe("E0989 line 1 of `PATH` is not a JSON object");
  expect(read(line(records[0]!) + line(records[2]!))).toBe(
    "E0989 line 2 of `PATH` is not that of experiment 1",
  );
  expect(read(line({ ...records[0]!, losses: ["3"] }))).toContain("is not a whole record");
  expect(read(line({ ...records[0]!, status: "crash" }))).toContain("not that of the baseline");
  expect(read(`${line(records[0]!)}{"experiment": 1, "sta`)).toBe("no error");

  writeFileSync(join(folder, files.settings), "{}");
  expect(userError(() => readSettings(folder))).toContain("holds no settings of a search");
  truncateSync(join(folder, files.settings), 0);
  expect(userError(() => readSettings(folder))).toContain("E0989");
  expect(userError(() => readSettings(testFolder()))).toContain("E0987 there is no search in");
});

test("one lock at a time; that of a process that is gone is replaced", async () => {
  const path = join(testFolder(), "lock");
  const lock = takeLock(path);
  expect(userError(() => takeLock(path))).toBe(
    `E0988 process ${process.pid} on ${hostname()} is at work on this search`,
  );
  lock.release();
  lock.release();
  expect(existsSync(path)).toBe(false);

  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "close");
  const left = { process: child.pid, host: hostname(), started: "1", token: "x" };
  writeFileSync(path, JSON.stringify(left));
  // It was killed before its draft of a second lock was linked.
  writeFileSync(`${path}.y`, JSON.stringify({ ...left, token: "y" }));
  checkNewFolder(dirname(path));
  const next = takeLock(path);
  expect(readdirSync(dirname(path))).toEqual(["lock"]);
  expect(readFileSync(path, "utf8")).toContain(`"process":${process.pid}`);
  next.release();

  // The id is in use again, by a process that started at another time.
  if (process.platform === "linux") {
    writeFileSync(path, JSON.stringify({ ...left, process: process.pid }));
    takeLock(path).release();
  }
  writeFileSync(path, JSON.stringify({ ...left, host: "elsewhere" }));
  expect(userError(() => takeLock(path))).toContain("on elsewhere is at work");
  writeFileSync(path, "garbage");
  expect(userError(() => takeLock(path))).toContain("on an unknown machine is at work");
});

test("the page of a search draws every loss once and marks what was kept", async () => {
  const records = (await someRecords()).map((r) => ({ ...r, reason: `<${r.reason}&` }));
  const page = summaryPage(settings, records);
  const measured = records.filter((r) => r.losses.length > 0);
  expect(page.match(/<circle /g)).toHaveLength(measured.length);
  const kept = records.filter((r) => r.status === "keep");
  expect(page.match(/<circle class="keep"/g)).toHaveLength(kept.length);
  expect(page.match(/<tr class=/g)).toHaveLength(records.length);
  expect(page).toContain("&lt;the model as it is&amp;");
  expect(page).not.toContain("<the model");
  expect(page).not.toMatch(/(src|href)=|NaN|Infinity|undefined/);
  expect(summaryPage(settings, [])).not.toMatch(/NaN|Infinity/);
});

test("program.md says what may change, and how an experiment is run", () => {
  const page = programPage(settingsOf({ branch: "auto" }), "runs/x");
  expect(page).toContain("anec search --resume --out runs/x --experiments 0 --try lr=5e-4");
  expect(page).toContain("- `lr`: 0.0001 to 0.01, on a logarithmic scale");
  expect(page).toContain("- `accum`: 2, 4, 8, 16");
  expect(page).toContain("the branch `auto`");
});
