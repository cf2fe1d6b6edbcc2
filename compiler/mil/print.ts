/**
 * A MIL tree as text.
 *
 * There is one layout, that of Apple's compiler: a statement a line, functions indented by four
 * blanks. Whether constants read `int32(1)` or `tensor<int32, []>(1)` is said by the tree. `parse`
 * reads back an equal tree, so printing what was printed changes nothing.
 */
import type {
  Attribute,
  Binding,
  MilFunction,
  MilProgram,
  MilType,
  Statement,
  Value,
} from "./tree.ts";

/** The text of a program, with a line break at its end. */
export function printMil(program: MilProgram): string {
  const header = program.attributes.length === 0 ? "" : `${bracket(program.attributes)}\n`;
  const functions = program.functions.map(printFunction).join("");
  return `program(${program.version})\n${header}{\n${functions}}\n`;
}

function printFunction(f: MilFunction): string {
  const inputs = f.inputs.map(printBinding).join(", ");
  const attributes = f.attributes.length === 0 ? "" : ` ${bracket(f.attributes)}`;
  const body = f.body.map((s) => `        ${printStatement(s)}\n`).join("");
  const outputs = f.outputs.map((o) => o.name).join(", ");
  return `    func ${f.name}<${f.opset}>(${inputs})${attributes} {\n${body}    } -> (${outputs});\n`;
}

/** One statement, without line break. */
export function printStatement(s: Statement): string {
  const results = s.results.map(printBinding).join(", ");
  const opset = s.opset === undefined ? "" : `<${s.opset}>`;
  const attributes = s.attributes.length === 0 ? "" : bracket(s.attributes);
  return `${results}${results === "" ? "" : " = "}${s.op}${opset}(${pairs(s.args)})${attributes};`;
}

function printBinding(b: Binding): string {
  return `${printType(b.type)} ${b.name}`;
}

function bracket(attributes: readonly Attribute[]): string {
  return `[${pairs(attributes)}]`;
}

function pairs(list: readonly Attribute[]): string {
  return list.map((a) => `${a.name} = ${printValue(a.value)}`).join(", ");
}

/** `tensor<fp16, [1, 8]>` */
export function printType(type: MilType): string {
  switch (type.kind) {
    case "scalar":
      return type.element;
    case "tensor":
      return `tensor<${type.element}, [${type.shape.join(", ")}]>`;
    case "list":
      return `list<${printType(type.item)}, ${type.length}>`;
    case "tuple":
      return `tuple<${type.items.map(printType).join(", ")}>`;
    case "dict":
      return `dict<${printType(type.key)}, ${printType(type.value)}>`;
    case "state":
      return `state<${printType(type.of)}>`;
    case "tensor_buffer": {
      const fields = type.fields.map((f) => `, ${f.name}=[${f.values.join(", ")}]`);
      return `tensor_buffer<${type.element}${fields.join("")}>`;
    }
    default:
      return type satisfies never;
  }
}

/** `tensor<int32, [2]>([1, 2])` */
export function printValue(value: Value): string {
  switch (value.kind) {
    case "number":
      return value.text;
    case "bool":
      return String(value.value);
    case "string":
      return `"${quote(value.value)}"`;
    case "name":
      return value.name;
    case "list":
      return `[${value.items.map(printValue).join(", ")}]`;
    case "tuple":
      return `(${value.items.map(printValue).join(", ")})`;
    case "dict": {
      const entries = value.entries.map(([k, v]) => `{${printValue(k)}, ${printValue(v)}}`);
      return `{${entries.join(", ")}}`;
    }
    case "blob":
      return `BLOBFILE(path = ${printValue(value.path)}, offset = ${printValue(value.offset)})`;
    case "typed":
      return `${printType(value.type)}(${printValue(value.value)})`;
    default:
      return value satisfies never;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\t": "\\t",
  "\r": "\\r",
  '"': '\\"',
  "\\": "\\\\",
};

function quote(text: string): string {
  return text.replace(/[\n\t\r"\\]/g, (c) => ESCAPES[c] ?? c);
}
