/**
 * Random statements of the table's ops: each argument is of its kind and the op's rule is reached,
 * although shapes and parameters need not fit.
 *
 * All operands are inputs of one pool (`POOL`), whose sizes are small, so that they often do fit.
 */
import fc from "fast-check";
import { type ArgumentSpec, accepts, MIL_OPS, type MilOp } from "../../compiler/mil/ops.ts";
import {
  type Attribute,
  type Binding,
  type Dim,
  type ElementType,
  isElementType,
  type MilType,
  type Statement,
  stringValue,
  typed,
  typeOf,
  type Value,
} from "../../compiler/mil/tree.ts";

interface PoolInput {
  readonly name: string;
  readonly element: ElementType;
  readonly rank: number;
  readonly isState?: boolean;
}

const ranks = (letter: string, element: ElementType, list: readonly number[]): PoolInput[] =>
  list.map((rank) => ({ name: `${letter}${rank}`, element, rank }));

const POOL: readonly PoolInput[] = [
  ...ranks("h", "fp16", [0, 1, 2, 3, 4, 5, 6]),
  ...ranks("f", "fp32", [0, 1, 2, 3, 4]),
  ...ranks("i", "int32", [0, 1, 2, 3, 4]),
  ...ranks("u", "uint8", [0, 1, 2, 4]),
  ...ranks("c", "int8", [0, 1, 2, 4]),
  ...ranks("n", "int4", [2, 4]),
  ...ranks("m", "uint1", [1, 2]),
  ...ranks("l", "uint4", [2, 4]),
  ...ranks("b", "bool", [0, 1, 2, 4]),
  ...ranks("t", "string", [0]),
  { name: "s2", element: "fp16", rank: 2, isState: true },
  { name: "s4", element: "fp32", rank: 4, isState: true },
];

const dim: fc.Arbitrary<Dim> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom<Dim>(1, 2, 4) },
  { weight: 2, arbitrary: fc.constantFrom<Dim>("?", 3, 8, 64) },
  { weight: 1, arbitrary: fc.constantFrom<Dim>(0, 65_537, 2 ** 48) },
);

/** The whole pool as inputs of a function, with random sizes. */
export const poolInputs: fc.Arbitrary<Binding[]> = fc
  .array(dim, { minLength: 7, maxLength: 7 })
  .map((sizes) =>
    POOL.map(({ name, element, rank, isState }, i) => {
      const shape = Array.from({ length: rank }, (_, k) => sizes[(i + k) % sizes.length]!);
      const type: MilType = typeOf(element, rank % 2 === 0 ? shape : shape.toReversed());
      return { name, type: isState === true ? { kind: "state", of: type } : type };
    }),
  );

const wholes = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: -2, max: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 1e9, 1e15, 2 ** 63, -1e300) },
);
const numberText = fc.oneof(
  { weight: 4, arbitrary: wholes.map((n) => (Math.abs(n) > 1e20 ? String(n) : `${n}`)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("0x1p-3", "0.5", "1e-05", "inf", "-inf", "nan", "0x1p-24", "1e999"),
  },
);
const wholeText = wholes.map((n) => BigInt(n).toString());

/** The element type that literals of an argument have. */
function elementsFor(spec: ArgumentSpec): readonly ElementType[] {
  if (spec.kind === "text") return ["string"];
  const all: readonly ElementType[] = ["fp16", "fp32", "int32", "int8", "uint8", "bool", "uint16"];
  const chosen = spec.choices.filter(isElementType);
  return chosen.length > 0 ? chosen : all.filter((e) => accepts(spec.kind, e));
}

function scalarOf(spec: ArgumentSpec, element: ElementType): fc.Arbitrary<Value> {
  if (element === "bool") return fc.boolean().map((value) => ({ kind: "bool", value }));
  if (element === "string") {
    const known = spec.kind === "text" ? spec.choices : [];
    const words = [...known, ...known, "valid", "same", "custom", "bc,cd->bd", "x", ""];
    return fc.constantFrom(...words).map((value) => ({ kind: "string", value }));
  }
  const text = /int/.test(element) ? wholeText : numberText;
  return text.map((t) => ({ kind: "number", text: t }));
}

/** Literals of an argument in both styles, typed and bare, of no, one and two dimensions. */
function literalFor(spec: ArgumentSpec): fc.Arbitrary<Value> {
  const choices = elementsFor(spec).map((element) => {
    const scalar = scalarOf(spec, element);
    const list = fc
      .array(scalar, { maxLength: 8 })
      .map((items): Value => ({ kind: "list", items }));
    const empty: MilType = { kind: "tensor", element, shape: [] };
    const vector = (n: number): MilType => ({ kind: "tensor", element, shape: [n] });
    const scalars = fc.oneof(
      scalar.map((v) => typed({ kind: "scalar", element }, v)),
      scalar.map((v) => typed(empty, v)),
      scalar,
    );
    const lists = fc.oneof(
      list.map((v) => typed(vector(v.kind === "list" ? v.items.length : 0), v)),
      scalar.map((v) => typed(vector(1), v)),
      list,
    );
    const matrix = fc.array(fc.tuple(scalar, scalar), { maxLength: 3 }).map((rows): Value => {
      const items = rows.map((row): Value => ({ kind: "list", items: row }));
      return typed({ kind: "tensor", element, shape: [rows.length, 2] }, { kind: "list", items });
    });
    const file = fc.array(dim, { maxLength: 5 }).map((shape): Value => {
      const path = stringValue("@model_path/weights/weight.bin");
      const offset = typed({ kind: "scalar", element: "uint64" }, { kind: "number", text: "64" });
      return typed({ kind: "tensor", element, shape }, { kind: "blob", path, offset });
    });
    switch (spec.kind) {
      case "ints":
      case "flags":
        return fc.oneof({ weight: 6, arbitrary: lists }, { weight: 1, arbitrary: scalars });
      case "pairs":
        return fc.oneof({ weight: 6, arbitrary: matrix }, { weight: 1, arbitrary: lists });
      case "int":
      case "flag":
      case "text":
      case "factor":
      case "scalar":
      case "number":
        return fc.oneof({ weight: 8, arbitrary: scalars }, { weight: 1, arbitrary: lists });
      default:
        return fc.oneof(file, matrix, lists, scalars);
    }
  });
  return fc.oneof(...choices);
}

function isOperand(spec: ArgumentSpec, input: PoolInput): boolean {
  if ((input.isState ?? false) !== (spec.kind === "state")) return false;
  if (spec.kind !== "text" && spec.choices.length > 0) return spec.choices.includes(input.element);
  return accepts(spec.kind, input.element);
}

/** What an argument is given: mostly a value of the pool or a literal of its kind. */
function argumentFor(spec: ArgumentSpec): fc.Arbitrary<Value> {
  const name = (list: readonly PoolInput[]): fc.Arbitrary<Value> =>
    fc.constantFrom(...list.map((p): Value => ({ kind: "name", name: p.name })));
  const fitting = POOL.filter((p) => isOperand(spec, p));
  const literal = spec.kind === "state" ? name(POOL) : literalFor(spec);
  const isParameter = ["ints", "flags", "pairs", "int", "flag", "text", "factor"].includes(
    spec.kind,
  );
  const one = fc.oneof(
    {
      weight: isParameter ? 1 : 8,
      arbitrary: fitting.length === 0 ? literal : name(fitting),
    },
    { weight: isParameter ? 12 : 3, arbitrary: literal },
  );
  const several = fc.array(one, { maxLength: 3 }).map((items): Value => ({ kind: "tuple", items }));
  const usual = spec.many ? fc.oneof({ weight: 6, arbitrary: several }, one) : one;
  return fc.oneof({ weight: 40, arbitrary: usual }, { weight: 1, arbitrary: name(POOL) });
}

const resultType: fc.Arbitrary<MilType> = fc
  .tuple(
    fc.constantFrom<ElementType>("fp16", "fp32", "int32", "bool"),
    fc.array(dim, { maxLength: 5 }),
  )
  .map(([element, shape]) => typeOf(element, shape));

const resultNames = fc.constantFrom("y0", "y1", "y2", "h2", "i1");

/** Statements of one op of the table. */
export function statementOf(op: MilOp): fc.Arbitrary<Statement> {
  const [low, high] = typeof op.results === "number" ? [op.results, op.results] : op.results;
  const results = fc.array(fc.record({ type: resultType, name: resultNames }), {
    minLength: low,
    maxLength: Math.min(high, low + 2),
  });
  const args = fc.tuple(
    ...op.args.map((spec) => {
      const value = argumentFor(spec).map((v): Attribute => ({ name: spec.name, value: v }));
      return fc.option(value, { nil: undefined, freq: spec.required ? 40 : 2 });
    }),
  );
  const parts = fc.record({
    results,
    args,
    order: fc.constantFrom("table", "reverse"),
    inBracket: fc.integer({ min: 0, max: 9 }),
    name: fc.constantFrom("none", "first", "last"),
    opset: fc.integer({ min: 0, max: 9 }),
  });
  return parts.map(({ results: out, args: all, order, inBracket, name, opset }): Statement => {
    const given = all.filter((a) => a !== undefined);
    if (order === "reverse") given.reverse();
    // The iOS 16 form of weights has everything in the bracket, where no names stand.
    const isConstant = given.every((a) => !mentionsName(a.value));
    const moves = isConstant && inBracket < (op.name.startsWith("constexpr_") ? 7 : 1);
    const label: Attribute = { name: "name", value: stringValue("y") };
    const rest = moves ? given : [];
    const attributes =
      name === "none" ? rest : name === "first" ? [label, ...rest] : [...rest, label];
    const s = { results: out, op: op.name, args: moves ? [] : given, attributes };
    return opset === 0 ? { ...s, opset: "ios17" } : s;
  });
}

function mentionsName(value: Value): boolean {
  if (value.kind === "name") return true;
  return (value.kind === "list" || value.kind === "tuple") && value.items.some(mentionsName);
}

const constant: fc.Arbitrary<Statement> = fc
  .tuple(
    literalFor({ name: "val", kind: "any", required: true, many: false, choices: [] }),
    resultNames,
  )
  .map(([value, name]) => ({
    results: [{ type: value.kind === "typed" ? value.type : typeOf("fp16", []), name }],
    op: "const",
    args: [],
    attributes: [
      { name: "name", value: stringValue(name) },
      { name: "val", value },
    ],
  }));

/** Statements of all ops of the table, and constants. */
export const opStatement: fc.Arbitrary<Statement> = fc.oneof(
  ...MIL_OPS.map(statementOf),
  ...Array.from({ length: 8 }, () => constant),
);
