/** The language server over its protocol, as an editor speaks to it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type {
  Hover,
  Location,
  MarkupContent,
  Range,
  TextEdit,
  WorkspaceEdit,
} from "vscode-languageserver-protocol/node.js";
import { type Editor, editor, type Place } from "../../bench/editor_client.ts";

const URI = "file:///work/my.ane";
const MIL = "file:///work/my.mil";

let shared: Editor;
beforeAll(async () => {
  shared = await editor({ chip: "m1" });
});
afterAll(async () => {
  // The server leaves in peace.
  expect(await shared.close()).toBe(0);
});

/** The place of `|` in a text without it. */
function cursor(text: string): { readonly text: string; readonly place: Place } {
  const at = text.indexOf("|");
  const lines = text.slice(0, at).split("\n");
  const place = { line: lines.length - 1, character: lines.at(-1)!.length };
  return { text: text.slice(0, at) + text.slice(at + 1), place };
}

function pick(text: string, { start, end }: Range): string {
  const lines = text.split("\n");
  const offset = ({ line, character }: Place): number =>
    lines.slice(0, line).reduce((n, l) => n + l.length + 1, 0) + character;
  return text.slice(offset(start), offset(end));
}

const MODEL = `dims S = 8, D = 16, F = 32, V = 100, L = 2

/// Adds what a gate lets through.
layer gated(x: [S, D]) -> [S, D] {
  param w: [D, F]
  param v: [F, D]
  h = silu(x @ w)
  return x + h @ v
}

model mine(tokens: i32[S]) -> [S, V] {
  x = embed(tokens)
  repeat L { x = gated(rms_norm#norm(x)) }
  return x @ embed.weight'
}
`;

test("mistakes appear and go as the text changes", async () => {
  const { write } = shared;
  expect((await write(URI, MODEL)).diagnostics).toEqual([]);
  const broken = MODEL.replace("h @ v", "h @ w");
  const found = (await write(URI, broken)).diagnostics.find((d) => d.severity === 1);
  expect(found).toMatchObject({ source: "anec", code: "E0301" });
  expect(pick(broken, found!.range)).toBe("h");
  expect(found!.message).toContain("cannot multiply");
  expect((await write(URI, MODEL)).diagnostics).toEqual([]);
  expect((await write(URI, "layer")).diagnostics.length).toBeGreaterThan(0);
});

test.each([
  ["h = si|lu(x @ w)", "op silu("],
  ["|h = silu(x @ w)", "value h: [S 8, F 32]"],
  ["return x + |h @ v", "value h: [S 8, F 32]"],
  ["x @ |w)", "parameter w: [D 16, F 32]"],
  ["layer gated(|x: [S, D])", "argument x: [S 8, D 16]"],
  ["param w: [D, |F]", "dimension F = 32"],
  ["x = ga|ted(", "Adds what a gate lets through."],
  ["x = em|bed(tokens)", "layer embed(tokens: i32[...]) -> [..., D]"],
  ["rms_norm#no|rm(x)", "norm: layer rms_norm<N>(x: [..., N]) -> [..., N]"],
])("hover over %s shows %s", async (marked, words) => {
  const { write, ask } = shared;
  const { text, place } = cursor(MODEL.replace(marked.replace("|", ""), marked));
  await write(URI, text);
  const hover = await ask<Hover>("hover", URI, place);
  expect(JSON.stringify(hover.contents)).toContain(JSON.stringify(words).slice(1, -1));
});

test.each([
  ["return x + |h @ v", "h", "h = silu(x @ w)"],
  ["x @ |w)", "w", "param w: [D, F]"],
  ["param v: [|F, D]", "F", "dims S = 8, D = 16, F = 32"],
  ["x = ga|ted(", "gated", "layer gated(x"],
  ["x @ |embed.weight'", "embed", "x = embed(tokens)"],
])("the definition of %s", async (marked, name, line) => {
  const { write, ask } = shared;
  const { text, place } = cursor(MODEL.replace(marked.replace("|", ""), marked));
  await write(URI, text);
  const found = await ask<Location>("definition", URI, place);
  expect(found.uri).toBe(URI);
  expect(pick(text, found.range)).toBe(name);
  expect(text.split("\n")[found.range.start.line]).toContain(line);
});

test("the definition of a layer or parameter of the library is in its file", async () => {
  const { write, ask } = shared;
  for (const [marked, name] of [
    ["x = em|bed(tokens)", "embed"],
    ["embed.we|ight'", "weight"],
  ] as const) {
    const { text, place } = cursor(MODEL.replace(marked.replace("|", ""), marked));
    await write(URI, text);
    const found = await ask<Location>("definition", URI, place);
    expect(found.uri.endsWith("dsl/std/embed.ane")).toBe(true);
    expect(pick(readFileSync(fileURLToPath(found.uri), "utf8"), found.range)).toBe(name);
  }
});

function edited(text: string, edits: readonly TextEdit[]): string {
  const lines = text.split("\n");
  const last = edits.toSorted(
    (a, b) =>
      b.range.start.line - a.range.start.line || b.range.start.character - a.range.start.character,
  );
  for (const { range, newText } of last) {
    const line = lines[range.start.line]!;
    lines[range.start.line] =
      line.slice(0, range.start.character) + newText + line.slice(range.end.character);
  }
  return lines.join("\n");
}

test.each([
  ["|h = silu(x @ w)", "hidden", 2],
  ["param w: [D, |F]", "Wide", 3],
  ["x = ga|ted(", "gate", 2],
  ["param |v: [F, D]", "out", 2],
  ["model mine(|tokens: i32[S])", "ids", 2],
])("renaming at %s changes every place of that meaning", async (marked, name, places) => {
  const { write, ask } = shared;
  const { text, place } = cursor(MODEL.replace(marked.replace("|", ""), marked));
  await write(URI, text);
  const { changes } = await ask<WorkspaceEdit>("rename", URI, place, { newName: name });
  const edits = changes![URI]!;
  expect(edits.length).toBe(places);
  expect((await write(URI, edited(text, edits))).diagnostics).toEqual([]);
});

test.each([
  ["|h = silu(x @ w)", "x", "means something else"],
  ["|h = silu(x @ w)", "S", "means something else"],
  ["|h = silu(x @ w)", "2h", "is not a name"],
  ["h = si|lu(x @ w)", "gelu", "is not defined in this file"],
])("renaming at %s to %s is refused", async (marked, name, words) => {
  const { write, ask } = shared;
  const { text, place } = cursor(MODEL.replace(marked.replace("|", ""), marked));
  await write(URI, text);
  await expect(ask("rename", URI, place, { newName: name })).rejects.toThrow(words);
});

test("completion knows the file, the library and the language; formatting is that of `anec fmt`", async () => {
  const { write, ask, connection } = shared;
  await write(URI, MODEL.replace("h = silu", "h  =  silu"));
  const items = await ask<{ label: string }[]>("completion", URI, { line: 6, character: 2 });
  const names = items.map((i) => i.label);
  for (const name of ["gated", "swiglu", "softmax", "h", "D", "rope_theta", "param"]) {
    expect(names).toContain(name);
  }
  const options = { tabSize: 2, insertSpaces: true };
  const [edit] = await connection.sendRequest<TextEdit[]>("textDocument/formatting", {
    ...{ textDocument: { uri: URI }, options },
  });
  expect(edit!.newText).toBe(MODEL);
});

const PROGRAM = `program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 8, 1, 32]> x) {
        tensor<fp16, [1, 8, 1, 32]> y = silu(x = x)[name = string("y")];
        tensor<fp16, [1, 8, 1, 32]> z = mul(x = y, y = x)[name = string("z")];
    } -> (z);
}
`;

test("MIL: mistakes, shapes, facts of a chip, definitions and renaming", async () => {
  const { write, ask } = shared;
  const wrong = PROGRAM.replace("y = x)[name", "y = q)[name");
  const { diagnostics } = await write(MIL, wrong);
  expect(diagnostics.length).toBeGreaterThan(0);
  expect(pick(wrong, diagnostics[0]!.range)).toContain("q");

  const { text, place } = cursor(PROGRAM.replace("mul(x = y", "mul(x = |y"));
  await write(MIL, text);
  const hover = await ask<Hover>("hover", MIL, place);
  expect(JSON.stringify(hover.contents)).toContain("tensor<fp16, [1, 8, 1, 32]> y");
  const op = await ask<Hover>("hover", MIL, { line: 4, character: 40 });
  expect(JSON.stringify(op.contents)).toContain("mul(x: ");
  const found = await ask<Location>("definition", MIL, place);
  expect(found.range.start).toEqual({ line: 3, character: 36 });
  const { changes } = await ask<WorkspaceEdit>("rename", MIL, place, { newName: "gate" });
  const renamed = edited(text, changes![MIL]!);
  expect(renamed).toContain("> gate = silu(x = x)");
  expect(renamed).toContain("mul(x = gate, y = x)");
  expect((await write(MIL, renamed)).diagnostics.filter((d) => d.severity === 1)).toEqual([]);
});

/** The ids of the facts that a hover over an op shows. */
async function factsOver(op: string, { write, ask }: Editor): Promise<string[]> {
  const { text, place } = cursor(PROGRAM.replace("silu(x = x)", `|${op}(x = x)`));
  await write(MIL, text);
  const { contents } = await ask<Hover>("hover", MIL, place);
  return [...JSON.stringify(contents).matchAll(/- \[(\w+)\]\(file:/g)].map(([, id]) => id!);
}

test.each([
  ["cumsum", ["unsupported_ops"]],
  ["asin", ["unsupported_ops"]],
  ["silu", ["listed_as_missing", "nan_in_tables", "table_functions"]],
  ["tanh", ["nan_in_tables", "table_functions"]],
  ["sin", ["trigonometry", "table_functions"]],
  ["matmul", ["contraction_limit", "conv_beside_matmul", "attention_on_m1", "constant_operand"]],
  ["conv", ["contraction_limit", "conv_bias", "conv_beside_matmul", "kernel_width"]],
  ["softmax", ["attention_on_m1", "softmax_channels", "score_size"]],
])("MIL: hover over `%s` shows the facts about it", async (op, ids) => {
  expect(await factsOver(op, shared)).toEqual(expect.arrayContaining(ids));
});

test("MIL: hover shows the facts of the chip and system, or of all with their scope", async () => {
  const [m4, any] = await Promise.all([editor({ chip: "m4", os: "26.0" }), editor()]);
  try {
    for (const id of ["trigonometry", "attention_on_m1"]) {
      const op = id === "trigonometry" ? "sin" : "matmul";
      expect(await factsOver(op, shared)).toContain(id);
      expect(await factsOver(op, m4)).not.toContain(id);
      expect(await factsOver(op, any)).toContain(id);
    }
    const { place } = cursor(PROGRAM.replace("silu(x = x)", "|sin(x = x)"));
    await factsOver("sin", any);
    const { contents } = await any.ask<Hover>("hover", MIL, place);
    const { value } = contents as MarkupContent;
    expect(value).toContain("(holds; M1, M2): `sin` and `cos` need M3 or later.");
    const page = /\[trigonometry\]\((file:[^)]+)\)/.exec(value)![1]!;
    expect(readFileSync(fileURLToPath(page), "utf8")).toContain("# trigonometry");
  } finally {
    await Promise.all([m4.close(), any.close()]);
  }
});

test.each([
  ["LF", "\n"],
  ["CRLF", "\r\n"],
  ["CR", "\r"],
])("places count UTF-16 units, and lines that end in %s; formatting keeps them", async (_, eol) => {
  const { write, ask, connection } = shared;
  const mil = PROGRAM.replace('string("y")', 'string("😀")').replace(
    /;\n +(?=tensor.* z = mul)/,
    "; ",
  );
  const lines = mil.replace("y = x)[name", "y = q)[name").split("\n");
  const { diagnostics } = await write(MIL, lines.join(eol));
  const at = lines.findIndex((l) => l.includes("y = q"));
  const start = lines[at]!.indexOf("y = q") + 4;
  expect(diagnostics[0]!.range).toEqual({
    start: { line: at, character: start },
    end: { line: at, character: start + 1 },
  });
  const place = { line: at, character: lines[at]!.indexOf("mul(") + 1 };
  const hover = await ask<Hover>("hover", MIL, place);
  expect(hover.range!.start).toEqual({ line: at, character: place.character - 1 });

  const text = MODEL.replace("h = silu(x @ w)", "h = silu(x @ w)  // 😀").replaceAll("\n", eol);
  await write(URI, text);
  const found = await ask<Location>("definition", URI, { line: 7, character: 13 });
  expect(found.range.start).toEqual({ line: 6, character: 2 });
  const format = (): Promise<TextEdit[]> =>
    connection.sendRequest("textDocument/formatting", {
      ...{ textDocument: { uri: URI }, options: { tabSize: 2, insertSpaces: true } },
    });
  expect(await format()).toEqual([]);
  await write(URI, text.replace("h = silu", "h  =  silu"));
  expect((await format())[0]!.newText).toBe(text);
});

test("MIL: what a chip refuses is shown with its fact", async () => {
  const { write } = shared;
  const { diagnostics } = await write(MIL, PROGRAM.replaceAll("silu(x = x)", "sin(x = x)"));
  expect(diagnostics.length).toBeGreaterThan(0);
  expect(diagnostics[0]!.code).toMatch(/^E05/);
});
