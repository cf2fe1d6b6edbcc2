/**
 * What scale placement does to gradients on the engine's own arithmetic (`passes/ane/place_scales.ts`).
 *
 *     ANEC_EMULATOR=numerics=exact node dist/bench/scales.js [--updates 40]
 *
 * Trains a small model on the emulator. At every tenth update the processor computes the gradient of
 * the same window with the same parameters in fp32; the table shows the relative error of each
 * parameter's gradient, with the scales that are placed, and at the same parameters without any.
 */
import { leafName } from "../compiler/ir/graph.ts";
import { loadModel } from "../dsl/index.ts";
import type { Scales } from "../training/calibrate.ts";
import { openData } from "../training/data/open_data.ts";
import type { TokenData } from "../training/data/token_file.ts";
import { createTrainer, type Trainer } from "../training/trainer.ts";

const NONE: Scales = { lossScale: 1, programs: new Map() };
const EVERY = 10;

interface Row {
  readonly update: number;
  readonly path: string;
  readonly scaled: number;
  readonly unscaled: number;
}

function start(data: TokenData, updates: number, engine: boolean, scales?: Scales): Trainer {
  return createTrainer({
    source: loadModel("tiny"),
    data,
    dataName: "builtin:stories",
    settings: { steps: updates, accum: 1, lr: 1e-3 },
    ...(engine
      ? { engine: { fusion: "layer", ane: "full" }, device: { engine: { kind: "emulator" } } }
      : {}),
    ...(scales === undefined ? {} : { scales }),
  });
}

function distance(found: Float32Array, expected: Float32Array): number {
  let [difference, size] = [0, 0];
  for (const [i, value] of expected.entries()) {
    difference += (found[i]! - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference / size);
}

/** Errors by parameter at every tenth update of a run. */
export async function measureScales(updates: number): Promise<readonly Row[]> {
  const data = await openData("builtin:stories");
  const scaled = start(data, updates, true);
  const unscaled = start(data, updates, true, NONE);
  const exact = start(data, updates, false);
  const paths = scaled.model.graph.params.map(leafName);
  const rows: Row[] = [];
  for (let update = 0; update < updates; update++) {
    for (const path of paths) {
      exact.param(path).set(scaled.param(path));
      unscaled.param(path).set(scaled.param(path));
    }
    unscaled.restage();
    for (const t of [scaled, unscaled, exact]) t.step();
    if (update % EVERY !== 0) continue;
    for (const path of paths) {
      const expected = exact.gradient(path);
      rows.push({
        update: update + 1,
        path,
        scaled: distance(scaled.gradient(path), expected),
        unscaled: distance(unscaled.gradient(path), expected),
      });
    }
  }
  for (const t of [scaled, unscaled, exact]) t.close();
  return rows;
}

function print(rows: readonly Row[]): void {
  const percent = (x: number): string => `${(100 * x).toFixed(2)} %`.padStart(10);
  const paths = [...new Set(rows.map((r) => r.path))];
  process.stdout.write(`largest error of a gradient over the run, against fp32\n\n`);
  process.stdout.write(`${"parameter".padEnd(28)}    scaled  unscaled\n`);
  for (const path of paths) {
    const own = rows.filter((r) => r.path === path);
    const [a, b] = [Math.max(...own.map((r) => r.scaled)), Math.max(...own.map((r) => r.unscaled))];
    process.stdout.write(`${path.padEnd(28)}${percent(a)}${percent(b)}\n`);
  }
}

if (process.argv[1]?.endsWith("scales.js") === true) {
  const at = process.argv.indexOf("--updates");
  print(await measureScales(at < 0 ? 41 : Number(process.argv[at + 1])));
}
