/**
 * Checks of the numbers that a checkpoint declares: against the model it should be, and against its tensors.
 *
 * The first kind needs a model to compare with. The second takes each number from shapes, where it stands whatever
 * the header says.
 */
import { elementsOf } from "../../formats/tensor.ts";
import { expectedTensors, type TransformerConfig, type WeightSet } from "../../formats/weights.ts";
import { type Check, judged, type Outcome, skip } from "./check.ts";
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
  run: withWeights(({ config }, { expected }) => {
    if (expected === null) return skip("no model to compare with: `--model`");
    const needed = expected.get(key);
    if (needed === undefined) return skip(`the model has no \`${key}\``);
    return judged(of(config) === needed, `${of(config)}, the model has ${needed}`);
  }),
}));

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
