/** AutoANE's `train`: its defaults, initial values, schedule by micro-step, and validation windows. */
import { autoaneValidationWindows } from "../data/windows.ts";
import { initialiseAutoane } from "../initialise_autoane.ts";
import type { Compat } from "./compat.ts";

export const autoane = {
  name: "autoane",
  doc: "AutoANE's `train`",
  settings: {
    ...{ steps: 10_000, accum: 10, warmup: 100, clock: "micro_steps", valEvery: 100 },
    ...{ optimizer: "adamw", beta1: 0.9, beta2: 0.95, wd: 0.1, wdEmbed: 1, wdNorm: 0 },
    ...{ lr: 3e-4, schedule: "cosine", minLr: 0.1, clip: 1, lossScale: 256, adaptiveWindow: 5 },
  },
  initialise: initialiseAutoane,
  validationWindows: ({ step, valStart, valTokens, S }) =>
    autoaneValidationWindows(step, valStart, valTokens, S),
  dividesByFullGroup: true,
  choices: [
    {
      what: "initial values",
      theirs: "one `drand48` stream, layer by layer; W1, W3 and W2 with each other's fan-in",
      source: "train.m, lines 379 to 394",
    },
    {
      what: "training windows",
      theirs: "one draw of `drand48` for each micro-step",
      source: "train.m, the training loop",
    },
    {
      what: "validation",
      theirs: "10 windows every 100 micro-steps, other ones at each step",
      source: "train.m, the training loop",
    },
    {
      what: "gradient",
      theirs: "the sum of a group divided by `--accum`, also where the last group is short",
      source: "train.m, the update",
    },
    {
      what: "optimizer",
      theirs:
        "AdamW, β 0.9 and 0.95, ε 1e-8; decay 0.1 of matrices and the embedding, none of norms",
      source: "train.m, the update; cpu_ops.h",
    },
    {
      what: "learning rate",
      theirs:
        "3e-4, 100 micro-steps of warm-up, a cosine to a tenth, at the index of the micro-step",
      source: "train.m, the update",
    },
    { what: "clipping", theirs: "global norm 1", source: "train.m, the update" },
    {
      what: "scale of the loss",
      theirs: "256; here on the engine alone, as a power of two changes no bit in fp32",
      source: "train.m, `--scale`",
    },
    { what: "length", theirs: "10,000 micro-steps", source: "train.m, `--steps`" },
  ],
  leftOut: [
    "Checkpoints are written whatever the loss of the last window was, and at the end.",
    "A group that is open when the time is up is applied, not dropped.",
    "A gradient that overflows on the engine halves the scale of the loss, and its group makes no update.",
    "`--resume` takes the steps and rates of the command line.",
  ],
} as const satisfies Compat;
