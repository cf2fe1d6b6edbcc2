/**
 * Statements without their names, as keys that are equal when the statements are.
 *
 * `deep` stands for a statement and everything it is computed from: two statements with one deep key
 * compute the same. `shallow` stands for the statement alone, `kind` for its op, and `form` for what could stand
 * in its place: the names of its arguments and its types. Numbers are compared
 * by value and scalars by element, so that `fp16(0.125)` equals `tensor<fp16, []>(0x1p-3)`.
 */
import { rounding } from "./interpret_values.ts";
import { hexFloat, isWholeNumber, numberValue } from "./numbers.ts";
import { printType } from "./print.ts";
import type { Attribute, ElementType, MilFunction, MilType, Statement, Value } from "./tree.ts";

/** Numbers for texts: equal ones for equal texts. */
export type Numbering = (text: string) => number;

/** A new numbering; one serves both programs of a comparison. */
export function newNumbering(): Numbering {
  const known = new Map<string, number>();
  return (text) => {
    const found = known.get(text) ?? known.size;
    if (found === known.size) known.set(text, found);
    return found;
  };
}

/** The keys of a function's statements, by their index. */
export interface Keys {
  readonly deep: readonly number[];
  readonly shallow: readonly number[];
  readonly kind: readonly number[];
  readonly form: readonly number[];
  /** Deep keys of values by name. */
  readonly values: ReadonlyMap<string, number>;
}

/** The keys of a function; `inputs` are those of its inputs. */
export function keysOf(f: MilFunction, inputs: readonly number[], number: Numbering): Keys {
  const values = new Map<string, number>();
  for (const [i, { name }] of f.inputs.entries()) values.set(name, inputs[i]!);
  const deep: number[] = [];
  const shallow: number[] = [];
  const kind: number[] = [];
  const form: number[] = [];
  for (const s of f.body) {
    const key = number(statementText(s, (name) => `#${values.get(name) ?? name}`));
    deep.push(key);
    shallow.push(number(statementText(s, () => "#")));
    kind.push(number(s.op === "const" ? formText(s) : s.op));
    form.push(number(formText(s)));
    for (const [i, { name }] of s.results.entries()) {
      // A state keeps its name when it is written; what is read later is another value.
      values.set(name, number(`${key}.${i}`));
    }
    for (const name of written(s)) values.set(name, number(`${key} into ${values.get(name)}`));
  }
  return { deep, shallow, kind, form, values };
}

function written(s: Statement): readonly string[] {
  if (s.op !== "write_state" && s.op !== "coreml_update_state") return [];
  return s.args.flatMap(({ name, value }) =>
    (name === "state" || name === "input") && value.kind === "name" ? [value.name] : [],
  );
}

function formText(s: Statement): string {
  const names = s.args.map((arg) => arg.name).sort();
  const what = s.op === "const" ? "const" : `(${names.join(",")})`;
  return `${what} ${s.results.map((r) => typeKey(r.type)).join(",")}`;
}

/** A statement with its names replaced and without the name that it gives itself. */
function statementText(s: Statement, nameText: (name: string) => string): string {
  const list = (items: readonly Attribute[]): string =>
    [...items]
      .sort((p, q) => (p.name < q.name ? -1 : p.name > q.name ? 1 : 0))
      .map((item) => `${item.name}=${valueText(item.value, nameText)}`)
      .join(",");
  const types = s.results.map((r) => typeKey(r.type)).join(",");
  return `${types}=${s.op}<${s.opset ?? ""}>(${list(s.args)})[${list(attributesOf(s))}]`;
}

/** The attributes that say something; `name` only labels the statement. */
export function attributesOf(s: Statement): readonly Attribute[] {
  return s.attributes.filter((a) => a.name !== "name");
}

/** A type's text; a tensor without dimensions is its element. */
export function typeKey(type: MilType): string {
  if (type.kind === "state") return `state<${typeKey(type.of)}>`;
  return type.kind === "tensor" && type.shape.length === 0 ? type.element : printType(type);
}

/** A value's text, the same for all spellings of it. */
export function valueText(
  value: Value,
  nameText: (name: string) => string,
  element?: ElementType,
): string {
  const inner = (v: Value): string => valueText(v, nameText, element);
  switch (value.kind) {
    case "number":
      return numberText(value.text, element);
    case "bool":
      return value.value ? "1" : "0";
    case "string":
      return JSON.stringify(value.value);
    case "name":
      return nameText(value.name);
    case "list":
      return `[${value.items.map(inner).join(",")}]`;
    case "tuple":
      return `(${value.items.map(inner).join(",")})`;
    case "dict":
      return `{${value.entries.map(([k, v]) => `${inner(k)}:${inner(v)}`).join(",")}}`;
    case "blob":
      return `BLOBFILE(${valueText(value.path, nameText)},${valueText(value.offset, nameText)})`;
    case "typed": {
      const { type } = value;
      const of = type.kind === "scalar" || type.kind === "tensor" ? type.element : element;
      return `${typeKey(type)}(${valueText(value.value, nameText, of)})`;
    }
    default:
      return value satisfies never;
  }
}

/** Whole numbers stay exact; others are what storing them makes of them. */
function numberText(text: string, element: ElementType | undefined): string {
  const isFloat = element !== undefined && /fp|bf/.test(element);
  if (!isFloat && isWholeNumber(text)) {
    const whole = BigInt(text.replace("-", ""));
    return String(text.startsWith("-") ? -whole : whole);
  }
  const value = numberValue(text);
  return hexFloat(isFloat ? rounding(element, "fp16")(value) : value);
}
