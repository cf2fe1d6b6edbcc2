/** Ops that make tensors from little, states, and ops whose results only a run can tell. */
import {
  ints,
  maybe,
  mayEqual,
  mistake,
  type Operand,
  one,
  type Rule,
  shapedText,
} from "../infer.ts";
import { zeros } from "../tensors.ts";
import { type MilOp, op } from "./define.ts";

const fill: Rule = (o) => {
  const shape = ints(o, "shape", []);
  if (shape.some((n) => n < 0))
    return mistake("shape", `must not be negative: [${shape.join(", ")}]`);
  return { element: maybe(o, "value")?.element ?? "fp32", shape };
};

const fillLike: Rule = (o) => ({
  element: maybe(o, "value")?.element ?? "fp32",
  shape: one(o, "ref_tensor").shape,
});

/** Longer ranges are a mistake of the parameters. */
const LONGEST = 2 ** 31;

/** ⌈(end − start) / step⌉ numbers. */
const range: Rule = (o) => {
  const [start, end, step] = ["start", "end", "step"].map((name) => one(o, name)) as [
    Operand,
    Operand,
    Operand,
  ];
  if (start.element !== end.element || start.element !== step.element)
    return mistake("step", "must have the type of `start` and `end`", { start, end, step });
  const [from, to, by] = [start, end, step].map((x) => x.numbers?.[0] ?? Number.NaN);
  if (by === 0) return mistake("step", "must not be 0", { step });
  const count = Math.max(0, Math.ceil((to! - from!) / by!));
  if (count > LONGEST) return mistake("end", `would make ${count} numbers`, { end });
  return { element: start.element, shape: [count] };
};

/** The tensor in the state. */
const readState: Rule = (o) => ({ element: one(o, "input").element, shape: one(o, "input").shape });

const writeRule =
  (state: string, value: string, isBack: boolean): Rule =>
  (o) => {
    const [box, data] = [one(o, state), one(o, value)];
    if (box.element !== data.element || !mayEqual(box.shape, data.shape))
      return mistake(value, `must be ${shapedText(box)}, as the state is`, { [value]: data });
    return isBack ? { element: data.element, shape: data.shape } : [];
  };

const open: Rule = () => "open";

/** Ops that are only checked as far as their arguments go. */
function unknown(name: string, args: string, doc: string, results: MilOp["results"] = 1): MilOp {
  return op(name, args, open, doc, { results });
}

const SEED = "seed: int?";
const MANY = 4096;

export const SOURCES: readonly MilOp[] = [
  op("fill", "shape: ints, value: values?", fill, "a tensor of one value", {
    run: (o, out) => zeros(out.shape).fill(maybe(o, "value")?.data[0] ?? 0),
  }),
  op(
    "fill_like",
    "ref_tensor: values, value: values?",
    fillLike,
    "a tensor of one value, as large as another",
    {
      run: (o, out) => zeros(out.shape).fill(maybe(o, "value")?.data[0] ?? 0),
    },
  ),
  op(
    "range_1d",
    "start: factor, end: factor, step: factor",
    range,
    "start, start + step, … below end",
    {
      run: (o, out) => {
        const [start, step] = [one(o, "start").data[0]!, one(o, "step").data[0]!];
        return zeros(out.shape).map((_, i) => start + i * step);
      },
    },
  ),
  op("read_state", "input: state", readState, "the value of a state", {
    run: (o) => one(o, "input").data.slice(),
  }),
  // The interpreter puts `data` into the state.
  op(
    "write_state",
    "input: state, data: values",
    writeRule("input", "data", false),
    "puts a value into a state",
    {
      results: 0,
      runs: () => [],
    },
  ),
  op(
    "coreml_update_state",
    "state: state, value: values",
    writeRule("state", "value", true),
    "puts a value into a state, and gives it back",
    { run: (o) => one(o, "value").data.slice() },
  ),

  op(
    "random_bernoulli",
    `shape: ints, prob: scalar?, ${SEED}`,
    fillShape(),
    "random zeros and ones",
  ),
  op(
    "random_normal",
    `shape: ints, mean: scalar?, stddev: scalar?, ${SEED}`,
    fillShape(),
    "random numbers of a normal distribution",
  ),
  op(
    "random_uniform",
    `shape: ints, low: scalar?, high: scalar?, ${SEED}`,
    fillShape(),
    "random numbers of a range",
  ),
  unknown(
    "random_categorical",
    `x: floats, mode: text(logits|probs)?, size: int?, ${SEED}`,
    "random classes",
  ),
  unknown("non_zero", "x: values", "the places of elements that are not 0"),
  unknown(
    "non_maximum_suppression",
    "boxes: floats, scores: floats, iou_threshold: scalar, score_threshold: scalar?, max_boxes: int, per_class_suppression: flag?",
    "the best of overlapping boxes",
    [3, 4],
  ),
  unknown("classify", "probabilities: floats, classes: any", "the most probable class", [1, 2]),
  unknown(
    "make_list",
    "init_length: int?, dynamic_length: flag?, elem_shape: any, dtype: text?",
    "a new list",
  ),
  unknown("list_length", "ls: any", "the length of a list"),
  unknown("list_read", "ls: any, index: int", "an item of a list"),
  unknown("list_write", "ls: any, index: int, value: values", "a list with an item replaced"),
  unknown("list_gather", "ls: any, indices: wholes", "several items of a list"),
  unknown(
    "list_scatter",
    "ls: any, indices: wholes, value: values",
    "a list with several items replaced",
  ),
  // Their blocks have no known text: the parser refuses them by name.
  unknown("cond", "pred: bools", "one of two blocks", [0, MANY]),
  unknown("while_loop", "loop_vars: any", "a block again and again", [0, MANY]),
];

/** Random numbers have the type of their parameters, fp32 without any. */
function fillShape(): Rule {
  return (o) => {
    const shape = ints(o, "shape", []);
    if (shape.some((n) => n < 0)) return mistake("shape", "must not be negative");
    const typed = ["prob", "mean", "stddev", "low", "high"].map((name) => maybe(o, name));
    return { element: typed.find((x) => x !== undefined)?.element ?? "fp32", shape };
  };
}
