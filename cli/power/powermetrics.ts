/**
 * powermetrics: macOS's own meter of the processor, the GPU and the Neural Engine. Only root may run it.
 *
 * It prints one property list a sample, with a zero byte between two: `elapsed_ns`, `thermal_pressure`, and
 * in `processor` the mean power of each part in milliwatts. Source: its manual page and its output.
 */
import { spawn } from "node:child_process";
import plist from "plist";
import { energyMeterMissing } from "../../compiler/messages/power.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { type Meter, type RunningMeter, type Sample, SampleLog } from "./meter.ts";

/** A sample is some kilobytes; more without an end is something else. */
const LONGEST = 16 << 20;

/** How a list ends. The zero byte comes with the beginning of the next one. */
const END = "</plist>";

const PARTS = [
  ["processor", "cpu_power"],
  ["gpu", "gpu_power"],
  ["neural engine", "ane_power"],
] as const;

/** `program` must print what powermetrics prints. */
export function powermetricsMeter(program = "powermetrics"): Meter {
  const start = (interval: number): RunningMeter => startPowermetrics(program, interval);
  return { name: "powermetrics", source: program, start };
}

function startPowermetrics(program: string, interval: number): RunningMeter {
  const log = new SampleLog();
  const fail = (why: string): void =>
    log.fail(new UserError(energyMeterMissing("powermetrics", why)));
  const samplers = "cpu_power,gpu_power,ane_power,thermal";
  const argv = [
    "--samplers",
    samplers,
    "-i",
    String(interval),
    "-f",
    "plist",
    "--buffer-size",
    "0",
  ];
  const child = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let [text, words] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const now = performance.now();
    const lists = (text + chunk).split(END);
    text = lists.pop()!;
    try {
      for (const list of lists) log.add(sampleOf(list + END, now));
    } catch (error) {
      fail(`its output is not understood: ${(error as Error).message}`);
      child.kill();
    }
    if (text.length > LONGEST) {
      fail("its output has no end");
      child.kill();
    }
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    words = (words + chunk).slice(-2000);
  });
  child.on("error", (error) => fail(error.message));
  child.on("close", (code) => fail(words.trim() || `it ended with exit code ${code ?? "unknown"}`));
  return {
    samples: log.samples,
    until: (moment) => log.until(moment),
    close: () => child.kill(),
  };
}

/** The sample of one property list that was complete at `now`. Throws an `Error` if it is another list. */
export function sampleOf(list: string, now: number): Sample {
  const root = objectOf(plist.parse(list.replace("\0", "").trim()), "the list");
  const processor = objectOf(root["processor"], "`processor`");
  const seconds = numberOf(root, "elapsed_ns") / 1e9;
  if (!(seconds > 0)) throw new Error("`elapsed_ns` is not above 0");
  const joules: Record<string, number> = {};
  for (const [part, key] of PARTS) {
    if (processor[key] !== undefined) joules[part] = (numberOf(processor, key) / 1e3) * seconds;
  }
  if (Object.keys(joules).length === 0) throw new Error("`processor` holds no power");
  const thermal = root["thermal_pressure"];
  return {
    ...{ from: now - seconds * 1000, to: now, joules },
    ...(typeof thermal === "string" ? { thermal } : {}),
  };
}

function objectOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Error(`${name} is not a dictionary`);
}

function numberOf(dictionary: Readonly<Record<string, unknown>>, key: string): number {
  const value = dictionary[key];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Error(`\`${key}\` is not a number`);
}
