/** `anec compile --emit mlpackage`: a model or layer as a package for Core ML. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { packageFiles } from "../compiler/bundle/mlpackage.ts";
import { flagsConflict } from "../compiler/messages/usage.ts";
import { specificationOf } from "../compiler/mil/proto.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import type { Entry } from "../dsl/index.ts";
import { writeFolderAtomic } from "../formats/write_folder.ts";
import { lowerToCoreml } from "../passes/coreml.ts";
import { VERSION } from "../version.ts";
import { bakedValues } from "./baked_values.ts";
import { EXIT } from "./command.ts";
import type { Io } from "./io.ts";
import { entryName } from "./models.ts";
import { bytesText, grouped, jsonLine } from "./output.ts";

interface Flags {
  readonly out?: string;
  readonly values?: string;
  readonly json?: boolean;
  readonly precision?: "fp16" | "fp32";
}

/** Flags of programs for the engine, which say nothing about a package. */
const OTHERS = {
  ...{ fusion: "--fusion", ane: "--ane", mode: "--mode", weights: "--weights", chip: "--chip" },
  ...{ print: "--print", printAfter: "--print-after", timePasses: "--time-passes" },
  ...{ classifier: "--classifier", layersPerProgram: "--layers-per-program", batch: "--batch" },
  ...{ recompute: "--recompute", explainFusion: "--explain-fusion" },
} as const;

/** Writes the package and says what it holds. Throws a `UserError` (E0450, E0749, E0959 and those of files). */
export function emitPackage(io: Io, source: SourceFile, entry: Entry, flags: Flags): number {
  const given = flags as Readonly<Record<string, unknown>>;
  for (const [name, flag] of Object.entries(OTHERS)) {
    if (given[name] === undefined) continue;
    const why = "A package is one program, which Core ML divides among the devices itself.";
    throw new UserError(flagsConflict("--emit mlpackage", flag, why));
  }
  if (entry.kind === "train") {
    const why = "Core ML computes models and layers; their training is anec's.";
    throw new UserError(flagsConflict("--emit mlpackage", entryName(entry), why));
  }
  const graph = entry.graph();
  const { precision = "fp16" } = flags;
  const { fn, weights } = lowerToCoreml(graph, {
    precision,
    values: bakedValues(graph, flags.values),
  });
  const files = packageFiles({
    fn,
    weights,
    about: {
      description: entry.doc === "" ? entryName(entry) : entry.doc,
      version: VERSION,
      entries: { "anec.source": source.path, "anec.entry": entryName(entry) },
    },
  });
  const out = flags.out ?? `${entry.name}.mlpackage`;
  const chunks = [...files].map(([name, bytes]) => ({ name, chunks: [bytes] }));
  writeFolderAtomic(out, chunks, { replace: isPackage(out) });
  const bytes = weights?.length ?? 0;
  const operations = fn.body.filter((s) => s.op !== "const").length;
  const specification = specificationOf(fn.opset);
  if (flags.json === true) {
    const path = source.path;
    io.out.write(
      jsonLine({ path, entry: entryName(entry), out, precision, operations, specification, bytes }),
    );
  } else {
    io.out.write(
      `${entryName(entry)} of ${source.path}, for Core ML (macOS 12, iOS 15 and later)\n\n` +
        `  ${grouped(operations)} ops, ${bytesText(bytes)} of ${precision} weights\n\nwritten to ${out}\n`,
    );
  }
  return EXIT.ok;
}

/** Whether an earlier package stands there, which may be replaced. */
function isPackage(path: string): boolean {
  if (!existsSync(path) || !statSync(path).isDirectory()) return false;
  return existsSync(join(path, "Manifest.json")) && existsSync(join(path, "Data"));
}
