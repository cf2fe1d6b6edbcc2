/** `anec compile`: an entry of a file to a bundle; any stage on the way can be printed. */
import type { Command } from "commander";
import type { Graph } from "../../compiler/ir/graph.ts";
import { printGraph } from "../../compiler/ir/print.ts";
import { flagsConflict } from "../../compiler/messages/usage.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { paramSpreads, scaledRangeWarnings } from "../../compiler/target/range/schedule.ts";
import { type Entry, elaborate } from "../../dsl/index.ts";
import {
  type Compilation,
  type CompileOptions,
  compile,
  FUSIONS,
  passesFor,
  type Target,
} from "../../index.ts";
import type { Pass } from "../../passes/pass.ts";
import { passes } from "../../passes/pipeline.ts";
import { bakedValues, dimsOfValues } from "../baked_values.ts";
import { type BatchFlags, batchFlags, checkMemoryFlags } from "../batch_flags.ts";
import { type Call, EXIT } from "../command.ts";
import { parametersJson, printParameters } from "../compile_output.ts";
import { type CompiledStage, finish, STAGES, type Stage } from "../compile_result.ts";
import { fusionSteps, fusionsJson, printFusions } from "../explain_fusion.ts";
import { diagnosticJson, printDiagnostics } from "../failures.ts";
import {
  collect,
  type DefineFlag,
  defineFlag,
  type JsonFlag,
  jsonFlag,
  known,
  oneOf,
  overridesOf,
} from "../flags.ts";
import type { Io } from "../io.ts";
import {
  checkLayoutFlags,
  type LayoutFlags,
  layoutFlags,
  layoutOptions,
  searchOptions,
} from "../layout_flags.ts";
import { entryName, entryToCompile, openSource } from "../models.ts";
import { jsonLine } from "../output.ts";
import { checkBundleFolder } from "../output_paths.ts";
import {
  checkClassifier,
  checkProgramFlags,
  isBaked,
  type ProgramFlags,
  programFlags,
  programOptions,
} from "../program_flags.ts";

interface Flags extends DefineFlag, ProgramFlags, JsonFlag, LayoutFlags, BatchFlags {
  readonly entry?: string;
  readonly target: Target;
  readonly out?: string;
  readonly print?: Stage;
  readonly printAfter?: readonly string[];
  readonly timePasses?: boolean;
  readonly values?: string;
  readonly explainFusion?: boolean;
  readonly emit: "bundle" | "mlpackage";
  readonly precision?: "fp16" | "fp32";
}

export const command = {
  examples: [
    "anec compile my.ane",
    "anec compile tiny --print mil",
    "anec compile tiny --entry train:tiny --target cpu --time-passes",
    "anec compile autoresearch -D L=8 --out bundles/deep",
    "anec compile autoresearch --fusion auto --chip m4",
    "anec compile autoresearch --target cpu --print memory --batch 2 --recompute",
    "anec compile tiny --emit mlpackage --values run.ckpt",
  ],

  define(c: Command): void {
    c.argument("<model>", "an .ane file, or the name of a model (`anec models`)")
      .option(
        "--entry <name>",
        "the entry: NAME, or KIND:NAME such as train:tiny (default: the model; the train where " +
          "--fusion, --ane, --batch or --recompute is given)",
      )
      .option(
        "--target <device>",
        "ane (MIL programs) or cpu (a plan of host kernels)",
        oneOf("--target", ["ane", "cpu"]),
        "ane",
      )
      .option(
        "--out <folder>",
        "where the bundle goes (default: NAME.anec, for a train NAME.train.anec)",
      )
      .option(
        "--print <stage>",
        `print a stage and write no bundle: ${STAGES.join(", ")}`,
        oneOf("--print", STAGES),
      )
      .option("--print-after <pass>", "print the graph after a pass; may be repeated", collect)
      .option("--time-passes", "print the time each pass took")
      .option(
        "--weights <how>",
        "packed (side by side on a surface; default), params (an input each) or baked (constants)",
        oneOf("--weights", ["packed", "params", "baked"]),
      )
      .option(
        "--fusion <scheme>",
        "ane: what shares a program: none (as the earlier systems), pairs, layer (default), or auto " +
          "(what is predicted to be fastest on --chip)",
        oneOf("--fusion", [...FUSIONS, "auto"]),
      )
      .option(
        "--ane <share>",
        "ane: full (default), or matmul (the forward products alone; the rest is the host's)",
        oneOf("--ane", ["full", "matmul"]),
      )
      .option(
        "--values <file>",
        "the weights to bake: a safetensors file, or a checkpoint and its dimensions",
      )
      .option(
        "--emit <what>",
        "bundle (default), or mlpackage: a model or layer for Core ML, Xcode and Netron",
        oneOf("--emit", ["bundle", "mlpackage"]),
        "bundle",
      )
      .option(
        "--precision <type>",
        "--emit mlpackage: fp16 (default) or fp32 for weights and arithmetic",
        oneOf("--precision", ["fp16", "fp32"]),
      )
      .option(
        "--explain-fusion",
        "ane, a train: list what each fusion joins and saves, and write no bundle",
      );
    batchFlags(c);
    programFlags(c);
    layoutFlags(c);
    defineFlag(c);
    jsonFlag(c);
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const source = openSource(args[0]!);
    checkFlags(flags);
    const overrides = overridesOf(flags);
    if (flags.values !== undefined) dimsOfValues(flags.values, overrides);
    const model = elaborate(source, { overrides });
    if (flags.json !== true) printDiagnostics(io, model.diagnostics);
    const entry = entryToCompile(model, flags.entry, preferred(flags));
    if (flags.emit === "mlpackage")
      return (await import("../emit_package.ts")).emitPackage(io, source, entry, flags);
    const { print: stage } = flags;
    if (stage === "memory")
      return (await import("../compile_memory.ts")).printEntryMemory(io, entry, flags);
    const printed = stage === undefined ? undefined : early(stage, entry, io, flags);
    if (printed === true) return EXIT.ok;
    checkProgramFlags(flags, entry);
    if (flags.explainFusion === true) return explainFusion(io, flags, entry);
    if (isWritten(flags)) checkBundleFolder("--out", outOf(flags, entry), nameOf(entry));

    const graph = entry.graph();
    // What knows chips is loaded where one is named.
    const chips = flags.chip === undefined ? undefined : await import("../compile_chip.ts");
    const wish = searchOptions(flags, entry.kind === "train");
    const search =
      flags.fusion === "auto" ? chips?.shownSearch(io.err, graph, wish)(flags.chip!) : undefined;
    const options: CompileOptions = {
      target: flags.target,
      gradients: entry.kind === "train",
      ...layoutOptions(flags),
      ...(search === undefined ? {} : { layout: search.chosen }),
      ...programOptions(flags),
    };
    const names = passNames(flags, passesFor(options));
    const after: Record<string, string> = {};
    const print = (name: string, text: string): void => {
      // Some passes run more than once.
      const times = Object.keys(after).filter((key) => key.split(" ")[0] === name).length;
      const title = times === 0 ? name : `${name} (${times + 1})`;
      after[title] = text;
      if (flags.json !== true) io.out.write(`// after ${title}\n${text}\n`);
    };
    const baked = isBaked(flags) ? { baked: bakedValues(graph, flags.values) } : {};
    const result = compile(graph, { ...options, ...baked, printAfter: { names, print } });
    checkClassifier(flags, entry, result);
    const lossScale = flags.target === "ane" ? warnOfRanges(io, flags, graph, result) : undefined;
    const refused = chips?.checkPrograms(result.bundle, flags) ?? [];
    if (flags.json !== true) printDiagnostics(io, refused);
    if (search !== undefined && flags.json !== true && flags.print === undefined)
      io.out.write(`${chips!.searchText(search)}\n`);
    const extra = {
      ...(search === undefined ? {} : { auto: chips!.searchJson(search) }),
      ...(chips === undefined ? {} : { diagnostics: refused.map(diagnosticJson) }),
    };
    const out = isWritten(flags) ? outOf(flags, entry) : undefined;
    finish({ io, flags, stage, model, entry, out, result, after, lossScale, extra });
    return refused.some((d) => d.severity === "error") ? EXIT.input : EXIT.ok;
  },
};

function checkFlags(flags: Flags): void {
  checkLayoutFlags(flags);
  checkMemoryFlags(flags);
  const conflict = (flag: string, other: string, why: string): never => {
    throw new UserError(flagsConflict(flag, other, why));
  };
  if (flags.print === "mil" && flags.target === "cpu") {
    const why = "The cpu target has a schedule of host kernels and no MIL.";
    conflict("--print mil", "--target cpu", why);
  }
  if (flags.weights === "baked" && flags.target === "cpu") {
    const why = "The cpu target reads its weights from memory.";
    conflict("--weights baked", "--target cpu", why);
  }
  if (flags.emit === "mlpackage") return;
  if (flags.precision !== undefined)
    conflict("--precision", "--emit bundle", "Programs of the engine compute in fp16.");
  if (flags.values !== undefined && !isBaked(flags)) {
    const why = "Only baked weights have values; the others come when the programs run.";
    conflict("--values", `--weights ${flags.weights ?? "packed"}`, why);
  }
  const list = passes.map((p) => p.name);
  for (const name of namesOf(flags)) known("pass", name, list, "anec passes");
}

/** Names may also be given in one flag with commas between them. */
function namesOf({ printAfter = [] }: Flags): string[] {
  return printAfter.flatMap((list) => list.split(",")).map((name) => name.trim());
}

/** The passes to print after; each must be one that runs. */
function passNames(flags: Flags, passed: readonly Pass[]): readonly string[] {
  const running = [...new Set(passed.map((p) => p.name))];
  return namesOf(flags).map((name) => known("pass in this compilation named", name, running));
}

/** How a training step is divided says nothing about a model: who asks for it means the train. */
function preferred(flags: Flags): Entry["kind"] {
  const { fusion, ane, classifier, explainFusion, batch, recompute, mode } = flags;
  const isOfTraining = fusion ?? ane ?? classifier ?? explainFusion ?? batch ?? recompute;
  return isOfTraining === undefined || mode === "infer" ? "model" : "train";
}

function explainFusion(io: Io, flags: Flags, entry: Entry): number {
  if (entry.kind !== "train") {
    const why = "The fusions of training are those of loss and gradients.";
    throw new UserError(flagsConflict("--explain-fusion", entryName(entry), why));
  }
  const steps = fusionSteps(entry.graph(), flags.weights ?? "packed");
  io.out.write(
    flags.json === true ? jsonLine({ fusions: fusionsJson(steps) }) : printFusions(steps),
  );
  return EXIT.ok;
}

function isWritten({ print, out }: Flags): boolean {
  return print === undefined || out !== undefined;
}

function outOf({ out }: Flags, entry: Entry): string {
  return out ?? nameOf(entry);
}

/** What a bundle is called that nobody named. */
function nameOf({ name, kind }: Entry): string {
  return `${name}${kind === "train" ? ".train" : ""}.anec`;
}

/** Prints what needs no compilation; true if that was it. */
function early(stage: CompiledStage, entry: Entry, io: Io, flags: Flags): boolean {
  if (namesOf(flags).length > 0 || flags.timePasses === true || flags.out !== undefined)
    return false;
  if (stage === "ir") {
    const text = printGraph(entry.graph());
    io.out.write(flags.json === true ? jsonLine({ ir: text }) : text);
    return true;
  }
  if (stage === "params") {
    const graph = entry.graph();
    io.out.write(
      flags.json === true ? jsonLine({ params: parametersJson(graph) }) : printParameters(graph),
    );
    return true;
  }
  return false;
}

/**
 * Prints where values may leave the engine's range. Gradients are looked at with the loss scale that
 * suits them best, which is returned: a power of two, 1 for a graph without gradients.
 */
function warnOfRanges(io: Io, flags: Flags, graph: Graph, result: Compilation): number {
  const { lossScale, warnings } = scaledRangeWarnings(result.bundle, {
    params: paramSpreads(graph),
    hostNodes: result.hostNodes ?? [],
  });
  if (flags.json !== true) printDiagnostics(io, warnings);
  return lossScale;
}
