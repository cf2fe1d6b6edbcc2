/**
 * The cost of a token against sequence length, layers and width: how far the number of FLOPs explains
 * the time.
 */
import { table } from "../cli/output.ts";
import { type Numbers, runJson } from "./processes.ts";

export interface ScalingRow {
  readonly name: string;
  readonly gflopPerToken: number;
  readonly microsecondsPerToken: number;
  readonly fractionOfFmaPeak: number;
  /** Time per FLOP against that of the model as it is, both as shares of the peak beside them. */
  readonly timePerFlop: number;
}

const variants: readonly (readonly [name: string, define: readonly string[]])[] = [
  ["as it is: S 128, L 4, D 512", []],
  ["S 256", ["S=256"]],
  ["S 512", ["S=512"]],
  ["S 1024", ["S=1024"]],
  ["L 2", ["L=2"]],
  ["L 8", ["L=8"]],
  ["L 24", ["L=24"]],
  ["D 256", ["D=256", "H=4", "K=1", "F=704"]],
  ["D 1024", ["D=1024", "H=16", "K=4", "F=2816"]],
  ["D 1536", ["D=1536", "H=24", "K=6", "F=4224"]],
];

/** The best of these counts: in the others, the two processors may have been of two caches. */
const PROCESSES = 2;

const share = (r: Numbers): number => Number(r["fractionOfFmaPeak"]);

export function measureScaling(): { readonly rows: readonly ScalingRow[]; readonly text: string } {
  const rows: ScalingRow[] = [];
  for (const [name, define] of variants) {
    const flags = define.flatMap((d) => ["-D", d]);
    const [r] = Array.from({ length: PROCESSES }, () =>
      runJson(["bench", "step", "--steps", "2", "--accum", "4", ...flags]),
    ).sort((a, b) => share(b) - share(a)) as [Numbers, ...Numbers[]];
    const fraction = share(r);
    rows.push({
      name,
      gflopPerToken: Number(r["gflopPerMicroStep"]) / Number(r["tokensPerMicroStep"]),
      microsecondsPerToken: 1e6 / Number(r["tokensPerSecond"]),
      fractionOfFmaPeak: fraction,
      timePerFlop: (rows[0]?.fractionOfFmaPeak ?? fraction) / fraction,
    });
  }
  const cells = rows.map((r) => [
    r.name,
    r.gflopPerToken.toFixed(4),
    r.microsecondsPerToken.toFixed(0),
    r.fractionOfFmaPeak.toFixed(3),
    r.timePerFlop.toFixed(2),
  ]);
  const head = ["autoresearch", "GFLOP a token", "µs a token", "of the peak", "time per FLOP"];
  return { rows, text: table(cells, { head, right: [1, 2, 3, 4] }) };
}
