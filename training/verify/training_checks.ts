/**
 * Checks that train: the checkpoint's model from random weights, on the data or on made-up tokens with a rule.
 *
 * The model keeps its blocks, but has at most two of them and windows of at most 64 tokens, so that the checks of a
 * large one take seconds too.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leafName } from "../../compiler/ir/graph.ts";
import { type TokenData, valStartOf } from "../data/token_file.ts";
import { zerothSettings } from "../mezo/options.ts";
import { movedParams } from "../mezo/order.ts";
import { type ModelChoice, parametersOf, readModel, trainedBytes } from "../model.ts";
import type { TrainSettings } from "../options.ts";
import { createRandom } from "../random.ts";
import type { Trainer, TrainerOptions } from "../trainer_types.ts";
import { type Check, judged, type Outcome, skip } from "./check.ts";
import { withOpened } from "./file_checks.ts";
import type { Opened, Subject } from "./subject.ts";
import type { Tools } from "./tools.ts";

const MOST_LAYERS = 2;
const MOST_WINDOW = 64;
/** As the tests of AutoANE train. */
const SETTINGS: Partial<TrainSettings> = {
  accum: 7,
  warmup: 10,
  lr: 4e-4,
  clip: 1,
  valEvery: 0,
  seed: 42,
};
const MEZO = zerothSettings({ method: "mezo", epsilon: 1e-3 }, { lr: 1e-5, seed: 42, valEvery: 0 });
const MEZO_STEPS = 200;
/** Tokens that its windows are drawn from: each step goes over all rows of the table four times. */
const MEZO_TOKENS = 16_384;

/** The model that the checks train: smaller, but made of the same layers, for the same ids. */
function modelFor({ checkpoint, model }: Opened): ModelChoice {
  const { source, entry, overrides } = checkpoint.model;
  const { dim: table, full } = checkpoint.vocabulary;
  const { dims } = model.elaborated;
  const smaller: Record<string, number> = table === null ? {} : { [table]: full };
  for (const [dim, most] of [
    ["L", MOST_LAYERS],
    ["S", MOST_WINDOW],
  ] as const) {
    const size = dims.get(dim);
    if (size !== undefined && size > most) smaller[dim] = most;
  }
  return { source, entry, overrides: { ...overrides, ...smaller } };
}

/**
 * The tokens of the data, the first `most` of them; or 4,000 made-up ones: each is 7 more than the one before, or
 * any now and then.
 */
function tokensFor({ data }: Subject, { checkpoint }: Opened, most = Infinity): TokenData {
  const { full } = checkpoint.vocabulary;
  if (data !== null) {
    const { path } = data;
    const tokens = data.tokens.subarray(0, Math.min(most, data.tokens.length));
    const valStart = valStartOf(tokens.length);
    const valTokens = tokens.length - valStart;
    const none = { tokenizer: undefined, bytesPerToken: undefined };
    return { path, tokens, valStart, trainTokens: valStart, valTokens, vocabulary: full, ...none };
  }
  const ids = Math.min(full, 64);
  const random = createRandom(1);
  const tokens = new Uint16Array(4000);
  for (let i = 1; i < tokens.length; i++) {
    const isAny = random.drand48() < 0.2;
    tokens[i] = isAny ? random.uniformIndex(ids) : (tokens[i - 1]! + 7) % ids;
  }
  const valStart = valStartOf(tokens.length);
  return {
    ...{ path: "made-up tokens", tokens, valStart, trainTokens: valStart, vocabulary: full },
    ...{ valTokens: tokens.length - valStart, tokenizer: undefined, bytesPerToken: undefined },
  };
}

function optionsFor(
  subject: Subject,
  opened: Opened,
  settings: Partial<TrainSettings>,
): TrainerOptions {
  const data = tokensFor(subject, opened);
  return {
    ...{ ...modelFor(opened), data, dataName: data.path, device: subject.device },
    settings: { ...SETTINGS, ...settings },
  };
}

/** A run of MeZO; its windows are drawn from the first `most` tokens. */
function mezoOptions(
  subject: Subject,
  opened: Opened,
  steps: number,
  most = Infinity,
): TrainerOptions {
  const data = tokensFor(subject, opened, most);
  const { device } = subject;
  const settings = { ...MEZO, steps };
  return { ...modelFor(opened), data, dataName: data.path, device, settings };
}

/** Opens a trainer for `work`, and closes it. */
function withTrainer<T>(trainer: Trainer, work: (trainer: Trainer) => T): T {
  try {
    return work(trainer);
  } finally {
    trainer.close();
  }
}

type Run = (subject: Subject, opened: Opened, tools: Tools) => Outcome;

const trained =
  (run: Run): Check["run"] =>
  (subject, tools) =>
    withOpened(subject, (opened) => run(subject, opened, tools));

/** An untrained model knows nothing: its loss is near ln(rows), as 9.0 to 10.5 is to ln 16,893 = 9.73. */
function isUntrained(loss: number, rows: number): boolean {
  return loss > 0.92 * Math.log(rows) && loss < 1.08 * Math.log(rows);
}

const near = (loss: number, rows: number): string =>
  `${loss.toFixed(4)}, ln ${rows} is ${Math.log(rows).toFixed(4)}`;

export const trainingChecks: readonly Check[] = [
  {
    name: "train_builds",
    shows: "the model can be trained: its programs are built and its parameters fit the checkpoint",
    run: trained((subject, opened, { createTrainer }) =>
      withTrainer(createTrainer(optionsFor(subject, opened, { steps: 1 })), (trainer) => {
        const own = new Set(opened.model.graph.params.map(leafName));
        const foreign = trainer.model.graph.params.map(leafName).find((path) => !own.has(path));
        return judged(
          foreign === undefined,
          `${trainer.parameters} parameters in the model that is trained`,
        );
      }),
    ),
  },
  {
    name: "train_first_loss",
    shows: "with random weights the loss is that of guessing",
    run: trained((subject, opened, { createTrainer }) =>
      withTrainer(createTrainer(optionsFor(subject, opened, { steps: 7 })), (trainer) => {
        const { loss } = trainer.step();
        return judged(
          isUntrained(loss, trainer.vocabulary.size),
          near(loss, trainer.vocabulary.size),
        );
      }),
    ),
  },
  {
    name: "train_seeds",
    shows: "another seed gives another loss, the same seed the same",
    run: trained((subject, opened, { createTrainer }) => {
      const [a, again, b] = [42, 42, 123].map((seed) =>
        withTrainer(
          createTrainer(optionsFor(subject, opened, { steps: 7, seed })),
          (trainer) => trainer.step().loss,
        ),
      );
      return judged(a === again && a !== b, `seed 42: ${a} and ${again}, seed 123: ${b}`);
    }),
  },
  {
    name: "train_learns",
    shows: "14 steps lower the loss of fixed windows",
    run: trained((subject, opened, { createTrainer }) =>
      withTrainer(createTrainer(optionsFor(subject, opened, { steps: 14 })), (trainer) => {
        const before = trainer.validate();
        while (!trainer.done) trainer.step();
        const after = trainer.validate();
        return judged(after < before, `${before.toFixed(6)} before, ${after.toFixed(6)} after`);
      }),
    ),
  },
  {
    name: "train_resumes",
    shows: "a run that is saved, read and resumed has the bits of one that never stopped",
    run: trained(resumes),
  },
  {
    name: "train_engine",
    shows: "the engine's first loss is that of the processor, to 2 %",
    run: trained((subject, opened, { createTrainer }) => {
      const { engine } = subject;
      if (engine === null) return skip("no engine was asked for: `--device`");
      const options = optionsFor(subject, opened, { steps: 7 });
      const { device, choice } = engine;
      const ours = withTrainer(createTrainer(options), (t) => t.step().loss);
      const theirs = withTrainer(
        createTrainer({ ...options, device, engine: choice, fallback: false }),
        (t) => t.step().loss,
      );
      return judged(
        Math.abs(theirs / ours - 1) < 0.02,
        `${theirs} on the engine, ${ours} on the cpu`,
      );
    }),
  },
  {
    name: "train_gradient",
    shows: "the norm of the gradient is above 0 and below 1,000 at every update of 20 steps",
    run: trained((subject, opened, { createTrainer }) =>
      withTrainer(
        createTrainer(optionsFor(subject, opened, { steps: 20, accum: 10 })),
        (trainer) => {
          const norms: number[] = [];
          while (!trainer.done) {
            const { update } = trainer.step();
            if (update !== undefined) norms.push(update.gradNorm);
          }
          const isRight = norms.length === 2 && norms.every((n) => n > 0 && n < 1000);
          return judged(isRight, norms.map((n) => n.toPrecision(4)).join(", "));
        },
      ),
    ),
  },
  {
    name: "train_memory",
    shows: "weights, gradients and moments fit into 64 GB",
    run: trained((_subject, { model }) => {
      const count = parametersOf(model.graph);
      const gigabytes = trainedBytes(model.graph) / 1e9;
      return judged(gigabytes < 64, `${gigabytes.toFixed(3)} GB for ${count} parameters`);
    }),
  },
  {
    name: "mezo_builds",
    shows: "the forward pass alone is built, without room for gradients or moments",
    run: trained((_subject, opened, { mezoPlan }) => {
      const { graph } = readModel(modelFor(opened));
      const { buffers } = mezoPlan({ graph, moved: movedParams(graph) }).plan;
      const extra = buffers.find(({ name }) => /^(grad|adam)\./.test(name));
      return judged(extra === undefined, extra?.name ?? `${buffers.length} buffers`);
    }),
  },
  {
    name: "mezo_first_loss",
    shows:
      "in 7 steps of MeZO from random weights the losses are finite, and the first is that of guessing",
    run: trained((subject, opened, { createTrainer }) =>
      withTrainer(createTrainer(mezoOptions(subject, opened, 7)), (trainer) => {
        const { size } = trainer.vocabulary;
        const losses = Array.from({ length: 7 }, () => trainer.step().loss);
        const areFinite = losses.every((loss) => Number.isFinite(loss));
        return judged(areFinite && isUntrained(losses[0]!, size), near(losses[0]!, size));
      }),
    ),
  },
  {
    name: "mezo_stays",
    shows: `in ${MEZO_STEPS} steps of MeZO the loss stays below twice the first, and depends on the weights to the end`,
    run: trained((subject, opened, { createTrainer }) => {
      const options = mezoOptions(subject, opened, MEZO_STEPS, MEZO_TOKENS);
      return withTrainer(createTrainer(options), (trainer) => {
        const steps = Array.from({ length: MEZO_STEPS }, () => trainer.step());
        const [first, last] = [steps[0]!, steps[steps.length - 1]!];
        // Weights that overflow make a loss of guessing again, with nothing behind it.
        const worst = Math.max(...steps.map((s) => s.loss));
        const isRight = worst < 2 * first.loss && last.update!.gradNorm > 0;
        const numbers = [first, last].map((s) => s.loss.toFixed(4));
        return judged(isRight, `${numbers.join(", then ")}; at most ${worst.toFixed(4)}`);
      });
    }),
  },
  {
    name: "mezo_engine",
    shows: "the engine's loss of perturbed weights is that of guessing",
    run: trained((subject, opened, { createTrainer }) => {
      const { engine } = subject;
      if (engine === null) return skip("no engine was asked for: `--device`");
      const options = mezoOptions(subject, opened, 7);
      const { device, choice } = engine;
      const onEngine = createTrainer({ ...options, device, engine: choice, fallback: false });
      return withTrainer(onEngine, (trainer) => {
        const { loss } = trainer.step();
        const { size } = trainer.vocabulary;
        return judged(isUntrained(loss, size), near(loss, size));
      });
    }),
  },
];

/** 7 steps, a checkpoint, 7 more; and 14 without a stop. Every parameter is compared. */
function resumes(subject: Subject, opened: Opened, tools: Tools): Outcome {
  const options = optionsFor(subject, opened, { steps: 14 });
  const folder = mkdtempSync(join(tmpdir(), "anec-verify-"));
  try {
    const path = join(folder, "run.ckpt");
    withTrainer(tools.createTrainer(options), (trainer) => {
      for (let i = 0; i < 7; i++) trainer.step();
      trainer.save(path);
    });
    const { data, device = {} } = options;
    const checkpoint = tools.readCheckpoint(path);
    const [halves, whole] = [
      tools.resumeTrainer({ checkpoint, data, device }),
      tools.createTrainer(options),
    ].map((each) =>
      withTrainer(each, (trainer) => {
        while (!trainer.done) trainer.step();
        return trainer.model.graph.params.map((p) => trainer.param(leafName(p)).slice());
      }),
    ) as [Float32Array[], Float32Array[]];
    const count = halves.reduce(
      (n, values, k) => n + values.filter((value, i) => !Object.is(value, whole[k]![i])).length,
      0,
    );
    return judged(count === 0, count === 0 ? "bit for bit" : `${count} parameters differ`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
