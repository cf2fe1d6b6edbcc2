/** `anec bench --published`: what other systems have published, with chip and source. */
import { cpus } from "node:os";
import type { Command } from "commander";
import { corrections, FIGURES, type Figure, type Published } from "../../bench/published/result.ts";
import { autoaneResults } from "../../bench/published/results_autoane.ts";
import { otherResults } from "../../bench/published/results_others.ts";
import { measureStep, stepText } from "../bench/training_step.ts";
import { trainingWorkload } from "../bench/workload.ts";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag, known } from "../flags.ts";
import type { Sink } from "../io.ts";
import { openSource } from "../models.ts";
import { grouped, jsonLine, table, wrapped } from "../output.ts";
import { withProgress } from "../progress.ts";

interface Flags extends JsonFlag {
  readonly system?: string;
  readonly measure?: boolean;
}

/** Everything that is quoted, in the order in which it is printed. */
export const publishedResults: readonly Published[] = [...autoaneResults, ...otherResults];

/** The model that AutoANE's own figures are of. */
const MEASURED_MODEL = "autoresearch";

export const command = {
  examples: ["anec bench --published", "anec bench --published --system AutoANE --measure"],

  define(c: Command): void {
    c.option("--system <name>", "only what this system has published").option(
      "--measure",
      `also measure a step of ${MEASURED_MODEL} on this machine, and print it apart`,
    );
    jsonFlag(c);
  },

  run({ io, flags }: Call<Flags>): number {
    const systems = [...new Set(publishedResults.map((r) => r.system))];
    const system = flags.system === undefined ? undefined : known("system", flags.system, systems);
    const chosen = publishedResults.filter((r) => system === undefined || r.system === system);
    const measured = flags.measure === true ? measure(io.err) : undefined;
    if (flags.json === true) {
      io.out.write(jsonLine({ published: chosen, corrections, ...(measured ? { measured } : {}) }));
      return EXIT.ok;
    }
    io.out.write(
      wrapped("Published by others, on their machines. None of it was measured by anec."),
    );
    for (const [title, results] of byOrigin(chosen))
      io.out.write(`\n${title}\n${tableOf(results)}`);
    io.out.write("\nWhere a publication and its own logs or code disagree\n");
    for (const { source, says, is } of corrections) {
      io.out.write(`\n${wrapped(`${source} says: ${says}.`)}${wrapped(`But ${is}`)}`);
    }
    if (measured !== undefined) {
      const { model, msPerStep, machine } = measured;
      io.out.write(
        `\nMeasured now, on this machine: ${machine}\n` +
          table([[model, `${msPerStep.toFixed(1)} ms/step`]]),
      );
    }
    return EXIT.ok;
  },
};

function byOrigin(results: readonly Published[]): Map<string, Published[]> {
  const groups = new Map<string, Published[]>();
  for (const result of results) {
    const title = `${result.system}, ${result.chip} (${result.source})`;
    groups.set(title, [...(groups.get(title) ?? []), result]);
  }
  return groups;
}

/** A column for each figure that one of the results has. */
function tableOf(results: readonly Published[]): string {
  const figures = (Object.keys(FIGURES) as Figure[]).filter((figure) =>
    results.some((r) => r.figures[figure] !== undefined),
  );
  const rows = results.map((r) => [
    r.what,
    ...figures.map((figure) => figureText(r.figures[figure])),
    r.note ?? "",
  ]);
  return table(rows, {
    head: ["", ...figures.map((figure) => FIGURES[figure])],
    right: figures.map((_, i) => i + 1),
  });
}

function figureText(value: Published["figures"][Figure]): string {
  if (value === undefined) return "";
  const text = (n: number): string => (n >= 10_000 && Number.isInteger(n) ? grouped(n) : String(n));
  return typeof value === "number" ? text(value) : value.map(text).join("–");
}

function measure(progress: Sink) {
  const source = openSource(MEASURED_MODEL);
  const model = trainingWorkload({ source, overrides: {} });
  const { report } = withProgress(progress, stepText, (onProgress) =>
    measureStep({ ...{ model, device: {}, accum: 10, steps: 2 }, onProgress }),
  );
  const { threads, blas, msPerMicroStep: msPerStep } = report;
  const processor = cpus()[0]?.model ?? "an unknown processor";
  return {
    model: MEASURED_MODEL,
    msPerStep,
    machine: `${processor}, ${threads} threads, ${blas} products`,
  };
}
