/** The interpreter against loops written out, op by op. */
import { expect, test } from "vitest";
import { readBlobRecord, writeBlob } from "../../../compiler/bundle/blob.ts";
import { type InputSpec, type MilVar, milProgram } from "../../../compiler/mil/build.ts";
import { type MilBuilder, milFunction } from "../../../compiler/mil/build_ops.ts";
import { interpretMil, type Numerics } from "../../../compiler/mil/interpret.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { erfOf } from "../../../compiler/ops/erf.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { halfBits, roundToHalf } from "../../../compiler/support/half.ts";

type Feed = Readonly<Record<string, { shape: readonly number[]; data: readonly number[] }>>;

/** The output of a function of fp16 inputs. */
function run(feed: Feed, build: (b: MilBuilder) => MilVar, numerics: Numerics = "ideal"): number[] {
  const specs = Object.entries(feed).map(([name, { shape }]): InputSpec => ({ name, shape }));
  const program = milProgram([milFunction("main", specs, (b) => ({ out: build(b) }))]);
  const inputs = Object.entries(feed).map(([name, { data }]) => [name, Float64Array.from(data)]);
  return [...interpretMil(program, Object.fromEntries(inputs), { numerics }).get("out")!.data];
}

const ramp = (shape: readonly number[], from = 0, step = 1) => ({
  shape,
  data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => from + i * step),
});

const code = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics[0]?.code ?? "";
    throw error;
  }
  return "none";
};

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));

test.each<[string, (b: MilBuilder, x: MilVar) => MilVar, (v: number) => number]>([
  ["identity", (b, x) => b.identity(x), (v) => v],
  ["abs", (b, x) => b.abs(x), Math.abs],
  ["square", (b, x) => b.square(x), (v) => v * v],
  ["relu", (b, x) => b.relu(x), (v) => Math.max(v, 0)],
  ["sqrt", (b, x) => b.sqrt(b.abs(x)), (v) => Math.sqrt(Math.abs(v))],
  ["exp", (b, x) => b.exp(x), Math.exp],
  ["tanh", (b, x) => b.tanh(x), Math.tanh],
  ["sigmoid", (b, x) => b.sigmoid(x), sigmoid],
  ["silu", (b, x) => b.silu(x), (v) => v * sigmoid(v)],
  ["gelu", (b, x) => b.gelu(x, "EXACT"), (v) => (v / 2) * (1 + erfOf(v / Math.sqrt(2)))],
  ["gelu by sigmoid", (b, x) => b.gelu(x, "SIGMOID_APPROXIMATION"), (v) => v * sigmoid(1.702 * v)],
  [
    "gelu by tanh",
    (b, x) => b.gelu(x, "TANH_APPROXIMATION"),
    (v) => (v / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))),
  ],
  ["rsqrt", (b, x) => b.rsqrt(b.square(x), 0.25), (v) => 1 / Math.sqrt(v * v + 0.25)],
  ["log", (b, x) => b.log(b.square(x), 0.25), (v) => Math.log(v * v + 0.25)],
  ["add", (b, x) => b.add(x, 2), (v) => v + 2],
  ["sub", (b, x) => b.sub(2, x), (v) => 2 - v],
  ["mul", (b, x) => b.mul(x, -0.1), (v) => v * -0.1],
  ["real_div", (b, x) => b.realDiv(1, b.add(x, 10)), (v) => 1 / (v + 10)],
  ["pow", (b, x) => b.pow(b.add(x, 10), -0.5), (v) => (v + 10) ** -0.5],
  ["maximum", (b, x) => b.maximum(x, 0.5), (v) => Math.max(v, 0.5)],
  ["minimum", (b, x) => b.minimum(x, 0.5), (v) => Math.min(v, 0.5)],
  ["select", (b, x) => b.select(b.less(x, 0), 7, x), (v) => (v < 0 ? 7 : v)],
  ["greater, cast", (b, x) => b.cast(b.greater(x, 0), "fp16"), (v) => (v > 0 ? 1 : 0)],
  ["equal, cast", (b, x) => b.cast(b.equal(x, 0), "fp16"), (v) => (v === 0 ? 1 : 0)],
  [
    "cast",
    (b, x) => b.cast(b.mul(x, 100), "int8"),
    (v) => Math.max(-128, Math.min(127, Math.trunc(v * 100))),
  ],
])("%s, element by element", (_, build, plain) => {
  const x = ramp([2, 7], -3.5, 0.5);
  const out = run({ x }, (b) => build(b, b.input("x")));
  for (const [i, v] of x.data.entries()) expect(out[i]).toBeCloseTo(plain(v), 12);
  // fp16: constants are halves too, so only what one rounding of each step allows.
  const half = run({ x }, (b) => build(b, b.input("x")), "fp16");
  for (const [i, v] of half.entries()) {
    expect(v).toBe(roundToHalf(v));
    expect(Math.abs(v - out[i]!)).toBeLessThanOrEqual(4e-3 * Math.max(1, Math.abs(out[i]!)));
  }
});

test.each([
  [0, 0],
  [0.5, 0.5204998778130465],
  [-1, -0.8427007929497149],
  [2.9, 0.9999589021219005],
  [3.1, 0.9999883513426328],
  [7, 1],
])("erf(%d)", (x, value) => {
  expect(erfOf(x)).toBeCloseTo(value, 14);
});

test("erf is smooth where its two formulas meet", () => {
  expect(erfOf(3) - erfOf(3 - 1e-9)).toBeLessThan(1e-12);
});

test("matmul with every transposition, batched and broadcast", () => {
  const [B, M, K, N] = [2, 3, 4, 5];
  for (const transposeX of [false, true]) {
    for (const transposeY of [false, true]) {
      const x = ramp(transposeX ? [B, K, M] : [B, M, K], -5, 0.75);
      const y = ramp(transposeY ? [1, N, K] : [1, K, N], 2, -0.3);
      const out = run({ x, y }, (b) =>
        b.matmul(b.input("x"), b.input("y"), { transposeX, transposeY }),
      );
      for (let b = 0; b < B; b++) {
        for (let i = 0; i < M; i++) {
          for (let j = 0; j < N; j++) {
            let sum = 0;
            for (let k = 0; k < K; k++) {
              const p = x.data[b * M * K + (transposeX ? k * M + i : i * K + k)]!;
              const q = y.data[transposeY ? j * K + k : k * N + j]!;
              sum += p * q;
            }
            expect(out[(b * M + i) * N + j]).toBeCloseTo(sum, 10);
          }
        }
      }
    }
  }
});

test("sums in one op are rounded once", () => {
  const x = { shape: [1, 4096], data: new Array<number>(4096).fill(1) };
  const y = { shape: [4096, 1], data: new Array<number>(4096).fill(1 + 2 ** -10) };
  expect(run({ x, y }, (b) => b.matmul(b.input("x"), b.input("y")), "fp16")).toEqual([4100]);
  expect(run({ x }, (b) => b.reduceSum(b.input("x"), [1]), "fp16")).toEqual([4096]);
  expect(run({ x: ramp([1], 300) }, (b) => b.square(b.input("x")), "fp16")).toEqual([Infinity]);
});

test("slices, transpositions and tiles take the elements that their formulas name", () => {
  const x = ramp([2, 3, 4]);
  const at = (i: number, j: number, k: number): number => (i * 3 + j) * 4 + k;
  const slice = run({ x }, (b) => b.sliceBySize(b.input("x"), [1, 0, 2], [1, 2, -1]));
  expect(slice).toEqual([at(1, 0, 2), at(1, 0, 3), at(1, 1, 2), at(1, 1, 3)]);
  const turned = run({ x }, (b) => b.transpose(b.input("x"), [2, 0, 1]));
  expect(turned.slice(0, 7)).toEqual([
    at(0, 0, 0),
    at(0, 1, 0),
    at(0, 2, 0),
    at(1, 0, 0),
    at(1, 1, 0),
    at(1, 2, 0),
    at(0, 0, 1),
  ]);
  expect(run({ x: ramp([1, 3]) }, (b) => b.tile(b.input("x"), [2, 2]))).toEqual([
    0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2,
  ]);
  for (const same of [
    (b: MilBuilder) => b.reshape(b.input("x"), [4, -1]),
    (b: MilBuilder) => b.squeeze(b.expandDims(b.input("x"), [0, -1]), [0, 4]),
  ]) {
    expect(run({ x }, same)).toEqual(x.data);
  }
});

test("concat along each axis", () => {
  const [x, y] = [ramp([2, 2]), ramp([2, 1], 10)];
  expect(run({ x, y }, (b) => b.concat([b.input("x"), b.input("y")], 1))).toEqual([
    0, 1, 10, 2, 3, 11,
  ]);
  expect(run({ x }, (b) => b.concat([b.input("x"), b.input("x")], -2))).toEqual([
    0, 1, 2, 3, 0, 1, 2, 3,
  ]);
});

test("gather picks slices, from the end for negative indices", () => {
  const x = ramp([2, 3, 2]);
  const pick = (indices: number[]) => (b: MilBuilder) =>
    b.gather(b.input("x"), b.tensor(indices, [indices.length], { element: "int16" }), 1);
  expect(run({ x }, pick([2, -3]))).toEqual([4, 5, 0, 1, 10, 11, 6, 7]);
  expect(code(() => run({ x }, pick([3])))).toBe("E0356");
});

test("gather with batch dimensions pairs the leading ones", () => {
  const text = `program(1.3) { func main<ios18>(tensor<fp16, [2, 3]> x, tensor<int32, [2, 1]> i) {
    tensor<fp16, [2, 1]> y = gather(x = x, indices = i, axis = 1, batch_dims = 1);
  } -> (y); }`;
  const program = parseMil({ path: "gather.mil", text });
  const inputs = { x: Float64Array.of(0, 1, 2, 3, 4, 5), i: Float64Array.of(2, 0) };
  expect([...interpretMil(program, inputs, { numerics: "ideal" }).get("y")!.data]).toEqual([2, 3]);
});

test("reductions over one axis, several, and all", () => {
  const x = ramp([2, 3, 2], -4);
  const reduce = (f: (b: MilBuilder) => MilVar): number[] => run({ x }, f);
  expect(reduce((b) => b.reduceSum(b.input("x"), [1]))).toEqual([-6, -3, 12, 15]);
  expect(reduce((b) => b.reduceMean(b.input("x"), [0, 2]))).toEqual([-0.5, 1.5, 3.5]);
  expect(reduce((b) => b.reduceMax(b.input("x"), [-1], { keepDims: false }))).toEqual([
    -3, -1, 1, 3, 5, 7,
  ]);
  expect(reduce((b) => b.reduceMin(b.input("x"), [0, 1, 2]))).toEqual([-4]);
});

test("softmax along an inner axis, with large inputs", () => {
  const x = ramp([2, 3, 2], 1000, 0.5);
  const out = run({ x }, (b) => b.softmax(b.input("x"), 1));
  for (let i = 0; i < 2; i++) {
    for (let k = 0; k < 2; k++) {
      const row = [0, 1, 2].map((j) => Math.exp(x.data[i * 6 + j * 2 + k]! - 1000));
      const total = row.reduce((a, b) => a + b);
      for (const j of [0, 1, 2]) expect(out[i * 6 + j * 2 + k]).toBeCloseTo(row[j]! / total, 12);
    }
  }
  const masked = { shape: [1, 2], data: [0, Number.NEGATIVE_INFINITY] };
  expect(run({ x: masked }, (b) => b.softmax(b.input("x"), -1), "fp16")).toEqual([1, 0]);
});

test("weights come from files; what does not fit is refused", () => {
  const data = new Uint8Array(8);
  const view = new DataView(data.buffer);
  for (const [i, v] of [1, -2, 0.5, 4].entries()) view.setUint16(2 * i, halfBits(v), true);
  const file = writeBlob([
    { dtype: "int8", data: new Uint8Array(3) },
    { dtype: "fp16", data },
  ]);
  const place = { path: "@model_path/w.bin", offset: file.offsets[1]! };
  const build = (shape: readonly number[]) =>
    milProgram([
      milFunction("main", [{ name: "x", shape: [2, 2] }], (b) => ({
        y: b.add(b.input("x"), b.weight(place, shape)),
      })),
    ]);
  const x = Float64Array.of(10, 10, 10, 10);
  const weights = (_: string, offset: number) => readBlobRecord(file.bytes, offset);
  const good = interpretMil(build([2, 2]), { x }, { numerics: "fp16", weights });
  expect([...good.get("y")!.data]).toEqual([11, 8, 10.5, 14]);
  const bad = (shape: readonly number[], options: object): string =>
    code(() => interpretMil(build(shape), { x }, { numerics: "fp16", ...options }));
  expect(bad([2, 2], {})).toBe("E0373");
  expect(bad([2], { weights })).toBe("E0373");
  expect(bad([2, 2], { weights: () => readBlobRecord(file.bytes, 64) })).toBe("E0373");
});

test("inputs, functions, ops and types that cannot be run are refused", () => {
  const program = (body: string, type = "tensor<fp16, [2]>") =>
    parseMil({
      path: "p.mil",
      text: `program(1.3) { func f<ios18>(${type} x) { ${body} } -> (x); }`,
    });
  const x = Float64Array.of(1, 2);
  const attempt = (
    p: ReturnType<typeof program>,
    inputs: Record<string, Float64Array>,
    f?: string,
  ) =>
    code(() =>
      interpretMil(p, inputs, { numerics: "ideal", ...(f === undefined ? {} : { function: f }) }),
    );
  expect(attempt(program(""), { x })).toBe("none");
  expect(attempt(program(""), {})).toBe("E0371");
  expect(attempt(program(""), { x: Float64Array.of(1) })).toBe("E0371");
  expect(attempt(program(""), { x, z: x })).toBe("E0371");
  expect(attempt(program("", "tensor<fp16, [?]>"), { x })).toBe("E0371");
  expect(attempt(program(""), { x }, "g")).toBe("E0372");
  expect(attempt(program("fp16 y = strange(x = x);"), { x })).toBe("E0370");
  expect(attempt(program("fp16 y = relu(x = q);"), { x })).toBe("E0350");
  const huge =
    "tensor<fp16, [2000000000]> y = tile(x = x, reps = tensor<int32, [1]>([1000000000]));";
  expect(attempt(program(huge), { x })).toBe("E0374");
});
