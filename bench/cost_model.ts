/**
 * The cost model against every published measurement.
 *
 *     npm run build && node dist/bench/cost_model.js [--constants]
 *
 * Half of the rows, by the hash of their names, fit the constants; the error on the other half is what
 * the model is worth. `--constants` prints the fitted constants as `compiler/target/cost_constants.ts`
 * has them.
 */
import { CHIP_NAMES } from "../compiler/target/chip_names.ts";
import { type Fitted, fitConstants } from "./fit_cost.ts";
import { opRows } from "./published/ops.ts";
import { outsideRows, programRows } from "./published/programs.ts";
import { isSeen, type Row } from "./published/row.ts";
import { stepRows } from "./published/steps.ts";

/** Every row, single programs first. */
export const publishedRows: readonly Row[] = [...opRows, ...programRows, ...stepRows];

export interface Scored {
  readonly row: Row;
  readonly predicted: number;
  /** How many times too slow or too fast, at least 1. */
  readonly factor: number;
  readonly seen: boolean;
}

/** Each row with the model's prediction. */
export function scoreRows(rows: readonly Row[], { chips, shared }: Fitted): Scored[] {
  return rows.map((row) => {
    const predicted = row.predict({ chip: chips[row.chip], shared });
    const factor = Math.max(predicted / row.ms, row.ms / predicted);
    return { row, predicted, factor, seen: isSeen(row) };
  });
}

export interface Summary {
  readonly rows: number;
  readonly median: number;
  /** Nine rows of ten are at most this far off. */
  readonly ninth: number;
  readonly worst: Scored;
}

/** Median and worst factor of some rows. */
export function summarise(scored: readonly Scored[]): Summary {
  const sorted = [...scored].sort((a, b) => a.factor - b.factor);
  const at = (share: number): Scored =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const middle = (at(0.5).factor + sorted[Math.ceil(sorted.length / 2) - 1]!.factor) / 2;
  return { rows: sorted.length, median: middle, ninth: at(0.9).factor, worst: sorted.at(-1)! };
}

/** "+12 %", "−40 %": how far a prediction is from what was published. */
function percent({ predicted, row }: Scored): string {
  const off = 100 * (predicted / row.ms - 1);
  return `${off < 0 ? "−" : "+"}${Math.abs(off).toFixed(0)} %`;
}

function line(s: Scored): string {
  const cells = [
    s.row.id.padEnd(40),
    s.row.chip.padEnd(9),
    s.row.ms.toPrecision(3).padStart(8),
    s.predicted.toPrecision(3).padStart(8),
    percent(s).padStart(8),
    s.seen ? "fit   " : "unseen",
    s.row.source + (s.row.assumes === undefined ? "" : ` (assumed: ${s.row.assumes})`),
  ];
  return cells.join("  ");
}

function summaryLine(name: string, scored: readonly Scored[]): string {
  const { rows, median, ninth, worst } = summarise(scored);
  return (
    `${name.padEnd(30)} ${String(rows).padStart(4)} rows  median ${median.toFixed(2)}×  ` +
    `nine of ten within ${ninth.toFixed(2)}×  worst ${worst.factor.toFixed(2)}× (${worst.row.id})`
  );
}

/** The fitted constants as TypeScript. */
export function constantsText({ chips, shared, borrowed }: Fitted): string {
  const object = (values: object): string =>
    Object.entries(values)
      .map(([key, value]) => `${key}: ${value}`)
      .join(", ");
  const perChip = CHIP_NAMES.map((name) => `  ${name}: { ${object(chips[name])} },`);
  const all = Object.entries(shared).map(([key, value]) => `  ${key}: ${value},`);
  const taken = Object.entries(borrowed).map(([chip, from]) => `  ${chip}: "${from}",`);
  return [
    `export const CHIP_CONSTANTS: Readonly<Record<ChipName, ChipConstants>> = {\n${perChip.join("\n")}\n};\n`,
    `export const SHARED_CONSTANTS: SharedConstants = {\n${all.join("\n")}\n};\n`,
    `/** Chips without a measurement in that half, and whose constants they have. */`,
    `export const BORROWED: Readonly<Partial<Record<ChipName, ChipName>>> = {\n${taken.join("\n")}\n};\n`,
  ].join("\n");
}

function main(): void {
  const fitted = fitConstants(publishedRows.filter(isSeen));
  if (process.argv.includes("--constants")) {
    process.stdout.write(constantsText(fitted));
    return;
  }
  const scored = scoreRows(publishedRows, fitted);
  const groups: readonly (readonly [string, readonly Row[]])[] = [
    ["single programs", opRows],
    ["programs of layers", programRows],
    ["training steps", stepRows],
  ];
  const of = (rows: readonly Row[]): Scored[] => scored.filter((s) => rows.includes(s.row));
  const lines = [
    `${"row".padEnd(40)}  chip       published predicted    error`,
    ...scored.map(line),
    "",
    "not compared",
    ...outsideRows.map(
      (o) => `  ${o.id.padEnd(22)} ${o.published.padEnd(20)} ${o.source}: ${o.reason}`,
    ),
    "",
    ...groups.flatMap(([name, rows]) => [
      summaryLine(
        `${name}, unseen`,
        of(rows).filter((s) => !s.seen),
      ),
    ]),
    summaryLine(
      "all, seen by the fit",
      scored.filter((s) => s.seen),
    ),
    summaryLine(
      "all, unseen",
      scored.filter((s) => !s.seen),
    ),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

if (process.argv[1]?.endsWith("cost_model.js") === true) main();
