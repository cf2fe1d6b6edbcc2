/** autoresearch-ANE's `train`: learning rates by group, zero outputs of every block, windows at equal distances. */
import { evenValidationWindows } from "../data/windows.ts";
import { initialiseAutoane } from "../initialise_autoane.ts";
import type { Compat } from "./compat.ts";

export const autoresearchAne = {
  name: "autoresearch-ane",
  doc: "autoresearch-ANE's `train`",
  settings: {
    ...{ steps: 10_000, accum: 10, warmup: 100, clock: "micro_steps", valEvery: 500, seed: 42 },
    ...{ optimizer: "adamw", beta1: 0.9, beta2: 0.95, wd: 0.1, wdEmbed: 0, wdNorm: 0 },
    ...{ lr: 3e-4, lrMatrix: 0.05, lrEmbed: 5, lrNorm: 1, schedule: "cosine", minLr: 0.1, clip: 1 },
  },
  initialise: (graph, options) => initialiseAutoane(graph, options, { outputs: "zero" }),
  validationWindows: ({ valStart, valTokens, S }) =>
    evenValidationWindows(valStart, valTokens, S, 20),
  dividesByFullGroup: true,
  choices: [
    {
      what: "initial values",
      theirs:
        "those of AutoANE, but Wo and W2 of every block are 0; that they take no draws is assumed; seed 42",
      source: "train.m, initial values",
    },
    {
      what: "validation",
      theirs: "20 windows every 500 micro-steps, at equal distances",
      source: "train.m, `--val-interval`, `--val-steps`",
    },
    {
      what: "gradient",
      theirs: "the sum of a group divided by `--accum`, also where the last group is short",
      source: "assumed: as in AutoANE",
    },
    {
      what: "optimizer",
      theirs: "AdamW, β 0.9 and 0.95; decay 0.1 of matrices, none of the embedding and norms",
      source: "train.m, the update",
    },
    {
      what: "learning rate",
      theirs: "3e-4, times 0.05 for matrices, 5 for the embedding, 1 for norms",
      source: "train.m, the update",
    },
    {
      what: "schedule",
      theirs:
        "100 of warm-up; that it is a cosine to a tenth, by the index of the micro-step, is assumed",
      source: "train.m, `--warmup`; the rest as in AutoANE",
    },
    { what: "clipping", theirs: "global norm 1", source: "train.m, `--clip`" },
    { what: "length", theirs: "10,000 micro-steps", source: "train.m, `--steps`" },
  ],
  leftOut: [
    "The soft cap of the logits is an equation of the model, `15 * tanh(logits / 15)`, not of the trainer; " +
      "theirs is there in training and missing in validation.",
    "Its cross entropy adds 1e-10 to the probability, and its gradient of RMSNorm has a factor too many: ours " +
      "are those of the equations.",
  ],
} as const satisfies Compat;
