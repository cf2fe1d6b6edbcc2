/** `anec cost`: predicted milliseconds of a model or a MIL file on each chip, and where they go. */
import type { Command } from "commander";
import { nothingToPredict } from "../../compiler/messages/cost.ts";
import { listOf } from "../../compiler/messages/message.ts";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { CHIP_NAMES, type ChipName } from "../../compiler/target/chip_names.ts";
import { constantsOf, type ProgramCost, programCost } from "../../compiler/target/cost.ts";
import { BORROWED } from "../../compiler/target/cost_constants.ts";
import { hostWorkOf } from "../../compiler/target/cost_host.ts";
import { type ScheduleCost, scheduleCost } from "../../compiler/target/cost_schedule.ts";
import { type Work, workOf } from "../../compiler/target/cost_work.ts";
import { type Elaborated, type Entry, elaborate } from "../../dsl/index.ts";
import { readTextBytes } from "../../formats/files.ts";
import {
  type Compilation,
  type CompileOptions,
  type CompileStats,
  compile,
  FUSIONS,
} from "../../index.ts";
import { layoutName } from "../../passes/ane/candidates.ts";
import { type Call, EXIT } from "../command.ts";
import { milTexts } from "../compile_output.ts";
import {
  type DefineFlag,
  defineFlag,
  type JsonFlag,
  jsonFlag,
  known,
  oneOf,
  overridesOf,
} from "../flags.ts";
import type { Io } from "../io.ts";
import { layoutOptions, microStepsFlag, type SearchFlags, searchOptions } from "../layout_flags.ts";
import { entriesFor, entryName, entryToCompile, openSource } from "../models.ts";
import { counted, grouped, jsonLine, scaled, table } from "../output.ts";

interface Flags extends DefineFlag, JsonFlag, SearchFlags {
  readonly entry?: string;
  readonly chip: readonly ChipName[];
}

export const command = {
  examples: [
    "anec cost tiny",
    "anec cost autoresearch --chip all",
    'anec cost my.ane --entry train:mine --chip "m2 pro" --json',
    "anec cost autoresearch --fusion auto --chip m4",
    "anec cost model.mil --chip m4",
  ],

  define(c: Command): void {
    c.argument("<model>", "an .ane file, the name of a model (`anec models`), or a .mil file")
      .option(
        "--entry <name>",
        "the entry: NAME, or KIND:NAME (default: the train, else the model)",
      )
      .option("--chip <chip>", "one chip such as m4 or m2_pro, or all", chipFlag, CHIP_NAMES)
      .option(
        "--fusion <scheme>",
        "none, pairs, layer (default), or auto: what is predicted to be fastest on each chip",
        oneOf("--fusion", [...FUSIONS, "auto"]),
      )
      .option(
        "--ane <share>",
        "full (default), or matmul (the forward products alone)",
        oneOf("--ane", ["full", "matmul"]),
      )
      .option(
        "--weights <how>",
        "packed (default) or params (an input each)",
        oneOf("--weights", ["packed", "params"]),
      );
    microStepsFlag(c);
    defineFlag(c);
    jsonFlag(c);
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const path = args[0]!;
    const isMil = path.endsWith(".mil");
    const [text, json] = isMil ? milFile(path, flags) : await model(io, path, flags);
    io.out.write(flags.json === true ? jsonLine(json) : `${text}\n${CAVEAT}`);
    return EXIT.ok;
  },
};

const CAVEAT =
  "Predictions. Measurements that the model was not fitted to are off by a factor of 1.29 in the\n" +
  "median, one in ten by more than 2.9 (docs/cost_model.md).\n";

/** `M2 Pro` is `m2_pro`; `all` is every chip. */
function chipFlag(text: string): readonly ChipName[] {
  const name = text
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, "_");
  if (name === "all") return CHIP_NAMES;
  return [known("chip", name, CHIP_NAMES) as ChipName];
}

type Printed = readonly [text: string, json: unknown];

// --- A model -------------------------------------------------------------------------------------

async function model(io: Io, path: string, flags: Flags): Promise<Printed> {
  const elaborated = elaborate(openSource(path), { overrides: overridesOf(flags) });
  const entry = entryOf(elaborated, flags.entry);
  const graph = entry.graph();
  const gradients = entry.kind === "train";
  const fixed: CompileOptions = { target: "ane", gradients, ...layoutOptions(flags) };
  const made: Predicted[] = [];
  if (flags.fusion === "auto") {
    const { shownSearch } = await import("../compile_chip.ts");
    const searchFor = shownSearch(io.err, graph, searchOptions(flags, gradients));
    for (const chip of flags.chip) {
      const search = searchFor(chip);
      const compiled = compile(graph, { ...fixed, layout: search.chosen });
      made.push({ ...predicted(compiled, chip), grouping: layoutName(search.chosen) });
    }
  } else {
    const compiled = compile(graph, fixed);
    if (compiled.bundle.manifest.programs.length === 0)
      throw new UserError(nothingToPredict(entryName(entry)));
    const predict = predictor(compiled);
    made.push(...flags.chip.map((chip) => ({ cost: predict(chip), stats: compiled.stats })));
  }
  const runs = gradients ? "micro-step" : "run";
  const [first] = made;
  const { stats } = first!;
  const counts = `${counted(stats.dispatches, "dispatch", "dispatches")} of ${counted(stats.programs, "program", "programs")}, `;
  const head =
    `${entryName(entry)} of ${elaborated.source.path}: ` +
    `${flags.fusion === "auto" ? "" : counts}${scaled(stats.flops, "FLOP")} a ${runs}\n\n`;
  const costs = made.map((m) => m.cost);
  const groupings = made.flatMap((m) => m.grouping ?? []);
  const text =
    head + chipTable(costs, runs, groupings) + (costs.length === 1 ? programTable(costs[0]!) : "");
  const chips = made.map((m) => ({
    ...rounded(m.cost),
    ...(m.grouping === undefined ? {} : { grouping: m.grouping }),
  }));
  return [text, { path: elaborated.source.path, entry: entryName(entry), chips }];
}

/** A prediction, and what was compiled for it. */
interface Predicted {
  readonly cost: ScheduleCost;
  readonly stats: CompileStats;
  /** What `--fusion auto` chose. */
  readonly grouping?: string;
}

function predicted(compiled: Compilation, chip: ChipName): Predicted {
  return { cost: predictor(compiled)(chip), stats: compiled.stats };
}

/** Predicts a compilation on any chip. */
function predictor({ bundle, hostNodes = [] }: Compilation): (chip: ChipName) => ScheduleCost {
  const { manifest } = bundle;
  const texts = new Map(milTexts(bundle));
  const works = new Map<string, Work>();
  for (const { name, file } of manifest.programs)
    works.set(name, workOf(parseMil({ path: file, text: texts.get(file)! })));
  const staged = manifest.staging.filter((s) => s.do === "host").length;
  const host = hostWorkOf(hostNodes.slice(staged));
  return (chip) => scheduleCost(manifest, works, chip, host);
}

/** Without a wish the entry that trains, if there is one; else what `anec compile` would take. */
function entryOf(elaborated: Elaborated, wish: string | undefined): Entry {
  const trains = entriesFor(elaborated, wish).filter((e) => e.kind === "train");
  return wish === undefined && trains.length === 1 ? trains[0]! : entryToCompile(elaborated, wish);
}

const ms = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** Everything of a run that is neither calling, multiplying nor streaming. */
const other = (c: ProgramCost): number => c.elementwise + c.moves + c.spill + c.tasks;

const TITLES = ["dispatch", "products", "weights", "surfaces", "other"];
const cells = (c: ProgramCost): string[] =>
  [c.dispatch, c.products, c.weights, c.surfaces, other(c)].map(ms);

/** A row for each chip, with what was chosen for it if that was asked for. */
function chipTable(
  costs: readonly ScheduleCost[],
  runs: string,
  groupings: readonly string[],
): string {
  const rows = costs.map((c, i) => [
    marked(c.chip),
    ms(c.total),
    ...cells(c.engine),
    ms(c.writes + c.reads + c.copies),
    ms(c.hostOps),
    ms(c.staging),
    ...(groupings[i] === undefined ? [] : [groupings[i]!]),
  ]);
  const numbers = [`ms/${runs}`, ...TITLES, "host copies", "host ops", "staging"];
  const head = ["chip", ...numbers, ...(groupings.length === 0 ? [] : ["grouping"])];
  return (
    table(rows, { head, right: numbers.map((_, i) => i + 1) }) +
    "\n  staging: writing all parameters, once an update; not in the sum\n" +
    borrowedLine(costs.map((c) => c.chip))
  );
}

/** A chip whose constants are another's is marked. */
const marked = (chip: ChipName): string => (BORROWED[chip] === undefined ? chip : `${chip} *`);

function borrowedLine(shown: readonly ChipName[]): string {
  const taken = shown.filter((chip) => BORROWED[chip] !== undefined);
  if (taken.length === 0) return "";
  const pairs = taken.map((chip) => `${chip} as ${BORROWED[chip]}`);
  return `  *: nothing published to fit to; assumed: ${listOf(pairs)}\n`;
}

function programTable({ programs }: ScheduleCost): string {
  const rows = programs.map((p) => [p.name, grouped(p.calls), ms(p.cost.total), ...cells(p.cost)]);
  const head = ["program", "calls", "ms", ...TITLES];
  return `\n${table(rows, { head, right: head.slice(1).map((_, i) => i + 1) })}`;
}

// --- A MIL file ----------------------------------------------------------------------------------

function milFile(path: string, flags: Flags): Printed {
  const text = Buffer.from(readTextBytes(path)).toString("utf8");
  const program = parseMil({ path, text });
  const errors = checkMil(program).filter((d) => d.severity === "error");
  if (errors.length > 0) throw new UserError(errors);
  if (program.functions.length === 0) throw new UserError(nothingToPredict(path));
  const work = workOf(program);
  const costs = flags.chip.map((chip) => ({ chip, ...programCost(work, constantsOf(chip)) }));
  const flops = work.flops + work.longFlops;
  const head = ["chip", "ms/run", ...TITLES];
  const rows = costs.map((c) => [marked(c.chip), ms(c.total), ...cells(c)]);
  const list =
    table(rows, { head, right: head.slice(1).map((_, i) => i + 1) }) + borrowedLine(flags.chip);
  return [
    `${path}: ${counted(work.ops, "task", "tasks")}, ${scaled(flops, "FLOP")} a run\n\n${list}`,
    { path, work, chips: costs.map(rounded) },
  ];
}

/** Numbers of a report to four digits; nobody predicts the fifth. */
function rounded<T>(value: T): T {
  const plain = (_: string, v: unknown): unknown =>
    typeof v === "number" && !Number.isInteger(v) ? Number(v.toPrecision(4)) : v;
  return JSON.parse(JSON.stringify(value, plain)) as T;
}
