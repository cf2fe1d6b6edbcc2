/** `anec report`: one page that shows a model, a bundle, a MIL program, a Core ML model or a run. */
import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { nothingToReport } from "../../compiler/messages/report.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { elaborate } from "../../dsl/index.ts";
import { writeFileBytes } from "../../formats/files.ts";
import { type CompileOptions, compile, FUSIONS } from "../../index.ts";
import { readBundle } from "../../report/bundle/read.ts";
import { coreMlPage, milPage } from "../../report/mil/page.ts";
import { bundlePage, type ChipChoice, modelPage } from "../../report/model/page.ts";
import { isLog } from "../../report/run/follow.ts";
import { runPage } from "../../report/run/page.ts";
import { followRuns } from "../../report/run/sources.ts";
import { openModel } from "../../training/open_model.ts";
import { bakedValues, dimsOfValues } from "../baked_values.ts";
import { type Call, EXIT } from "../command.ts";
import { printDiagnostics } from "../failures.ts";
import {
  type DefineFlag,
  defineFlag,
  type JsonFlag,
  jsonFlag,
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
import { bytesText, jsonLine } from "../output.ts";
import { checkOutputFile } from "../output_paths.ts";
import {
  checkProgramFlags,
  isBaked,
  type ProgramFlags,
  programFlags,
  programOptions,
} from "../program_flags.ts";
import { type Progress, progressLine } from "../progress.ts";

interface Flags extends DefineFlag, ProgramFlags, JsonFlag, LayoutFlags {
  readonly entry?: string;
  readonly out?: string;
  readonly values?: string;
}

/** A page, and what its file is called where nobody says. */
interface Made {
  readonly html: string;
  readonly name: string;
}

export const command = {
  examples: [
    "anec report autoresearch",
    "anec report my.ane --entry train:mine -D L=8 --fusion pairs --chip m2",
    "anec report autoresearch.train.anec --out bundle.html",
    "anec report run.ckpt",
    "anec report model.mil",
    "anec report Model.mlmodelc",
    "anec report runs/first.jsonl runs/second.jsonl",
  ],

  define(c: Command): void {
    c.argument(
      "<what...>",
      "a model (an .ane file, a name, or a file of weights), a bundle, a .mil file, a compiled Core ML folder, or logs of runs",
    )
      .option("--out <file>", "where the page goes (default: NAME.report.html)")
      .option("--entry <name>", "a model: the entry, NAME or KIND:NAME (default: the train)")
      .option(
        "--weights <how>",
        "a model: packed (default), params (an input each) or baked (constants)",
        oneOf("--weights", ["packed", "params", "baked"]),
      )
      .option(
        "--fusion <scheme>",
        "a model: none, pairs, layer (default), or auto: what is predicted to be fastest on --chip",
        oneOf("--fusion", [...FUSIONS, "auto"]),
      )
      .option(
        "--ane <share>",
        "a model: full (default), or matmul (the forward products alone)",
        oneOf("--ane", ["full", "matmul"]),
      )
      .option("--values <file>", "a model with baked weights: their values");
    programFlags(c);
    layoutFlags(c);
    defineFlag(c);
    jsonFlag(c, "print path and size as JSON");
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const line = progressLine(io.err);
    const { html, name } = await made(io, args, flags, line).finally(line.end);
    const out = flags.out ?? `${name}.report.html`;
    const inputs = args.filter((path) => existsSync(path));
    checkOutputFile(
      "--out",
      out,
      inputs.map((path) => ({ path, what: "what the report is about" })),
    );
    const bytes = new TextEncoder().encode(html);
    writeFileBytes(out, bytes);
    io.out.write(
      flags.json === true
        ? jsonLine({ out, bytes: bytes.length })
        : `wrote ${out}, ${bytesText(bytes.length)}: open it in a browser\n`,
    );
    return EXIT.ok;
  },
};

async function made(io: Io, args: readonly string[], flags: Flags, line: Progress): Promise<Made> {
  const [what] = args as [string];
  const { chip, os } = flags;
  const choice: ChipChoice = {
    ...(chip === undefined ? {} : { chip }),
    ...(os === undefined ? {} : { os }),
    onProgress: (done, all) =>
      line.update(`checking programs for each chip: ${done} of ${all}`, done, all),
  };
  const name = basename(what).replace(/\.(ane|mil|jsonl|mlmodelc|anec)$/, "");
  const isFolder = statSync(what, { throwIfNoEntry: false })?.isDirectory() === true;
  const has = (file: string): boolean => isFolder && existsSync(join(what, file));
  if (args.length === 1 && has("model.mil")) return { html: coreMlPage(what, choice), name };
  if (args.length === 1 && has("manifest.json"))
    return { html: bundlePage(what, readBundle(what), choice), name };
  if (args.length === 1 && what.endsWith(".mil")) return { html: milPage(what, choice), name };
  // A folder with a config.json holds the weights of a model.
  const isRun = isFolder
    ? !has("config.json")
    : existsSync(what) && !what.endsWith(".ane") && isLog(what);
  if (args.length > 1 || isRun) return { html: runs(args), name };
  return modelReport(io, what, flags, choice, line);
}

/** Runs over each other in one page. */
function runs(paths: readonly string[]): string {
  const source = followRuns(paths);
  source.poll();
  const views = source.names().flatMap((name) => source.view(name) ?? []);
  if (views.length === 0) throw new UserError(nothingToReport(paths[0]!));
  return runPage(views);
}

async function modelReport(
  io: Io,
  what: string,
  flags: Flags,
  choice: ChipChoice,
  line: Progress,
): Promise<Made> {
  checkLayoutFlags(flags);
  const overrides = overridesOf(flags);
  const isModelFile = existsSync(what) && !what.endsWith(".ane");
  const saved = isModelFile ? openModel(what).model : undefined;
  if (flags.values !== undefined) dimsOfValues(flags.values, overrides);
  const model =
    saved === undefined
      ? elaborate(openSource(what), { overrides })
      : elaborate(saved.source, { overrides: { ...saved.overrides, ...overrides } });
  if (flags.json !== true) printDiagnostics(io, model.diagnostics);
  const entry = entryToCompile(model, flags.entry, flags.mode === "infer" ? "model" : "train");
  checkProgramFlags({ ...flags, target: "ane" }, entry);
  const graph = entry.graph();
  const gradients = entry.kind === "train";
  const layout =
    flags.fusion === "auto"
      ? (await import("../compile_chip.ts")).shownSearch(
          io.err,
          graph,
          searchOptions(flags, gradients),
        )(flags.chip!).chosen
      : undefined;
  const options: CompileOptions = {
    ...{ target: "ane", gradients },
    ...layoutOptions(flags),
    ...(layout === undefined ? {} : { layout }),
    ...programOptions(flags),
    ...(isBaked(flags) ? { baked: bakedValues(graph, flags.values) } : {}),
  };
  line.update(`compiling ${entryName(entry)}`, 0, 0);
  const compiled = compile(graph, options);
  const html = modelPage({
    ...{ graph, compiled, options, ...choice },
    entry: entryName(entry),
    path: saved === undefined ? model.source.path : what,
  });
  return { html, name: entry.kind === "train" ? `${entry.name}.train` : entry.name };
}
