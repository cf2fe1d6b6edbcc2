/** What a report says of a model is what the compiler, the cost model and the checker say. */
import { expect, test } from "vitest";
import { nodesOf } from "../../../compiler/ir/graph.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { findForChip } from "../../../compiler/target/check_chip.ts";
import { CHIP_NAMES } from "../../../compiler/target/chip_names.ts";
import { hostWorkOf } from "../../../compiler/target/cost_host.ts";
import { scheduleCost } from "../../../compiler/target/cost_schedule.ts";
import { workOf } from "../../../compiler/target/cost_work.ts";
import { elaborate, loadModel } from "../../../dsl/index.ts";
import { aneOptionsOf, type CompileOptions, compile, FUSIONS } from "../../../index.ts";
import { lowerCall, planAne } from "../../../passes/ane/compile.ts";
import { factsData } from "../../../report/facts.ts";
import { drawingOf } from "../../../report/graph/arrange.ts";
import { sourceOfGraph } from "../../../report/graph/from_ir.ts";
import { placedGraph } from "../../../report/model/placed_graph.ts";
import { programsOf } from "../../../report/model/surfaces.ts";
import { timelineOf } from "../../../report/model/timeline.ts";

const decoder = new TextDecoder();

function compiled(options: Partial<CompileOptions> = {}, kind = "train", name = "tiny") {
  const entry = elaborate(loadModel(name)).entries.find((e) => e.kind === kind)!;
  const graph = entry.graph();
  const all: CompileOptions = { target: "ane", gradients: kind === "train", ...options };
  const result = compile(graph, all);
  const { manifest, files } = result.bundle;
  const texts = new Map(manifest.programs.map((p) => [p.file, decoder.decode(files.get(p.file))]));
  return { graph, options: all, result, manifest, texts };
}

test.each(FUSIONS)("the steps of a timeline add up to the predicted cost (%s)", (fusion) => {
  const { manifest, texts, result } = compiled({ fusion });
  const works = new Map(
    manifest.programs.map((p) => [
      p.name,
      workOf(parseMil({ path: p.file, text: texts.get(p.file)! })),
    ]),
  );
  const staged = manifest.staging.filter((s) => s.do === "host").length;
  const hostNodes = result.hostNodes!;
  const known = timelineOf({ manifest, texts, hostNodes });
  const guessed = timelineOf({ manifest, texts });
  expect(known.steps).toHaveLength(manifest.schedule.length);
  for (const [i, chip] of CHIP_NAMES.entries()) {
    const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
    const work = hostWorkOf(hostNodes.slice(staged));
    const exact = scheduleCost(manifest, works, chip, work).total;
    expect(sum(known.chips[i]!.ms) / exact).toBeCloseTo(1, 3);
    expect(sum(guessed.chips[i]!.ms) / scheduleCost(manifest, works, chip).total).toBeCloseTo(1, 3);
  }
});

test("facts are those of the checker, on every chip", () => {
  const { manifest, texts } = compiled();
  const programs = manifest.programs.map(({ name, file }) => ({
    name,
    program: parseMil({ path: file, text: texts.get(file)! }),
  }));
  const { verdicts, met } = factsData(programs);
  const metIds = new Set(met.map(([id]) => id));
  for (const chip of CHIP_NAMES) {
    const counts = new Map<string, number>();
    for (const { program } of programs)
      for (const { fact, findings } of findForChip(program, { chip }))
        counts.set(fact.id, (counts.get(fact.id) ?? 0) + findings.length);
    const said = verdicts.flatMap((v) =>
      v.counts[chip] === undefined ? [] : [[v.id, v.counts[chip]]],
    );
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(counts));
    for (const id of counts.keys()) expect(metIds.has(id)).toBe(false);
  }
  expect(verdicts.length).toBeGreaterThan(0);
});

test.each(["none", "pairs", "layer"] as const)(
  "ports hold the blocks of the manifest (%s)",
  (fusion) => {
    const { manifest } = compiled({ fusion });
    for (const [i, program] of programsOf(manifest).entries()) {
      const ports = [...manifest.programs[i]!.inputs, ...manifest.programs[i]!.outputs];
      expect(program.ports.map((p) => [p.name, p.rows, p.columns])).toEqual(
        ports.map((p) => [p.name, p.shape[1], p.shape[3]]),
      );
      for (const port of program.ports)
        for (const { blocks, name } of port.values) {
          expect(name).not.toBe("");
          for (const [row, column, rows, columns] of blocks) {
            expect(row + rows).toBeLessThanOrEqual(port.rows);
            expect(column + columns).toBeLessThanOrEqual(port.columns);
          }
        }
    }
  },
);

test("every statement of a program that is no constant is told of, with its node or as a port's", () => {
  for (const kind of ["train", "model"]) {
    const { result, options } = compiled({}, kind);
    const aneOptions = aneOptionsOf(options);
    for (const connection of planAne(result.graph, aneOptions).connections) {
      const told: (string | undefined)[] = [];
      const lowered = lowerCall(connection, aneOptions, (node) => told.push(node?.op.name));
      const ops = lowered.program.fn.body.filter((s) => s.op !== "const");
      // An output that is an input too gets its name from a last `identity`.
      expect(ops.length - told.length).toBeGreaterThanOrEqual(0);
      expect(ops.slice(told.length).every((s) => s.op === "identity")).toBe(true);
      const inGraph = new Set(nodesOf(lowered.graph).map((n) => n.op.name));
      for (const name of told) if (name !== undefined) expect(inGraph).toContain(name);
      for (const [i, name] of told.entries())
        if (ops[i]!.op === "matmul") expect(name).toBe("matmul");
    }
  }
});

test("the drawing after fusion has a box for each program, with MIL of that program in its nodes", () => {
  for (const fusion of FUSIONS) {
    const { result, options, manifest, texts } = compiled({ fusion });
    const drawing = drawingOf(placedGraph(result, options).source);
    const engine = drawing.boxes.filter((b) => b.where === "engine");
    expect(new Set(engine.map((b) => b.title))).toEqual(
      new Set(manifest.programs.map((p) => p.name)),
    );
    const all = [...texts.values()].join("\n");
    const lines = drawing.nodes.flatMap((n) => n.mil?.split("\n") ?? []);
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) expect(all).toContain(line);
  }
});

test("values on surfaces are called by what they are, in their shapes", () => {
  const { result, options, manifest } = compiled();
  const { meanings } = placedGraph(result, options);
  for (const program of programsOf(manifest, meanings))
    for (const { role, values } of program.ports)
      for (const { name, sizes } of values) {
        if (role !== "output") continue;
        const shape = /^\w+ \[(.*)\] \(.*\)$/.exec(name)?.[1];
        expect(shape?.split(", ")).toHaveLength(sizes.length);
      }
});

test("layers are drawn once however many there are", () => {
  const sizes = ["tiny", "stories110m", "smollm2_135m"].map((name) => {
    const entry = elaborate(loadModel(name)).entries.find((e) => e.kind === "model")!;
    const drawing = drawingOf(sourceOfGraph(entry.graph()));
    expect(drawing.boxes).toHaveLength(1);
    return drawing.nodes.length;
  });
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(8);
});
