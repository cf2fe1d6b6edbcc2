/**
 * What a MIL program is made of, in numbers: ops by kind, ports, weights, floating-point operations,
 * the largest value in between.
 *
 * Only what the text says is counted: sizes that a run decides (`?`) and ops outside the table leave
 * their counts open, and the counts say so.
 */
import { eachTyped } from "./check.ts";
import { blobPlace } from "./check_literal.ts";
import { sizeOf } from "./infer.ts";
import { operandOfType } from "./operands.ts";
import type {
  Attribute,
  Binding,
  ElementType,
  MilFunction,
  MilProgram,
  MilType,
  Statement,
  Value,
} from "./tree.ts";

/** An input, state or output of a function. */
export interface PortStats {
  readonly name: string;
  readonly role: "input" | "state" | "output";
  readonly type: MilType;
  /** Of its elements one after another; undefined if a size is open. */
  readonly bytes: number | undefined;
}

/** Constants of a function; those of weight files once for each place in a file. */
export interface WeightStats {
  /** Places in weight files. */
  readonly records: number;
  readonly fileBytes: number;
  /** Constants written in the text. */
  readonly inlineBytes: number;
}

/** A value that is neither a port nor a constant. */
export interface ValueStats {
  readonly binding: Binding;
  readonly op: string;
  readonly bytes: number;
}

export interface FunctionStats {
  readonly name: string;
  readonly opset: string;
  readonly statements: number;
  /** By falling count, then by name; without `const`. */
  readonly ops: readonly { readonly op: string; readonly count: number }[];
  readonly constants: number;
  readonly ports: readonly PortStats[];
  readonly weights: WeightStats;
  /** Floating-point operations of one run, a multiply and an add counted as two. */
  readonly flops: number;
  /** Ops that `flops` leaves out: unknown ones, and those whose sizes are open. */
  readonly uncounted: readonly string[];
  readonly largest: ValueStats | undefined;
}

/** Each function in numbers. Nothing is thrown for a program that the checker would refuse. */
export function milStats(program: MilProgram): readonly FunctionStats[] {
  return program.functions.map(functionStats);
}

function functionStats(f: MilFunction): FunctionStats {
  const counts = new Map<string, number>();
  for (const { op } of f.body) counts.set(op, (counts.get(op) ?? 0) + 1);
  const constants = counts.get("const") ?? 0;
  counts.delete("const");
  const ops = [...counts]
    .map(([op, count]) => ({ op, count }))
    .sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1));
  return {
    name: f.name,
    opset: f.opset,
    statements: f.body.length,
    ops,
    constants,
    ports: portsOf(f),
    weights: weightsOf(f),
    ...flopsOf(f),
    largest: largestOf(f),
  };
}

function portsOf(f: MilFunction): PortStats[] {
  const types = new Map([...f.inputs, ...f.body.flatMap((s) => s.results)].map((b) => [b.name, b]));
  const port = (role: PortStats["role"], { name, type }: Binding): PortStats => ({
    name,
    role,
    type,
    bytes: bytesOf(type),
  });
  const outputs = f.outputs.flatMap(({ name }) => types.get(name) ?? []);
  return [
    ...f.inputs.map((b) => port(b.type.kind === "state" ? "state" : "input", b)),
    ...outputs.map((b) => port("output", b)),
  ];
}

/** Bits of an element as weight files and buffers store it; strings have no size of their own. */
export function elementBits(element: ElementType): number {
  if (element === "string") return 0;
  return Number(/\d+$/.exec(element)?.[0] ?? 8);
}

/** The bytes of a tensor's elements, packed; undefined if it is no tensor or a size is open. */
export function bytesOf(type: MilType): number | undefined {
  const operand = operandOfType(type);
  if (operand === "open") return undefined;
  const size = sizeOf(operand.shape);
  return Number.isNaN(size) ? undefined : Math.ceil((size * elementBits(operand.element)) / 8);
}

function weightsOf(f: MilFunction): WeightStats {
  const places = new Map<string, number>();
  let inlineBytes = 0;
  for (const s of f.body) {
    for (const [value, type] of literalsOf(s)) {
      const bytes = bytesOf(type) ?? 0;
      const place = value.kind === "blob" ? blobPlace(value) : undefined;
      if (place !== undefined) places.set(`${place.offset} ${place.path}`, bytes);
      else inlineBytes += bytes;
    }
  }
  const fileBytes = [...places.values()].reduce((a, b) => a + b, 0);
  return { records: places.size, fileBytes, inlineBytes };
}

/** The weight files that a function names, each once. */
export function weightFileNames(f: MilFunction): readonly string[] {
  const names = new Set<string>();
  for (const [value] of f.body.flatMap(literalsOf)) {
    const place = value.kind === "blob" ? blobPlace(value) : undefined;
    if (place !== undefined) names.add(place.path);
  }
  return [...names];
}

/** The literals of a statement with their types; names of statements are none. */
function literalsOf(s: Statement): (readonly [Value, MilType])[] {
  const isName = (a: Attribute): boolean => a.name === "name";
  const list = [...s.args, ...s.attributes.filter((a) => !isName(a))];
  const type = s.op === "const" ? s.results[0]?.type : undefined;
  return list.flatMap(({ value }) => literal(value, type));
}

function literal(value: Value, type: MilType | undefined): (readonly [Value, MilType])[] {
  if (value.kind === "typed") return literal(value.value, value.type);
  if (value.kind === "tuple") return value.items.flatMap((item) => literal(item, undefined));
  return value.kind === "name" || type === undefined ? [] : [[value, type]];
}

function flopsOf(f: MilFunction): Pick<FunctionStats, "flops" | "uncounted"> {
  const counted = new Map<Statement, number>();
  eachTyped(f, (s, op, operands, outs) => counted.set(s, op.flops(operands, outs)));
  const open = new Set<string>();
  let flops = 0;
  for (const s of f.body) {
    const n = s.op === "const" ? 0 : (counted.get(s) ?? Number.NaN);
    if (Number.isNaN(n)) open.add(s.op);
    else flops += n;
  }
  return { flops, uncounted: [...open].sort() };
}

function largestOf(f: MilFunction): ValueStats | undefined {
  const outputs = new Set(f.outputs.map((o) => o.name));
  let largest: ValueStats | undefined;
  for (const s of f.body) {
    if (s.op === "const" || s.op.startsWith("constexpr_")) continue;
    for (const binding of s.results) {
      const bytes = outputs.has(binding.name) ? undefined : bytesOf(binding.type);
      if (bytes === undefined || bytes <= (largest?.bytes ?? -1)) continue;
      largest = { binding, op: s.op, bytes };
    }
  }
  return largest;
}
