/** Flags of `anec compile` for what programs of the engine are made of. */
import type { Command } from "commander";
import { flagsConflict } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Entry } from "../dsl/index.ts";
import type { Compilation, CompileOptions, Target, Weights } from "../index.ts";
import { oneOf, whole } from "./flags.ts";
import { entryName } from "./models.ts";

export interface ProgramFlags {
  readonly mode?: "infer";
  readonly layersPerProgram?: number;
  readonly classifier?: "host" | "ane";
}

/** The flags beside them that they may exclude. */
interface Others {
  readonly target: Target;
  readonly weights?: Weights;
  readonly fusion?: string;
  readonly ane?: string;
}

export function programFlags(c: Command): void {
  c.option(
    "--mode <mode>",
    "ane: infer, for several layers in one program, with weights as filters of convolutions",
    oneOf("--mode", ["infer"]),
  )
    .option(
      "--layers-per-program <n>",
      "--mode infer: layers in one program (default: as many as its weights leave room for)",
      whole("--layers-per-program", 1, 4096),
    )
    .option(
      "--classifier <where>",
      "ane, a train: host (default), or ane for classifier and cross entropy in tiles",
      oneOf("--classifier", ["host", "ane"]),
    );
}

function conflict(flag: string, other: string, why: string): UserError {
  return new UserError(flagsConflict(flag, other, why));
}

/** Throws a `UserError` (E0959) where flags exclude each other, or the entry. */
export function checkProgramFlags(flags: ProgramFlags & Others, entry: Entry): void {
  const { mode, layersPerProgram, classifier, target, weights, fusion, ane } = flags;
  if (layersPerProgram !== undefined && mode !== "infer") {
    const other = target === "cpu" ? "--target cpu" : `--fusion ${fusion ?? "layer"}`;
    throw conflict("--layers-per-program", other, "Only `--mode infer` joins layers.");
  }
  if (mode === "infer") {
    const why = "Programs for inference carry their weights, and layers are joined by bytes.";
    if (target === "cpu")
      throw conflict("--mode infer", "--target cpu", "The mode is the engine's.");
    if (weights === "params") throw conflict("--mode infer", "--weights params", why);
    if (fusion !== undefined) throw conflict("--mode infer", `--fusion ${fusion}`, why);
    if (ane === "matmul") throw conflict("--mode infer", "--ane matmul", why);
    if (classifier === "ane")
      throw conflict(
        "--mode infer",
        "--classifier ane",
        "The classifier in tiles is for training.",
      );
    if (entry.kind === "train")
      throw conflict("--mode infer", entryName(entry), "Gradients need weights that change.");
  }
  if (classifier !== "ane") return;
  if (target === "cpu")
    throw conflict("--classifier ane", "--target cpu", "The cpu target has no engine.");
  if (entry.kind !== "train")
    throw conflict("--classifier ane", entryName(entry), "Only a train has a loss.");
}

/** The options behind the flags. */
export function programOptions({
  mode,
  layersPerProgram,
  classifier,
}: ProgramFlags): Pick<CompileOptions, "mode" | "layersPerProgram" | "classifier"> {
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(layersPerProgram === undefined ? {} : { layersPerProgram }),
    ...(classifier === undefined ? {} : { classifier }),
  };
}

/** Whether programs carry values of weights. */
export function isBaked({ mode, weights }: ProgramFlags & Pick<Others, "weights">): boolean {
  return mode === "infer" || weights === "baked";
}

/** Throws a `UserError` (E0959) if no classifier was found where one was asked for. */
export function checkClassifier(
  { classifier }: ProgramFlags,
  entry: Entry,
  { reports }: Compilation,
): void {
  if (classifier !== "ane") return;
  if (reports.some((r) => r.name === "tile_classifier" && r.matches > 0)) return;
  throw conflict(
    "--classifier ane",
    entryName(entry),
    "Its loss is not the cross entropy of a product with a table.",
  );
}
