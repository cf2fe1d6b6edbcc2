/**
 * The ops as the language calls them: names, operands, attributes.
 *
 * Elementwise ops come from the registry by themselves; the others are listed, because their
 * attributes need defaults and their operands are not all values. `share` and `causal` take
 * dimensions, so calls of them are evaluated apart (`expressions.ts`).
 */
import type { Node } from "../compiler/ir/node.ts";
import { attention } from "../compiler/ops/attention.ts";
import { attentionCached } from "../compiler/ops/attention_cached.ts";
import { crossEntropy } from "../compiler/ops/cross_entropy.ts";
import { apply } from "../compiler/ops/define.ts";
import { embedding } from "../compiler/ops/embedding.ts";
import { ops } from "../compiler/ops/index.ts";
import { join } from "../compiler/ops/join.ts";
import type { Reduction } from "../compiler/ops/reduce.ts";
import { reduceMax } from "../compiler/ops/reduce_max.ts";
import { reduceMean } from "../compiler/ops/reduce_mean.ts";
import { reduceSum } from "../compiler/ops/reduce_sum.ts";
import { rmsNorm } from "../compiler/ops/rms_norm.ts";
import { rope } from "../compiler/ops/rope.ts";
import { slice } from "../compiler/ops/slice.ts";
import { softmax } from "../compiler/ops/softmax.ts";
import { swiglu } from "../compiler/ops/swiglu.ts";
import { updateRows } from "../compiler/ops/update_rows.ts";

export type AttributeValue = number | string;

export interface Attribute {
  readonly name: string;
  /** A number, or one of these texts. */
  readonly kind: "number" | readonly string[];
  /**
   * Taken when none is given: a value, or that of a hyper-parameter, which is the number of one of the texts of
   * `kind` if there are any. Absent: must be given.
   */
  readonly fallback?: AttributeValue | { readonly hyper: string };
  /** For the message that asks for it. */
  readonly example?: string;
}

export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface BuiltIn {
  readonly name: string;
  readonly operands: readonly string[];
  /** Operands that may be left out, or repeated as often as wanted. */
  readonly optional?: readonly string[];
  readonly repeats?: boolean;
  readonly attributes: readonly Attribute[];
  readonly build: (args: readonly Node[], attributes: Attributes) => Node;
  /** Name of the op. */
  readonly op: string;
}

const number = (attributes: Attributes, name: string): number => attributes[name] as number;

const elementwise: readonly BuiltIn[] = ops
  .filter((op) => op.opcode !== undefined)
  .map((op) => ({
    name: op.name,
    op: op.name,
    operands: op.operands,
    attributes: [],
    build: (args) => apply(op, args),
  }));

function reduction(name: string, reduce: Reduction): BuiltIn {
  return {
    name,
    op: reduce.op.name,
    operands: ["x"],
    attributes: [
      { name: "axis", kind: "number", fallback: -1 },
      { name: "keep", kind: ["yes", "no"], fallback: "no" },
    ],
    build: ([x], a) => reduce(x!, { axes: [number(a, "axis")], keep: a["keep"] === "yes" }),
  };
}

const SLICE = "slice(x, axis: 0, from: 1, to: 3)";

const listed: readonly BuiltIn[] = [
  {
    name: "softmax",
    op: "softmax",
    operands: ["x"],
    attributes: [],
    build: ([x]) => softmax(x!),
  },
  {
    name: "rope",
    op: "rope",
    operands: ["x"],
    optional: ["position"],
    attributes: [
      { name: "theta", kind: "number", fallback: { hyper: "rope_theta" } },
      { name: "pairing", kind: ["interleaved", "split"], fallback: { hyper: "rope_split" } },
    ],
    build: ([x, position], a) =>
      rope(x!, {
        theta: number(a, "theta"),
        pairing: a["pairing"] === "split" ? "split" : "interleaved",
        ...(position === undefined ? {} : { position }),
      }),
  },
  {
    name: "rms_norm",
    op: "rms_norm",
    operands: ["x", "weight"],
    attributes: [{ name: "eps", kind: "number", fallback: { hyper: "norm_eps" } }],
    build: ([x, w], a) => rmsNorm(x!, w!, { eps: number(a, "eps") }),
  },
  {
    name: "attention",
    op: "attention",
    operands: ["q", "k", "v"],
    attributes: [
      { name: "scale", kind: "number", example: "attention(q, k, v, scale: 1/sqrt(E))" },
      { name: "causal", kind: ["yes", "no"], fallback: "yes" },
    ],
    build: ([q, k, v], a) =>
      attention(q!, k!, v!, { scale: number(a, "scale"), causal: a["causal"] === "yes" }),
  },
  {
    name: "attention_cached",
    op: "attention_cached",
    operands: ["q", "k", "v", "position"],
    attributes: [
      { name: "scale", kind: "number", example: "attention_cached(q, k, v, t, scale: 1/sqrt(E))" },
    ],
    build: ([q, k, v, position], a) => attentionCached(q!, k!, v!, position!, number(a, "scale")),
  },
  {
    name: "swiglu",
    op: "swiglu",
    operands: ["gate", "up"],
    attributes: [],
    build: ([gate, up]) => swiglu(gate!, up!),
  },
  {
    name: "embedding",
    op: "embedding",
    operands: ["table", "ids"],
    attributes: [],
    build: ([table, ids]) => embedding(table!, ids!),
  },
  {
    name: "cross_entropy",
    op: "cross_entropy",
    operands: ["logits", "targets"],
    attributes: [],
    build: ([logits, targets]) => crossEntropy(logits!, targets!),
  },
  {
    name: "slice",
    op: "slice",
    operands: ["x"],
    attributes: [
      { name: "axis", kind: "number", example: SLICE },
      { name: "from", kind: "number", example: SLICE },
      { name: "to", kind: "number", example: SLICE },
    ],
    build: ([x], a) =>
      slice(x!, { axis: number(a, "axis"), from: number(a, "from"), to: number(a, "to") }),
  },
  {
    name: "join",
    op: "join",
    operands: ["x"],
    repeats: true,
    attributes: [{ name: "axis", kind: "number", example: "join(x, y, axis: 0)" }],
    build: (args, a) => join(args, { axis: number(a, "axis") }),
  },
  {
    name: "update_rows",
    op: "update_rows",
    operands: ["cache", "rows", "position"],
    attributes: [],
    build: ([cache, rows, position]) => updateRows(cache!, rows!, position!),
  },
  reduction("max", reduceMax),
  reduction("mean", reduceMean),
  reduction("sum", reduceSum),
];

/** What a call may name beside layers, by name. */
export const builtIns: ReadonlyMap<string, BuiltIn> = new Map(
  [...elementwise, ...listed].map((f) => [f.name, f]),
);

/** `share(k, H)` and `causal(S)`: ops that take dimensions. */
export const dimensionFunctions: ReadonlyMap<string, readonly string[]> = new Map([
  ["share", ["x", "heads"]],
  ["causal", ["rows"]],
]);

/** `rope(x, position, theta:, pairing:)`, for messages and documentation. */
export function signatureOf(f: BuiltIn): string {
  const optional = (f.optional ?? []).map((name) => `${name}?`);
  const attributes = f.attributes.map((a) => `${a.name}:`);
  return `${f.name}(${[...f.operands, ...(f.repeats ? ["…"] : []), ...optional, ...attributes].join(", ")})`;
}

/** Whether a number of operands is right, and how many there should be. */
export function operandCount(f: BuiltIn): { readonly text: string; fits(count: number): boolean } {
  const [least, most] = [f.operands.length, f.operands.length + (f.optional?.length ?? 0)];
  if (f.repeats) return { text: `${least} or more`, fits: (n) => n >= least };
  if (most > least) return { text: `${least} or ${most}`, fits: (n) => n >= least && n <= most };
  return { text: String(least), fits: (n) => n === least };
}
