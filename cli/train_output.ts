/**
 * What `anec train` prints: a line that is written over itself on a terminal, one line for each update
 * in a pipe, one JSON object for each event with `--json`.
 *
 * Losses are in nats per token, and in bits per byte of text where the data says how long tokens are.
 */

import type { EngineInfo } from "../runtime-native/js/index.ts";
import type { TokenData } from "../training/data/token_file.ts";
import type { RunResult, TrainEvent } from "../training/run.ts";
import type { Trainer } from "../training/trainer.ts";
import { printDiagnostics } from "./failures.ts";
import type { Io } from "./io.ts";
import {
  count,
  durationText,
  grouped,
  jsonLine,
  liveLine,
  pairs,
  scaled,
  shellWord,
} from "./output.ts";
import { clockOf } from "./train_clock.ts";
import { recorderOf } from "./train_record.ts";

export interface ReporterOptions {
  readonly io: Io;
  readonly json: boolean;
  readonly trainer: Trainer;
  readonly data: TokenData;
  readonly dataName: string;
  readonly out: string;
  /** Seconds the run may take. */
  readonly time?: number;
}

export interface Reporter {
  start(): void;
  readonly event: (event: TrainEvent) => void;
  /** Ctrl-C was pressed. */
  stopping(): void;
  finish(result: RunResult): void;
  /** Removes the live line. */
  end(): void;
}

export function reporterFor(options: ReporterOptions): Reporter {
  return options.json ? jsonReporter(options) : textReporter(options);
}

/** More pictures a second than this nobody sees. */
const FRAME_MS = 80;

type LossAndBits = { readonly loss: number; readonly bitsPerByte?: number };

/** "5.1234 (2.310 bits/byte)". */
function lossText({ loss, bitsPerByte }: LossAndBits): string {
  return bitsPerByte === undefined
    ? loss.toFixed(4)
    : `${loss.toFixed(4)} (${bitsPerByte.toFixed(3)} bits/byte)`;
}

function rateText(lr: number): string {
  return lr.toExponential(2);
}

function textReporter(options: ReporterOptions): Reporter {
  const { io, trainer, out } = options;
  const line = liveLine(io.out);
  const clock = clockOf(options);
  const width = trainer.settings.steps === null ? 6 : grouped(trainer.settings.steps).length;
  const stepText = (step: number): string => {
    const { steps } = trainer.settings;
    return `step ${grouped(step).padStart(width)}${steps === null ? "" : `/${grouped(steps)}`}`;
  };

  let shownAt = Number.NEGATIVE_INFINITY;

  const onStep = (event: TrainEvent & { kind: "step" }): void => {
    const { step, update, lr, tokens } = event;
    clock.step(tokens);
    // A single window says little; the mean of an update is what is worth a line.
    const loss = update === undefined ? event : { ...event, ...bitsOf(update.loss) };
    const speed = clock.tokensPerSecond();
    const left = clock.left(speed);
    const parts = [
      stepText(step),
      `loss ${lossText(loss)}`,
      `lr ${rateText(lr)}`,
      ...(speed === undefined ? [] : [`${grouped(Math.round(speed))} tokens/s`]),
      ...(left === undefined ? [] : [`${durationText(left)} left`]),
    ];
    const text = parts.join("  ");
    if (update?.skipped !== undefined) {
      const { lossScale } = update.skipped;
      line.print(
        `${stepText(step)}  no update: the gradient left the engine's range; the loss is scaled by ${grouped(lossScale)} now`,
      );
    }
    if (update?.sanitized !== undefined) {
      const elements = count(update.sanitized, "element");
      line.print(`${stepText(step)}  sanitized ${elements} of the gradient`);
    }
    if (!io.out.isTerminal) {
      if (update !== undefined || step === 1) line.print(text);
    } else if (performance.now() - shownAt >= FRAME_MS) {
      line.update(text);
      shownAt = performance.now();
    }
  };
  const bitsOf = (loss: number): LossAndBits => {
    const bitsPerByte = trainer.bitsPerByte(loss);
    return { loss, ...(bitsPerByte === undefined ? {} : { bitsPerByte }) };
  };

  const event = (e: TrainEvent): void => {
    switch (e.kind) {
      case "step":
        onStep(e);
        break;
      case "validation":
        clock.without(() => line.print(`${stepText(e.step)}  validation loss ${lossText(e)}`));
        break;
      case "saved":
        line.print(`${stepText(e.step)}  saved ${e.path}`);
        break;
      case "save_failed":
        line.end();
        printDiagnostics(io, e.diagnostics);
        break;
      case "engine":
        line.end();
        printDiagnostics(io, [e.diagnostic]);
        break;
      case "end":
        line.end();
        break;
      default:
        e satisfies never;
    }
  };

  return {
    start: () => io.out.write(header(options)),
    event,
    stopping: () => {
      line.end();
      io.err.write("finishing this step, then saving (Ctrl-C again to stop at once)\n");
    },
    finish: ({ reason, validationLoss, steps }) => {
      line.end();
      const loss = lossText(bitsOf(validationLoss));
      if (reason === "stopped") {
        io.out.write(
          `\nstopped at step ${grouped(trainer.state.step)}; go on with\n\n  anec train --resume ${shellWord(out)}\n`,
        );
        return;
      }
      const done =
        steps === 0 ? "nothing was left to do" : reason === "time" ? "the time is up" : "done";
      io.out.write(
        `\n${done}: validation loss ${loss}\n\n  anec generate ${shellWord(out)} --prompt "…"\n`,
      );
    },
    end: line.end,
  };
}

function header({ trainer, data, dataName, out, time }: ReporterOptions): string {
  const { model, vocabulary, settings, device, parameters, state } = trainer;
  const { steps, accum, batch, lr, warmup, seed, optimizer, schedule, compat, clock } = settings;
  const guess = Math.log(vocabulary.size);
  const ids =
    vocabulary.active === null
      ? `${grouped(vocabulary.size)} ids`
      : `${grouped(vocabulary.active.length)} of ${grouped(vocabulary.full)} ids`;
  const limits = [
    ...(steps === null ? [] : [count(steps, "step")]),
    ...(time === undefined ? [] : [durationText(time)]),
  ];
  const length = limits.length === 0 ? "until Ctrl-C" : limits.join(" or ");
  const { zeroth } = settings;
  const method =
    zeroth === undefined
      ? optimizer
      : `${zeroth.method} without gradients, epsilon ${zeroth.epsilon}${zeroth.method === "fzoo" ? `, ${zeroth.probes} probes` : ""}`;
  const gemm = device.blas === null ? "built-in matrix products" : device.blas.name;
  const from =
    state.step === 0
      ? []
      : [
          [
            "resumed",
            `at step ${grouped(state.step)}${trainer.bindsData === true ? BOUND : ""}`,
          ] as const,
        ];
  return `${pairs([
    [
      "model",
      `${model.entry} of ${model.source.path}, ${scaled(parameters, "")} parameters, windows of ${grouped(model.S)} tokens`,
    ],
    [
      "data",
      `${dataName}, ${grouped(data.trainTokens)} tokens to train on; ${ids}, so a blind guess costs ${guess.toFixed(3)} nats`,
    ],
    [
      "device",
      `${engineText(trainer.engine)}cpu: ${device.threads} threads, ${device.simd}, ${gemm}`,
    ],
    [
      "run",
      `${length}; an update ${accum === 1 ? "after every step" : `every ${grouped(accum)} steps`}${batch > 1 ? `, ${batch} in one call` : ""}, ${method}, lr ${lr} after ${count(warmup, clock === "updates" ? "update" : "micro-step")} and ${schedule}, seed ${seed}${compat === null ? "" : `, as ${compat}`}`,
    ],
    ...from,
    ["to", out],
  ])}\n`;
}

const BOUND = ", of a file that knew no data: it is bound to these data and settings from here on";

/** The engine in front of the processor that does the rest. */
function engineText(engine: EngineInfo | undefined): string {
  if (engine === undefined) return "";
  const what = [engine.architecture, engine.build].filter((t) => t !== "").join(", ");
  return `${engine.kind}${what === "" ? "" : ` (${what})`} and `;
}

function jsonReporter(options: ReporterOptions): Reporter {
  const { io } = options;
  const recorder = recorderOf(options);
  const write = (value: unknown): void => io.out.write(jsonLine(value));
  return {
    start: () => write(recorder.start()),
    event: (e) => write(recorder.event(e)),
    stopping: () => write({ event: "stopping" }),
    finish: (result) => write(recorder.finish(result)),
    end: () => {},
  };
}
