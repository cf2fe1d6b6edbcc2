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
