/** Which forms of MIL text a tree has: what a run of random programs must have covered. */
import { MIL_OPS } from "../../compiler/mil/ops.ts";
import {
  type Attribute,
  CONSTRUCTORS,
  type Dim,
  ELEMENT_TYPES,
  type MilFunction,
  type MilProgram,
  type MilType,
  RESERVED_NAMES,
  type Statement,
  type Value,
} from "../../compiler/mil/tree.ts";

type See = (form: string) => void;

/** Spellings of numbers. */
const SPELLINGS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["whole", /^\d+$/],
  ["negative", /^-\d/],
  ["point", /^-?\d*\.\d*$/],
  ["exponent", /^-?[\d.]+e[-+]?\d+$/i],
  ["hexadecimal integer", /^0x[0-9a-f]+$/i],
  ["hexadecimal float", /^0x[0-9a-f]+p/],
  ["hexadecimal fraction", /^0x[0-9a-f]\.[0-9a-f]+p/],
  ["negative hexadecimal", /^-0x/],
  ["long mantissa", /^-?0x1\.[0-9a-f]{13}p/],
  ["subnormal half", /^0x1p-24$/],
  ["beyond 2^53", /^-?\d{17,}$/],
  ["inf", /^inf$/],
  ["-inf", /^-inf$/],
  ["nan", /^nan$/],
];

const STRINGS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["empty", /^$/],
  ["quote", /"/],
  ["backslash", /\\/],
  ["line break", /\n/],
  ["tab", /\t/],
  ["carriage return", /\r/],
  ["comment", /\/\//],
  ["beyond ASCII", /[^\0-\x7f]/],
];

/** Everything that `formsOf` may find. */
export const ALL_FORMS: readonly string[] = [
  ...MIL_OPS.map((o) => `op ${o.name}`),
  ...["op const", "op outside the table"],
  ...ELEMENT_TYPES.flatMap((e) => [`scalar ${e}`, `tensor of ${e}`, `tensor_buffer of ${e}`]),
  ...CONSTRUCTORS.map((c) => `type ${c}`),
  ...["tensor", "list", "tensor_buffer"].map((c) => `${c} of ?`),
  ...["list", "tuple", "dict", "state"].flatMap((c) => [`${c} of tensor`, `${c} of ${c}`]),
  ...[0, 1, 2, 3, 4, 5, 6].map((rank) => `rank ${rank}`),
  ...["shape", "strides", "interleave_factors"].map((f) => `tensor_buffer ${f}`),
  ...SPELLINGS.map(([name]) => `number ${name}`),
  ...STRINGS.map(([name]) => `string with ${name}`),
  ...["number", "bool", "string", "list", "tuple", "dict", "name", "blob", "typed"].map(
    (kind) => `value ${kind}`,
  ),
  ...["list", "tuple", "dict"].flatMap((c) => [`empty ${c}`, `${c} in ${c}`]),
  ...["short literal", "long literal", "list of one as a scalar", "list of one as a list"],
  ...["list in list in list", "typed in typed", "typed in list", "dict in tuple"],
  ...[
    "blob path short",
    "blob path long",
    "blob of a scalar",
    "blob as argument",
    "blob as attribute",
  ],
  ...["program", "function", "statement"].flatMap((p) => [`${p} with attributes`, `${p} bare`]),
  ...[0, 1, 2, 3].flatMap((n) => [`${n} functions`, `${n} results`, `${n} outputs`]),
  ...["op with opset", "no arguments", "tuple of names", "argument untyped", "name in a list"],
  ...["function twice", "value twice", "name in two functions", "parameters in the bracket"],
  ...["name first", "name last", "name absent", "word of the grammar as a name"],
  ...["1.0", "1.3", "1.5", "2.0", "3"].map((v) => `version ${v}`),
];

/** Tells `see` of every form that a program has. */
export function formsOf(program: MilProgram, see: See): void {
  see(`version ${program.version}`);
  see(`program ${program.attributes.length > 0 ? "with attributes" : "bare"}`);
  see(`${program.functions.length} functions`);
  attributeForms(program.attributes, see);
  const functions = program.functions.map((f) => f.name);
  if (new Set(functions).size < functions.length) see("function twice");
  const defined = program.functions.map((f) => new Set(definedBy(f)));
  const others = defined.slice(1);
  if (others.some((set, i) => [...set].some((n) => defined[i]!.has(n))))
    see("name in two functions");
  for (const f of program.functions) functionForms(f, see);
}

function definedBy(f: MilFunction): readonly string[] {
  return [...f.inputs, ...f.body.flatMap((s) => s.results)].map((b) => b.name);
}

function functionForms(f: MilFunction, see: See): void {
  see(`function ${f.attributes.length > 0 ? "with attributes" : "bare"}`);
  see(`${f.outputs.length} outputs`);
  const names = definedBy(f);
  if (new Set(names).size < names.length) see("value twice");
  if (names.some((n) => RESERVED_NAMES.includes(n))) see("word of the grammar as a name");
  for (const { type } of f.inputs) typeForms(type, see);
  attributeForms(f.attributes, see);
  for (const s of f.body) statementForms(s, see);
}

const known = new Set(["const", ...MIL_OPS.map((o) => o.name)]);

function statementForms(s: Statement, see: See): void {
  see(known.has(s.op) ? `op ${s.op}` : "op outside the table");
  see(`statement ${s.attributes.length > 0 ? "with attributes" : "bare"}`);
  see(`${s.results.length} results`);
  if (s.opset !== undefined) see("op with opset");
  if (s.args.length === 0) see("no arguments");
  if (s.op.startsWith("constexpr_") && s.attributes.length > 2) see("parameters in the bracket");
  const name = s.attributes.findIndex((a) => a.name === "name");
  if (name < 0) see("name absent");
  else if (s.attributes.length > 1) see(name === 0 ? "name first" : "name last");
  for (const { type } of s.results) typeForms(type, see);
  for (const { value } of s.args) {
    valueForms(value, see);
    if (value.kind === "tuple" && value.items.some((v) => v.kind === "name")) see("tuple of names");
    if (value.kind === "list" && value.items.some((v) => v.kind === "name")) see("name in a list");
    if (value.kind === "number" || value.kind === "bool") see("argument untyped");
    if (holdsBlob(value)) see("blob as argument");
  }
  attributeForms(s.attributes, see);
  if (s.attributes.some((a) => holdsBlob(a.value))) see("blob as attribute");
}

function holdsBlob(value: Value): boolean {
  return value.kind === "blob" || (value.kind === "typed" && value.value.kind === "blob");
}

function attributeForms(list: readonly Attribute[], see: See): void {
  for (const { value } of list) valueForms(value, see);
}

function typeForms(type: MilType, see: See): void {
  if (type.kind === "scalar") {
    see(`scalar ${type.element}`);
    return;
  }
  see(`type ${type.kind}`);
  const open = (dims: readonly Dim[]): void => {
    if (dims.includes("?")) see(`${type.kind} of ?`);
  };
  switch (type.kind) {
    case "tensor":
      see(`tensor of ${type.element}`);
      see(`rank ${type.shape.length}`);
      open(type.shape);
      return;
    case "tensor_buffer":
      see(`tensor_buffer of ${type.element}`);
      for (const { name, values } of type.fields) {
        see(`tensor_buffer ${name}`);
        open(values);
      }
      return;
    case "list":
      open([type.length]);
      break;
    default:
      break;
  }
  for (const inner of partsOf(type)) {
    see(`${type.kind} of ${inner.kind}`);
    typeForms(inner, see);
  }
}

function partsOf(type: MilType): readonly MilType[] {
  switch (type.kind) {
    case "list":
      return [type.item];
    case "tuple":
      return type.items;
    case "dict":
      return [type.key, type.value];
    case "state":
      return [type.of];
    default:
      return [];
  }
}

function valueForms(value: Value, see: See): void {
  see(`value ${value.kind}`);
  const inner = (items: readonly Value[]): void => {
    if (items.length === 0) see(`empty ${value.kind}`);
    for (const item of items) {
      see(`${item.kind} in ${value.kind}`);
      valueForms(item, see);
    }
  };
  switch (value.kind) {
    case "number":
      for (const [name, pattern] of SPELLINGS) if (pattern.test(value.text)) see(`number ${name}`);
      return;
    case "string":
      for (const [name, pattern] of STRINGS)
        if (pattern.test(value.value)) see(`string with ${name}`);
      return;
    case "list":
      inner(value.items);
      for (const item of value.items) {
        const nested = item.kind === "list" && item.items.some((v) => v.kind === "list");
        if (nested) see("list in list in list");
      }
      return;
    case "tuple":
      inner(value.items);
      return;
    case "dict":
      inner(value.entries.flat());
      return;
    case "blob":
      if (value.path.kind === "typed") see(`blob path ${styleOf(value.path.type)}`);
      inner([value.path, value.offset]);
      return;
    case "typed":
      see(`${styleOf(value.type)} literal`);
      typedForms(value.type, value.value, see);
      inner([value.value]);
      return;
    default:
      return;
  }
}

const styleOf = (type: MilType): string => (type.kind === "scalar" ? "short" : "long");

function typedForms(type: MilType, value: Value, see: See): void {
  typeForms(type, see);
  if (value.kind === "blob" && type.kind === "scalar") see("blob of a scalar");
  if (type.kind === "tensor" && type.shape.length === 1 && type.shape[0] === 1) {
    see(`list of one as a ${value.kind === "list" ? "list" : "scalar"}`);
  }
}
