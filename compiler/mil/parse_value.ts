/**
 * Types and values of MIL text.
 *
 * The names of types are no keywords: `list` and `state` may name a value, so a word is a type only
 * where one must stand, or where `<` or `(` follows it.
 */
import { milExpected, milTooDeep, milUnknownType } from "../messages/mil.ts";
import { UserError } from "../support/diagnostic.ts";
import {
  type Cursor,
  expect,
  expectName,
  expectWord,
  fail,
  foundAt,
  listUntil,
  peek,
  spanAt,
  take,
  tokenText,
} from "./cursor.ts";
import { shortened, TOKEN } from "./lex.ts";
import { isWholeNumber } from "./numbers.ts";
import {
  type Attribute,
  CONSTRUCTORS,
  type Dim,
  ELEMENT_TYPES,
  type ElementType,
  isElementType,
  type MilType,
  TYPE_NAMES,
  type Value,
} from "./tree.ts";

/** Types and values nest at most so deep; the parser's own stack is far from full there. */
export const MAX_NESTING = 1200;

/** No size is larger; sums and products with small numbers stay exact below it. */
const LARGEST_DIM = 2 ** 48;

const isConstructor = (word: string): boolean => (CONSTRUCTORS as readonly string[]).includes(word);

const LESS = "<".charCodeAt(0);
const PAREN = "(".charCodeAt(0);
const BRACKET = "[".charCodeAt(0);
const BRACE = "{".charCodeAt(0);

function checkDepth(c: Cursor, depth: number): void {
  if (depth > MAX_NESTING) throw new UserError(milTooDeep(spanAt(c, c.at), MAX_NESTING));
}

/** A type, which must be next. */
export function parseType(c: Cursor, depth = 0): MilType {
  checkDepth(c, depth);
  const start = c.at;
  const word = expectName(c, "a type");
  if (isElementType(word)) return { kind: "scalar", element: word };
  if (!isConstructor(word)) {
    throw new UserError(milUnknownType(spanAt(c, start), shortened(word), TYPE_NAMES));
  }
  expect(c, "<");
  const type = parseParameters(c, word, depth + 1);
  if (word !== "tuple") expect(c, ">");
  return type;
}

function parseParameters(c: Cursor, name: string, depth: number): MilType {
  switch (name) {
    case "tensor": {
      const element = parseElement(c);
      expect(c, ",");
      return { kind: "tensor", element, shape: parseDims(c) };
    }
    case "list": {
      const item = parseType(c, depth);
      expect(c, ",");
      return { kind: "list", item, length: parseDim(c) };
    }
    case "tuple":
      return { kind: "tuple", items: listUntil(c, ">", () => parseType(c, depth)) };
    case "dict": {
      const key = parseType(c, depth);
      expect(c, ",");
      return { kind: "dict", key, value: parseType(c, depth) };
    }
    case "state":
      return { kind: "state", of: parseType(c, depth) };
    default: {
      const element = parseElement(c);
      const fields: { name: string; values: Dim[] }[] = [];
      while (take(c, ",")) {
        const field = expectName(c, "`shape`, `strides` or `interleave_factors`");
        expect(c, "=");
        fields.push({ name: field, values: parseDims(c) });
      }
      return { kind: "tensor_buffer", element, fields };
    }
  }
}

function parseElement(c: Cursor): ElementType {
  const word = expectName(c, "an element type");
  if (!isElementType(word)) {
    throw new UserError(milUnknownType(spanAt(c, c.at - 1), shortened(word), ELEMENT_TYPES));
  }
  return word;
}

function parseDims(c: Cursor): Dim[] {
  expect(c, "[");
  return listUntil(c, "]", () => parseDim(c));
}

/** A whole number from 0, or `?`. */
function parseDim(c: Cursor): Dim {
  if (take(c, "?")) return "?";
  const text = peek(c) === TOKEN.number ? tokenText(c, c.at) : "";
  const value = Number(text);
  if (!isWholeNumber(text) || !(value >= 0)) fail(c, "a whole number or `?`");
  if (value > LARGEST_DIM) fail(c, "a size of at most 2^48");
  c.at += 1;
  return value === 0 ? 0 : value;
}

/**
 * A value, which must be next. Names of values are read only where `names` allows them: in the
 * arguments of an op.
 */
export function parseValue(c: Cursor, names: boolean, depth = 0): Value {
  checkDepth(c, depth);
  const kind = peek(c);
  switch (kind) {
    case TOKEN.number:
      c.at += 1;
      return { kind: "number", text: tokenText(c, c.at - 1) };
    case TOKEN.string:
      c.at += 1;
      return { kind: "string", value: unquote(tokenText(c, c.at - 1).slice(1, -1)) };
    case BRACKET:
      c.at += 1;
      return { kind: "list", items: parseItems(c, "]", names, depth + 1) };
    case PAREN:
      c.at += 1;
      return { kind: "tuple", items: parseItems(c, ")", names, depth + 1) };
    case BRACE:
      c.at += 1;
      return parseDict(c, depth + 1);
    case TOKEN.name:
      return parseWord(c, names, depth);
    default:
      return fail(c, "a value");
  }
}

/** The parser's longest loop: the numbers of an inline tensor. */
function parseItems(c: Cursor, close: string, names: boolean, depth: number): Value[] {
  if (take(c, close)) return [];
  // Room for one: deep nesting is made of lists of one item.
  const out: Value[] = [parseValue(c, names, depth)];
  while (!take(c, close)) {
    if (!take(c, ",")) fail(c, `\`,\` or \`${close}\``);
    out.push(parseValue(c, names, depth));
  }
  return out;
}

/** After `{`: `{key, value}, …}`. */
function parseDict(c: Cursor, depth: number): Value {
  const entries = listUntil(c, "}", (): readonly [Value, Value] => {
    expect(c, "{");
    const key = parseValue(c, false, depth);
    expect(c, ",");
    const value = parseValue(c, false, depth);
    expect(c, "}");
    return [key, value];
  });
  return { kind: "dict", entries };
}

function parseWord(c: Cursor, names: boolean, depth: number): Value {
  const word = tokenText(c, c.at);
  const next = peek(c, 1);
  if (word === "BLOBFILE" && next === PAREN) return parseBlob(c, depth);
  if ((isElementType(word) && next === PAREN) || (isConstructor(word) && next === LESS)) {
    const type = parseType(c, depth);
    expect(c, "(");
    const value = parseValue(c, names, depth + 1);
    expect(c, ")");
    return { kind: "typed", type, value };
  }
  if (next === PAREN) {
    throw new UserError(milUnknownType(spanAt(c, c.at), shortened(word), TYPE_NAMES));
  }
  c.at += 1;
  if (word === "true" || word === "false") return { kind: "bool", value: word === "true" };
  if (word === "inf" || word === "nan") return { kind: "number", text: word };
  if (names) return { kind: "name", name: word };
  throw new UserError(milExpected(spanAt(c, c.at - 1), "a value", foundAt(c, c.at - 1)));
}

/** `BLOBFILE(path = …, offset = …)`, in either order. */
function parseBlob(c: Cursor, depth: number): Value {
  c.at += 1;
  expect(c, "(");
  const pathFirst = tokenText(c, c.at) === "path";
  const field = (name: string): Value => {
    expectWord(c, name);
    expect(c, "=");
    return parseValue(c, false, depth + 1);
  };
  const first = field(pathFirst ? "path" : "offset");
  expect(c, ",");
  const second = field(pathFirst ? "offset" : "path");
  expect(c, ")");
  return pathFirst
    ? { kind: "blob", path: first, offset: second }
    : { kind: "blob", path: second, offset: first };
}

/** `name = value, …` up to `close`, which is stepped over. */
export function parsePairs(c: Cursor, close: string, names: boolean): Attribute[] {
  return listUntil(c, close, () => {
    const name = expectName(c, close === ")" ? "an argument's name" : "an attribute's name");
    const nameSpan = spanAt(c, c.at - 1);
    expect(c, "=");
    const from = c.at;
    const value = parseValue(c, names);
    const span = { ...spanAt(c, from), end: c.tokens.ends[c.at - 1] ?? 0 };
    return { name, value, span, nameSpan };
  });
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\n": "\n",
  "\\t": "\t",
  "\\r": "\r",
  '\\"': '"',
  "\\\\": "\\",
};

/** The text of a string; an escape that MIL is not known to have stays as it is. */
function unquote(text: string): string {
  return text.includes("\\") ? text.replace(/\\./g, (pair) => ESCAPES[pair] ?? pair) : text;
}
