/** The flags of `anec search`, and the settings they stand for. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { badFlagValue, flagsConflict } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { readTextBytes } from "../formats/files.ts";
import { digestOfTokens, type TokenData } from "../training/data/token_file.ts";
import type { TrainingModel } from "../training/model.ts";
import { MOST_SEEDS } from "../training/search/gate.ts";
import { protocols, type SearchSettings, strategies } from "../training/search/record.ts";
import {
  type Config,
  parseAxis,
  readSpace,
  type Space,
  standardSpace,
} from "../training/search/space.ts";
import { VERSION } from "../version.ts";
import {
  anyNumber,
  collect,
  type DefineFlag,
  defineFlag,
  type JsonFlag,
  jsonFlag,
  oneOf,
  whole,
} from "./flags.ts";
import { type CommandRanks, type RanksFlag, ranksFlag } from "./ranks.ts";
import { chosenDevice, type TrainDeviceFlags, trainDeviceFlags } from "./train_device.ts";

export interface SearchFlags extends DefineFlag, TrainDeviceFlags, JsonFlag, RanksFlag {
  /** The other processes; no flag. */
  readonly joined?: CommandRanks;
  readonly model?: string;
  readonly entry?: string;
  readonly data?: string;
  readonly protocol?: SearchSettings["protocol"];
  readonly budget?: number;
  readonly steps?: number;
  readonly experiments?: number;
  readonly space?: readonly string[];
  readonly strategy?: SearchSettings["strategy"];
  readonly seeds?: number;
  readonly confidence?: number;
  readonly seed?: number;
  readonly workers?: number;
  readonly memory?: number;
  readonly out?: string;
  readonly branch?: string;
  readonly resume?: boolean;
  readonly try?: readonly string[];
  readonly summary?: string;
}

/** What is taken where nothing is said. */
const standard = {
  protocol: "autoane",
  strategy: "random",
  experiments: 100,
  seeds: 5,
  confidence: 0.95,
  seed: 1,
  /** GB. */
  memory: 10,
  /** Seconds, by protocol. */
  budget: { autoane: 120, karpathy: 300 },
} as const;

export function defineSearchFlags(c: Command): void {
  c.option("--model <name>", "the name of a model, or an .ane file with a `train`")
    .option("--entry <name>", "which `train` of the file, if there are several")
    .option(
      "--data <name>",
      "default, builtin:stories, a token file (.bin) or a text (default: default)",
    )
    .option(
      "--protocol <name>",
      `autoane (validation loss) or karpathy (bits per byte) (default: ${standard.protocol})`,
      oneOf("--protocol", protocols),
    )
    .option(
      "--budget <time>",
      "training time of one run: 20s, 5m, 1h (default: 120s, karpathy 5m)",
      duration,
    )
    .option("--steps <n>", "micro-steps of one run, in place of a time", atLeastOne("--steps"))
    .option(
      "--experiments <n>",
      `experiments after the baseline (default: ${standard.experiments})`,
      whole("--experiments", 0, 1_000_000),
    )
    .option(
      "--space <part>",
      "NAME=FROM..TO[:log][:int], NAME=A,B,…, or a JSON file; may be repeated (default: the optimizer)",
      collect,
    )
    .option(
      "--strategy <name>",
      `random, grid or halving (default: ${standard.strategy})`,
      oneOf("--strategy", strategies),
    )
    .option(
      "--seeds <k>",
      `seeds of a comparison (default: ${standard.seeds})`,
      whole("--seeds", 1, MOST_SEEDS),
    )
    .option(
      "--confidence <p>",
      `how sure an improvement must be (default: ${standard.confidence})`,
      confidence,
    )
    .option(
      "--seed <n>",
      `of what is drawn (default: ${standard.seed})`,
      whole("--seed", 0, 2 ** 32 - 1),
    )
    .option(
      "--workers <n>",
      "runs at a time, of each rank under mpirun (default: 1)",
      whole("--workers", 1, 256),
    )
    .option(
      "--memory <gb>",
      `configurations that need more are not run (default: ${standard.memory})`,
      anyNumber("--memory"),
    )
    .option("--out <folder>", "where the search is kept (default: runs/NAME.search)")
    .option(
      "--branch <name>",
      "commit what is kept to a new branch; files and index stay as they are",
    )
    .option("--resume", "go on with the search in --out")
    .option("--try <changes>", "with --resume: try NAME=VALUE,… first; may be repeated", collect)
    .option("--summary <folder>", "print a search as a table, and draw it into its folder");
  trainDeviceFlags(c);
  ranksFlag(c);
  defineFlag(c);
  jsonFlag(c, "print one JSON object a line");
}

function atLeastOne(flag: string): (text: string) => number {
  return whole(flag, 1, Number.MAX_SAFE_INTEGER);
}

const UNITS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, min: 60, h: 3600 };

/** Seconds. */
function duration(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*(s|m|min|h)?$/.exec(text) ?? [];
  const seconds = Number(number) * UNITS[unit]!;
  if (number !== "" && seconds > 0) return seconds;
  throw new UserError(badFlagValue("--budget", text, "a time above 0, such as 20s, 5m or 1h"));
}

function confidence(text: string): number {
  const value = anyNumber("--confidence")(text);
  if (value >= 0.5 && value < 1) return value;
  throw new UserError(badFlagValue("--confidence", text, "a number from 0.5 to below 1"));
}

/** The parts of a space in order; a part without `=` is a file. */
export function spaceOf(parts: readonly string[] = standardSpace): Space {
  return parts.flatMap((part) => {
    const isFile = !part.includes("=") || existsSync(part);
    if (!isFile) return [parseAxis(part)];
    return readSpace(Buffer.from(readTextBytes(part)).toString("utf8"), part);
  });
}

/** The changes of `--try`: one value for each name. */
export function givenOf(tries: readonly string[] = []): readonly Config[] {
  return tries.map((text) =>
    Object.fromEntries(
      text.split(",").map((part) => {
        const axis = parseAxis(part);
        if (axis.kind === "list" && axis.values.length === 1) return [axis.name, axis.values[0]!];
        throw new UserError(
          badFlagValue("--try", text, "one value for each name: `lr=5e-4,accum=8`"),
        );
      }),
    ),
  );
}

/** The settings of a new search. Throws a `UserError` for flags that do not go together. */
export function newSettings(
  flags: SearchFlags,
  model: TrainingModel,
  dataName: string,
  data: TokenData,
): SearchSettings {
  const { protocol = standard.protocol, memory = standard.memory } = flags;
  if (!(memory > 0))
    throw new UserError(badFlagValue("--memory", String(memory), "a number above 0"));
  const { workers = 1, joined } = flags;
  const processors = joined?.processors ?? availableParallelism();
  const { threads = Math.max(1, Math.floor(processors / workers)) } = flags;
  const { device, engine } = chosenDevice({ ...flags, threads });
  const { source, entry, overrides } = model;
  return {
    ...{ version: 1, written: VERSION, protocol },
    model: { path: source.path, text: source.text, entry, overrides: { ...overrides } },
    data: { name: dataName, digest: digestOfTokens(data) },
    budget: budgetOf(flags, protocol),
    space: spaceOf(flags.space),
    strategy: flags.strategy ?? standard.strategy,
    experiments: flags.experiments ?? standard.experiments,
    gate: {
      seeds: flags.seeds ?? standard.seeds,
      confidence: flags.confidence ?? standard.confidence,
    },
    seed: flags.seed ?? standard.seed,
    memoryBytes: memory * 1e9,
    branch: flags.branch ?? null,
    ...{ device, engine: engine ?? null, fallback: flags.fallback !== false },
  };
}

function budgetOf(
  { budget, steps }: SearchFlags,
  protocol: SearchSettings["protocol"],
): SearchSettings["budget"] {
  if (steps !== undefined && budget !== undefined) {
    throw new UserError(
      flagsConflict("--steps", "--budget", "A run ends after a time or after steps."),
    );
  }
  if (steps !== undefined) return { seconds: null, steps };
  return { seconds: budget ?? standard.budget[protocol], steps: null };
}

/** A search goes on with the settings it began with; flags may repeat them. Throws a `UserError` (E0959). */
export function checkResumeFlags(flags: SearchFlags, settings: SearchSettings): void {
  const { protocol, budget, space, strategy, gate, seed, memoryBytes, branch, data, model } =
    settings;
  const pairs: readonly (readonly [flag: string, given: unknown, stored: unknown])[] = [
    ["--entry", flags.entry, model.entry],
    ["--data", flags.data, data.name],
    ["--protocol", flags.protocol, protocol],
    ["--budget", flags.budget, budget.seconds],
    ["--steps", flags.steps, budget.steps],
    ["--space", flags.space === undefined ? undefined : spaceOf(flags.space), space],
    ["--strategy", flags.strategy, strategy],
    ["--seeds", flags.seeds, gate.seeds],
    ["--confidence", flags.confidence, gate.confidence],
    ["--seed", flags.seed, seed],
    ["--memory", flags.memory === undefined ? undefined : flags.memory * 1e9, memoryBytes],
    ["--branch", flags.branch, branch],
  ];
  const other = pairs.find(
    ([, given, stored]) => given !== undefined && JSON.stringify(given) !== JSON.stringify(stored),
  );
  if (other !== undefined) throw conflict(other[0]);
  const isLonger = flags.experiments !== undefined && flags.experiments !== settings.experiments;
  if (isLonger && settings.strategy === "halving" && flags.experiments !== 0) {
    throw conflict("--experiments");
  }
}

export function conflict(flag: string): UserError {
  const why =
    "The search goes on with the settings it began with; leave the flag out, or begin a new one.";
  return new UserError(flagsConflict(flag, "--resume", why));
}
