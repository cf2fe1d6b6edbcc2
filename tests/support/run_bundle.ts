/**
 * Runs a bundle of the `ane` target: its schedule, with MIL interpreted from the text in the bundle
 * and the host's share by the reference interpreter. What lowering tests compare with the graph.
 */

import { readBlobRecord } from "../../compiler/bundle/blob.ts";
import type { Bundle } from "../../compiler/bundle/manifest.ts";
import { type Graph, leafName } from "../../compiler/ir/graph.ts";
import { interpretMil, type Numerics } from "../../compiler/mil/interpret.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { opOf } from "../../compiler/ops/define.ts";
import type { Values } from "../../compiler/reference/interpret.ts";
import { partitionLayers } from "../../passes/partition_layers.ts";

/** Outputs by name. `graph` is the optimised graph the bundle was made from. */
export function runBundle(
  bundle: Bundle,
  graph: Graph,
  given: Values,
  numerics: Numerics = "ideal",
): Map<string, Float64Array> {
  const { manifest, files } = bundle;
  const values = new Map<string, Float64Array>();
  for (const leaf of graph.inputs) values.set(leafName(leaf), given.get(leafName(leaf))!.data);
  for (const leaf of graph.params)
    values.set(`@${leafName(leaf)}`, given.get(leafName(leaf))!.data);
  const hostNodes = partitionLayers(graph)
    .filter((p) => p.runsOn === "host")
    .flatMap((p) => p.nodes);
  let host = 0;
  for (const step of manifest.schedule) {
    if (step.do === "host") {
      const node = hostNodes[host]!;
      host += 1;
      const inputs = step.reads.map((name, i) => {
        const data = values.get(name) ?? Float64Array.of(Number(name));
        return { shape: node.inputs[i]!.type.shape.map((d) => d.size), data };
      });
      if (node.op.name !== step.op)
        throw new Error(`schedule says ${step.op}, graph ${node.op.name}`);
      values.set(step.writes, opOf(node).eval(inputs, node.attrs, node.type).data);
      continue;
    }
    const program = manifest.programs.find((p) => p.name === step.program)!;
    const mil = parseMil({
      path: program.file,
      text: new TextDecoder().decode(files.get(program.file)!),
    });
    const inputs = Object.fromEntries(
      Object.entries(step.inputs).map(([port, name]) => [port, values.get(name)!]),
    );
    const blob = program.weights === undefined ? undefined : files.get(program.weights)!;
    const results = interpretMil(mil, inputs, {
      numerics,
      weights: (_path, offset) => (blob === undefined ? undefined : readBlobRecord(blob, offset)),
    });
    for (const [port, name] of Object.entries(step.outputs))
      values.set(name, results.get(port)!.data);
  }
  return new Map(
    Object.entries(manifest.outputs).map(([name, value]) => [name, values.get(value)!]),
  );
}
