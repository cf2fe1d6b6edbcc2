/** A MIL function as a drawing shows it: constants stand in the statements that read them. */
import { milOp } from "../../compiler/mil/ops.ts";
import { printStatement, printType, printValue } from "../../compiler/mil/print.ts";
import type { Attribute, MilFunction, MilType, Statement, Value } from "../../compiler/mil/tree.ts";
import { lineText, positionAt } from "../../compiler/support/source.ts";
import type { GraphSource, SourceNode } from "./drawing.ts";
import { kindOf } from "./kinds.ts";

export interface MilSource extends GraphSource {
  /** Statements that are not drawn because there are too many. */
  readonly left: number;
}

/** Inputs and statements that are drawn in one page at most; placing them takes seconds. */
export const MOST_STATEMENTS = 3000;
const LONGEST = 160;
const LONGEST_MIL = 2000;

const clipped = (text: string, most = LONGEST): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** What `drawingOf` takes, of a function. */
export function sourceOfMil(f: MilFunction, most = MOST_STATEMENTS): MilSource {
  const nodes: SourceNode[] = [];
  const definedBy = new Map<string, number>();
  const constants = new Map<string, string>();
  for (const { name, type } of f.inputs.slice(0, most)) {
    definedBy.set(name, nodes.length);
    const rows = [["input", clipped(printType(type))]] as const;
    nodes.push({
      label: clipped(name, 60),
      detail: shapeOf(type),
      kind: "input",
      rows,
      inputs: [],
    });
  }
  const outputs = new Set(f.outputs.map((o) => o.name));
  let left = 0;
  for (const s of f.body) {
    const names = s.results.map((r) => r.name);
    if (s.op === "const") {
      for (const name of names) constants.set(name, constantText(s));
      continue;
    }
    if (nodes.length >= most) {
      left += 1;
      continue;
    }
    const inputs = [...new Set(s.args.flatMap((a) => namesIn(a.value)))];
    const reads = inputs.flatMap((name) => definedBy.get(name) ?? []);
    const output = names.filter((n) => outputs.has(n));
    nodes.push({
      label: clipped(s.op, 60),
      detail: s.results[0] === undefined ? "" : shapeOf(s.results[0].type),
      kind: kindOf(s.op),
      rows: rowsOf(s, constants, output),
      inputs: [...new Set(reads)],
      mil: clipped(printStatement(s).trim(), LONGEST_MIL),
      ...sourceOf(s),
    });
    for (const name of names) definedBy.set(name, nodes.length - 1);
  }
  return { nodes, families: new Map(), left };
}

/** The names in an argument, in lists and tuples as well. */
function namesIn(value: Value): readonly string[] {
  switch (value.kind) {
    case "name":
      return [value.name];
    case "list":
    case "tuple":
      return value.items.flatMap(namesIn);
    case "typed":
      return namesIn(value.value);
    default:
      return [];
  }
}

/** `fp16 [1, 8]`. */
function shapeOf(type: MilType): string {
  if (type.kind === "tensor") return clipped(`${type.element} [${type.shape.join(", ")}]`, 60);
  return clipped(printType(type), 60);
}

function constantText({ attributes, results }: Statement): string {
  const value = attributes.find((a) => a.name === "val")?.value;
  const type = results[0] === undefined ? "" : printType(results[0].type);
  return value === undefined ? type : shortValue(value, type);
}

/** Values of weight files by their type; long lists cut off before they are printed. */
function shortValue(value: Value, type: string): string {
  if (value.kind === "typed") return shortValue(value.value, printType(value.type));
  if (value.kind === "blob") return `${clipped(type)} in a weight file`;
  if (value.kind === "list" && value.items.length > 16)
    return `${clipped(type)}, ${value.items.length} values`;
  return clipped(printValue(value));
}

function rowsOf(
  s: Statement,
  constants: ReadonlyMap<string, string>,
  output: readonly string[],
): [string, string][] {
  const argument = ({ name, value }: Attribute): [string, string] => {
    const known = value.kind === "name" ? constants.get(value.name) : undefined;
    return [name, known ?? shortValue(value, "")];
  };
  const doc = milOp(s.op) === undefined ? [["op", "not in our table of ops"]] : [];
  return [
    ...(doc as [string, string][]),
    ...s.results.map((r): [string, string] => [
      "result",
      clipped(`${r.name}: ${printType(r.type)}`),
    ]),
    ...s.args.slice(0, 24).map(argument),
    ...s.attributes
      .filter((a) => a.name !== "name")
      .slice(0, 12)
      .map(argument),
    ...output.map((name): [string, string] => ["output", clipped(name)]),
  ];
}

function sourceOf({ span, op }: Statement): Pick<SourceNode, "source"> {
  if (span === undefined) return {};
  const { source, start } = span;
  const { line, column } = positionAt(source, start);
  const whole = lineText(source, line);
  const cut = Math.max(0, column - 1 - 60);
  const text = whole.slice(cut, cut + 160);
  const at = { line, text, column: column - 1 - cut, width: op.length };
  return { source: { path: source.path, ...at } };
}
