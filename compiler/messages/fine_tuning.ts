/** Adapters, and training without gradients. */
import { listOf, message } from "./message.ts";

export const noLoraTarget = message(
  "E0940",
  {
    summary: "no weight of the model is a target of adapters",
    explain:
      "Adapters stand beside products with weights, which are chosen by the last part of their paths: `wq` is " +
      "`block.0.attn.wq` and that of every other layer. A weight can have one if it is a matrix on the right " +
      "side of a product. Models with other names than those of the library need `--lora-targets`.",
  },
  (asked: readonly string[], possible: readonly string[]) => ({
    title: `the model has no weight called ${listOf(asked.map((n) => `\`${n}\``))} that could have an adapter`,
    help: [
      possible.length === 0
        ? { text: "none of its weights is the right side of a product" }
        : { text: `it has ${listOf(possible.map((n) => `\`${n}\``))}` },
    ],
  }),
);

export const mezoNeedsOther = message(
  "E0941",
  {
    summary: "a checkpoint was made by another method of training",
    explain:
      "A run by gradients has moments and goes on with them; one without gradients (`--method mezo`, `fzoo`) has " +
      "none. Neither can go on as the other. `--init` starts a new run with the weights of either.",
  },
  (path: string, method: string, asked: string) => ({
    title: `the run of \`${path}\` is one of \`--method ${method}\`, not \`${asked}\``,
    help: [{ text: `to begin a new run with its weights, give \`--init ${path}\`` }],
  }),
);

export const noAdapters = message(
  "E0942",
  {
    summary: "a checkpoint without adapters has none to save",
    explain:
      "`anec adapters` writes what a run with `--lora` has trained into a file of its own. A run that trained every " +
      "weight has no adapters: its checkpoint is the model.",
  },
  (path: string) => ({
    title: `\`${path}\` has no adapters`,
    help: [{ text: "adapters are trained by `anec train --lora RANK`" }],
  }),
);

export const notAdapters = message(
  "E0943",
  {
    summary: "a file of adapters cannot be read as one",
    explain:
      "`--adapters` takes a file of `anec adapters`, or a LoRA sidecar of AutoANE (`…_lora.bin`). The file is neither, " +
      "or it was changed or cut off since it was written.",
  },
  (path: string, what: string) => ({
    title: `\`${path}\` is no file of adapters: ${what}`,
    help: [{ text: "give a file of `anec adapters`, or a LoRA sidecar of AutoANE" }],
  }),
);

export const adaptersStale = message(
  "E0944",
  {
    summary: "adapters were trained beside other weights",
    explain:
      "A file of adapters holds a digest of the weights that were left as they are, and of the hyper-parameters of " +
      "their model. Beside any others the adapters mean nothing, so they are refused: the model was trained further, " +
      "converted with a loss of digits, or is another one.",
  },
  (path: string, model: string, name: string) => ({
    title: `the adapters of \`${path}\` were trained beside other weights than those of \`${model}\``,
    why: `They belong to the weights that the run of \`${name}\` began with, and those were others.`,
    help: [{ text: "give the model that the adapters were trained on (`--init` of that run)" }],
  }),
);

export const adaptersOfNoFile = message(
  "E0945",
  {
    summary: "adapters belong to weights that no file has",
    explain:
      "A checkpoint of AutoANE beside a LoRA sidecar holds W + B·A. A run that goes on with both takes B·A away first, " +
      "and trains adapters beside what is left; that W is in no file but the checkpoint of the run. Adapters in a file of " +
      "their own would fit no model, so they are not written. The checkpoint has everything: convert it, or go on with it.",
  },
  (path: string) => ({
    title: `the adapters of \`${path}\` belong to weights that are in no other file`,
    why: "The run began with a checkpoint that held the adapters of its sidecar, which were taken out of it again.",
    help: [{ text: `write the model with its adapters merged: \`anec convert ${path} OUT\`` }],
  }),
);
