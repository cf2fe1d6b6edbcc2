/** What `anec compile` leaves behind: the bundle, and on the screen its summary or the stage asked for. */
import { printGraph } from "../compiler/ir/print.ts";
import type { Elaborated, Entry } from "../dsl/index.ts";
import { type Compilation, type Target, writeBundle } from "../index.ts";
import {
  milTexts,
  movesJson,
  parametersJson,
  printParameters,
  printSchedule,
  printSummary,
  printTimes,
} from "./compile_output.ts";
import type { Io } from "./io.ts";
import { entryName } from "./models.ts";
import { jsonLine } from "./output.ts";

export const STAGES = ["ir", "mil", "schedule", "params", "memory"] as const;
export type Stage = (typeof STAGES)[number];
/** A plan of memory needs no compilation. */
export type CompiledStage = Exclude<Stage, "memory">;

export interface Finished {
  readonly io: Io;
  readonly flags: {
    readonly target: Target;
    readonly print?: string;
    readonly json?: boolean;
    readonly timePasses?: boolean;
  };
  readonly stage: CompiledStage | undefined;
  readonly model: Elaborated;
  readonly entry: Entry;
  /** The folder to write to; undefined where a stage is printed and no folder was named. */
  readonly out: string | undefined;
  readonly result: Compilation;
  /** Graphs as text, by the pass they were printed after. */
  readonly after: Readonly<Record<string, string>>;
  /** Of the `ane` target: what to multiply the loss by so that small gradients keep their digits. */
  readonly lossScale: number | undefined;
  /** What else the JSON has. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Writes the bundle and prints what was asked for. */
export function finish({
  io,
  flags,
  stage,
  model,
  entry,
  out,
  result,
  after,
  lossScale,
  extra,
}: Finished): void {
  const { bundle } = result;
  if (out !== undefined) writeBundle(out, bundle);
  if (flags.json === true) {
    io.out.write(
      jsonLine({
        path: model.source.path,
        entry: entryName(entry),
        target: flags.target,
        ...result.stats,
        ...movesJson(result),
        ...(lossScale === undefined ? {} : { lossScale }),
        ...extra,
        ...(out === undefined ? {} : { out }),
        ...printedJson(stage, entry, result),
        ...(Object.keys(after).length > 0 ? { after } : {}),
        ...(flags.timePasses === true ? { passes: result.reports } : {}),
      }),
    );
    return;
  }
  if (flags.timePasses === true) {
    // A stage on standard output stays readable by programs.
    (flags.print === undefined ? io.out : io.err).write(`${printTimes(result.reports)}\n`);
  }
  switch (stage) {
    case "ir":
      io.out.write(printGraph(entry.graph()));
      break;
    case "params":
      io.out.write(printParameters(entry.graph()));
      break;
    case "mil":
      io.out.write(
        milTexts(bundle)
          .map(([file, text]) => `// ${file}\n${text}`)
          .join("\n"),
      );
      break;
    case "schedule":
      io.out.write(printSchedule(bundle.manifest));
      break;
    case undefined:
      io.out.write(
        printSummary(
          { path: model.source.path, entry: entryName(entry), out: out!, lossScale },
          result,
        ),
      );
      break;
    default:
      stage satisfies never;
  }
}

function printedJson(
  stage: CompiledStage | undefined,
  entry: Entry,
  { bundle }: Compilation,
): Record<string, unknown> {
  switch (stage) {
    case undefined:
      return {};
    case "ir":
      return { ir: printGraph(entry.graph()) };
    case "params":
      return { params: parametersJson(entry.graph()) };
    case "mil":
      return { mil: Object.fromEntries(milTexts(bundle)) };
    case "schedule":
      return { schedule: bundle.manifest.schedule };
    default:
      return stage satisfies never;
  }
}
