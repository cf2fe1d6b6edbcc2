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

export const notAdapters = message(
  "E0941",
  {
    summary: "a file is no set of adapters",
    explain:
      "`anec lora apply` reads the files of `anec lora export`: safetensors files whose metadata says which " +
      "weights they belong to. It also reads sidecars of AutoANE, which begin with `AROL`.",
  },
  (path: string, what: string) => ({ title: `\`${path}\` is no set of adapters: ${what}` }),
);

export const staleAdapters = message(
  "E0942",
  {
    summary: "adapters belong to other weights",
    explain:
      "Adapters are a difference to the weights that they were trained beside, and mean nothing beside others. " +
      "Their file has the digest of those weights, over their names, shapes and values, tables over the " +
      "vocabulary and trained norms excepted. The model given has another one.",
  },
  (path: string, model: string) => ({
    title: `the adapters \`${path}\` were not trained on the weights of \`${model}\``,
    help: [{ text: "give the model that they were trained on" }],
  }),
);

export const noAdapters = message(
  "E0943",
  {
    summary: "a checkpoint has no adapters",
    explain: "Only runs of `anec train --lora RANK` have adapters that could be taken out.",
  },
  (path: string) => ({ title: `\`${path}\` is no checkpoint of a run with adapters` }),
);

export const mezoNeedsOther = message(
  "E0944",
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
