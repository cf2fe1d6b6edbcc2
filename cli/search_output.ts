/** What `anec search` prints. */
import { metricOf } from "../training/search/program_page.ts";
import {
  bestOf,
  type ExperimentRecord,
  lossOf,
  type RunRecord,
  type SearchSettings,
} from "../training/search/record.ts";
import type { Io } from "./io.ts";
import {
  count,
  counted,
  durationText,
  grouped,
  jsonLine,
  pairs,
  shellWord,
  table,
} from "./output.ts";
import { progressLine } from "./progress.ts";

export interface SearchReporter {
  start(): void;
  run(run: RunRecord): void;
  record(record: ExperimentRecord): void;
  finish(records: readonly ExperimentRecord[]): void;
  stopping(): void;
  /** Removes the live line. */
  end(): void;
}

export interface SearchReporterOptions {
  readonly io: Io;
  readonly json: boolean;
  readonly settings: SearchSettings;
  readonly folder: string;
  readonly workers: number;
  /** Experiments that were there before. */
  readonly before: number;
}

export function searchReporter(options: SearchReporterOptions): SearchReporter {
  const { io, json, settings, folder, before } = options;
  const line = progressLine(io.out);
  const say = (value: object): void => io.out.write(jsonLine(value));
  let experiment = before;
  return {
    start: () => {
      if (json) say({ event: "start", folder, settings, records: before });
      else io.out.write(header(options));
    },
    run: (run) => {
      if (json) say({ event: "run", ...run });
      else {
        const what = run.loss === null ? (run.error ?? "failed") : run.loss.toFixed(4);
        const text = `experiment ${experiment}, seed ${run.seed}: ${what}`;
        line.update(text, experiment - before, settings.experiments + 1 - before);
      }
    },
    record: (record) => {
      experiment = record.experiment + 1;
      if (json) say({ event: "experiment", ...record });
      else line.print(recordText(record));
    },
    finish: (records) => {
      line.end();
      const best = bestOf(records);
      if (json) say({ event: "end", experiments: records.length - 1, best: best ?? null });
      else
        io.out.write(
          `\n${bestText(settings, records)}\n  anec search --summary ${shellWord(folder)}\n`,
        );
    },
    stopping: () => {
      line.end();
      io.err.write(`stopped; go on with\n\n  anec search --resume --out ${shellWord(folder)}\n`);
    },
    end: line.end,
  };
}

function header({ settings, folder, workers, before }: SearchReporterOptions): string {
  const { model, data, protocol, budget, gate, strategy, experiments, space } = settings;
  const amount =
    budget.steps === null ? durationText(budget.seconds!) : count(budget.steps, "step");
  const seeds = `${count(gate.seeds, "seed")}, confidence ${gate.confidence}`;
  return `${pairs([
    ["model", `${model.entry} of ${model.path}`],
    ["data", data.name],
    ["compares", `${metricOf(protocol)} after ${amount} of training, ${seeds}`],
    ["changes", space.map((axis) => axis.name).join(", ")],
    ["search", `${strategy}, ${count(experiments, "experiment")}, ${count(workers, "worker")}`],
    ...(before === 0 ? [] : [["resumed", `after ${count(before - 1, "experiment")}`] as const]),
    ["to", folder],
  ])}\n`;
}

function recordText(record: ExperimentRecord): string {
  const { experiment, status, change, reason } = record;
  const loss = lossOf(record);
  const number = String(experiment).padStart(4);
  const shown = loss === null ? "" : loss.toFixed(4);
  const what = change === "" ? "no change" : change;
  return `${number}  ${status.padEnd(7)}  ${shown.padEnd(7)}  ${what}: ${reason}`;
}

/** The best configuration, and what it gained. */
function bestText(settings: SearchSettings, records: readonly ExperimentRecord[]): string {
  const best = bestOf(records);
  if (best === undefined) return "nothing was measured yet\n";
  const tried = records.length - 1;
  const kept = records.filter((r) => r.status === "keep").length - 1;
  const found = records[best.experiment]!;
  const loss = lossOf(found)!.toFixed(4);
  const metric = metricOf(settings.protocol);
  const words =
    kept === 0
      ? `the model as it is stays the best: ${metric} ${loss}`
      : // Losses of other seeds do not compare; the reason says what was gained on the same ones.
        `experiment ${best.experiment} is the best: ${metric} ${loss}, ${found.reason}`;
  const config = Object.entries(best.config).map(([name, value]) => `${name}=${value}`);
  return `${counted(tried, "experiment", "experiments")}, ${grouped(kept)} kept; ${words}\n  ${config.join(" ")}\n`;
}

/** All experiments as a table, and the best. */
export function summaryText(
  settings: SearchSettings,
  records: readonly ExperimentRecord[],
  page: string,
): string {
  const rows = records.map((record) => {
    const loss = lossOf(record);
    return [
      String(record.experiment),
      loss === null ? "" : loss.toFixed(4),
      record.status,
      String(record.runs.length),
      record.change,
      record.reason,
    ];
  });
  const head = ["", metricOf(settings.protocol), "status", "runs", "change", "why"];
  const list = table(rows, { head, right: [0, 1, 3] });
  return `${list}\n${bestText(settings, records)}\n  drawn in ${page}\n`;
}
