/** `anec train --log --csv --tensorboard`: what the files hold, after kills and full disks too. */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type LogRecord, recordOf } from "../../training/log/record.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { commandLine, compileForProcesses } from "../e2e/processes.ts";
import { eventsOf } from "../unit/formats/event_file.ts";

const small =
  "train --model tiny --data builtin:stories -D D=32 -D F=64 -D L=1 --accum 4 --lr 3e-3 --warmup 2";
const line = (more: string): string[] => `${small} ${more}`.split(" ");

const recordsOf = (path: string): (LogRecord | undefined)[] =>
  readFileSync(path, "utf8").trimEnd().split("\n").map(recordOf);

/** What a record says of a run apart from when it was written and how long that took. */
function lasting(record: LogRecord | undefined): object | undefined {
  if (record?.event !== "step" && record?.event !== "validation") return undefined;
  const { time: _, ...rest } = record;
  if (rest.event !== "step") return rest;
  const { ms: __, tokensPerSecond: ___, secondsLeft: ____, ...kept } = rest;
  return kept;
}

const lossesOf = (path: string): number[] =>
  recordsOf(path).flatMap((r) => (r?.event === "step" ? [r.loss] : []));

const told = (path: string): object[] => recordsOf(path).flatMap((r) => lasting(r) ?? []);

test("a log holds what --json prints, with the time and where it went", async () => {
  inNewFolder();
  const flags = "--steps 9 --val-every 4 --out a.ckpt";
  await anec(line(flags));
  const without = readFileSync("a.ckpt");
  const { out } = await anec(line(`${flags} --json --log a.jsonl --csv a.csv`));
  expect(readFileSync("a.ckpt").equals(without)).toBe(true);
  const printed = out.trimEnd().split("\n");
  const logged = readFileSync("a.jsonl", "utf8").trimEnd().split("\n");
  const events = (lines: string[]) => lines.map((l) => (JSON.parse(l) as LogRecord).event);
  expect(events(logged)).toEqual(events(printed));
  const records = recordsOf("a.jsonl");
  expect(records.map((r) => r?.event).filter((e) => e !== "step")).toEqual([
    ...["start", "validation", "validation", "validation", "validation", "saved", "end", "result"],
  ]);
  const step = records.find((r) => r?.event === "step" && r.step === 8);
  if (step?.event !== "step") throw new Error("there is no step 8");
  expect(step.update).toMatchObject({ update: 2, microSteps: 4 });
  expect(step.ms!.step).toBeGreaterThanOrEqual(step.ms!.host);
  expect(step.ms!.optimizer).toBeGreaterThan(0);
  expect(step.time).toBeGreaterThan(Date.now() / 1000 - 600);

  const [head, ...rows] = readFileSync("a.csv", "utf8").trimEnd().split("\n");
  const at = head!.split(",").indexOf("loss");
  const losses = rows.flatMap((row) => row.split(",")[at] || []);
  expect(losses.map(Number)).toEqual(records.flatMap((r) => (r?.event === "step" ? [r.loss] : [])));
});

test("on the engine: its share of the time, the scale of the loss, and its faults", async () => {
  inNewFolder();
  const build = compileForProcesses();
  const args = line("--steps 6 --device emulator --log a.jsonl --out a.ckpt");
  const env = { ...process.env, ANEC_EMULATOR: "numerics=fast,timeout=9" };
  execFileSync(process.execPath, commandLine(build, args), {
    ...{ env, stdio: "pipe" },
  });
  const records = recordsOf("a.jsonl");
  const last = records.findLast((r) => r?.event === "step");
  if (last?.event !== "step") throw new Error("there is no step");
  expect(last.ms!.engine).toBeGreaterThan(0);
  expect(last.ms!.staging).toBeGreaterThan(0);
  expect(Math.log2(last.lossScale!) % 1).toBe(0);
  expect(last.faults).toBe(records.filter((r) => r?.event === "engine").length);
  expect(last.faults).toBeGreaterThan(0);
});

test("killed at any moment and resumed, the logs have every step once", async () => {
  const folder = inNewFolder();
  const build = compileForProcesses();
  const flags = "--steps 60 --val-every 10 --save-every 7";
  await anec(line(`${flags} --log whole.jsonl --csv whole.csv --out whole.ckpt`));
  const logs = "--log a.jsonl --csv a.csv --tensorboard board --out a.ckpt";
  for (let kills = 0; ; kills++) {
    const isThere = readdirSync(folder).includes("a.ckpt");
    const args = isThere
      ? `train --resume a.ckpt --save-every 7 ${logs}`.split(" ")
      : line(`${flags} ${logs}`);
    const child = spawn(process.execPath, commandLine(build, [...args, "--json"]), { cwd: folder });
    let steps = 0;
    const last = kills < 4 ? 5 + Math.floor(Math.random() * 20) : Number.POSITIVE_INFINITY;
    child.stdout.on("data", (text: Buffer) => {
      steps += text.toString().split('"event":"step"').length - 1;
      if (steps >= last) child.kill("SIGKILL");
    });
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    if (code === 0) break;
    expect(code).toBe(null);
  }
  expect(told("a.jsonl")).toEqual(told("whole.jsonl"));
  const cells = (path: string): string[] =>
    readFileSync(path, "utf8")
      .split("\n")
      .map((row) =>
        row
          .split(",")
          .slice(0, 10)
          .join(",")
          .replace(/,[\d.]+/, ""),
      );
  expect(cells("a.csv")).toEqual(cells("whole.csv"));
  // What is left when readers have forgotten what each START tells them to.
  const kept = new Map<number, number>();
  for (const name of readdirSync("board").sort()) {
    for (const { step, isStart, values } of eventsOf(readFileSync(join("board", name)))) {
      if (isStart) for (const other of [...kept.keys()]) if (other >= step) kept.delete(other);
      const loss = values["loss/window"];
      if (loss === undefined) continue;
      expect(kept.has(step)).toBe(false);
      kept.set(step, loss);
    }
  }
  expect([...kept.values()]).toEqual(lossesOf("whole.jsonl").map(Math.fround));
});

test("a log that cannot be written is given up, and training goes on", async () => {
  inNewFolder();
  const { code, err } = await anec(line("--steps 4 --log /dev/full --csv a.csv"));
  expect({ code, err }).toEqual({
    code: 0,
    err: `warning[E0931]: \`/dev/full\` is not written any more; training goes on

  system ENOSPC: no space left on device
`,
  });
  expect(readFileSync("a.csv", "utf8").split("\n")).toHaveLength(1 + 4 + 2 + 1);
});

test("logs are no file that the run needs, and no file of another kind", async () => {
  inNewFolder();
  writeFileSync("notes.txt", "notes\n");
  const fault = async (more: string): Promise<string> => {
    const { err, code } = await anec(line(`--steps 2 ${more}`));
    return `${code} ${err.split("\n")[0]}`;
  };
  expect(await fault("--out a.ckpt --log a.ckpt")).toMatch(/^2 error\[E0967\]/);
  expect(await fault("--log a --csv a")).toMatch(/^2 error\[E0967\]/);
  expect(await fault("--log notes.txt")).toBe(
    "1 error[E0930]: `notes.txt` is no log of a run: line 1 does not begin like one",
  );
  expect(await fault("--log no/such/a.jsonl")).toMatch(/E0705/);
  expect(await fault("--tensorboard notes.txt/board")).toMatch(/^2 error\[E0970\]/);
  expect(readFileSync("notes.txt", "utf8")).toBe("notes\n");
});

/** A Python that has TensorBoard, as `ANEC_TENSORBOARD_PYTHON` or `python3`; undefined if there is none. */
function pythonWithTensorboard(): string | undefined {
  const python = process.env["ANEC_TENSORBOARD_PYTHON"] ?? "python3";
  try {
    execFileSync(python, ["-c", "import tensorboard"], { stdio: "pipe" });
    return python;
  } catch {
    return undefined;
  }
}

const READER = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
read = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
read.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}))
`;

test("TensorBoard itself reads the event files of a run that was resumed", async (context) => {
  const python = pythonWithTensorboard();
  if (python === undefined) return context.skip("there is no Python with TensorBoard here");
  inNewFolder();
  await anec(line("--steps 20 --val-every 4 --save-every 8 --out a.ckpt --tensorboard board"));
  await anec(line("--steps 8 --val-every 4 --out b.ckpt"));
  await anec(
    "train --resume b.ckpt --steps 16 --tensorboard board --log b.jsonl --out b.ckpt".split(" "),
  );
  const text = execFileSync(python, ["-c", READER, "board"], { stdio: ["pipe", "pipe", "pipe"] });
  const read = JSON.parse(text.toString()) as Record<string, [number, number][]>;
  expect(read["loss/window"]!.map(([step]) => step)).toEqual(
    Array.from({ length: 16 }, (_, i) => i + 1),
  );
  expect(read["loss/window"]!.slice(8).map(([, loss]) => loss)).toEqual(
    lossesOf("b.jsonl").map(Math.fround),
  );
});
