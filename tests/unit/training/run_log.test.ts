/** Logs of runs: cut off anywhere and continued, they are as if nothing had happened. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type LogRecord, recordOf } from "../../../training/log/record.ts";
import {
  type Log,
  type LogOptions,
  openCsvLog,
  openJsonLog,
  openTensorboardLog,
} from "../../../training/log/write.ts";
import { userError } from "../../support/user_error.ts";
import { testFolder } from "../data/support.ts";
import { eventsOf } from "../formats/event_file.ts";

const STEPS = 12;

const start = (step: number): LogRecord =>
  ({
    ...{ event: "start", model: "tiny", dims: { S: 4 }, parameters: 10, step, out: "a.ckpt" },
    data: { name: "default", trainTokens: 9, valTokens: 3 },
    ...{ device: { threads: 1, simd: "none" }, settings: {}, time: 100 },
  }) as unknown as LogRecord;

/** What a run from one step to another tells: a validation every four steps, an update every two. */
function told(from: number, to: number): LogRecord[] {
  const records: LogRecord[] = [];
  const validate = (step: number): void => {
    const flags = { isBest: true, isFinal: false };
    records.push({ event: "validation", step, loss: 4 - step / 10, ...flags, time: 100 + step });
  };
  if (from === 0) validate(0);
  for (let step = from + 1; step <= to; step++) {
    const update = { update: step / 2, loss: 4.5, microSteps: 2, lr: 1e-3 };
    records.push({
      ...{ event: "step", step, loss: 5 - step / 10, lr: 1e-3, tokens: 4, time: 100 + step },
      ...(step % 2 === 0 ? { update: { ...update, gradNorm: 1.5, clipped: false } } : {}),
      ms: { step: 2, host: 1.5, optimizer: 0.25 },
    });
    if (step % 4 === 0) validate(step);
  }
  return records;
}

function write(log: Log, records: readonly LogRecord[]): void {
  for (const record of records) log.write(record);
  log.flush();
  log.close();
}

const kinds = [
  { name: "JSON lines", open: openJsonLog },
  { name: "CSV", open: openCsvLog },
] as const;

test.each(kinds)("$name: killed at any byte and resumed, every step is there once", ({ open }) => {
  const folder = testFolder();
  const whole = join(folder, "whole");
  write(open(whole, { isNew: true, step: 0, now: 0 }), [start(0), ...told(0, STEPS)]);
  const bytes = readFileSync(whole);
  const path = join(folder, "cut");
  const withoutStarts = (text: string): string =>
    text
      .split("\n")
      .filter((line) => !line.startsWith('{"event":"start"'))
      .join("\n");
  fc.assert(
    fc.property(fc.nat(bytes.length), fc.nat(STEPS), (cut, saved) => {
      const left = bytes.subarray(0, cut).toString();
      const lines = left.slice(0, left.lastIndexOf("\n") + 1).split("\n");
      const steps = lines.map((line) => Number(/^\d+|(?<="step":)\d+/.exec(line)?.[0] ?? 0));
      // The log of a checkpoint's steps is whole; what came after it is repeated.
      const step = Math.min(saved, Math.max(0, ...steps.map((s) => s - 1)));
      writeFileSync(path, bytes.subarray(0, cut));
      const isNew = step === 0;
      write(open(path, { isNew, step, now: 0 }), [start(step), ...told(step, STEPS)]);
      const mended = withoutStarts(readFileSync(path, "utf8"));
      expect(mended).toBe(withoutStarts(bytes.toString()));
    }),
  );
});

test.each(kinds)("$name: a file that is something else is left as it is", ({ open }) => {
  const path = join(testFolder(), "notes");
  for (const text of ["my notes", "my notes\n", '{"a":1}\n', "step,loss\n1,2\n", "\n"]) {
    writeFileSync(path, text);
    for (const isNew of [true, false]) {
      expect(userError(() => open(path, { isNew, step: 3, now: 0 }))).toBe(
        `E0930 \`${path}\` is no log of a run: line 1 does not begin like one`,
      );
    }
    expect(readFileSync(path, "utf8")).toBe(text);
  }
});

test("a line in the middle that does not fit is named, and the file left as it is", () => {
  const path = join(testFolder(), "log");
  write(openJsonLog(path, { isNew: true, step: 0, now: 0 }), [start(0), ...told(0, 3)]);
  const lines = readFileSync(path, "utf8").split("\n");
  lines[2] = "{}";
  writeFileSync(path, lines.join("\n"));
  const again = { isNew: false, step: 3, now: 0 };
  expect(userError(() => openJsonLog(path, again))).toBe(
    `E0930 \`${path}\` is no log of a run: line 3 does not fit`,
  );
  expect(readFileSync(path, "utf8")).toBe(lines.join("\n"));
});

test("an event file says from where on it counts, and earlier ones are not touched", () => {
  const folder = join(testFolder(), "board");
  const runs: readonly [LogOptions, readonly LogRecord[]][] = [
    [{ isNew: true, step: 0, now: 50 }, told(0, 6)],
    [{ isNew: false, step: 4, now: 40 }, told(4, STEPS)],
  ];
  for (const [options, records] of runs) write(openTensorboardLog(folder, options), records);
  const [first, second] = readdirSync(folder)
    .sort()
    .map((name) => eventsOf(readFileSync(join(folder, name))));
  expect(first![1]).toMatchObject({ isStart: true, step: 0 });
  expect(second![1]).toMatchObject({ isStart: true, step: 5 });
  expect(first!.at(-1)).toMatchObject({ step: 6, time: 106 });
  expect(second!.at(-1)!.values["loss/validation"]).toBeCloseTo(2.8, 6);
  expect(first!.find((e) => e.step === 2)!.values).toEqual({
    ...{ "loss/window": Math.fround(4.8), "loss/train": 4.5, "run/update": 1 },
    ...{ "run/learning_rate": Math.fround(1e-3), "run/gradient_norm": 1.5 },
    ...{ "speed/step_ms": 2, "speed/host_ms": 1.5, "speed/optimizer_ms": 0.25 },
  });
});

test("a line that is no record is none, whatever it is", () => {
  const damaged = fc.tuple(fc.constantFrom(...told(0, 4), start(0)), fc.json(), fc.nat());
  fc.assert(
    fc.property(damaged, ([record, json, at]) => {
      expect(recordOf(JSON.stringify(record))).toEqual(record);
      const keys = Object.keys(record);
      const changed = { ...record, [keys[at % keys.length]!]: JSON.parse(json) as unknown };
      const read = recordOf(JSON.stringify(changed));
      if (read?.event === "step") expect(read.loss + read.lr + read.step).toBeTypeOf("number");
      expect(recordOf(JSON.stringify(record).slice(0, at % 40))).toBeUndefined();
      expect(() => recordOf(json)).not.toThrow();
    }),
  );
});
