/**
 * Lowers one part of a graph to a MIL function.
 *
 * Every port is a rank-4 fp16 tensor, [1, 1, S, D] for a value [S, D]: the engine's surfaces have
 * four axes. Inside, values keep their own rank. Weights are ports as well (`params`) or constants in
 * a weight file (`baked`).
 */
import { createHash } from "node:crypto";
import { type BlobRecord, recordOffset, writeBlob } from "../compiler/bundle/blob.ts";
import { constantValue } from "../compiler/ir/graph.ts";
import { attrText, type Node, originOf } from "../compiler/ir/node.ts";
import { sizesOf, typeText } from "../compiler/ir/types.ts";
import { constantBeyondHalf } from "../compiler/messages/range.ts";
import type { BuildArgument, MilVar } from "../compiler/mil/build.ts";
import { milFunction } from "../compiler/mil/build_ops.ts";
import { type MilFunction, RESERVED_NAMES } from "../compiler/mil/tree.ts";
import { opOf } from "../compiler/ops/define.ts";
import type { MilArgument, MilEmitter, MilValue } from "../compiler/ops/mil.ts";
import type { Tensor } from "../compiler/ops/tensor.ts";
import { bug } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { HALF_MAX, halfBits, roundToHalf } from "../compiler/support/half.ts";
import { localName, type Part } from "./partition_layers.ts";

export interface LoweredProgram {
  readonly fn: MilFunction;
  /** The weight file, or undefined for a program without tables. */
  readonly weights: Uint8Array | undefined;
}

export interface MilOptions {
  /** Values of parameters to bake in; without it weights are ports. */
  readonly baked?: (param: Node) => Tensor;
}

export const WEIGHT_PATH = "@model_path/weights/weight.bin";

/** [1, …, shape] with four axes. */
export function portShape(shape: readonly number[]): number[] {
  if (shape.length > 4) bug(`a port of rank ${shape.length}`);
  return [...Array<number>(4 - shape.length).fill(1), ...shape];
}

/** The largest fp16 number stands for infinities, which the engine does not add reliably. */
function inRange(x: number): number {
  return Number.isFinite(x) ? x : Math.sign(x) * HALF_MAX;
}

/** A constant of the program. Factors were split before (`split_factors`); no other one may overflow. */
function scalarOf(node: Node, value: number): number {
  if (Number.isFinite(value) && !Number.isFinite(roundToHalf(value))) {
    throw new UserError(constantBeyondHalf(value, originOf(node).span));
  }
  return inRange(value);
}

/** Port → value it carries, in declaration order. */
export interface Ports {
  readonly inputs: ReadonlyMap<string, Node>;
  readonly outputs: ReadonlyMap<string, Node>;
}

/** The ports of a part: `x`, the weights by their path inside the layer, and `y`. */
export function portsOf(part: Part, isBaked: boolean): Ports {
  const inputs = new Map<string, Node>();
  const outputs = new Map<string, Node>();
  const taken = new Set<string>(RESERVED_NAMES);
  const add = (ports: Map<string, Node>, wish: string, node: Node): void => {
    let name = wish.replaceAll(/\W/g, "_");
    while (taken.has(name)) name += "_";
    taken.add(name);
    ports.set(name, node);
  };
  const addAll = (ports: Map<string, Node>, base: string, nodes: readonly Node[]): void => {
    for (const [i, node] of nodes.entries())
      add(ports, nodes.length === 1 ? base : `${base}${i}`, node);
  };
  addAll(inputs, "x", part.inputs);
  addAll(outputs, "y", part.outputs);
  for (const param of isBaked ? [] : part.params) add(inputs, localName(part, param), param);
  return { inputs, outputs };
}

/**
 * What a part computes, as text that does not depend on which layer it is: parts of equal text lower
 * to equal programs.
 */
export function partText(part: Part, ports: Ports): string {
  const names = new Map<Node, string>([...ports.inputs].map(([port, node]) => [node, port]));
  const rows: string[] = [];
  const write = (node: Node): string => {
    const known = names.get(node);
    if (known !== undefined) return known;
    const attrs = Object.entries(node.attrs).map(([k, v]) => `${k}=${attrText(v)}`);
    rows.push(`${node.op.name}(${node.inputs.map(write).join(",")}){${attrs.join(";")}}`);
    const name = `%${rows.length}`;
    names.set(node, name);
    return name;
  };
  for (const [port, node] of ports.inputs) rows.push(`${port}: ${typeText(node.type)}`);
  for (const node of part.nodes) write(node);
  return `${rows.join("\n")}\n${[...ports.outputs].map(([port, node]) => `${port}=${write(node)}`).join(",")}`;
}

export function lowerToMil(part: Part, ports: Ports, options: MilOptions): LoweredProgram {
  const weights = weightFile();
  const { inputs, outputs } = ports;
  const specs = [...inputs].map(([name, node]) => ({
    name,
    shape: portShape(sizesOf(node.type.shape)),
  }));
  const fn = milFunction("main", specs, (b) => {
    const vars = new Map<Node, MilVar>();
    for (const [name, node] of inputs) {
      const shape = sizesOf(node.type.shape);
      const port = b.input(name);
      vars.set(node, shape.length === 4 ? port : b.reshape(port, shape, { name: `${name}_value` }));
    }
    const table = (shape: readonly number[], values: Float64Array, name: string): MilVar =>
      b.weight({ path: WEIGHT_PATH, offset: weights.place(values) }, shape, { name });
    const valueFor = (node: Node): MilVar => {
      const known = vars.get(node);
      if (known !== undefined) return known;
      const made = lower(node);
      vars.set(node, made);
      return made;
    };
    const lower = (node: Node): MilVar => {
      const value = constantValue(node);
      if (value !== undefined) return b.scalar(scalarOf(node, value));
      if (node.op.name === "param") {
        const baked = options.baked?.(node) ?? bug("a parameter is neither a port nor baked");
        return table(baked.shape, baked.data, localName(part, node));
      }
      const rule = opOf(node).mil ?? bug(`op ${node.op.name} has no MIL rule`);
      const emitter: MilEmitter = {
        node,
        call: (op, args) => asValue(b.op(op, argumentsOf(args))),
        table: (shape, values, name) => asValue(table(shape, values, name)),
      };
      return asVar(
        rule(
          emitter,
          node.inputs.map((x) => asValue(valueFor(x))),
        ),
      );
    };
    for (const node of part.nodes) valueFor(node);
    const results: Record<string, MilVar> = {};
    for (const [name, node] of outputs) {
      const shape = sizesOf(node.type.shape);
      results[name] =
        shape.length === 4 ? valueFor(node) : b.reshape(valueFor(node), portShape(shape), { name });
    }
    return results;
  });
  return { fn, weights: weights.bytes() };
}

/** Collects the tables of a program; equal tables are stored once. */
function weightFile() {
  const records: BlobRecord[] = [];
  const offsets = new Map<string, number>();
  return {
    /** Offset of the record that holds `values` in fp16. */
    place(values: Float64Array): number {
      const bits = Uint16Array.from(values, (v) =>
        halfBits(Math.max(-HALF_MAX, Math.min(HALF_MAX, v))),
      );
      const data = new Uint8Array(bits.buffer);
      const digest = createHash("sha256").update(data).digest("hex");
      const known = offsets.get(digest);
      if (known !== undefined) return known;
      records.push({ dtype: "fp16", data });
      const offset = recordOffset(records, records.length - 1);
      offsets.set(digest, offset);
      return offset;
    },
    bytes: (): Uint8Array | undefined =>
      records.length === 0 ? undefined : writeBlob(records).bytes,
  };
}

/** A MIL variable is what ops know as an opaque value. */
function asValue(v: MilVar): MilValue {
  return v;
}

function asVar(v: MilValue): MilVar {
  return v as MilVar;
}

function argumentsOf(args: Readonly<Record<string, MilArgument>>): Record<string, BuildArgument> {
  const out: Record<string, BuildArgument> = {};
  for (const [name, arg] of Object.entries(args)) {
    if (typeof arg !== "object") out[name] = arg;
    else if (Array.isArray(arg)) out[name] = arg.map(asVar);
    else if ("ints" in arg) out[name] = arg.ints;
    else out[name] = asVar(arg as MilValue);
  }
  return out;
}
