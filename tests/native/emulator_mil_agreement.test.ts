/**
 * The two implementations of the engine's arithmetic, in C++ and in TypeScript, give the same bits: each
 * op on the oracle's inputs and on numbers of all sizes, and whole programs.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readBlobRecord } from "../../compiler/bundle/blob.ts";
import { interpretMil } from "../../compiler/mil/interpret.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { loadModel } from "../../dsl/index.ts";
import { type Compilation, compile } from "../../index.ts";
import { oracleText } from "../support/mil_oracle.ts";
import { outputsOf, runNatively } from "../support/mil_run.ts";
import { lossGraph } from "../support/random_graph.ts";
import { graphOf } from "../support/random_model.ts";
import { seeded } from "../support/samples.ts";
import { ORACLE } from "../unit/mil/oracle/index.ts";

/** An fp16 number: mostly of ordinary size, sometimes tiny, huge, or none. */
function anyHalf(random: () => number): number {
  const kind = random();
  const sign = random() < 0.5 ? -1 : 1;
  if (kind < 0.03) return sign * Number.POSITIVE_INFINITY;
  if (kind < 0.05) return Number.NaN;
  const mantissa = 1024 + Math.floor(random() * 1024);
  const exponent = kind < 0.7 ? -14 + random() * 8 : -25 + random() * 30;
  return sign * mantissa * 2 ** Math.max(-24, Math.floor(exponent));
}

const sizesOf = (
  text: string,
): readonly [element: string, size: number, low: number, high: number] => {
  const [kind = "", sizes = "-", range = "-2..2"] = text.trim().split(/ +/);
  const size = sizes === "-" ? 1 : sizes.split(",").reduce((a, n) => a * Number(n), 1);
  const [low, high] = range.split("..").map(Number) as [number, number];
  return [kind, size, low, high];
};

interface Case {
  readonly name: string;
  readonly text: string;
  readonly inputs: readonly Float64Array[];
  readonly weights?: Uint8Array | undefined;
}

/**
 * Where the two differ: the name of a case with its first difference. What the emulator does not
 * compute is left out; `compared` counts the elements.
 */
function differences(cases: readonly Case[]): { compared: number; differing: Map<string, string> } {
  const path = "@model_path/weights/weight.bin";
  const answers = runNatively(
    cases.map(({ text, inputs, weights }) => ({
      ...{ text, inputs, numerics: "exact" as const },
      ...(weights === undefined ? {} : { files: { [path]: weights } }),
    })),
  );
  const differing = new Map<string, string>();
  let compared = 0;
  for (const [i, { name, text, inputs, weights }] of cases.entries()) {
    const answer = answers[i]!;
    if ("error" in answer) {
      expect(answer.error).toContain("unsupported op");
      continue;
    }
    const program = parseMil({ path: "case.mil", text });
    const names = program.functions[0]!.inputs.map((b) => b.name);
    const given = Object.fromEntries(names.map((port, k) => [port, inputs[k]!]));
    const expected = interpretMil(program, given, {
      numerics: "exact",
      weights: (_, offset) => weights && readBlobRecord(weights, offset),
    });
    for (const [k, { data }] of [...expected.values()].entries()) {
      compared += data.length;
      const found = outputsOf(answer)[k]!;
      const n = data.findIndex((v, at) => !Object.is(v, found[at]!));
      if (n >= 0) differing.set(name, `[${n}]: ${found[n]}, not ${data[n]}`);
    }
  }
  return { compared, differing };
}

test.each(["the oracle's numbers", "numbers of all sizes"])("%s", (kind) => {
  const random = seeded(23);
  const cases = ORACLE.flatMap((c) =>
    Array.from({ length: kind === "numbers of all sizes" ? 6 : 2 }, () => {
      const inputs = Object.values(c.in).map((text) => {
        const [element, size, low, high] = sizesOf(text);
        return Float64Array.from({ length: size }, () => {
          if (element === "bool") return random() < 0.5 ? 0 : 1;
          if (element.includes("int")) return low + Math.floor(random() * (high - low + 1));
          if (kind === "numbers of all sizes") return anyHalf(random);
          return Math.round((low + random() * (high - low)) * 256) / 256;
        });
      });
      return { name: `${c.op} ${c.about ?? ""}`, text: oracleText(c, "fp16"), inputs };
    }),
  );
  const { compared, differing } = differences(cases);
  expect(compared).toBeGreaterThan(5000);
  expect(Object.fromEntries(differing)).toEqual({});
});

/** Quantised activations and weights, with and without zero points and lists of scales. */
const QUANTIZED: readonly (readonly [
  name: string,
  product: string,
  x: string,
  w: string,
  y: string,
])[] = [
  ["conv", "conv(x = a, weight = b)", "1, 6, 3, 4", "5, 6, 1, 1", "1, 5, 3, 4"],
  [
    "conv 3×3",
    'conv(x = a, weight = b, pad_type = string("same"))',
    "1, 6, 3, 4",
    "5, 6, 3, 3",
    "1, 5, 3, 4",
  ],
  [
    "conv in groups",
    "conv(x = a, weight = b, groups = 2)",
    "1, 6, 3, 4",
    "4, 3, 1, 1",
    "1, 4, 3, 4",
  ],
  ["linear", "linear(x = a, weight = b)", "3, 7", "5, 7", "3, 5"],
  ["matmul", "matmul(x = a, y = b, transpose_y = true)", "2, 3, 7", "5, 7", "2, 3, 5"],
];

test.each(QUANTIZED)("8-bit integers in %s", (name, product, x, w, y) => {
  const random = seeded(31);
  const sizeOf = (shape: string): number => shape.split(", ").reduce((a, n) => a * Number(n), 1);
  const outputs = Number(w.split(", ")[0]);
  const cases = [0, 1, 2, 3].map((kind): Case => {
    const values = Array.from({ length: sizeOf(w) }, () => Math.floor(random() * 256) - 128);
    const scales = Array.from({ length: outputs }, (_, i) => (i + 1) / 128);
    const scale =
      kind & 1 ? `tensor<fp16, [${outputs}]>([${scales.join(", ")}])` : "fp16(0x1.8p-6)";
    const zero = kind & 2 ? "zero_point = int8(7), " : "";
    const text = `program(1.3) { func main<ios18>(tensor<fp16, [${x}]> x) {
      tensor<int8, [${x}]> q = quantize(input = x, scale = fp16(0.05), ${zero}output_dtype = string("int8"));
      tensor<fp16, [${x}]> a = dequantize(input = q, ${zero}scale = fp16(0.05));
      tensor<fp16, [${w}]> b = constexpr_affine_dequantize(quantized_data = tensor<int8, [${w}]>([${values.join(", ")}]),
        scale = ${scale}, zero_point = int8(${kind & 2 ? -3 : 0}), axis = int32(0));
      tensor<fp16, [${y}]> y = ${product};
    } -> (y); }`;
    const inputs = [
      Float64Array.from({ length: sizeOf(x) }, () => Math.round((random() - 0.5) * 4096) / 256),
    ];
    return { name: `${name} ${kind}`, text, inputs };
  });
  expect(Object.fromEntries(differences(cases).differing)).toEqual({});
});

function programsOf({ bundle }: Compilation, seed: number): Case[] {
  const random = seeded(seed);
  return bundle.manifest.programs.map(({ file, weights }): Case => {
    const text = new TextDecoder().decode(bundle.files.get(file)!);
    const { inputs } = parseMil({ path: file, text }).functions[0]!;
    return {
      name: file,
      text,
      inputs: inputs.map(({ type }) => {
        const shape = type.kind === "tensor" ? type.shape : [];
        const size = shape.reduce<number>((a, n) => a * Number(n), 1);
        return Float64Array.from(
          { length: size },
          () => Math.round((random() - 0.5) * 1024) / 1024,
        );
      }),
      weights: weights === undefined ? undefined : bundle.files.get(weights),
    };
  });
}

test.each([false, true])("the programs of tiny (gradients: %s)", (gradients) => {
  const graph = graphOf(loadModel("tiny"), gradients ? "train" : "model");
  const { compared, differing } = differences(
    programsOf(compile(graph, { target: "ane", gradients }), 3),
  );
  expect(compared).toBeGreaterThan(1000);
  expect(Object.fromEntries(differing)).toEqual({});
});

test("the programs of random graphs", () => {
  fc.assert(
    fc.property(lossGraph, fc.boolean(), ({ graph }, gradients) => {
      const made = programsOf(compile(graph, { target: "ane", gradients }), 5);
      expect(Object.fromEntries(differences(made).differing)).toEqual({});
    }),
    { numRuns: 60 },
  );
});
