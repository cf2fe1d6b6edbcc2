/**
 * Random syntax trees of the language, and their text.
 *
 * Trees here are bare: no spans, no `group` nodes, names as strings. `bare` makes one of what the
 * parser gives, so a tree, its text and the tree read back can be compared.
 */
import fc from "fast-check";
import type { File } from "../../dsl/ast.ts";

export type Bare = { readonly kind: string; readonly [key: string]: unknown };

/** A parsed file without spans and parentheses. */
export function bare(file: File): unknown {
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

export const expression: fc.Arbitrary<Bare> = fc.letrec<{ expr: Bare }>((tie) => ({
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
})).expr;

const statement: fc.Arbitrary<Bare> = fc.letrec<{ statement: Bare }>((tie) => ({
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
})).statement;

const args = fc.array(fc.record({ name, type }), { maxLength: 3 });
const body = fc.array(statement, { maxLength: 4 });
const item: fc.Arbitrary<Bare> = fc.oneof(
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

export const file: fc.Arbitrary<readonly Bare[]> = fc.array(item, { maxLength: 3 });

// ---- text

// biome-ignore lint/suspicious/noExplicitAny: trees are made above and printed here
type Any = any;

const LEVEL: Readonly<Record<string, number>> = { "+": 1, "-": 1, "*": 2, "/": 2, "@": 4 };

const dimText = (d: Any): string => d.factors.map((f: Any) => f.name ?? f.value).join(" * ");
const dimsText = (list: Any): string => `[${list.map(dimText).join(" , ")}]`;
const typeText = (t: Any): string =>
  `${t.dtype} [${[...(t.open ? ["..."] : []), ...t.dims.map(dimText)].join(" , ")}]`;

/** An expression with the parentheses it needs where at least `level` binds. */
function exprText(e: Any, level: number): string {
  const [text, own] = exprParts(e);
  return own < level ? `( ${text} )` : text;
}

function exprParts(e: Any): readonly [string, number] {
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
      const own = LEVEL[e.op]!;
      return [`${exprText(e.left, own)} ${e.op} ${exprText(e.right, own + 1)}`, own];
    }
    default: {
      const label = e.label === undefined ? "" : `#${e.label}`;
      const list = e.args.map(
        (a: Any) => (a.name === undefined ? "" : `${a.name} : `) + exprText(a.value, 0),
      );
      return [`${e.builtin ? "op." : ""}${e.callee}${label}( ${list.join(" , ")} )`, 7];
    }
  }
}

function statementText(s: Any): string {
  switch (s.kind) {
    case "assign":
      return `${s.target} ${s.op} ${exprText(s.value, 0)}`;
    case "param": {
      const value = s.init?.value === undefined ? "" : ` ( ${exprText(s.init.value, 0)} )`;
      return `param ${s.name} : ${typeText(s.type)}${s.init === undefined ? "" : ` init ${s.init.kind}${value}`}`;
    }
    case "repeat":
      return `repeat ${exprText(s.count, 0)} ${bodyText(s.body)}`;
    default:
      return `${s.kind} ${exprText(s.value, 0)}`;
  }
}

const bodyText = (statements: Any): string =>
  `{\n${statements.map((s: Any) => `${statementText(s)}\n`).join("")}}`;

/** The text of a tree: one blank between tokens, one statement a line. */
export function textOfFile(items: readonly Any[]): string {
  return items
    .map((i) => {
      if (i.kind === "dims" || i.kind === "set") {
        return `${i.kind} ${i.bindings.map((b: Any) => `${b.name} = ${exprText(b.value, 0)}`).join(" , ")}\n`;
      }
      const list = i.args.map((a: Any) => `${a.name} : ${typeText(a.type)}`).join(" , ");
      const variables = i.variables?.length > 0 ? `< ${i.variables.join(" , ")} >` : "";
      const result = i.kind === "train" ? "" : `-> ${typeText(i.result)} `;
      return `${i.kind} ${i.name} ${variables}( ${list} ) ${result}${bodyText(i.body)}\n`;
    })
    .join("");
}
