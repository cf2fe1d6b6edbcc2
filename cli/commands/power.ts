/** `anec power`: the energy of training, by step and by token. */
import type { Command } from "commander";
import { type Call, EXIT } from "../command.ts";
import { anyNumber, type JsonFlag, jsonFlag } from "../flags.ts";
import { counted, grouped, jsonLine, pairs, scaled } from "../output.ts";
import {
  checkMoved,
  type Energy,
  energyBetween,
  energyOf,
  type RunningMeter,
  totalOf,
} from "../power/meter.ts";
import { powermetricsMeter } from "../power/powermetrics.ts";
import { RAPL_FOLDER, raplMeter } from "../power/rapl.ts";
import { runTraining, type TrainingRun } from "../power/training_run.ts";
import { type Progress, progressLine } from "../progress.ts";

/** Drawing costs energy too. */
const SHOWN_EVERY_MS = 500;

interface Flags extends JsonFlag {
  readonly idle: number;
  readonly interval: number;
  readonly powermetrics?: string;
  readonly rapl?: string;
}

export const command = {
  examples: [
    "sudo anec power -- --model tiny --data builtin:stories --steps 2000",
    "sudo anec power --idle 30 --json -- --model autoresearch --device ane --time 60",
  ],

  define(c: Command): void {
    c.argument("[flags...]", "behind `--`: the flags of `anec train`")
      .option("--idle <seconds>", "how long to measure the idle machine", anyNumber("--idle"), 10)
      .option(
        "--interval <ms>",
        "milliseconds between two readings",
        anyNumber("--interval"),
        process.platform === "darwin" ? 500 : 100,
      )
      .option("--powermetrics <program>", "on macOS: another program that prints the same")
      .option("--rapl <folder>", `on Linux: where the counters are (default: ${RAPL_FOLDER})`);
    jsonFlag(c);
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const isMac = process.platform === "darwin" || flags.powermetrics !== undefined;
    const meter = isMac ? powermetricsMeter(flags.powermetrics) : raplMeter(flags.rapl);
    const running = meter.start(flags.interval);
    const line = progressLine(io.err);
    try {
      // Nothing begins before the meter runs.
      await running.until(0);
      const idle = flags.idle > 0 ? await idleEnergy(running, flags.idle, line) : undefined;
      // A meter that stands still is found before a long run, not after it.
      if (idle !== undefined) checkMoved(meter, running.samples);
      line.update("starting the training", 0, 0);
      const run = await runTraining(args, ({ steps, all, secondsLeft }) =>
        line.update(`training: ${counted(steps, "step", "steps")}`, steps, all, secondsLeft),
      );
      await running.until(run.training.at(-1)!.to);
      line.end();
      checkMoved(meter, running.samples);
      const used = energyOf(running.samples, run.training);
      const result = resultOf(meter.name, idle, used, run);
      io.out.write(flags.json === true ? jsonLine(result) : text(result));
      return EXIT.ok;
    } finally {
      line.end();
      running.close();
    }
  },
};

/** What the machine uses in so many seconds while nothing runs. */
async function idleEnergy(running: RunningMeter, seconds: number, line: Progress): Promise<Energy> {
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const show = (): void => {
    const done = Math.min(seconds, (performance.now() - begin) / 1000);
    line.update("measuring the idle machine", done, seconds, seconds - done);
  };
  show();
  const timer = setInterval(show, SHOWN_EVERY_MS);
  try {
    await running.until(end);
  } finally {
    clearInterval(timer);
  }
  return energyBetween(running.samples, begin, end);
}

type Result = ReturnType<typeof resultOf>;

function resultOf(meter: string, idle: Energy | undefined, used: Energy, run: TrainingRun) {
  const idleWatts = idle === undefined ? null : totalOf(idle) / idle.seconds;
  const joules = totalOf(used);
  const net = idleWatts === null ? null : joules - idleWatts * used.seconds;
  const { steps, tokens, loss } = run;
  return {
    ...{ meter, seconds: used.seconds, steps, tokens, loss },
    ...{ joules, byPart: used.joules, watts: joules / used.seconds },
    ...{ idleWatts, netJoules: net },
    joulesPerStep: joules / steps,
    joulesPerToken: joules / tokens,
    netJoulesPerStep: net === null ? null : net / steps,
    netJoulesPerToken: net === null ? null : net / tokens,
    thermal: used.thermal,
  };
}

function text(result: Result): string {
  const { seconds, steps, tokens, idleWatts, netJoules, thermal } = result;
  const each = (joules: number, n: number): string =>
    `${scaled((joules / n) * 1000, "mJ")} a ${n === steps ? "step" : "token"}`;
  const parts = Object.entries(result.byPart).map(
    ([part, joules]) => [`  ${part}`, `${scaled(joules, "J")}`] as const,
  );
  return pairs([
    ["meter", result.meter],
    [
      "training",
      `${seconds.toFixed(2)} s, ${counted(steps, "step", "steps")}, ${grouped(tokens)} tokens`,
    ],
    ["energy", `${scaled(result.joules, "J")}, ${result.watts.toFixed(2)} W`],
    ...parts,
    ["", `${each(result.joules, steps)}, ${each(result.joules, tokens)}`],
    ...(idleWatts === null || netJoules === null
      ? []
      : ([
          ["idle", `${idleWatts.toFixed(2)} W`],
          [
            "net of idle",
            `${scaled(netJoules, "J")}, ${each(netJoules, steps)}, ${each(netJoules, tokens)}`,
          ],
        ] as const)),
    ...(thermal.length === 0 ? [] : [["heat", thermal.join(", ")] as const]),
  ]);
}
