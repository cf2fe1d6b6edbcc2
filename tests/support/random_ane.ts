/**
 * Random syntax trees of the language, and their text.
 *
 * Trees here are bare: no spans, no `group` nodes, names as strings. `bare` makes one of what the
 * parser gives, so a tree, its text and the tree read back can be compared.
 */
import fc from "fast-check";
import type * as ast from "../../dsl/ast.ts";

type Place = "span" | "opSpan" | "dimsSpan" | "source" | "doc";

/** A type of the tree without places and parentheses, names being strings. */
type Bare<T> = T extends { readonly kind: "group" | "broken" }
  ? never
  : T extends readonly (infer U)[]
    ? readonly Bare<U>[]
    : T extends { readonly kind: unknown }
      ? Fields<T>
      : T extends ast.Name
        ? string
        : T extends object
          ? Fields<T>
          : T;
type Fields<T> = { readonly [K in keyof T as K extends Place ? never : K]: Bare<T[K]> };

type BareDim = Bare<ast.DimExpr>;
type BareType = Bare<ast.TypeExpr>;
type BareExpr = Bare<ast.Expr>;
type BareStatement = Bare<ast.Statement>;
export type BareItem = Bare<ast.Item>;

/** A parsed file without spans and parentheses. */
export function bare(file: ast.File): unknown {
  return strip(file.items);
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== "object" || value === null) return value;
  const record = value as Record<string, unknown>;
  if (record["kind"] === "group") return strip(record["inner"]);
  if (Object.keys(record).sort().join() === "span,text") return record["text"];
  const skipped = new Set(["span", "opSpan", "dimsSpan", "source", "doc"]);
  const kept = Object.entries(record).filter(([key, v]) => !skipped.has(key) && v !== undefined);
  return Object.fromEntries(kept.map(([key, v]) => [key, strip(v)]));
}

const name = fc.constantFrom("x", "y", "wq", "block", "S", "D", "a_1", "layers", "asx", "op");
const plainName = name.filter((n) => n !== "op");
const number = fc.oneof(
  fc.nat(4000).map((value) => ({ kind: "number", value, text: String(value) })),
  fc
    .constantFrom("1e-6", "0.5", "3.25e10")
    .map((text) => ({ kind: "number", value: Number(text), text })),
);
const factor = fc.oneof(
  name.map((n) => ({ kind: "name", name: n })),
  fc.integer({ min: 1, max: 99 }).map((value) => ({ kind: "number", value })),
);
const dim = fc.array(factor, { minLength: 1, maxLength: 3 }).map((factors) => ({ factors }));
const dims = fc.array(dim, { maxLength: 3 });
const type = fc.record({
  dtype: fc.constantFrom("", "f32", "f16", "i32"),
  open: fc.boolean(),
  dims,
});

const expression: fc.Arbitrary<BareExpr> = fc.letrec<{ expr: unknown }>((tie) => ({
  expr: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    name.map((n) => ({ kind: "name", name: n })),
    number,
    fc.record({ kind: fc.constant("string"), value: fc.constantFrom("split", "") }),
    fc.record({
      kind: fc.constant("member"),
      path: fc.array(plainName, { minLength: 2, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant("negate"), operand: tie("expr") }),
    fc.record({ kind: fc.constant("transpose"), operand: tie("expr") }),
    fc.record({ kind: fc.constant("as"), operand: tie("expr"), dims }),
    fc.record({
      kind: fc.constant("binary"),
      op: fc.constantFrom("+", "-", "*", "/", "@"),
      left: tie("expr"),
      right: tie("expr"),
    }),
    fc.record(
      {
        kind: fc.constant("call"),
        callee: plainName,
        label: plainName,
        builtin: fc.boolean(),
        args: fc.array(fc.record({ name, value: tie("expr") }, { requiredKeys: ["value"] }), {
          maxLength: 3,
        }),
      },
      { requiredKeys: ["kind", "callee", "builtin", "args"] },
    ),
  ),
})).expr as fc.Arbitrary<BareExpr>;

const statement = fc.letrec<{ statement: unknown }>((tie) => ({
  statement: fc.oneof(
    { maxDepth: 2 },
    fc.record({
      kind: fc.constant("assign"),
      op: fc.constantFrom("=", "+=", "-=", "*="),
      target: name,
      value: expression,
    }),
    fc.record({ kind: fc.constantFrom("return", "loss"), value: expression }),
    fc.record(
      {
        kind: fc.constant("param"),
        name,
        type,
        init: fc.record({ kind: name, value: expression }, { requiredKeys: ["kind"] }),
      },
      { requiredKeys: ["kind", "name", "type"] },
    ),
    fc.record({
      kind: fc.constant("repeat"),
      count: expression,
      body: fc.array(tie("statement"), { maxLength: 3 }),
    }),
  ),
})).statement as fc.Arbitrary<BareStatement>;

const args = fc.array(fc.record({ name, type }), { maxLength: 3 });
const body = fc.array(statement, { maxLength: 4 });
const item = fc.oneof(
  fc.record({
    kind: fc.constantFrom("dims", "set"),
    bindings: fc.array(fc.record({ name, value: expression }), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constantFrom("layer", "model"),
    name,
    variables: fc.array(name, { maxLength: 2 }),
    args,
    result: type,
    body,
  }),
  fc.record({ kind: fc.constant("train"), name, args, body }),
);

export const file = fc.array(item, { maxLength: 3 }) as fc.Arbitrary<readonly BareItem[]>;

// ---- text

const LEVEL = { "+": 1, "-": 1, "*": 2, "/": 2, "@": 4 } as const;

const dimText = (d: BareDim): string =>
  d.factors.map((f) => (f.kind === "name" ? f.name : String(f.value))).join(" * ");
const dimsText = (list: readonly BareDim[]): string => `[${list.map(dimText).join(" , ")}]`;
const typeText = (t: BareType): string =>
  `${t.dtype} [${[...(t.open ? ["..."] : []), ...t.dims.map(dimText)].join(" , ")}]`;

/** An expression with the parentheses it needs where at least `level` binds. */
function exprText(e: BareExpr, level: number): string {
  const [text, own] = exprParts(e);
  return own < level ? `( ${text} )` : text;
}

function exprParts(e: BareExpr): readonly [text: string, level: number] {
  switch (e.kind) {
    case "number":
      return [e.text, 7];
    case "string":
      return [`"${e.value}"`, 7];
    case "name":
      return [e.name, 7];
    case "member":
      return [e.path.join("."), 7];
    case "negate":
      return [`- ${exprText(e.operand, 5)}`, 5];
    case "transpose":
      return [`${exprText(e.operand, 6)} '`, 6];
    case "as":
      return [`${exprText(e.operand, 3)} as ${dimsText(e.dims)}`, 3];
    case "binary": {
      const own = LEVEL[e.op];
      return [`${exprText(e.left, own)} ${e.op} ${exprText(e.right, own + 1)}`, own];
    }
    case "call": {
      const label = e.label === undefined ? "" : `#${e.label}`;
      const list = e.args.map(
        (a) => (a.name === undefined ? "" : `${a.name} : `) + exprText(a.value, 0),
      );
      return [`${e.builtin ? "op." : ""}${e.callee}${label}( ${list.join(" , ")} )`, 7];
    }
    default:
      return e satisfies never;
  }
}

function statementText(s: BareStatement): string {
  switch (s.kind) {
    case "assign":
      return `${s.target} ${s.op} ${exprText(s.value, 0)}`;
    case "param": {
      const value = s.init?.value === undefined ? "" : ` ( ${exprText(s.init.value, 0)} )`;
      const init = s.init === undefined ? "" : ` init ${s.init.kind}${value}`;
      return `param ${s.name} : ${typeText(s.type)}${init}`;
    }
    case "repeat":
      return `repeat ${exprText(s.count, 0)} ${bodyText(s.body)}`;
    case "return":
    case "loss":
      return `${s.kind} ${exprText(s.value, 0)}`;
    default:
      return s satisfies never;
  }
}

function bodyText(statements: readonly BareStatement[]): string {
  return `{\n${statements.map((s) => `${statementText(s)}\n`).join("")}}`;
}

/** The text of a tree: one blank between tokens, one statement a line. */
export function textOfFile(items: readonly BareItem[]): string {
  return items
    .map((i) => {
      if (i.kind === "dims" || i.kind === "set") {
        const list = i.bindings.map((b) => `${b.name} = ${exprText(b.value, 0)}`);
        return `${i.kind} ${list.join(" , ")}\n`;
      }
      const list = i.args.map((a) => `${a.name} : ${typeText(a.type)}`).join(" , ");
      const isTrain = i.kind === "train";
      const variables = isTrain || i.variables.length === 0 ? "" : `< ${i.variables.join(" , ")} >`;
      const result = isTrain ? "" : `-> ${typeText(i.result)} `;
      return `${i.kind} ${i.name} ${variables}( ${list} ) ${result}${bodyText(i.body)}\n`;
    })
    .join("");
}
