/** E0835 and E0836: weights in another place than theirs. */
import { message } from "./message.ts";

export const textExpected = message(
  "E0835",
  {
    summary: "weights stand where a text is wanted",
    explain:
      "Commands that read a model's text, such as `anec compile` and `anec cost`, take an `.ane` file or the name of " +
      "a model; those of MIL take a `.mil` file. The file was recognised by its contents as one of weights. " +
      "`anec compile MODEL --weights baked --values FILE` compiles the weights of a checkpoint or a safetensors file " +
      "into programs, `anec report FILE` shows the model of a file, `anec convert` makes a checkpoint of it, and " +
      "`anec train --init FILE` goes on from its weights.",
  },
  ({ path, wanted, doc, isForValues, isModel }: MisplacedWeights) => ({
    title: `\`${path}\` holds weights, not ${wanted}`,
    notes: [["format", doc]],
    help: [
      ...(isForValues
        ? [{ text: `compile them into a model: \`${BAKE} --values ${path}\`` }]
        : [
            {
              text:
                `make a checkpoint of them (\`anec convert ${path} NAME.ckpt\`), and compile that into a model: ` +
                `\`${BAKE} --values NAME.ckpt\``,
            },
          ]),
      ...(isModel ? [{ text: `see the model of these weights: \`anec report ${path}\`` }] : []),
    ],
  }),
);

const BAKE = "anec compile MODEL --weights baked";

/** A file of weights in the place of a text. */
interface MisplacedWeights {
  readonly path: string;
  /** "the text of a model". */
  readonly wanted: string;
  /** The line of its format. */
  readonly doc: string;
  /** Whether `--values` takes it as it is. */
  readonly isForValues: boolean;
  /** Whether it holds a model, and not tensors alone. */
  readonly isModel: boolean;
}

export const valuesExpected = message(
  "E0836",
  {
    summary: "`--values` names a model of another program",
    explain:
      "`--values` takes weights by the names of the model's parameters: a checkpoint of `anec train`, or a safetensors " +
      "file. Models of other programs have names and orders of their own; `anec convert` makes a checkpoint of them. " +
      "The model and its dimensions (`-D`) must be those of the weights.",
  },
  (path: string, doc: string) => ({
    title: `\`--values\` takes a checkpoint or a safetensors file, not \`${path}\``,
    notes: [["format", doc]],
    help: [{ text: `\`anec convert ${path} NAME.ckpt\`, then \`--values NAME.ckpt\`` }],
  }),
);
