/**
 * Runs the schedule of a compilation for the engine: surfaces as arrays, MIL interpreted from its text, the
 * host's ops by the reference interpreter. What lies on a surface and was never written is NaN.
 */
import { readBlobRecord } from "../../compiler/bundle/blob.ts";
import {
  type Bundle,
  makeBundle,
  type Place,
  type ScheduleStep,
} from "../../compiler/bundle/manifest.ts";
import { type Graph, leafName } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { interpretMil, type Numerics } from "../../compiler/mil/interpret.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import type { MilProgram } from "../../compiler/mil/tree.ts";
import { opOf } from "../../compiler/ops/define.ts";
import type { Values } from "../../compiler/reference/interpret.ts";
import { roundToHalf } from "../../compiler/support/half.ts";
import type { Compilation } from "../../index.ts";
import type { AneCompilation } from "../../passes/ane/compile.ts";

/** Calls `visit` with the offset of each element in the value and on a surface of `width` columns. */
export function forEachPlaced(
  { layout, sizes, blocks }: Place,
  width: number,
  visit: (at: number, on: number) => void,
): void {
  const [rows, last] = [sizes.at(-2) ?? 1, sizes.at(-1) ?? 1];
  const height = blocks[0]!.rows;
  const columns = blocks[0]!.columns;
  const count = sizes.reduce((a, b) => a * b, 1);
  for (let at = 0; at < count; at++) {
    const i = at % last;
    const r = Math.floor(at / last) % rows;
    const lead = Math.floor(at / (last * rows));
    // Position in the stored matrix, in row-major order.
    const stored = layout === "channels" ? (lead * last + i) * rows + r : at;
    const [row, column] = [Math.floor(stored / columns), stored % columns];
    const block = blocks[Math.floor(row / height)]!;
    visit(at, (block.row + (row % height)) * width + block.column + column);
  }
}

/** What `runBundle` takes, from a compilation of `graph` by the pass alone. */
export function bundleOf(made: AneCompilation, graph: Graph) {
  const { programs, surfaces, staging, schedule, outputs, files, hostNodes } = made;
  const about = { anec: "test", target: "ane", model: "m", entry: "m", weights: "packed" } as const;
  const steps = { programs, surfaces, staging, schedule, outputs };
  const bundle = makeBundle({ ...about, ...steps, parameters: [], constants: [] }, files);
  return { bundle, hostNodes, graph };
}

interface ReadProgram {
  readonly p: Bundle["manifest"]["programs"][number];
  readonly mil: MilProgram;
}

const read = new WeakMap<Bundle, ReadonlyMap<string, ReadProgram>>();

/** The programs of a bundle by name, read from their texts once. */
function programsOf(bundle: Bundle): ReadonlyMap<string, ReadProgram> {
  const known = read.get(bundle);
  if (known !== undefined) return known;
  const programs = new Map(
    bundle.manifest.programs.map((p) => {
      const text = new TextDecoder().decode(bundle.files.get(p.file)!);
      return [p.name, { p, mil: parseMil({ path: p.file, text }) }];
    }),
  );
  read.set(bundle, programs);
  return programs;
}

/** Outputs by name, of a graph with these leaves. `seen` is given every value that a program makes. */
export function runBundle(
  { bundle, hostNodes = [], graph }: Pick<Compilation, "bundle" | "hostNodes" | "graph">,
  given: Values,
  numerics: Numerics = "ideal",
  seen?: (name: string, value: Float64Array) => void,
): Map<string, Float64Array> {
  const { manifest, files } = bundle;
  const round = numerics === "ideal" ? (x: number) => x : roundToHalf;
  const values = new Map<string, Float64Array>();
  for (const leaf of graph.inputs) values.set(leafName(leaf), given.get(leafName(leaf))!.data);
  for (const leaf of graph.params)
    values.set(`@${leafName(leaf)}`, given.get(leafName(leaf))!.data);
  const surfaces = new Map(
    manifest.surfaces.map((s) => {
      const data = new Float64Array(s.shape.reduce((a, b) => a * b, 1)).fill(Number.NaN);
      return [s.name, { data, width: s.shape[3]! }];
    }),
  );
  const programs = programsOf(bundle);
  let next = 0;
  const host = (step: ScheduleStep & { do: "host" }, node: Node): void => {
    const inputs = step.reads.map((name, i) => {
      const data = values.get(name) ?? Float64Array.of(Number(name));
      return { shape: node.inputs[i]!.type.shape.map((d) => d.size), data };
    });
    if (node.op.name !== step.op) throw new Error(`schedule says ${step.op}, not ${node.op.name}`);
    values.set(step.writes, opOf(node).eval(inputs, node.attrs, node.type).data);
  };
  for (const step of [...manifest.staging, ...manifest.schedule]) {
    switch (step.do) {
      case "host":
        host(step, hostNodes[next]!);
        next += 1;
        break;
      case "write": {
        const { data, width } = surfaces.get(step.surface)!;
        const value = values.get(step.value);
        if (value === undefined) throw new Error(`${step.value} is written before it is there`);
        forEachPlaced(step.place, width, (at, on) => {
          data[on] = round(value[at]!);
        });
        break;
      }
      case "read": {
        const { data, width } = surfaces.get(step.surface)!;
        const value = new Float64Array(step.place.sizes.reduce((a, b) => a * b, 1));
        forEachPlaced(step.place, width, (at, on) => {
          value[at] = data[on]!;
        });
        values.set(step.value, value);
        break;
      }
      case "copy": {
        const from = surfaces.get(step.from)!;
        const to = surfaces.get(step.surface)!;
        const value = new Float64Array(step.place.sizes.reduce((a, b) => a * b, 1));
        forEachPlaced(step.fromPlace, from.width, (at, on) => {
          value[at] = from.data[on]!;
        });
        forEachPlaced(step.place, to.width, (at, on) => {
          to.data[on] = value[at]!;
        });
        break;
      }
      case "dispatch": {
        const { p, mil } = programs.get(step.program)!;
        const inputs = Object.fromEntries(
          Object.entries(step.inputs).map(([port, use]) => [port, surfaces.get(use.surface)!.data]),
        );
        const blob = p.weights === undefined ? undefined : files.get(p.weights)!;
        const results = interpretMil(mil, inputs, {
          numerics,
          weights: (_path, offset) =>
            blob === undefined ? undefined : readBlobRecord(blob, offset),
        });
        for (const [port, use] of Object.entries(step.outputs))
          surfaces.get(use.surface)!.data.set(results.get(port)!.data);
        if (seen !== undefined) {
          for (const { name, places, shape } of p.outputs) {
            const { data } = results.get(name)!;
            for (const [i, place] of places.entries()) {
              const value = new Float64Array(place.sizes.reduce((a, b) => a * b, 1));
              forEachPlaced(place, shape[3]!, (at, on) => {
                value[at] = data[on]!;
              });
              seen(step.outputs[name]!.values[i]!, value);
            }
          }
        }
        break;
      }
      default:
        step satisfies never;
    }
  }
  return new Map(
    Object.entries(manifest.outputs).map(([name, value]) => [
      name,
      values.get(value) ?? Float64Array.of(Number(value)),
    ]),
  );
}
