/** Laws of MIL text on random trees, and on programs with random damage. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkMil } from "../../compiler/mil/check.ts";
import { hexFloat } from "../../compiler/mil/numbers.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import {
  type Attribute,
  type Binding,
  type Dim,
  ELEMENT_TYPES,
  type MilFunction,
  type MilProgram,
  type MilType,
  type Statement,
  sameTree,
  type Value,
} from "../../compiler/mil/tree.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../compiler/support/render.ts";

const words = [
  "x",
  "y",
  "or",
  "st",
  "pad",
  "size",
  "state",
  "list",
  "tensor",
  "fp16",
  "program",
  "_1",
];
const name = fc
  .oneof(fc.constantFrom(...words), fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/))
  .filter((n) => !["inf", "nan", "true", "false"].includes(n));
const element = fc.constantFrom(...ELEMENT_TYPES);
const dim: fc.Arbitrary<Dim> = fc.oneof(fc.nat(70_000), fc.constant("?" as const));
const dims = fc.array(dim, { maxLength: 5 });

const { type } = fc.letrec<{ type: MilType }>((tie) => ({
  type: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ kind: fc.constant("scalar" as const), element }),
    fc.record({ kind: fc.constant("tensor" as const), element, shape: dims }),
    fc.record({
      kind: fc.constant("tensor_buffer" as const),
      element,
      fields: fc.array(
        fc.record({
          name: fc.constantFrom("shape", "strides", "interleave_factors"),
          values: dims,
        }),
        { maxLength: 3 },
      ),
    }),
    fc.record({ kind: fc.constant("list" as const), item: tie("type"), length: dim }),
    fc.record({
      kind: fc.constant("tuple" as const),
      items: fc.array(tie("type"), { maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant("dict" as const), key: tie("type"), value: tie("type") }),
    fc.record({ kind: fc.constant("state" as const), of: tie("type") }),
  ),
}));

const number = fc.oneof(
  fc.double().map(hexFloat),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((x) => x.toExponential()),
  fc.constantFrom("inf", "-inf", "nan", "0x1p-24", "0x1.5p-17", "-0x0p+0", "1.", ".5"),
);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom('"', "\\", '\\"', "a\nb\t\r", "// no comment", "\\n"),
);

function valueWith(named: boolean): fc.Arbitrary<Value> {
  const leaves: fc.Arbitrary<Value>[] = [
    number.map((t) => ({ kind: "number", text: t })),
    fc.boolean().map((value) => ({ kind: "bool", value })),
    text.map((value) => ({ kind: "string", value })),
  ];
  if (named) leaves.push(name.map((n) => ({ kind: "name", name: n })));
  const { value } = fc.letrec<{ value: Value }>((tie) => {
    const items = fc.array(tie("value"), { maxLength: 4 });
    // Keys and values of dictionaries, and the parts of a BLOBFILE, hold no names.
    const plain = fc.oneof(...leaves.slice(0, 3));
    return {
      value: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        ...leaves,
        items.map((list): Value => ({ kind: "list", items: list })),
        items.map((list): Value => ({ kind: "tuple", items: list })),
        fc
          .array(fc.tuple(plain, plain), { maxLength: 3 })
          .map((entries): Value => ({ kind: "dict", entries })),
        fc.tuple(plain, plain).map(([path, offset]): Value => ({ kind: "blob", path, offset })),
        fc.tuple(type, tie("value")).map(([t, v]): Value => ({ kind: "typed", type: t, value: v })),
      ),
    };
  });
  return value;
}

const attributes = fc.array(fc.record({ name, value: valueWith(false) }), {
  maxLength: 3,
}) as fc.Arbitrary<Attribute[]>;
const args = fc.array(fc.record({ name, value: valueWith(true) }), {
  maxLength: 4,
}) as fc.Arbitrary<Attribute[]>;
const bindings = fc.array(fc.record({ type, name }), { maxLength: 3 }) as fc.Arbitrary<Binding[]>;
const statement = fc.record(
  { results: bindings, op: name, opset: name, args, attributes },
  { requiredKeys: ["results", "op", "args", "attributes"] },
) as fc.Arbitrary<Statement>;
const func = fc.record({
  name,
  opset: name,
  inputs: bindings,
  attributes,
  body: fc.array(statement, { maxLength: 5 }),
  outputs: fc.array(fc.record({ name }), { maxLength: 3 }),
}) as fc.Arbitrary<MilFunction>;
const program = fc.record({
  version: fc.constantFrom("1.0", "1.3", "1.5"),
  attributes,
  functions: fc.array(func, { maxLength: 3 }),
}) as fc.Arbitrary<MilProgram>;

test("parse(print(tree)) is the tree, and printing is a fixpoint", () => {
  fc.assert(
    fc.property(program, (tree) => {
      const printed = printMil(tree);
      const again = parseMil({ path: "random.mil", text: printed });
      expect(sameTree(again, tree)).toBe(true);
      expect(printMil(again)).toBe(printed);
    }),
    { numRuns: 500 },
  );
});

test("the checker answers for every tree", () => {
  fc.assert(
    fc.property(program, (tree) => {
      for (const d of checkMil(tree)) expect(d.code).toMatch(/^E03[56]\d$/);
    }),
    { numRuns: 500 },
  );
});

const cases = ["examples", "styles", "mistakes"].flatMap((file) => {
  const page = readFileSync(new URL(`../cases/mil/${file}.md`, import.meta.url), "utf8");
  return [...page.matchAll(/```mil in\n([\s\S]*?)```/g)].map((m) => m[1]!);
});

const pieces = fc.constantFrom(
  ...'()[]{}<>,;=?"\\/-.%0\n\u0000é',
  "->",
  "tensor<",
  "func",
  "const",
  "0x",
  "1e",
  "inf",
  "-1",
  "9999999999",
  "relu(x = x)",
  "BLOBFILE(",
  "//",
);

/** Cuts, doubles or moves a piece of the text, or puts in something of the grammar. */
const damage = fc.record({
  kind: fc.constantFrom("cut", "put", "copy", "swap"),
  from: fc.nat(),
  length: fc.nat(30),
  to: fc.nat(),
  piece: pieces,
});

function damaged(
  original: string,
  changes: readonly (typeof damage extends fc.Arbitrary<infer D> ? D : never)[],
): string {
  let now = original;
  for (const { kind, from, length, to, piece } of changes) {
    const start = from % (now.length + 1);
    const end = Math.min(now.length, start + length);
    const target = to % (now.length + 1);
    const part = now.slice(start, end);
    if (kind === "cut") now = now.slice(0, start) + now.slice(end);
    else if (kind === "put") now = now.slice(0, start) + piece + now.slice(start);
    else if (kind === "copy") now = now.slice(0, target) + part + now.slice(target);
    else now = now.slice(0, start) + part.split("").reverse().join("") + now.slice(end);
  }
  return now;
}

test("damaged programs are read, or refused with a place", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...cases),
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      (original, changes) => {
        const source = { path: "damaged.mil", text: damaged(original, changes) };
        try {
          const tree = parseMil(source);
          renderDiagnostics(checkMil(tree));
          expect(sameTree(parseMil({ path: "again.mil", text: printMil(tree) }), tree)).toBe(true);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.diagnostics.length).toBeGreaterThan(0);
          for (const d of error.diagnostics) expect(d.labels.length).toBeGreaterThan(0);
          renderDiagnostics(error.diagnostics);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
