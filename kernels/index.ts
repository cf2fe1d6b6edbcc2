/**
 * Kernels written by hand, each with its meaning in the language.
 *
 *     const kernel = renderKernel("dyn_matmul", { S: 64, I: 256, O: 128 });
 *     interpretMil(kernel.program, kernel.pack(values), { numerics: "exact", weights: kernel.weights })
 *
 * `kernels/README.md` says how a file is written. Tests prove each one equal to its meaning.
 */
import { type BlobRecord, readBlobRecord, writeBlob } from "../compiler/bundle/blob.ts";
import { type Graph, leafName } from "../compiler/ir/graph.ts";
import { sizesOf } from "../compiler/ir/types.ts";
import { milCore, milProgram } from "../compiler/mil/build.ts";
import { checkMil } from "../compiler/mil/check.ts";
import type { MilTensor, WeightResolver } from "../compiler/mil/interpret.ts";
import { parseMil } from "../compiler/mil/parse.ts";
import { printMil } from "../compiler/mil/print.ts";
import {
  type Attribute,
  find,
  type MilFunction,
  type MilProgram,
  type Statement,
} from "../compiler/mil/tree.ts";
import type { Tensor } from "../compiler/ops/tensor.ts";
import { bug, invariant } from "../compiler/support/bug.ts";
import { elaborate } from "../dsl/index.ts";
import { packPort, shapeOfPort, unpackPort } from "./ports.ts";
import { type KernelSource, kernelNames, readKernel } from "./source.ts";
import { runSteps, type Steps } from "./steps.ts";

export { kernelNames };

/** A kernel for certain dimensions. */
export interface Kernel {
  readonly name: string;
  /** The `///` lines of its meaning. */
  readonly doc: string;
  readonly dims: ReadonlyMap<string, number>;
  /** Inputs by name; its output is `out`. */
  readonly meaning: Graph;
  /** Read back from its own text, and checked. */
  readonly program: MilProgram;
  readonly text: string;
  /** The weight file, empty if the program has none. */
  readonly blob: Uint8Array;
  readonly weights: WeightResolver;
  /** The program's inputs from the meaning's. */
  readonly pack: (values: ReadonlyMap<string, Tensor>) => Record<string, Float64Array>;
  /** The meaning's output from the program's. */
  readonly unpack: (outputs: ReadonlyMap<string, MilTensor>) => Tensor;
}

export interface RenderOptions {
  /** Values that the kernel keeps in its weight file; zeros for those that are missing. */
  readonly values?: ReadonlyMap<string, Tensor>;
}

/**
 * A kernel of `kernelNames()` for dimensions that differ from those in its file. Throws a `UserError` if
 * its meaning has no such dimension or its shapes do not fit.
 */
export function renderKernel(
  name: string,
  dims: Readonly<Record<string, number>> = {},
  options: RenderOptions = {},
): Kernel {
  const source = readKernel(name);
  const overrides = new Map(Object.entries(dims));
  const meant = elaborate(source.meaning, { overrides: Object.fromEntries(overrides) });
  const entry = meant.entries[0] ?? bug(`the kernel \`${name}\` has no meaning`);
  const graph = entry.graph();
  const records = fileRecords(source, meant.dims, graph, options);
  const inputs = source.ports
    .filter((p) => p.kind === "in")
    .map((p) => {
      const { rows, columns } = shapeOfPort(p, meant.dims);
      return { name: p.name, shape: [1, rows, 1, columns] };
    });
  const { core, finish } = milCore(inputs);
  const files = source.ports.filter((p) => p.kind === "file");
  const steps: Steps = {
    core,
    values: new Map(inputs.map((i) => [i.name, core.input(i.name)])),
    records,
    files: new Map(files.map((p, i) => [p.name, i])),
  };
  runSteps(source.template, Object.fromEntries([...meant.dims, ...meant.hyper]), steps);

  const out = source.ports.find((p) => p.kind === "out") ?? bug(`\`${name}\` has no output`);
  const result = steps.values.get(out.name) ?? bug(`\`${name}\` does not make \`${out.name}\``);
  const f = settled(finish("main", { [out.name]: result }, "ios18"));
  const text = printMil(milProgram([f]));
  const program = parseMil({ path: `${name}.mil`, text });
  const errors = checkMil(program).filter((d) => d.severity === "error");
  invariant(errors.length === 0, `the kernel \`${name}\` is not valid: ${errors[0]?.title}`);

  const { bytes } = writeBlob(records);
  const blob = records.length === 0 ? new Uint8Array(0) : bytes;
  const shape = sizesOf(graph.outputs[0]!.node.type.shape);
  const ins = source.ports.filter((p) => p.kind === "in");
  return {
    name,
    doc: entry.doc,
    dims: meant.dims,
    meaning: graph,
    program,
    text,
    blob,
    weights: (_, offset) => (records.length === 0 ? undefined : readBlobRecord(blob, offset)),
    pack: (values) => Object.fromEntries(ins.map((p) => [p.name, packPort(p, meant.dims, values)])),
    unpack: (outputs) => unpackPort(out, shape, outputs.get(out.name)!.data),
  };
}

/** The whole numbers of `file` ports, the first records of the weight file. */
function fileRecords(
  { ports }: KernelSource,
  dims: ReadonlyMap<string, number>,
  graph: Graph,
  { values = new Map() }: RenderOptions,
): BlobRecord[] {
  const zero = graph.inputs.map((node): readonly [string, Tensor] => {
    const shape = sizesOf(node.type.shape);
    const count = shape.reduce((a, b) => a * b, 1);
    return [leafName(node), { shape, data: new Float64Array(count) }];
  });
  const all = new Map([...zero, ...values]);
  const files = ports.filter((p) => p.kind === "file");
  return files.map((p) => {
    const whole = Int8Array.from(packPort(p, dims, all));
    return { dtype: "int8", data: new Uint8Array(whole.buffer) };
  });
}

/** Operands of `constexpr_` ops stand in the brackets behind them, not in constants of their own. */
function settled(f: MilFunction): MilFunction {
  const constants = new Map(
    f.body
      .filter((s) => s.op === "const")
      .map((s) => [s.results[0]!.name, find(s.attributes, "val")!]),
  );
  const body = f.body.map((s): Statement => {
    if (!s.op.startsWith("constexpr_")) return s;
    const operands = s.args.map(({ name, value }): Attribute => {
      const constant = value.kind === "name" ? constants.get(value.name) : undefined;
      return { name, value: constant?.value ?? value };
    });
    return { ...s, args: [], attributes: [...s.attributes, ...operands] };
  });
  const used = new Set(body.flatMap((s) => s.args.flatMap((a) => namesIn(a.value))));
  return { ...f, body: body.filter((s) => s.op !== "const" || used.has(s.results[0]!.name)) };
}

function namesIn(value: Attribute["value"]): readonly string[] {
  if (value.kind === "name") return [value.name];
  return value.kind === "tuple" ? value.items.flatMap(namesIn) : [];
}
