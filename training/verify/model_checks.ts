/**
 * Checks of the numbers that a checkpoint declares: against the model it should be, and against its tensors.
 *
 * The first kind needs a model to compare with. The second takes each number from shapes, where it stands whatever
 * the header says.
 */
import type { SourceFile } from "../../compiler/support/source.ts";
import { elementsOf } from "../../formats/tensor.ts";
import { expectedTensors, type TransformerConfig, type WeightSet } from "../../formats/weights.ts";
import { compareModels, parameterDifferences, withEntry } from "../checkpoint_model.ts";
import { equationsOf } from "../foreign_model.ts";
import { type Check, judged, type Outcome, skip } from "./check.ts";
import { withOpened } from "./file_checks.ts";
import type { Subject } from "./subject.ts";

type Numbers = readonly [
  name: string,
  what: string,
  key: string,
  of: (c: TransformerConfig) => number,
];

/** What the model in `dsl/models` says of each. */
const DECLARED: readonly Numbers[] = [
  ["width", "the width of the residual stream", "D", (c) => c.width],
  ["hidden", "the width inside the feed-forward layer", "F", (c) => c.hidden],
  ["heads", "the number of query heads", "H", (c) => c.heads],
  ["key_heads", "the number of key heads", "K", (c) => c.kvHeads],
  ["layers", "the number of layers", "L", (c) => c.layers],
  ["vocabulary", "the number of ids", "V", (c) => c.vocabulary],
  ["head_size", "the size of a head", "E", (c) => c.headSize],
  ["rope_base", "the base of the rotary embedding", "rope_theta", (c) => c.ropeTheta],
];

const declared: readonly Check[] = DECLARED.map(([name, what, key, of]) => ({
  name: `model_${name}`,
  shows: `${what} is that of the model`,
  run: withWeights(({ config }, subject) => {
    const { expected } = subject;
    if (expected === null) return skip(NO_MODEL);
    const needed = expected.get(key);
    if (needed === undefined) return skip(`the model has no \`${key}\``);
    if (key === "V" && isTrainedHere(subject)) return ownIds(of(config), needed, subject);
    return judged(of(config) === needed, `${of(config)}, the model has ${needed}`);
  }),
}));

const NO_MODEL = "no model to compare with: `--model`";

/** Whether it is of a run of anec from random weights, whose ids are those of its data. */
function isTrainedHere({ format, opened }: Subject): boolean {
  return format === "anec" && opened?.checkpoint.origin === undefined;
}

function ownIds(found: number, needed: number, { opened }: Subject): Outcome {
  const { full } = opened!.checkpoint.vocabulary;
  const own = needed === full ? "" : `; the ${needed} of the model gave way to them`;
  return judged(found === full, `${found}, its data has ${full}${own}`);
}

/** As resuming compares them. A model from elsewhere has windows and an entry of its own: its parameters count. */
function differences(subject: Subject, source: SourceFile): readonly string[] {
  const { checkpoint, model } = subject.opened!;
  const choice = withEntry({ source }, model.entry);
  const { given, differences: all } = compareModels(checkpoint, model, choice);
  if (!isTrainedHere(subject)) return parameterDifferences(model, given);
  if (all.length > 0 || equationsOf(model.graph) === equationsOf(given.graph)) return all;
  return ["dimensions and parameters agree, but the equations differ"];
}

const MOST_DIFFERENCES = 4;

const sameModel: Check = {
  name: "model_same",
  shows: "its dimensions, parameters and equations are those of the model",
  run: (subject) =>
    withOpened(subject, ({ model }) => {
      const { source } = subject;
      if (source === null) return skip(NO_MODEL);
      const found = differences(subject, source);
      const more = found.length - MOST_DIFFERENCES;
      const listed = found.slice(0, MOST_DIFFERENCES).join("; ");
      return judged(
        found.length === 0,
        found.length === 0
          ? `${model.graph.params.length} parameters`
          : `${listed}${more > 0 ? `; and ${more} more` : ""}`,
      );
    }),
};

const Q = "model.layers.0.self_attn.q_proj.weight";
const K = "model.layers.0.self_attn.k_proj.weight";

type Measured = readonly [
  name: string,
  shows: string,
  measured: (set: WeightSet) => number,
  declared: (config: TransformerConfig) => number,
];

/** A number of the shape of a tensor; NaN if there is none. */
const size = (set: WeightSet, name: string, axis: number): number =>
  set.tensors.get(name)?.shape[axis] ?? Number.NaN;

const layersOf = ({ tensors }: WeightSet): number =>
  new Set([...tensors.keys()].flatMap((name) => /^model\.layers\.(\d+)\./.exec(name)?.[1] ?? []))
    .size;

const MEASURED: readonly Measured[] = [
  ["layers", "there are tensors of as many layers as declared", layersOf, (c) => c.layers],
  [
    "vocabulary",
    "the embedding has a row for every id",
    (set) => size(set, "model.embed_tokens.weight", 0),
    (c) => c.vocabulary,
  ],
  [
    "width",
    "the rows of the embedding are as wide as declared",
    (set) => size(set, "model.embed_tokens.weight", 1),
    (c) => c.width,
  ],
  [
    "hidden",
    "the feed-forward layer is as wide as declared",
    (set) => size(set, "model.layers.0.mlp.gate_proj.weight", 0),
    (c) => c.hidden,
  ],
  [
    "heads",
    "queries have as many heads as declared",
    (s) => size(s, Q, 0) / s.config.headSize,
    (c) => c.heads,
  ],
  [
    "key_heads",
    "keys have as many heads as declared",
    (s) => size(s, K, 0) / s.config.headSize,
    (c) => c.kvHeads,
  ],
  [
    "head_size",
    "a head is as large as declared",
    (s) => size(s, Q, 0) / s.config.heads,
    (c) => c.headSize,
  ],
  [
    "q_width",
    "the output projection reads what all heads give",
    (set) => size(set, "model.layers.0.self_attn.o_proj.weight", 1),
    (c) => c.heads * c.headSize,
  ],
];

const measured: readonly Check[] = MEASURED.map(([name, shows, found, needed]) => ({
  name: `tensors_${name}`,
  shows,
  run: withWeights((set) =>
    judged(found(set) === needed(set.config), `${found(set)}, declared ${needed(set.config)}`),
  ),
}));

export const modelChecks: readonly Check[] = [
  sameModel,
  ...declared,
  {
    name: "model_head_sizes",
    shows: "heads share the keys evenly, and a head is made of pairs",
    run: withWeights(({ config: { heads, kvHeads, headSize } }) =>
      judged(
        kvHeads > 0 && heads % kvHeads === 0 && headSize % 2 === 0,
        `${heads} heads of ${headSize}, ${kvHeads} for keys`,
      ),
    ),
  },
  ...measured,
  {
    name: "tensors_window",
    shows: "the window of the model is within the longest sequence",
    run: withWeights(({ config }, { opened }) => {
      const { S } = opened!.model;
      return judged(S >= 1 && S <= config.context, `${S} of ${config.context}`);
    }),
  },
  {
    name: "tensors_parameters",
    shows: "the tensors hold as many numbers as the declared sizes make",
    run: withWeights(({ config, tensors }) => {
      let found = 0;
      for (const { shape } of tensors.values()) found += elementsOf(shape);
      let needed = 0;
      for (const shape of expectedTensors(config).values()) needed += elementsOf(shape);
      return judged(found === needed, `${found} numbers, ${needed} declared`);
    }),
  },
];

export function withWeights(run: (set: WeightSet, subject: Subject) => Outcome): Check["run"] {
  return (subject) => {
    if (subject.opened === null) return skip("it could not be opened");
    const { weights } = subject.opened;
    if (weights === null) return skip("its model is none of the known families");
    return run(weights, subject);
  };
}
