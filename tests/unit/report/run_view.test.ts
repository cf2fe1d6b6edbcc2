/** Logs as views: growing, cut off and continued, long ones with few points. */
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MOST, viewBuilder } from "../../../report/run/build_view.ts";
import { followRun, isLog, readRun } from "../../../report/run/follow.ts";
import { runPage } from "../../../report/run/page.ts";
import { followRuns } from "../../../report/run/sources.ts";
import { userError } from "../../support/user_error.ts";
import { testFolder } from "../data/support.ts";
import { linesOfRun, recordsOfRun } from "./run_records.ts";

test("a view has the numbers of the updates, and where the run stands", () => {
  const builder = viewBuilder("a");
  for (const record of recordsOfRun({ to: 20, engine: true })) builder.add(record);
  const view = builder.view();
  expect(view.train.step).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
  expect(view.train.seconds.at(-1)).toBe(5);
  expect(view.train).toMatchObject({ msEngine: Array(10).fill(6), msHost: Array(10).fill(3) });
  expect(view.validation.step).toEqual([10, 20]);
  expect(view.bitsPerNat).toBeCloseTo(1 / 3, 12);
  expect(view.now).toMatchObject({ step: 20, steps: 20, end: "steps" });
  expect(view.events.map((e) => e.text)).toEqual(["all steps are done"]);
  expect(view.about[0]).toEqual(["model", "tiny, 1,234 parameters"]);
});

test("a long run has few points, which stand for all of its updates", () => {
  const updates = 5 * MOST + 13;
  const builder = viewBuilder("long");
  const records = recordsOfRun({ to: updates, accum: 1 });
  for (const record of records) builder.add(record);
  const { train } = builder.view();
  expect(train.step.length).toBeLessThanOrEqual(MOST);
  expect(train.step.length).toBeGreaterThan(MOST / 2);
  expect(train.step.at(-1)).toBe(updates);
  expect(train.step).toEqual([...train.step].sort((a, b) => a - b));
  // The first points are means of eight: of a run five times as long as fits, rounded up to a power of 2.
  const losses = records.flatMap((r) => (r.event === "step" ? [r.loss] : []));
  const norms = records.flatMap((r) => (r.event === "step" ? [r.update!.gradNorm!] : []));
  const eight = losses.slice(0, 8).reduce((a, b) => a + b) / 8;
  expect(train.step[0]).toBe(8);
  expect(train.loss[0]).toBeCloseTo(eight, 6);
  expect(train.gradNorm[0]).toBeCloseTo(Math.max(...norms.slice(0, 8)), 6);
});

test("a resumed run goes on at its step; the time between does not count", () => {
  const builder = viewBuilder("a");
  const before = recordsOfRun({ to: 10, ends: false });
  const after = recordsOfRun({ from: 10, to: 20 }).map((r) => ({ ...r, time: r.time + 5000 }));
  for (const record of [...before, ...after]) builder.add(record);
  const { train, events } = builder.view();
  expect(train.seconds.at(-1)).toBeCloseTo(5, 6);
  expect(events.map((e) => `${e.kind}: ${e.text}`)).toEqual([
    "resumed: goes on at step 10",
    "end: all steps are done",
  ]);
});

test("read along as it grows, is cut off and goes on, a log is what it is as a whole", () => {
  const path = join(testFolder(), "a.jsonl");
  const whole = linesOfRun({ to: 30 });
  const change = fc.oneof(
    fc.record({ kind: fc.constant("grow" as const), bytes: fc.nat(900) }),
    fc.record({ kind: fc.constant("cut" as const), bytes: fc.nat(1500) }),
    // Cut off and written on between two looks, with other numbers.
    fc.record({ kind: fc.constant("other" as const), bytes: fc.nat(1500) }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      writeFileSync(path, "");
      const run = followRun(path, "a");
      let text = whole;
      for (const { kind, bytes } of changes) {
        const size = readFileSync(path).length;
        if (kind === "grow") appendFileSync(path, text.slice(size, size + bytes));
        else truncateSync(path, Math.max(0, size - bytes));
        if (kind === "other") {
          const kept = readFileSync(path, "utf8");
          text = kept + whole.slice(kept.length).replaceAll('"time":17', '"time":18');
          appendFileSync(path, text.slice(kept.length, size + 1));
        }
        run.poll();
        const fresh = followRun(path, "a");
        fresh.poll();
        expect(run.view()).toEqual(fresh.view());
        expect(run.poll()).toBe(false);
      }
    }),
    { numRuns: 60 },
  );
  rmSync(path);
  expect(followRun(path, "a").poll()).toBe(false);
});

test("a folder stands for the logs in it, now and later; other files are none", () => {
  const folder = testFolder();
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write("b.jsonl", linesOfRun({ to: 4 }));
  write("experiments.jsonl", '{"experiment":0}\n');
  write("notes.txt", linesOfRun({ to: 4 }));
  const source = followRuns([folder, join(folder, "b.jsonl")]);
  expect(source.poll()).toEqual(["b"]);
  expect(source.poll()).toEqual([]);
  write("a.jsonl", linesOfRun({ to: 6 }));
  expect(source.poll()).toEqual(["a"]);
  expect(source.names()).toEqual(["b", "a"]);
  expect(source.view("a")!.now.step).toBe(6);
  expect(source.view("../notes.txt")).toBe(undefined);

  expect(isLog(join(folder, "experiments.jsonl"))).toBe(false);
  expect(userError(() => followRuns([join(folder, "no.jsonl")]))).toMatch(/^E0706/);
  const other = join(folder, "experiments.jsonl");
  const words = `E0930 \`${other}\` is no log of a run: line 1 is no record`;
  expect(userError(() => followRuns([other]))).toBe(words);
  expect(userError(() => readRun(other, "x"))).toBe(words);
});

test("whatever stands in a log is text on the page, and the page asks for nothing", () => {
  const folder = testFolder();
  const path = join(folder, "a.jsonl");
  const evil = '</script><script>alert(1)</script><img src="http://x.test/y">';
  writeFileSync(path, linesOfRun({ to: 6, model: evil }));
  const page = runPage([readRun(path, evil), readRun(path, "b")]);
  const ownOnly = page.replaceAll("http://www.w3.org/2000/svg", "");
  expect(ownOnly).not.toContain("alert(1)</script>");
  expect(ownOnly).not.toContain("<img");
  expect(ownOnly.match(/(?:src|href)="(?!#|data:)/g)).toBe(null);
  expect(page).toContain("default-src &#x27;none&#x27;");
  expect(page).not.toContain("connect-src");
});
