/**
 * What the engine's arithmetic costs a small model in loss, and what two defects of published kernels do.
 *
 *     ANEC_EMULATOR=numerics=exact node dist/bench/fp16_gap.js [--updates 500] [--seeds 4]
 *         [--fusion layer] [--keys 2] [--theta 100000] [--variants cpu,scaled,b1]
 *
 * Each variant trains the same model on the same windows from the same parameters, once for each seed:
 *
 *   cpu            fp32 on the processor
 *   cpu_rounded    as `cpu`, but for parameters that start rounded to fp16: how far runs drift apart that
 *                  nothing but rounding tells apart
 *   scaled         the engine, with scales around its products and on the loss
 *   unscaled       the engine, without any
 *   unscaled_1024  the engine, with a loss scale of 1,024 and none around products
 *   b1             as `scaled`; the forward's query head j reads key and value head j mod K, where its
 *                  gradient and validation have ⌊j / (H/K)⌋
 *   b2             as `scaled`; the forward turns by theta 10,000, where its gradient and validation have the
 *                  model's
 *   published      b1, b2 and unscaled_1024 at once
 *
 * Validation is the processor's, in fp32 and without defects, as it was where they were published. As
 * there too, gradients read what the forward kept: q and k as it turned them, the output it made.
 */
import { parseArgs } from "node:util";
import { type Graph, leafName, nodesOf, rebuild } from "../compiler/ir/graph.ts";
import { makeNode, type Node, originOf, withOrigin } from "../compiler/ir/node.ts";
import { apply } from "../compiler/ops/define.ts";
import { joinOp } from "../compiler/ops/join.ts";
import { roundToHalf } from "../compiler/support/half.ts";
import { loadModel } from "../dsl/index.ts";
import type { Scales } from "../training/calibrate.ts";
import { openData } from "../training/data/open_data.ts";
import type { TokenData } from "../training/data/token_file.ts";
import type { EngineChoice } from "../training/engine_programs.ts";
import { createTrainer, type Trainer } from "../training/trainer.ts";

const WRONG_THETA = 10_000;
/** Updates whose mean is the loss of training. */
const COUNTED = 50;

type Rewrite = (trained: Graph) => Graph;

/** Replaces nodes that the loss depends on; gradients read the replacements but keep their own ops. */
function replaceForward(graph: Graph, replace: (node: Node) => Node | undefined): Graph {
  const replacements = new Map<Node, Node>();
  for (const node of nodesOf({ ...graph, outputs: graph.outputs.slice(0, 1) })) {
    const next = withOrigin(node.scope, originOf(node), () => replace(node));
    if (next !== undefined) replacements.set(node, next);
  }
  return rebuild(graph, replacements);
}

/** Keys and values repeated as k₀ k₁ k₀ k₁, where the model has k₀ k₀ k₁ k₁. */
const otherHeads: Rewrite = (trained) =>
  replaceForward(trained, (node) => {
    if (node.op.name !== "attention") return undefined;
    const [q, k, v] = node.inputs as readonly [Node, Node, Node];
    const times = q.type.shape[0]!.size / k.type.shape[0]!.size;
    const tiled = (x: Node): Node => apply(joinOp, Array<Node>(times).fill(x), { axis: 0 });
    return makeNode(node.scope, node.op, [q, tiled(k), tiled(v)], node.attrs);
  });

const otherTheta: Rewrite = (trained) =>
  replaceForward(trained, (node) =>
    node.op.name === "rope"
      ? makeNode(node.scope, node.op, node.inputs, { ...node.attrs, theta: WRONG_THETA })
      : undefined,
  );

const UNSCALED: Scales = { lossScale: 1, programs: new Map() };
const LOSS_SCALED: Scales = { ...UNSCALED, lossScale: 1024 };

interface Variant {
  /** On the engine; else on the processor. */
  readonly engine: boolean;
  readonly rounded?: boolean;
  readonly scales?: Scales;
  readonly rewrite?: Rewrite;
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  cpu: { engine: false },
  cpu_rounded: { engine: false, rounded: true },
  scaled: { engine: true },
  unscaled: { engine: true, scales: UNSCALED },
  unscaled_1024: { engine: true, scales: LOSS_SCALED },
  b1: { engine: true, rewrite: otherHeads },
  b2: { engine: true, rewrite: otherTheta },
  published: {
    engine: true,
    scales: LOSS_SCALED,
    rewrite: (trained) => otherTheta(otherHeads(trained)),
  },
};

interface Run {
  readonly seed: number;
  readonly updates: number;
  /** Key heads of the model, which has 4 query heads; and its theta. */
  readonly keys: number;
  readonly theta: number;
  readonly fusion: EngineChoice["fusion"];
}

function start(data: TokenData, variant: Variant, run: Run): Trainer {
  const { engine, rewrite, scales } = variant;
  const { seed, updates, keys, theta, fusion } = run;
  const choice = { fusion, ane: "full", ...(rewrite === undefined ? {} : { rewrite }) } as const;
  const trainer = createTrainer({
    source: loadModel("tiny"),
    overrides: { K: keys, rope_theta: theta },
    data,
    dataName: "builtin:stories",
    settings: { steps: updates, accum: 1, lr: 1e-3, seed },
    ...(engine ? { engine: choice, device: { engine: { kind: "emulator" } } } : {}),
    ...(scales === undefined ? {} : { scales }),
  });
  if (variant.rounded !== true) return trainer;
  for (const path of trainer.model.graph.params.map(leafName)) {
    const values = trainer.param(path);
    values.set(values.map(roundToHalf));
  }
  return trainer;
}

/** Losses of one run in nats: the mean of its last updates, and validation. */
interface Losses {
  readonly train: number;
  readonly validation: number;
}

function lossesOf(trainer: Trainer): Losses {
  const losses: number[] = [];
  try {
    while (!trainer.done) losses.push(trainer.step().loss);
    return { train: mean(losses.slice(-COUNTED)), validation: trainer.validate() };
  } finally {
    trainer.close();
  }
}

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

/** Standard deviation of a sample. */
function spread(x: readonly number[]): number {
  const centre = mean(x);
  return Math.sqrt(x.reduce((sum, v) => sum + (v - centre) ** 2, 0) / Math.max(1, x.length - 1));
}

interface Asked extends Omit<Run, "seed"> {
  readonly seeds: number;
  readonly variants: readonly string[];
}

/** Runs the variants and prints a line for each as it is done. The first one is compared with. */
async function compare({ seeds, variants, ...run }: Asked): Promise<void> {
  const data = await openData("builtin:stories");
  const settings = process.env["ANEC_EMULATOR"] ?? "numerics=exact";
  const write = (line: readonly string[]): void => {
    process.stdout.write(`${line[0]!.padEnd(14)}${line.slice(1).join("  ")}\n`);
  };
  process.stdout.write(
    `${run.updates} updates, ${seeds} seeds, ${run.keys} key heads, theta ${run.theta}, ` +
      `fusion ${run.fusion}, ${settings}\n\n`,
  );
  write(["variant", "validation ± spread", "gap to the first ± spread", "training", "gap     "]);
  let first: readonly Losses[] | undefined;
  for (const name of variants) {
    const variant = VARIANTS[name];
    if (variant === undefined) throw new Error(`no variant ${name}`);
    const found = Array.from({ length: seeds }, (_, i) =>
      lossesOf(start(data, variant, { ...run, seed: i + 1 })),
    );
    first ??= found;
    const gaps = (of: keyof Losses): number[] =>
      found.map((losses, i) => 100 * (losses[of] / first![i]![of] - 1));
    const [validation, training] = [found.map((l) => l.validation), found.map((l) => l.train)];
    const gap = gaps("validation");
    write([
      name,
      `${mean(validation).toFixed(4)} ± ${spread(validation).toFixed(4)}`.padStart(19),
      `${signed(mean(gap))} % ± ${spread(gap).toFixed(3)} %`.padStart(25),
      mean(training).toFixed(4).padStart(8),
      `${signed(mean(gaps("train")))} %`.padStart(8),
    ]);
  }
}

const signed = (x: number): string => `${x < 0 ? "" : "+"}${x.toFixed(3)}`;

if (process.argv[1]?.endsWith("fp16_gap.js") === true) {
  const { values } = parseArgs({
    options: {
      updates: { type: "string", default: "500" },
      seeds: { type: "string", default: "4" },
      keys: { type: "string", default: "2" },
      theta: { type: "string", default: "100000" },
      fusion: { type: "string", default: "layer" },
      variants: { type: "string", default: Object.keys(VARIANTS).join() },
    },
  });
  await compare({
    updates: Number(values.updates),
    seeds: Number(values.seeds),
    keys: Number(values.keys),
    theta: Number(values.theta),
    fusion: values.fusion as EngineChoice["fusion"],
    variants: values.variants.split(","),
  });
}
