/** From a graph to the programs and the schedule of the `ane` target. */

import type { ManifestProgram, Port, ScheduleStep } from "../compiler/bundle/manifest.ts";
import { sha256 } from "../compiler/bundle/manifest.ts";
import { type Graph, isInput, isParam, leafName } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { sizesOf } from "../compiler/ir/types.ts";
import { milProgram } from "../compiler/mil/build.ts";
import { checkMil } from "../compiler/mil/check.ts";
import { parseMil } from "../compiler/mil/parse.ts";
import { printMil } from "../compiler/mil/print.ts";
import { sameTree } from "../compiler/mil/tree.ts";
import { opOf } from "../compiler/ops/define.ts";
import type { Tensor } from "../compiler/ops/tensor.ts";
import { bug } from "../compiler/support/bug.ts";
import { renderDiagnostics } from "../compiler/support/render.ts";
import {
  type LoweredProgram,
  lowerToMil,
  type Ports,
  partText,
  portShape,
  portsOf,
} from "./lower_to_mil.ts";
import { type Part, partitionLayers } from "./partition_layers.ts";

export interface MilCompilation {
  readonly programs: readonly ManifestProgram[];
  readonly schedule: readonly ScheduleStep[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const encoder = new TextEncoder();

/** The graph may hold ops without a MIL rule; they become the host's share of the schedule. */
export function compileMil(graph: Graph, baked?: (param: Node) => Tensor): MilCompilation {
  const files = new Map<string, Uint8Array>();
  const programs: ManifestProgram[] = [];
  const byText = new Map<string, number>();
  const byPart = new Map<string, number>();
  const schedule: ScheduleStep[] = [];
  const names = new Map<Node, string>();
  for (const leaf of graph.inputs) names.set(leaf, leafName(leaf));
  for (const leaf of graph.params) names.set(leaf, `@${leafName(leaf)}`);
  const nameOf = (node: Node): string => names.get(node) ?? constantName(node);

  for (const part of partitionLayers(graph)) {
    if (part.runsOn === "host") {
      for (const node of part.nodes) {
        names.set(node, `host.${names.size}`);
        schedule.push({
          do: "host",
          op: node.op.name,
          reads: node.inputs.map(nameOf),
          writes: nameOf(node),
        });
      }
      continue;
    }
    const ports = portsOf(part, baked !== undefined);
    // Baked programs differ in their weights, which the text of the graph does not show.
    const text = baked === undefined ? partText(part, ports) : part.key;
    let index = byPart.get(text);
    if (index === undefined) {
      const lowered = lowerToMil(part, ports, baked === undefined ? {} : { baked });
      // `block.3~2`, the second part of layer 3, is `block_2`: the number of the layer says nothing.
      const [layer, again] = part.key.split("~") as [string, string | undefined];
      const name = [layer.replace(/(\.\d+)+$/, ""), again]
        .filter(Boolean)
        .join("_")
        .replaceAll(/\W/g, "_");
      index = addProgram(name, part, ports, lowered, { files, programs, byText });
      byPart.set(text, index);
    }
    const program = programs[index]!;
    programs[index] = { ...program, calls: program.calls + 1 };
    for (const [port, node] of ports.outputs) names.set(node, `${part.key}.${port}`);
    const valuesOf = (list: ReadonlyMap<string, Node>) =>
      Object.fromEntries([...list].map(([port, node]) => [port, nameOf(node)]));
    schedule.push({
      do: "dispatch",
      program: program.name,
      label: part.key,
      inputs: valuesOf(ports.inputs),
      outputs: valuesOf(ports.outputs),
    });
  }
  const outputs = Object.fromEntries(graph.outputs.map((o) => [o.name, nameOf(o.node)]));
  return { programs, schedule, outputs, files };
}

function constantName(node: Node): string {
  return node.op.name === "constant" ? String(node.attrs["value"]) : `constant ${node.op.name}`;
}

interface Collected {
  readonly files: Map<string, Uint8Array>;
  readonly programs: ManifestProgram[];
  readonly byText: Map<string, number>;
}

/** The number of the program with this text and these constants: a new one, or one that is there. */
function addProgram(
  wish: string,
  part: Part,
  ports: Ports,
  lowered: LoweredProgram,
  to: Collected,
): number {
  const program = milProgram([lowered.fn]);
  const mil = printMil(program);
  const key = `${mil}\n${lowered.weights === undefined ? "" : sha256(lowered.weights)}`;
  const known = to.byText.get(key);
  if (known !== undefined) return known;

  let name = wish;
  for (let n = 2; to.programs.some((p) => p.name === name); n++) name = `${wish}_${n}`;
  const file = `programs/${name}.mil`;
  readBack(file, mil, program);
  to.files.set(file, encoder.encode(mil));
  const weights = `weights/${name}.bin`;
  if (lowered.weights !== undefined) to.files.set(weights, lowered.weights);
  to.byText.set(key, to.programs.length);
  return (
    to.programs.push({
      name,
      file,
      ...(lowered.weights === undefined ? {} : { weights }),
      ops: lowered.fn.body.filter((s) => s.op !== "const").length,
      flops: part.nodes.reduce((sum, n) => sum + flopsOf(n), 0),
      inputs: [...ports.inputs].map(([port, node]) => portOf(port, node)),
      outputs: [...ports.outputs].map(([port, node]) => portOf(port, node)),
      calls: 0,
    }) - 1
  );
}

/** Nothing leaves the compiler that our own parser has not read back and checked. */
function readBack(file: string, mil: string, program: ReturnType<typeof milProgram>): void {
  const again = parseMil({ path: file, text: mil });
  if (!sameTree(again, program)) bug(`${file} does not read back as it was written`);
  const faults = checkMil(again).filter((d) => d.severity === "error");
  if (faults.length > 0)
    bug(`${file} does not pass the MIL checker\n\n${renderDiagnostics(faults)}`);
}

export function flopsOf(node: Node): number {
  if (isInput(node) || isParam(node)) return 0;
  return opOf(node).flops(
    node.inputs.map((x) => x.type),
    node.type,
    node.attrs,
  );
}

function portOf(name: string, node: Node): Port {
  const shape = portShape(sizesOf(node.type.shape));
  return { name, shape, dtype: "fp16", bytes: 2 * shape.reduce((n, d) => n * d, 1) };
}
