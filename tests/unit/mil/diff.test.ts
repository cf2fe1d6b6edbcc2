/** How programs differ: laws on random programs, and what is said of single differences. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Change, type Detail, diffMil } from "../../../compiler/mil/diff.ts";
import { align } from "../../../compiler/mil/diff_align.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import type { MilProgram } from "../../../compiler/mil/tree.ts";

const T = "tensor<fp16, [2, 2]>";

function program(
  lines: readonly string[],
  { inputs = `${T} x, ${T} w`, outputs = "y", rest = "", opset = "ios18" } = {},
): MilProgram {
  const text = `program(1.3)\n{ func main<${opset}>(${inputs}) {\n${lines.join("\n")}\n} -> (${outputs}); ${rest} }`;
  return parseMil({ path: "p.mil", text });
}

/** Changes as short texts. */
function changes(a: MilProgram, b: MilProgram): string[] {
  const details = (list: readonly Detail[]): string =>
    list.map((d) => `${d.part} ${d.name}: ${d.from} → ${d.to}`).join(", ");
  const text = (c: Change): string => {
    if (c.kind === "header") return `header (${details(c.details)})`;
    const name = ("from" in c ? c.from : c.to).results[0]?.name;
    return `${c.kind} ${name}${c.kind === "changed" ? ` (${details(c.details)})` : ""}`;
  };
  return diffMil(a, b).changes.map(text);
}

const base = [
  "bool no = const()[val = bool(false)];",
  `${T} m = matmul(x = x, y = w, transpose_x = no, transpose_y = no);`,
  `${T} r = relu(x = m);`,
  `${T} s = add(x = r, y = x);`,
  `${T} y = mul(x = s, y = s);`,
];
const edited = (at: number, ...lines: string[]): string[] => base.toSpliced(at, 1, ...lines);

test.each<[string, string[], string[]]>([
  ["nothing", base, []],
  ["a label", edited(2, `${T} r = relu(x = m)[name = string("other")];`), []],
  ["the order of arguments", edited(3, `${T} s = add(y = x, x = r);`), []],
  [
    "the style of a constant",
    edited(0, "tensor<bool, []> no = const()[val = tensor<bool, []>(false)];"),
    [],
  ],
  [
    "a removed op",
    edited(2).map((l) => l.replace("= r,", "= m,")),
    ["removed r", "changed s (input x: r → m)"],
  ],
  [
    "an added op",
    edited(3, `${T} e = exp(x = r);`, `${T} s = add(x = e, y = x);`),
    ["added e", "changed s (input x: r → e)"],
  ],
  ["another op", edited(2, `${T} r = tanh(x = m);`), ["changed r (op : relu → tanh)"]],
  ["another input", edited(3, `${T} s = add(x = r, y = w);`), ["changed s (input y: x → w)"]],
  [
    "another value",
    edited(0, "bool no = const()[val = bool(true)];"),
    ["changed no (attribute val: bool(false) → bool(true))"],
  ],
  [
    "another type",
    edited(2, "tensor<fp32, [2, 2]> r = relu(x = m);"),
    [`changed r (type r: ${T} → tensor<fp32, [2, 2]>)`],
  ],
  [
    "an argument more",
    edited(2, `${T} r = relu(x = m, alpha = fp16(2));`),
    ["changed r (argument alpha: undefined → fp16(2))"],
  ],
  [
    "an attribute more",
    edited(2, `${T} r = relu(x = m)[a = int32(1)];`),
    ["changed r (attribute a: undefined → int32(1))"],
  ],
  [
    "an opset",
    edited(2, `${T} r = relu<ios17>(x = m);`),
    ["changed r (opset : undefined → ios17)"],
  ],
])("what is said of %s", (_, lines, said) => {
  expect(changes(program(base), program(lines))).toEqual(said);
});

test("a statement at another place is moved, and so is each of several", () => {
  const loose = [`${T} e = exp(x = x);`, `${T} t = tanh(x = w);`];
  const [a, b] = [program([...loose, ...base]), program([...base, ...loose])];
  expect(changes(a, b)).toEqual(["moved e", "moved t"]);
  expect(changes(b, a)).toEqual(["moved e", "moved t"]);
});

test("what stands outside of statements", () => {
  const a = program(base);
  const [more] = [`func f<ios18>(${T} x) {} -> (x);`];
  expect(changes(a, program(base, { rest: more }))).toEqual(["header (function : undefined → f)"]);
  expect(changes(a, program(base, { opset: "ios17" }))).toEqual(["header (opset : ios18 → ios17)"]);
  expect(changes(a, program(base, { outputs: "s" }))).toEqual(["header (output 0: y → s)"]);
  expect(changes(a, program(base, { outputs: "y, s" }))).toEqual([
    "header (output 1: undefined → s)",
  ]);
  const wide = "tensor<fp16, [2, 4]>";
  expect(changes(a, program(base, { inputs: `${T} x, ${wide} w` }))).toEqual([
    `header (type w: ${T} → ${wide})`,
  ]);
  expect(changes(a, program(base, { inputs: `${T} x, ${wide} b, ${T} w` }))).toEqual([
    `header (input b: undefined → ${wide} b)`,
  ]);
});

test("names of ports are told but are no change", () => {
  const other = program(
    base.map((l) => l.replaceAll("= w,", "= v,").replaceAll(" y = mul", " out = mul")),
    { inputs: `${T} x, ${T} v`, outputs: "out" },
  );
  expect(diffMil(program(base), other)).toEqual({
    changes: [],
    renamed: [
      { function: "main", what: "output", from: "y", to: "out" },
      { function: "main", what: "input", from: "w", to: "v" },
    ],
  });
});

test("reading a state before and after it is written are two things", () => {
  const S = `state<${T}>`;
  const read = `${T} y = read_state(input = s);`;
  const write = "write_state(input = s, data = x);";
  const [a, b] = [
    [read, write],
    [write, read],
  ].map((l) => program(l, { inputs: `${T} x, ${S} s` })) as [MilProgram, MilProgram];
  expect(diffMil(a, b).changes).not.toEqual([]);
});

// --- Laws -----------------------------------------------------------------------------------------

const OPS = ["relu", "tanh", "exp", "add", "mul"];

/** Statements as an op and two numbers that choose among the values before. */
const steps = fc.array(fc.tuple(fc.nat(4), fc.nat(99), fc.nat(99)), {
  minLength: 1,
  maxLength: 24,
});
type Steps = readonly (readonly [op: number, x: number, y: number])[];

function built(list: Steps, name: (i: number) => string): MilProgram {
  const names = [name(0), name(1)];
  const lines = list.map(([op, x, y]) => {
    const pick = (n: number): string => names[n % names.length]!;
    const second = op > 2 ? `, y = ${pick(y)}` : "";
    const line = `${T} ${name(names.length)} = ${OPS[op]}(x = ${pick(x)}${second});`;
    names.push(name(names.length));
    return line;
  });
  return program(lines, { inputs: `${T} ${name(0)}, ${T} ${name(1)}`, outputs: names.at(-1)! });
}

test("a program with all names changed is the same program", () => {
  fc.assert(
    fc.property(steps, (list) => {
      const [a, b] = [built(list, (i) => `v${i}`), built(list, (i) => `other_${90 - i}`)];
      expect(diffMil(a, b).changes).toEqual([]);
      expect(diffMil(b, a).changes).toEqual([]);
    }),
  );
});

test("a program with one op changed is another, and the change is one of its statements", () => {
  fc.assert(
    fc.property(steps, fc.nat(), (list, at) => {
      const i = at % list.length;
      const [op, x, y] = list[i]!;
      const other: Steps = list.map((s, k) => (k === i ? [op === 3 ? 4 : 3, x, y] : s));
      const [a, b] = [built(list, (k) => `v${k}`), built(other, (k) => `v${k}`)];
      const found = diffMil(a, b).changes;
      expect(found.length).toBeGreaterThan(0);
      const count = (kind: Change["kind"]) => found.filter((c) => c.kind === kind).length;
      // Each program keeps its length, so what leaves and what comes is as much.
      expect(count("removed")).toBe(count("added"));
    }),
  );
});

/** The length of a longest common subsequence, by its definition. */
function longest(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return 0;
  if (a[0] === b[0]) return 1 + longest(a.slice(1), b.slice(1));
  return Math.max(longest(a.slice(1), b), longest(a, b.slice(1)));
}

test("pairs are equal items in rising order, as many as there can be", () => {
  const list = fc.array(fc.nat(4), { maxLength: 9 });
  fc.assert(
    fc.property(list, list, (a, b) => {
      const pairs = align(a, b);
      for (const [k, [i, j]] of pairs.entries()) {
        expect(a[i]).toBe(b[j]);
        if (k > 0) expect(i > pairs[k - 1]![0] && j > pairs[k - 1]![1]).toBe(true);
      }
      expect(pairs.length).toBe(longest(a, b));
    }),
  );
});

test("twenty thousand statements are compared in a moment", () => {
  const list: Steps = Array.from({ length: 20_000 }, (_, i) => [i % 5, i * 7, i * 13]);
  const other = list.toSpliced(10_000, 3);
  const [a, b] = [built(list, (i) => `v${i}`), built(other, (i) => `w${i}`)];
  const start = performance.now();
  expect(diffMil(a, b).changes.length).toBeGreaterThan(0);
  expect(performance.now() - start).toBeLessThan(3000);
});
