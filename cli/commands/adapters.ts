/** `anec adapters`: the adapters of a checkpoint as a file of their own. */
import { statSync } from "node:fs";
import type { Command } from "commander";
import { outputExists } from "../../compiler/messages/formats.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { readCheckpoint } from "../../training/checkpoint.ts";
import { saveAdapters } from "../../training/lora/adapter_file.ts";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { grouped, jsonLine, pairs } from "../output.ts";
import { checkOutputFile } from "../output_paths.ts";

interface Flags extends JsonFlag {
  readonly force?: boolean;
}

export const command = {
  examples: [
    "anec adapters runs/mine.ckpt mine.adapters",
    "anec generate SmolLM2-135M --adapters mine.adapters",
  ],

  define(c: Command): void {
    c.argument("<checkpoint>", "of a run with `--lora`").argument(
      "<out>",
      "the file to write: without the weights of the model, which `--adapters` is given beside it",
    );
    c.option("--force", "replace an output that is there");
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<Flags>): number {
    const [input, output] = args as [string, string];
    checkOutputFile("OUT", output, [{ path: input, what: "the checkpoint" }]);
    if (flags.force !== true && (statSync(output, { throwIfNoEntry: false })?.size ?? 0) > 0) {
      throw new UserError(outputExists(output));
    }
    const checkpoint = readCheckpoint(input);
    const numbers = saveAdapters(output, checkpoint);
    const { rank, scale, targets } = checkpoint.model.lora!;
    if (flags.json === true) {
      io.out.write(jsonLine({ path: output, numbers, rank, scale, targets }));
      return EXIT.ok;
    }
    io.out.write(
      pairs([
        ["adapters", `of rank ${rank}, beside ${targets.join(", ")}`],
        ["numbers", grouped(numbers)],
        ["to", output],
      ]),
    );
    return EXIT.ok;
  },
};
