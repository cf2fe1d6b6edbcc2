/** `anec train`: a model on text, from the beginning or from a checkpoint. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { flagsConflict, missingArgument } from "../../compiler/messages/usage.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import type { SourceFile } from "../../compiler/support/source.ts";
import { makeOutputFolder, writeFileBytes } from "../../formats/files.ts";
import { NativeError } from "../../runtime-native/js/index.ts";
import { type Checkpoint, readCheckpoint } from "../../training/checkpoint.ts";
import { openData } from "../../training/data/open_data.ts";
import { metadataPath, type TokenData } from "../../training/data/token_file.ts";
import { choiceFrom, trainFrom } from "../../training/initial_weights.ts";
import { type ModelChoice, readModel } from "../../training/model.ts";
import { tokenizerBeside } from "../../training/open_model.ts";
import { completeSettings, defaultSettings } from "../../training/options.ts";
import { resumeHandedOver, resumeTrainer } from "../../training/resume.ts";
import { startRun } from "../../training/run.ts";
import { createTrainer, type Trainer, type TrainerOptions } from "../../training/trainer.ts";
import { type AdapterFlags, adapterFlags, openInitial } from "../adapter_flags.ts";
import { type BatchFlags, batchFlags, checkBatchFlags } from "../batch_flags.ts";
import { chromeTrace } from "../chrome_trace.ts";
import { type Call, EXIT } from "../command.ts";
import { checkNamedData, openShown } from "../data_output.ts";
import { printDiagnostics } from "../failures.ts";
import { type FineTuneFlags, fineTuned, fineTuneFlags, loraOf } from "../fine_tune_flags.ts";
import {
  anyNumber,
  type DefineFlag,
  defineFlag,
  type JsonFlag,
  jsonFlag,
  overridesOf,
} from "../flags.ts";
import type { Io } from "../io.ts";
import { openSource } from "../models.ts";
import { checkCheckpointFile, checkOutputFile, type Input } from "../output_paths.ts";
import { type RanksFlag, ranksFlag, underRanks } from "../ranks.ts";
import { checkResumeFlags, openResumed } from "../resume_flags.ts";
import {
  checkEngineSettings,
  type SettingFlags,
  settingFlags,
  settingsOf,
} from "../setting_flags.ts";
import {
  type ChosenDevice,
  chosenDevice,
  type TrainDeviceFlags,
  trainDeviceFlags,
} from "../train_device.ts";
import { checkLogFiles, type LogFlags, logFlags, withLogs, writesLogs } from "../train_logs.ts";
import { type Reporter, type ReporterOptions, reporterFor } from "../train_output.ts";
import { linkOf, meetRanks, type RankedFlags, rankedFlags, ranksFor } from "../train_ranks.ts";
import { type HandedOver, handedOver, handOver, isForAnother } from "../train_relay.ts";

interface Flags
  extends DefineFlag,
    TrainDeviceFlags,
    JsonFlag,
    SettingFlags,
    BatchFlags,
    LogFlags,
    AdapterFlags,
    FineTuneFlags,
    RanksFlag,
    Pick<RankedFlags, "joined"> {
  readonly model?: string;
  readonly entry?: string;
  readonly data?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly init?: string;
  readonly time?: number;
  readonly saveEvery?: number;
  readonly trace?: string;
}

const SAVE_EVERY = 200;

export const command = {
  examples: [
    "anec train --model autoresearch --time 60",
    "anec train --model my.ane --data my.txt --steps 2000 --out runs/mine.ckpt",
    "anec train --model tiny --data builtin:stories -D L=4",
    "anec train --resume runs/autoresearch.ckpt --steps 1200",
    "anec train --init runs/autoresearch.ckpt --lora 8 --out runs/adapted.ckpt",
    "anec train --init runs/autoresearch.ckpt --method mezo --lora 8 --steps 1000",
    "mpirun -n 4 anec train --model autoresearch --accum 5",
  ],

  define(c: Command): void {
    const number = (flag: string, what: string, value: number | string): void => {
      c.option(`${flag} <n>`, `${what} (default: ${value})`, anyNumber(flag));
    };
    c.option("--model <name>", "the name of a model, or an .ane file with a `train`")
      .option("--entry <name>", "which `train` of the file, if there are several")
      .option(
        "--data <name>",
        "default, builtin:stories, a token file (.bin) or a text (default: default)",
      );
    number(
      "--steps",
      "micro-steps: one window of text each",
      `${defaultSettings.steps}, or no limit with --time`,
    );
    number("--time", "seconds after which to end", "no limit");
    settingFlags(c);
    c.option(
      "--save-every <n>",
      `micro-steps between checkpoints, 0 for only the last (default: ${SAVE_EVERY})`,
      anyNumber("--save-every"),
    )
      .option(
        "--out <file>",
        "the checkpoint (default: runs/NAME.ckpt, or the one that is resumed)",
      )
      .option("--resume <file>", "go on from a checkpoint, bit for bit as if never stopped")
      .option(
        "--init <model>",
        "start from the weights of a model of any format, with a fresh optimizer",
      );
    c.option("--trace <file>", "write the last step by command, for chrome://tracing or Perfetto");
    logFlags(c);
    fineTuneFlags(c);
    adapterFlags(c);
    batchFlags(c);
    trainDeviceFlags(c);
    ranksFlag(c);
    defineFlag(c);
    jsonFlag(c, "print one JSON object a line");
  },

  run({ io, flags }: Call<Flags>): Promise<number> {
    return underRanks(io, flags, (own, joined) => start(own, rankedFlags(flags, joined)));
  },
};

async function start(io: Io, flags: Flags): Promise<number> {
  const before = handedOver(io);
  if (before !== undefined) return goOn(io, flags, before);
  const checkpoint = flags.resume === undefined ? undefined : openResumed(flags.resume);
  if (checkpoint !== undefined && flags.init !== undefined) {
    throw new UserError(
      flagsConflict(
        "--init",
        "--resume",
        "A run that is resumed has the weights of its checkpoint.",
      ),
    );
  }
  const report = (warning: Diagnostic) => printDiagnostics(io, [warning]);
  if (checkpoint !== undefined) {
    checkResumeFlags(flags, checkpoint);
    if (flags.data === undefined) checkNamedData(checkpoint.path, checkpoint.data.name);
  }
  const initial = openInitial(flags, report);
  if (checkpoint === undefined && initial === undefined && flags.model === undefined) {
    throw new UserError(
      missingArgument("anec train", "--model <name>", "anec train --model <name> [options]"),
    );
  }
  const source = flags.model === undefined ? initial?.model.source : openSource(flags.model);
  // What is wrong with the command line is said before a long download.
  completeSettings(
    checkpoint === undefined ? fineTuned(flags, settingsOf(flags)) : settingsOf(flags),
  );
  checkEngineSettings(flags, flags.device);
  const { engine } = chosenDevice(flags);
  if (engine !== undefined && flags.device !== "auto")
    checkBatchFlags(flags, `--device ${flags.device}`);
  const choice = source === undefined ? undefined : choiceOf(flags, source, initial);
  const model = choice === undefined ? undefined : readModel(choice);
  const dataName = flags.data ?? checkpoint?.data.name ?? "default";
  const out = flags.out ?? flags.resume ?? `${RUNS}/${model?.entry}.ckpt`;
  if (flags.trace !== undefined) checkOutputFile("--trace", flags.trace, inputsOf(flags, dataName));
  checkLogFiles(flags, [
    ...inputsOf(flags, dataName),
    { path: out, what: "the checkpoint" },
    ...(flags.resume === undefined ? [] : [{ path: flags.resume, what: "the checkpoint" }]),
  ]);
  if (out !== flags.resume) checkCheckpointFile("--out", out, inputsOf(flags, dataName));
  const data = await openShown(io, dataName, await tokenizerBeside(checkpoint ?? initial));
  const openOn = (chosen: ChosenDevice): Trainer =>
    checkpoint === undefined
      ? begin(io, flags, chosen, { ...choice!, data, dataName }, initial)
      : resume(io, flags, chosen, source, checkpoint, data);
  const { trainer, why } = openChosen(flags, openOn);
  if (flags.json !== true) {
    printDiagnostics(io, trainer.model.elaborated.diagnostics);
    if (why !== undefined) io.err.write(`device ${why}\n`);
  }
  if (flags.out === undefined && flags.resume === undefined) makeOutputFolder(RUNS);
  const json = flags.json === true;
  const from = trainer.state.step;
  let reporter: Reporter | undefined;
  try {
    const shown = { io, json, trainer, data, dataName, out, ...timeOf(flags) };
    reporter = reporterOf(flags, shown, checkpoint === undefined);
    meetRanks(flags.joined, { trainer, data, saveEvery: flags.saveEvery ?? SAVE_EVERY });
    return await train({ io, flags, trainer, reporter, out, from, began: Date.now() });
  } finally {
    reporter?.end();
    trainer.close();
  }
}

/** Seconds that the run may take; those that are left, if another process began it. */
function timeOf({ time }: Flags, before?: HandedOver): { readonly time?: number } {
  if (time === undefined) return {};
  const spent = before === undefined ? 0 : (Date.now() - before.began) / 1000;
  return { time: before === undefined ? time : Math.max(1e-3, time - spent) };
}

function reporterOf(flags: Flags, options: ReporterOptions, isNew: boolean): Reporter {
  return withLogs(reporterFor(options), { flags, isNew }, options);
}

/** The rest of a run that another process began. */
async function goOn(io: Io, flags: Flags, before: HandedOver): Promise<number> {
  const { out } = before;
  const checkpoint = readCheckpoint(before.checkpoint);
  const dataName = checkpoint.data.name;
  const tokenizer = await tokenizerBeside(checkpoint);
  const data = await openData(dataName, tokenizer === undefined ? {} : { tokenizer });
  const chosen = chosenDevice(flags);
  const { trainer, trouble } = resumeHandedOver(
    { checkpoint, data, countsBefore: before.counts, ...engineOf(io, flags, chosen) },
    out,
  );
  const json = flags.json === true;
  const time = timeOf(flags, before);
  let reporter: Reporter | undefined;
  try {
    reporter = reporterOf(flags, { io, json, trainer, data, dataName, out, ...time }, false);
    if (trouble !== undefined) reporter.event({ kind: "engine", ...trouble });
    return await train({ ...{ io, flags, trainer, reporter }, ...before });
  } finally {
    reporter?.end();
    trainer.close();
  }
}

function choiceOf(flags: Flags, source: SourceFile, initial?: Checkpoint): ModelChoice {
  const { entry } = flags;
  const lora = loraOf(flags);
  const own: Partial<ModelChoice> = initial === undefined ? {} : choiceFrom(initial);
  // Of another model that is given beside the weights, only they must fit.
  const { entry: _, ...shared } = own;
  return {
    ...(source === initial?.model.source ? own : shared),
    source,
    overrides: { ...own.overrides, ...overridesOf(flags) },
    ...(entry === undefined ? {} : { entry }),
    ...(lora === undefined ? {} : { lora }),
  };
}

/** With `auto`, an engine that cannot be opened is not taken. */
function openChosen(flags: Flags, openOn: (chosen: ChosenDevice) => Trainer) {
  const chosen = chosenDevice(flags);
  try {
    return { trainer: openOn(chosen), why: chosen.why };
  } catch (error) {
    const isEngines = error instanceof NativeError && error.code.startsWith("E062");
    if (flags.device !== "auto" || !isEngines) throw error;
    const { engine: _, ...processor } = chosen.device;
    return { trainer: openOn({ device: processor }), why: `cpu: ${error.message}` };
  }
}

function begin(
  io: Io,
  flags: Flags,
  chosen: ChosenDevice,
  what: ModelChoice & Pick<TrainerOptions, "data" | "dataName">,
  initial: Checkpoint | undefined,
): Trainer {
  const { time, steps } = flags;
  const endless = time !== undefined && steps === undefined;
  const options: TrainerOptions = {
    ...what,
    settings: { ...fineTuned(flags, settingsOf(flags)), ...(endless ? { steps: null } : {}) },
    ...engineOf(io, flags, chosen),
  };
  return initial === undefined ? createTrainer(options) : trainFrom(initial, options);
}

function resume(
  io: Io,
  flags: Flags,
  chosen: ChosenDevice,
  source: SourceFile | undefined,
  checkpoint: Checkpoint,
  data: TokenData,
): Trainer {
  if (source === undefined && (flags.define ?? []).length > 0) {
    throw new UserError(
      flagsConflict("-D", "--resume", "The dimensions are those of the checkpoint."),
    );
  }
  return resumeTrainer({
    checkpoint,
    data,
    ...(flags.data === undefined ? {} : { dataName: flags.data }),
    ...(source === undefined ? {} : choiceOf(flags, source)),
    settings: settingsOf(flags),
    ...engineOf(io, flags, chosen),
  });
}

function engineOf({ relay }: Io, flags: Flags, { device, engine }: ChosenDevice) {
  return {
    ...{ device: { ...device, ...linkOf(flags.joined) }, handsOver: relay !== undefined },
    ...ranksFor(flags.joined),
    ...(flags.batch === "auto" ? { batch: flags.batch } : {}),
    ...(flags.recompute === true ? { recompute: true } : {}),
    ...(engine === undefined ? {} : { engine }),
    ...{ fallback: flags.fallback !== false },
    trace: flags.trace !== undefined || flags.json === true || writesLogs(flags),
  };
}

/** Where checkpoints go that nobody named; it is made if it is not there. */
const RUNS = "runs";

/** The files that the run reads, besides the checkpoint that it goes on from. */
function inputsOf({ model }: Flags, dataName: string): Input[] {
  const files = [
    ...(model === undefined ? [] : [{ path: model, what: "the model" }]),
    { path: dataName, what: "the data" },
    { path: metadataPath(dataName), what: "the description of the data" },
  ];
  return files.filter(({ path }) => existsSync(path));
}

interface Training {
  readonly io: Io;
  readonly flags: Flags;
  readonly trainer: Trainer;
  readonly reporter: Reporter;
  readonly out: string;
  /** Micro-steps that were done before the run. */
  readonly from: number;
  /** When the run began, milliseconds since 1970. */
  readonly began: number;
}

async function train(training: Training): Promise<number> {
  const { io, flags, trainer, reporter, out, from, began } = training;
  const before = handedOver(io);
  // It begins with the next turn of the event loop, after the header.
  const run = startRun({
    trainer,
    out,
    saveEvery: flags.saveEvery ?? SAVE_EVERY,
    ...{ from, onEvent: reporter.event },
    ...ranksFor(flags.joined),
    ...timeOf(flags, before),
  });
  if (before === undefined) reporter.start();
  let interrupts = 0;
  const release = io.onInterrupt(() => {
    interrupts += 1;
    if (interrupts > 1) {
      reporter.end();
      io.abort(EXIT.interrupted);
      return;
    }
    reporter.stopping();
    run.requestStop();
  });
  try {
    const result = await run.finished;
    reporter.finish(result);
    if (flags.trace !== undefined) {
      writeFileBytes(flags.trace, Buffer.from(chromeTrace(trainer.trace)));
    }
    return result.reason === "stopped" ? EXIT.interrupted : EXIT.ok;
  } catch (error) {
    if (!isForAnother(error)) throw error;
    reporter.end();
    release();
    return await handOver({ io, trainer, out, from, began, interrupted: interrupts > 0 });
  } finally {
    release();
  }
}
