/**
 * The eight defects that a reading of the published kernels found, put into this compiler one by one: each
 * must be noticed by the comparison that the sound programs pass.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import type { Manifest, ScheduleStep } from "../../compiler/bundle/manifest.ts";
import { trafficOf } from "../../compiler/bundle/traffic.ts";
import { type Graph, mapNodes, remake } from "../../compiler/ir/graph.ts";
import { makeNode, type Node } from "../../compiler/ir/node.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { attentionOp } from "../../compiler/ops/attention.ts";
import type { OpDef } from "../../compiler/ops/define.ts";
import type { MilRule } from "../../compiler/ops/mil.ts";
import { mul } from "../../compiler/ops/mul.ts";
import { repeatHeadsOp } from "../../compiler/ops/repeat_heads.ts";
import { rmsNormGradXOp } from "../../compiler/ops/rms_norm.ts";
import { type Tensor, tensor } from "../../compiler/ops/tensor.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { scheduleCost } from "../../compiler/target/cost_schedule.ts";
import { type Work, workOf } from "../../compiler/target/cost_work.ts";
import { elaborate } from "../../dsl/index.ts";
import { type Compilation, compile, type Fusion } from "../../index.ts";
import { relativeDistance } from "../support/close.ts";
import { valuesOf } from "../support/random_model.ts";
import { runBundle } from "../support/run_bundle.ts";
import { faultsOfSchedule } from "../support/schedule_reads.ts";
import { unreadResults, unusedStaging } from "../support/schedule_use.ts";

const text = readFileSync(new URL("../numerics/toy.ane", import.meta.url), "utf8");

/** Two layers, two key heads for four query heads; its angles and its cap are not the usual ones. */
function toy(change: (text: string) => string = (t) => t): Graph {
  const changed = change(text.replace("rope_theta = 10000,", "rope_theta = 500,"));
  const source = { path: "toy.ane", text: changed.replace("tanh(z / 15) * 15", "tanh(z / 2) * 2") };
  return elaborate(source)
    .entries.find((e) => e.kind === "train" && e.name === "toy")!
    .graph();
}

const graph = toy();
const values = valuesOf(graph, 11);
const expected = interpret(differentiate(graph), values);

function compiled(fusion: Fusion, given: Graph = graph): Compilation {
  return compile(given, { target: "ane", gradients: true, fusion, exactTables: true });
}

/** The largest distance of a result from what it should be, relative to it. */
function farthest(made: Compilation, wanted: ReadonlyMap<string, Tensor> = expected): number {
  const found = runBundle(made, values);
  return Math.max(
    ...[...wanted].map(([name, value]) => {
      const far = relativeDistance({ shape: value.shape, data: found.get(name)! }, value);
      return Number.isNaN(far) ? Number.POSITIVE_INFINITY : far;
    }),
  );
}

/** What a sound compilation stays below. */
const SOUND = 1e-5;
/** The least that a defect shows. */
const DEFECT = 1e-3;

/** Runs `use` while an op has other rules. */
function withRules<T>(op: OpDef, rules: Partial<OpDef>, use: () => T): T {
  const sound = { ...op };
  Object.assign(op, rules);
  try {
    return use();
  } finally {
    Object.assign(op, sound);
  }
}

const withManifest = (made: Compilation, manifest: Manifest): Compilation => ({
  ...made,
  bundle: { ...made.bundle, manifest },
});

const FUSIONS = ["none", "pairs", "layer"] as const;

test.each(FUSIONS)("without a defect %s passes", (fusion) => {
  const made = compiled(fusion);
  expect(farthest(made)).toBeLessThan(SOUND);
  expect(faultsOfSchedule(made.bundle.manifest)).toEqual([]);
  expect(unusedStaging(made.bundle.manifest)).toEqual([]);
  expect(unreadResults(made.bundle.manifest)).toEqual([]);
});

describe.each(FUSIONS)("%s", (fusion) => {
  test("B1: query head h reads key head h mod K", () => {
    const sound = repeatHeadsOp.mil!;
    // [K, …] → [1, K, …] → tile → [H, …]: the heads in turn, as joining the block with itself gives them.
    const inTurn: MilRule = (m, [x]) => {
      const [k, ...inner] = x!.shape as [number, ...number[]];
      const group = m.outShape[0]! / k;
      if (group === 1) return sound(m, [x!]);
      const apart = m.call("reshape", { x: x!, shape: { ints: [1, k, ...inner] } });
      const reps = { ints: [group, 1, ...inner.map(() => 1)] };
      const tiled = m.call("tile", { x: apart, reps });
      return m.call("reshape", { x: tiled, shape: { ints: m.outShape } });
    };
    const rules = { mil: inTurn, milSwapped: inTurn };
    const made = withRules(repeatHeadsOp, rules, () => compiled(fusion));
    expect(farthest(made)).toBeGreaterThan(DEFECT);
  });

  test("B2: rotary angles have the usual base, whatever the model says", () => {
    const usual = mapNodes(graph, (node, inputs) =>
      node.op.name === "rope"
        ? makeNode(node.scope, node.op, inputs, { ...node.attrs, theta: 10_000 })
        : remake(node, inputs),
    );
    expect(farthest(compiled(fusion, usual))).toBeGreaterThan(DEFECT);
    // The base reaches the tables of the program.
    const tables = ({ bundle }: Compilation) =>
      [...bundle.files].filter(([path]) => path.startsWith("weights/")).map(([, bytes]) => bytes);
    expect(tables(compiled(fusion, usual))).not.toEqual(tables(compiled(fusion)));
  });

  test("B3: the weight of a norm multiplies the whole bracket of its gradient", () => {
    const { eval: evaluate } = rmsNormGradXOp;
    const ones = (w: Tensor): Tensor =>
      tensor(
        w.shape,
        w.data.map(() => 1),
      );
    const rules: Partial<OpDef> = {
      eval: ([x, w, dy], attrs, out) => {
        const bracket = evaluate([x!, ones(w!), dy!], attrs, out);
        const n = w!.data.length;
        return tensor(
          bracket.shape,
          bracket.data.map((v, i) => v * w!.data[i % n]!),
        );
      },
    };
    const far = withRules(rmsNormGradXOp, rules, () => farthest(compiled(fusion)));
    expect(far).toBeGreaterThan(DEFECT);
  });

  test("B4: logits are not capped where the loss is validated", () => {
    const plain = toy((t) => t.replaceAll("return tanh(z / 15) * 15", "return z"));
    const validated = compile(plain, { target: "ane", fusion });
    const loss = new Map([["loss", expected.get("loss")!]]);
    expect(farthest(validated, loss)).toBeGreaterThan(DEFECT);
    const sound = compile(graph, { target: "ane", fusion, exactTables: true });
    expect(farthest(sound, loss)).toBeLessThan(SOUND);
  });

  test("B4: a surface is overwritten before its value is read", () => {
    const made = compiled(fusion);
    const { manifest } = made.bundle;
    const at = manifest.schedule.findIndex((s) => s.do === "read");
    const read = manifest.schedule[at] as ScheduleStep & { readonly do: "read" };
    const isOther = (s: ScheduleStep): boolean =>
      s.do === "dispatch" && Object.values(s.outputs).some((u) => u.surface === read.surface);
    const writer = manifest.schedule.find(isOther) as ScheduleStep & { readonly do: "dispatch" };
    const port = Object.keys(writer.outputs)[0]!;
    const { surface } = writer.outputs[port]!;
    const late: ScheduleStep = {
      ...writer,
      outputs: { [port]: { surface, values: writer.outputs[port]!.values.map(() => "later") } },
    };
    const raced = { ...manifest, schedule: manifest.schedule.toSpliced(at, 0, late) };
    expect(faultsOfSchedule(raced).join("\n")).toContain("where later lies");
  });

  test("B5: weights are staged that no program takes", () => {
    const { manifest } = compiled(fusion).bundle;
    const staged = manifest.staging.find((s) => s.do === "write")!;
    const legacy = { ...staged, surface: "legacy" } as ScheduleStep;
    const idle = { ...manifest, staging: [...manifest.staging, legacy] };
    expect(unusedStaging(idle)).toHaveLength(1);
    expect(trafficOf(idle.staging).bytesWritten).toBeGreaterThan(
      trafficOf(manifest.staging).bytesWritten,
    );
  });

  test("no write can be left out", () => {
    const made = compiled(fusion);
    const { manifest } = made.bundle;
    for (const part of ["staging", "schedule"] as const) {
      for (const [i, step] of manifest[part].entries()) {
        if (step.do !== "write") continue;
        const without = { ...manifest, [part]: manifest[part].toSpliced(i, 1) };
        expect(farthest(withManifest(made, without)), step.value).toBeGreaterThan(1e-6);
      }
    }
  });

  test("B7: attention is a stub whose reads are multiplied by zero", () => {
    const sound = attentionOp.decompose!;
    const rules = { decompose: (node: Node) => mul(sound(node), 0) };
    const made = withRules(attentionOp, rules, () => compiled(fusion));
    expect(farthest(made)).toBeGreaterThan(DEFECT);
  });

  test("B8: a program returns what nobody reads", () => {
    const { manifest } = compiled(fusion).bundle;
    const first = manifest.programs[0]!;
    const [C, W] = [first.outputs[0]!.shape[1]!, first.outputs[0]!.shape[3]!];
    const wider = { ...first.outputs[0]!, shape: [1, C + 16, 1, W] };
    const programs = [
      { ...first, outputs: [wider, ...first.outputs.slice(1)] },
      ...manifest.programs.slice(1),
    ];
    expect(unreadResults({ ...manifest, programs })).toEqual([`16 rows of ${first.name}.out0`]);
    const schedule = manifest.schedule.filter((s) => s.do !== "read");
    expect(unreadResults({ ...manifest, schedule }).length).toBeGreaterThan(0);
  });
});

/**
 * B6 is about timers that leave something out. What is predicted and counted here is attributed to programs
 * and kinds of steps; the parts are the whole, and a step that is left out changes it.
 */
test.each(FUSIONS)("B6: the parts of a predicted %s step are the whole", (fusion) => {
  const made = compiled(fusion);
  const { manifest, files } = made.bundle;
  const works = new Map<string, Work>(
    manifest.programs.map(({ name, file }) => {
      const program = parseMil({ path: file, text: new TextDecoder().decode(files.get(file)!) });
      return [name, workOf(program)];
    }),
  );
  const cost = scheduleCost(manifest, works, "m1");
  const shares = cost.programs.reduce((sum, p) => sum + p.cost.total, 0);
  expect(shares).toBeCloseTo(cost.engine.total, 9);
  expect(shares + cost.writes + cost.reads + cost.copies + cost.hostOps).toBeCloseTo(cost.total, 9);
  expect(cost.dispatches).toBe(manifest.schedule.filter((s) => s.do === "dispatch").length);

  const whole = trafficOf(manifest.schedule);
  for (const [i, step] of manifest.schedule.entries()) {
    if (step.do === "host") continue;
    const rest = { ...manifest, schedule: manifest.schedule.toSpliced(i, 1) };
    expect(trafficOf(rest.schedule), `without step ${i}`).not.toEqual(whole);
    if (step.do !== "dispatch")
      expect(scheduleCost(rest, works, "m1").total).toBeLessThan(cost.total);
  }
});
