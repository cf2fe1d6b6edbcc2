/**
 * Random MIL trees of every form, whether or not they make sense to the checker.
 *
 * `random_mil_ops.ts` has statements of the table's ops, and `formsOf` in `random_mil_forms.ts` says
 * which forms a tree has.
 */
import fc from "fast-check";
import { hexFloat } from "../../compiler/mil/numbers.ts";
import {
  type Attribute,
  type Binding,
  type Dim,
  ELEMENT_TYPES,
  type ElementType,
  type MilFunction,
  type MilProgram,
  type MilType,
  type Output,
  type Statement,
  TYPE_NAMES,
  typed,
  type Value,
} from "../../compiler/mil/tree.ts";

const LITERALS = ["inf", "nan", "true", "false"];

/** Names of values and ops; words of the grammar are legal. */
export const anyName: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom("x", "y", "or", "st", "pad", "size", "program", "func", "BLOBFILE", "_1"),
    fc.constantFrom(...TYPE_NAMES),
    fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/),
  )
  .filter((n) => !LITERALS.includes(n));

const element = fc.constantFrom(...ELEMENT_TYPES);
const dim: fc.Arbitrary<Dim> = fc.oneof(fc.nat(70_000), fc.constantFrom<Dim>("?", 0, 1, 2 ** 48));
const dims = fc.array(dim, { maxLength: 6 });
const bufferFields = fc.array(
  fc.record({ name: fc.constantFrom("shape", "strides", "interleave_factors"), values: dims }),
  { maxLength: 3 },
);

const types = fc.letrec<{ type: MilType }>((tie) => ({
  type: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ kind: fc.constant("scalar" as const), element }),
    fc.record({ kind: fc.constant("tensor" as const), element, shape: dims }),
    fc.record({ kind: fc.constant("tensor_buffer" as const), element, fields: bufferFields }),
    fc.record({ kind: fc.constant("list" as const), item: tie("type"), length: dim }),
    fc.record({
      kind: fc.constant("tuple" as const),
      items: fc.array(tie("type"), { maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant("dict" as const), key: tie("type"), value: tie("type") }),
    fc.record({ kind: fc.constant("state" as const), of: tie("type") }),
  ),
}));

/** Any type. */
export const anyType: fc.Arbitrary<MilType> = types.type;

/** Numbers in every spelling. */
export const anyNumber: fc.Arbitrary<string> = fc.oneof(
  fc.double().map(hexFloat),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((x) => x.toExponential()),
  fc.constantFrom("inf", "-inf", "nan", "0x1p-24", "0x1.5p-17", "-0x0p+0", "0x1F", "1.", ".5"),
  fc.constantFrom("0x0.000000000000001p-1022", "9007199254740993", "1e-05", "-2.5E+3", "1e999"),
);

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom('"', "\\", '\\"', "a\nb\t\r", "// no comment", "\\n", "", "Größe 🙂"),
);

type Leaf = fc.Arbitrary<Value>;
const numberLeaf: Leaf = anyNumber.map((t) => ({ kind: "number", text: t }));
const boolLeaf: Leaf = fc.boolean().map((value) => ({ kind: "bool", value }));
const stringLeaf: Leaf = text.map((value) => ({ kind: "string", value }));
const plain = fc.oneof(numberLeaf, boolLeaf, stringLeaf);

const scalarType = (e: ElementType): MilType => ({ kind: "scalar", element: e });
const emptyTensor = (e: ElementType): MilType => ({ kind: "tensor", element: e, shape: [] });

/** `string("…")` or `tensor<string, []>("…")`, and the like. */
function styled(e: ElementType, value: Leaf): Leaf {
  return fc.tuple(fc.boolean(), value).map(([long, v]) => {
    return typed(long ? emptyTensor(e) : scalarType(e), v);
  });
}

const offset = fc.constantFrom("0", "64", "4294967296").map(
  (t): Value => ({
    kind: "number",
    text: t,
  }),
);
const blob: Leaf = fc
  .tuple(
    fc.oneof(styled("string", fc.constant({ kind: "string", value: "@model_path/w.bin" })), plain),
    fc.oneof(styled("uint64", offset), plain),
  )
  .map(([path, at]) => ({ kind: "blob", path, offset: at }));

/** Values, with or without names of other values in them. */
function valueWith(isNamed: boolean): Leaf {
  const leaves: Leaf[] = [numberLeaf, boolLeaf, stringLeaf];
  if (isNamed) leaves.push(anyName.map((n): Value => ({ kind: "name", name: n })));
  const { value } = fc.letrec<{ value: Value; bare: Value }>((tie) => {
    const items = fc.array(tie("value"), { maxLength: 4 });
    // Keys and values of dictionaries hold no names.
    const inner = isNamed ? plain : fc.oneof(plain, tie("value"));
    return {
      bare: plain,
      value: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        ...leaves,
        items.map((list): Value => ({ kind: "list", items: list })),
        items.map((list): Value => ({ kind: "tuple", items: list })),
        fc
          .array(fc.tuple(inner, inner), { maxLength: 3 })
          .map((entries): Value => ({ kind: "dict", entries })),
        blob,
        fc.tuple(anyType, tie("value")).map(([t, v]): Value => typed(t, v)),
        styled("string", stringLeaf),
        styled("fp16", numberLeaf),
        numberLeaf.map((n): Value => typed({ kind: "tensor", element: "int32", shape: [1] }, n)),
        fc.array(numberLeaf, { maxLength: 3 }).map((list): Value => {
          const [one, two]: Value[] = [list, list].map((l) => ({ kind: "list", items: l }));
          return { kind: "list", items: [{ kind: "list", items: [one!, { ...two! }] }] };
        }),
      ),
    };
  });
  return value;
}

const attribute = fc.record({ name: anyName, value: valueWith(false) });

/** What stands in the brackets of a program, function or statement. */
export const anyAttributes: fc.Arbitrary<Attribute[]> = fc.array(attribute, { maxLength: 3 });

const anyArguments: fc.Arbitrary<Attribute[]> = fc.array(
  fc.record({ name: anyName, value: valueWith(true) }),
  { maxLength: 4 },
);
const bindings: fc.Arbitrary<Binding[]> = fc.array(fc.record({ type: anyType, name: anyName }), {
  maxLength: 3,
});

/** A statement of no op in particular. */
export const anyStatement: fc.Arbitrary<Statement> = fc
  .record({
    results: bindings,
    op: anyName,
    opset: fc.option(anyName, { nil: undefined, freq: 2 }),
    args: anyArguments,
    attributes: anyAttributes,
  })
  .map(({ opset, ...s }) => (opset === undefined ? s : { ...s, opset }));

const outputs: fc.Arbitrary<Output[]> = fc.array(fc.record({ name: anyName }), { maxLength: 3 });

/** Programs whose functions have these statements, and anything else. */
export function programOf(
  statement: fc.Arbitrary<Statement>,
  inputs: fc.Arbitrary<readonly Binding[]> = bindings,
): fc.Arbitrary<MilProgram> {
  const func: fc.Arbitrary<MilFunction> = fc.record({
    name: fc.oneof(fc.constant("main"), anyName),
    opset: fc.oneof(fc.constantFrom("ios15", "ios16", "ios17", "ios18", "ios19"), anyName),
    inputs,
    attributes: anyAttributes,
    body: fc.array(statement, { maxLength: 5 }),
    outputs,
  });
  return fc.record({
    version: fc.constantFrom("1.0", "1.3", "1.5", "2.0", "3"),
    attributes: anyAttributes,
    functions: fc.array(func, { maxLength: 3 }),
  });
}
