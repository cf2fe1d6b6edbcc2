/**
 * `--fusion none`, `--fusion pairs` and `--ane matmul` against the published kernel sets: what they move and
 * compute, and what lies on the surfaces of each program, in which order.
 */
import { describe, expect, test } from "vitest";
import { leafName } from "../../compiler/ir/graph.ts";
import { loadModel } from "../../dsl/index.ts";
import { type CompileOptions, compile } from "../../index.ts";
import type { CallPort, Connection } from "../../passes/ane/connect.ts";
import { NONE, PAIRS, type Scheme } from "../../passes/ane/schemes.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { labelsOf } from "../support/ane_labels.ts";
import { planOf } from "../support/ane_plan.ts";
import {
  eightKernels,
  type KernelSet,
  type Part,
  PUBLISHED,
  type PublishedKernel,
  type PublishedTraffic,
  type Sizes,
  SURFACE_BYTES,
  tenKernels,
} from "../support/published_kernels.ts";
import { graphOf } from "../support/random_model.ts";

const OPTIONS: Readonly<Record<KernelSet, Partial<CompileOptions>>> = {
  full10: { fusion: "none" },
  fused8: { fusion: "pairs" },
  matmul7: { ane: "matmul" },
};

interface Reported {
  readonly perMicroStep: {
    readonly dispatches: number;
    readonly bytesWritten: number;
    readonly bytesRead: number;
    readonly bytesCopied: number;
    readonly flops: number;
  };
  readonly perUpdate: { readonly bytesStaged: number };
}

function trafficOf({ perMicroStep, perUpdate }: Reported): PublishedTraffic {
  const { dispatches, bytesWritten, bytesRead, bytesCopied, flops } = perMicroStep;
  return {
    dispatches,
    written: bytesWritten,
    read: bytesRead,
    copied: bytesCopied,
    staged: perUpdate.bytesStaged,
    flops,
  };
}

const trainOf = (model: string) => graphOf(loadModel(model), "train");

const rows = Object.entries(PUBLISHED).flatMap(([model, sets]) =>
  Object.entries(sets).map(([set, figures]) => [model, set as KernelSet, figures] as const),
);

test.each(rows)("%s, %s: what a micro-step and an update move", (model, set, figures) => {
  const { moves } = compile(trainOf(model), {
    target: "ane",
    gradients: true,
    ...OPTIONS[set],
  });
  expect(trafficOf(moves!)).toEqual(figures);
});

test("the command prints the figures", async () => {
  const file = `${process.cwd()}/dsl/models/autoresearch.ane`;
  inNewFolder();
  const { code, out } = await anec(`compile ${file} --target ane --fusion none --json`.split(" "));
  expect(code).toBe(0);
  const printed = JSON.parse(out) as Reported & {
    readonly entry: string;
    readonly programs: readonly Record<string, unknown>[];
  };
  expect(printed.entry).toBe("train:autoresearch");
  expect(trafficOf(printed)).toEqual(PUBLISHED["autoresearch"]!.full10);
  expect(printed.programs).toHaveLength(10);
  for (const program of printed.programs) {
    expect(Object.keys(program)).toEqual(["name", "ops", "inputs", "outputs", "callsPerMicroStep"]);
    expect(program["callsPerMicroStep"]).toBe(4);
  }
});

const SIZES: Readonly<Record<string, Sizes>> = {
  autoresearch: { D: 512, S: 128, H: 1408, Q: 512, KV: 128, SC: 1024 },
  d768_l6_s512: { D: 768, S: 512, H: 2048, Q: 768, KV: 768, SC: 6144 },
  nl6_s512: { D: 768, S: 512, H: 2048, Q: 768, KV: 768, SC: 3072 },
  stories110m: { D: 768, S: 256, H: 2048, Q: 768, KV: 768, SC: 3072 },
  qwen3_06b: { D: 1024, S: 256, H: 3072, Q: 2048, KV: 1024, SC: 4096 },
};

/** What lies on a surface: side by side where `isPacked`, else below each other. */
function partsOn(port: CallPort, isPacked: boolean, nameOf: (p: Placed) => string): Part[] {
  return port.plan.values.map((p) => {
    expect(p.place.blocks).toHaveLength(1);
    const { columns, rows } = p.place.blocks[0]!;
    return [nameOf(p), isPacked ? columns : rows];
  });
}

type Placed = CallPort["plan"]["values"][number];

function callsOfLayer(connections: readonly Connection[], layer: string): Map<string, Connection> {
  return new Map(
    connections.filter((c) => c.call.layer === layer).map((c) => [c.call.name, c] as const),
  );
}

type KernelsFor = (s: Sizes) => readonly PublishedKernel[];

const kernels: readonly (readonly [string, string, Scheme, KernelsFor])[] = [
  ...Object.keys(SIZES).map((model) => [model, "none", NONE, tenKernels] as const),
  // The published eight have as many key heads as query heads.
  ...["d768_l6_s512", "nl6_s512", "stories110m"].map(
    (model) => [model, "pairs", PAIRS, eightKernels] as const,
  ),
];

describe.each(kernels)("%s, fusion %s", (model, fusion, scheme, kernelsFor) => {
  const sizes = SIZES[model]!;
  const train = trainOf(model);
  const plan = planOf(train, scheme);
  const label = labelsOf(plan);
  const { manifest } = compile(train, {
    target: "ane",
    gradients: true,
    fusion: fusion as "none" | "pairs",
  }).bundle;
  const nameOf = ({ node }: Placed): string => label(node);
  const expected = kernelsFor(sizes);

  test("has the published programs, each called once a layer", () => {
    const layers = new Set(plan.connections.map((c) => c.call.layer)).size;
    expect(new Set(manifest.programs.map((p) => p.name))).toEqual(
      new Set(expected.map((k) => k.name)),
    );
    for (const p of manifest.programs) expect(p.calls).toBe(layers);
  });

  test.each(expected.map((k) => [k.name, k] as const))("%s", (name, kernel) => {
    const { inputs, outputs } = callsOfLayer(plan.connections, "block.1").get(name)!;
    expect([inputs.length, outputs.length]).toEqual([1, 1]);
    const [input, output] = [inputs[0]!, outputs[0]!];
    const isPacked = kernel.rows !== undefined;
    expect(partsOn(input, isPacked, nameOf)).toEqual(kernel.input);
    expect(partsOn(output, false, nameOf)).toEqual(kernel.output);
    const sum = (parts: readonly Part[]): number => parts.reduce((n, [, size]) => n + size, 0);
    expect(input.plan.shape).toEqual(
      isPacked ? [1, kernel.rows, 1, sum(kernel.input)] : [1, sum(kernel.input), 1, sizes.S],
    );
    expect(output.plan.shape).toEqual([1, sum(kernel.output), 1, sizes.S]);
    const program = manifest.programs.find((p) => p.name === name)!;
    expect(program.ops).toBeLessThanOrEqual(kernel.ops ?? Number.POSITIVE_INFINITY);
  });
});

test.each(Object.keys(SURFACE_BYTES))("%s: the surfaces have the published bytes", (model) => {
  const { D, S } = SIZES[model]!;
  const options = { target: "ane", gradients: true, fusion: "none" } as const;
  for (const p of compile(trainOf(model), options).bundle.manifest.programs) {
    const [into, out] = SURFACE_BYTES[model]![p.name]!;
    // The published program returns its input as well, which nobody reads.
    const unread = p.name === "sdpa_fwd" ? 2 * D * S : 0;
    expect([p.inputs[0]!.bytes, p.outputs[0]!.bytes], p.name).toEqual([into, out - unread]);
  }
});

test.each(Object.keys(SIZES))("%s: the five kernels of the products alone", (model) => {
  const { D, S, H, Q, KV } = SIZES[model]!;
  const options = { target: "ane", gradients: true, ane: "matmul" } as const;
  const { programs } = compile(trainOf(model), options).bundle.manifest;
  const layers = trainOf(model).params.filter((p) => leafName(p).endsWith(".wq")).length;
  // Activations and the weight side by side, [channels in, S + channels out]; kernels, uses a layer.
  const published: readonly (readonly [string, number, number, number])[] = [
    ["wq_fwd", D, Q, 1],
    ["wkv_fwd", D, KV, 2],
    ["wo_fwd", Q, D, 1],
    ["w13_fwd", D, H, 2],
    ["w2_fwd", H, D, 1],
  ];
  const found = published.map(([name]) => {
    const { inputs, outputs, calls } = programs.find((p) => p.name === name)!;
    return [name, inputs[0]!.shape, outputs[0]!.shape, calls];
  });
  expect(found).toEqual(
    published.map(([name, from, to, uses]) => [
      name,
      [1, from, 1, S + to],
      [1, to, 1, S],
      uses * layers,
    ]),
  );
  expect(programs).toHaveLength(5);
});
