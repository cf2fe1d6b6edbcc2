/** `anec train`: a model on text, from the beginning or from a checkpoint. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { flagsConflict, missingArgument } from "../../compiler/messages/usage.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import type { SourceFile } from "../../compiler/support/source.ts";
import { makeOutputFolder, writeFileBytes } from "../../formats/files.ts";
import { NativeError } from "../../runtime-native/js/index.ts";
import { type Checkpoint, readCheckpoint } from "../../training/checkpoint.ts";
import { openData } from "../../training/data/open_data.ts";
import { metadataPath, type TokenData } from "../../training/data/token_file.ts";
import { type ModelChoice, readModel } from "../../training/model.ts";
import { completeSettings, defaultSettings, type TrainSettings } from "../../training/options.ts";
import { resumeTrainer } from "../../training/resume.ts";
import { startRun } from "../../training/run.ts";
import { createTrainer, type Trainer } from "../../training/trainer.ts";
import { chromeTrace } from "../chrome_trace.ts";
import { type Call, EXIT } from "../command.ts";
import { dataProgress } from "../data_output.ts";
import { printDiagnostics } from "../failures.ts";
import {
  anyNumber,
  type DefineFlag,
  defineFlag,
  type JsonFlag,
  jsonFlag,
  oneOf,
  overridesOf,
} from "../flags.ts";
import type { Io } from "../io.ts";
import { openSource } from "../models.ts";
import { checkCheckpointFile, checkOutputFile, type Input } from "../output_paths.ts";
import {
  type ChosenDevice,
  chosenDevice,
  type TrainDeviceFlags,
  trainDeviceFlags,
} from "../train_device.ts";
import { type Reporter, reporterFor } from "../train_output.ts";

type SettingFlags = Partial<Omit<TrainSettings, "compat">> & { readonly compat?: "autoane" };

interface Flags extends DefineFlag, TrainDeviceFlags, JsonFlag, SettingFlags {
  readonly model?: string;
  readonly entry?: string;
  readonly data?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly time?: number;
  readonly saveEvery?: number;
  readonly trace?: string;
}

const SAVE_EVERY = 200;
const standard = defaultSettings;

export const command = {
  examples: [
    "anec train --model autoresearch --time 60",
    "anec train --model my.ane --data my.txt --steps 2000 --out runs/mine.ckpt",
    "anec train --model tiny --data builtin:stories -D L=4",
    "anec train --resume runs/autoresearch.ckpt --steps 1200",
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
      `${standard.steps}, or no limit with --time`,
    );
    number("--time", "seconds after which to end", "no limit");
    number("--accum", "micro-steps of one update", standard.accum);
    number("--lr", "highest learning rate", standard.lr);
    number("--warmup", "updates until it is reached", standard.warmup);
    number("--clip", "largest norm of a gradient, 0 for none", standard.clip);
    number("--wd", "weight decay of matrices", standard.wd);
    number("--beta1", "of AdamW", standard.beta1);
    number("--beta2", "of AdamW", standard.beta2);
    number("--seed", "of initial values and windows", standard.seed);
    number(
      "--val-every",
      "micro-steps between validations, 0 for only the last",
      standard.valEvery,
    );
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
      .option("--no-compact", "keep a row for every id, not only for those in the data")
      .option(
        "--compat <name>",
        "autoane: its initial values, schedule and windows",
        oneOf("--compat", ["autoane"]),
      );
    c.option("--trace <file>", "write the last step by command, for chrome://tracing or Perfetto");
    trainDeviceFlags(c);
    defineFlag(c);
    jsonFlag(c, "print one JSON object a line");
  },

  async run({ io, flags }: Call<Flags>): Promise<number> {
    const checkpoint = flags.resume === undefined ? undefined : readCheckpoint(flags.resume);
    if (checkpoint === undefined && flags.model === undefined) {
      throw new UserError(
        missingArgument("anec train", "--model <name>", "anec train --model <name> [options]"),
      );
    }
    const source = flags.model === undefined ? undefined : openSource(flags.model);
    // What is wrong with the command line is said before a long download.
    completeSettings(settingsOf(flags));
    chosenDevice(flags);
    const model = source === undefined ? undefined : readModel(choiceOf(flags, source));
    if (checkpoint !== undefined) checkResumeFlags(flags, checkpoint);
    const dataName = flags.data ?? checkpoint?.data.name ?? "default";
    const out = flags.out ?? flags.resume ?? `${RUNS}/${model?.entry}.ckpt`;
    if (flags.trace !== undefined)
      checkOutputFile("--trace", flags.trace, inputsOf(flags, dataName));
    if (out !== flags.resume) checkCheckpointFile("--out", out, inputsOf(flags, dataName));
    const data = await open(dataName, io);
    const openOn = (chosen: ChosenDevice): Trainer =>
      checkpoint === undefined
        ? begin(flags, chosen, source!, data, dataName)
        : resume(flags, chosen, source, checkpoint, data);
    const { trainer, why } = openChosen(flags, openOn);
    if (flags.json !== true) {
      printDiagnostics(io, trainer.model.elaborated.diagnostics);
      if (why !== undefined) io.err.write(`device ${why}\n`);
    }
    if (flags.out === undefined && flags.resume === undefined) makeOutputFolder(RUNS);
    const reporter = reporterFor({
      io,
      json: flags.json === true,
      trainer,
      data,
      dataName,
      out,
      ...timeOf(flags),
    });
    try {
      return await train({ io, flags, trainer, reporter, out });
    } finally {
      reporter.end();
      trainer.close();
    }
  },
};

function timeOf({ time }: Flags): { readonly time?: number } {
  return time === undefined ? {} : { time };
}

async function open(name: string, io: Io): Promise<TokenData> {
  const progress = dataProgress(io.err);
  try {
    return await openData(name, {
      onProgress: progress.report,
      report: (warning) => {
        progress.end();
        printDiagnostics(io, [warning]);
      },
    });
  } finally {
    progress.end();
  }
}

function choiceOf(flags: Flags, source: SourceFile): ModelChoice {
  const { entry } = flags;
  return { source, overrides: overridesOf(flags), ...(entry === undefined ? {} : { entry }) };
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
  flags: Flags,
  chosen: ChosenDevice,
  source: SourceFile,
  data: TokenData,
  dataName: string,
): Trainer {
  const { time, steps } = flags;
  const endless = time !== undefined && steps === undefined;
  return createTrainer({
    ...choiceOf(flags, source),
    data,
    dataName,
    settings: { ...settingsOf(flags), ...(endless ? { steps: null } : {}) },
    ...engineOf(flags, chosen),
  });
}

function resume(
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
    ...engineOf(flags, chosen),
  });
}

function engineOf(flags: Flags, { device, engine }: ChosenDevice) {
  return {
    device,
    ...(engine === undefined ? {} : { engine }),
    ...{ fallback: flags.fallback !== false, trace: flags.trace !== undefined },
  };
}

/** The settings that were given. */
function settingsOf(flags: Flags): Partial<TrainSettings> {
  const settings: Record<string, unknown> = {};
  for (const name of Object.keys(defaultSettings) as (keyof TrainSettings)[]) {
    // Commander sets the flag of `--no-compact` to true when it is not given.
    const isGiven = name === "compact" ? flags.compact === false : flags[name] !== undefined;
    if (isGiven) settings[name] = flags[name];
  }
  return settings;
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

/** What the checkpoint has settled. Throws a `UserError` (E0959). */
function checkResumeFlags({ entry, compact, resume }: Flags, checkpoint: Checkpoint): void {
  const conflict = (flag: string, why: string): never => {
    throw new UserError(flagsConflict(flag, `--resume ${resume}`, why));
  };
  if (entry !== undefined && entry !== checkpoint.model.entry) {
    conflict(`--entry ${entry}`, `The checkpoint is of \`${checkpoint.model.entry}\`.`);
  }
  if (compact === false && checkpoint.settings.compact) {
    conflict("--no-compact", "The checkpoint was made with rows for the ids in its data only.");
  }
}

interface Training {
  readonly io: Io;
  readonly flags: Flags;
  readonly trainer: Trainer;
  readonly reporter: Reporter;
  readonly out: string;
}

async function train({ io, flags, trainer, reporter, out }: Training): Promise<number> {
  // It begins with the next turn of the event loop, after the header.
  const run = startRun({
    trainer,
    out,
    saveEvery: flags.saveEvery ?? SAVE_EVERY,
    onEvent: reporter.event,
    ...timeOf(flags),
  });
  reporter.start();
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
  } finally {
    release();
  }
}
