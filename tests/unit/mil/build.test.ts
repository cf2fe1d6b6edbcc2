import { expect, test } from "vitest";
import { milProgram } from "../../../compiler/mil/build.ts";
import { milFunction } from "../../../compiler/mil/build_ops.ts";
import { checkMil } from "../../../compiler/mil/check.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { printMil, printStatement } from "../../../compiler/mil/print.ts";
import { type MilFunction, sameTree } from "../../../compiler/mil/tree.ts";

const lines = (f: MilFunction): string[] => f.body.map(printStatement);

/** The program around a function parses back to itself and passes the checker. */
function expectSound(f: MilFunction): void {
  const program = milProgram([f]);
  expect(sameTree(parseMil({ path: "built.mil", text: printMil(program) }), program)).toBe(true);
  expect(checkMil(program)).toEqual([]);
}

test("a whole program in our dialect", () => {
  const f = milFunction("main", [{ name: "x", shape: [1, 64, 1, 32] }], (b) => {
    const x = b.input("x");
    const squares = b.reduceMean(b.mul(x, x, { name: "squares" }), [1]);
    const scale = b.pow(b.add(squares, 2 ** -17), -0.5, { name: "scale" });
    const place = { path: "@model_path/weights/w.bin", offset: 64 };
    const gain = b.weight(place, [1, 64, 1, 1], { name: "block.0.attn_norm" });
    return { y: b.mul(b.mul(x, scale), gain) };
  });
  expectSound(f);
  expect(printMil(milProgram([f]))).toBe(`program(1.3)
[buildInfo = dict<string, string>({{"coremlc-component-MIL", "3510.2.1"}, {"coremlc-version", "3505.4.1"}, {"coremltools-component-milinternal", ""}, {"coremltools-version", "9.0"}})]
{
    func main<ios18>(tensor<fp16, [1, 64, 1, 32]> x) {
        tensor<fp16, [1, 64, 1, 32]> squares = mul(x = x, y = x)[name = string("squares")];
        tensor<int32, [1]> ints_1 = const()[name = string("ints_1"), val = tensor<int32, [1]>([1])];
        bool yes = const()[name = string("yes"), val = bool(true)];
        tensor<fp16, [1, 1, 1, 32]> reduce_mean = reduce_mean(x = squares, axes = ints_1, keep_dims = yes)[name = string("reduce_mean")];
        fp16 fp16_7p6294em6 = const()[name = string("fp16_7p6294em6"), val = fp16(0x1p-17)];
        tensor<fp16, [1, 1, 1, 32]> add = add(x = reduce_mean, y = fp16_7p6294em6)[name = string("add")];
        fp16 fp16_m0p5 = const()[name = string("fp16_m0p5"), val = fp16(-0x1p-1)];
        tensor<fp16, [1, 1, 1, 32]> scale = pow(x = add, y = fp16_m0p5)[name = string("scale")];
        tensor<fp16, [1, 64, 1, 1]> block_0_attn_norm = const()[name = string("block_0_attn_norm"), val = tensor<fp16, [1, 64, 1, 1]>(BLOBFILE(path = string("@model_path/weights/w.bin"), offset = uint64(64)))];
        tensor<fp16, [1, 64, 1, 32]> mul = mul(x = x, y = scale)[name = string("mul")];
        tensor<fp16, [1, 64, 1, 32]> y = mul(x = mul, y = block_0_attn_norm)[name = string("y")];
    } -> (y);
}
`);
});

test("every helper writes a sound statement", () => {
  const inputs = [
    { name: "x", shape: [1, 8, 1, 32] },
    { name: "m", shape: [2, 4, 16] },
    { name: "i", shape: [3], element: "uint16" as const },
  ];
  const f = milFunction("main", inputs, (b) => {
    const [x, m, i] = [b.input("x"), b.input("m"), b.input("i")];
    const table = b.tensor([1, 2, 3], [1, 3, 1, 1], { element: "fp16" });
    const mask = b.greater(x, 0);
    return {
      a: b.sliceBySize(x, [0, 2, 0, 0], [1, 4, 1, 32]),
      b: b.transpose(b.reshape(x, [1, 8, 4, 8]), [0, 1, 3, 2]),
      c: b.matmul(m, m, { transposeY: true }),
      d: b.concat([b.tanh(x), b.abs(x), b.tile(table, [1, 1, 1, 32])], 1),
      e: b.select(mask, x, 0),
      f: b.cast(b.equal(x, 1), "fp16"),
      g: b.squeeze(b.expandDims(m, [0]), [0]),
      h: b.gather(m, i, 1),
      i2: b.gelu(b.erf(x), "TANH_APPROXIMATION"),
      j: b.add(b.log(b.exp(x), 2 ** -17), b.rsqrt(b.square(x), 1e-3)),
      k: b.sub(b.reduceSum(x, [1]), b.realDiv(b.reduceMax(x, [1]), 2)),
      l: b.maximum(b.relu(x), b.minimum(b.silu(x), b.sigmoid(x))),
      n: b.softmax(b.sqrt(b.identity(x)), -1),
      o: b.reduceMin(m, [0, 1, 2], { keepDims: false }),
      p: b.cast(b.less(1, x), "int8"),
    };
  });
  expectSound(f);
  expect(f.body.at(-1)?.results[0]?.name).toBe("p");
});

test("equal constants are written once, unequal ones apart", () => {
  const f = milFunction("main", [{ name: "x", shape: [8, 8] }], (b) => {
    const x = b.input("x");
    const twice = b.transpose(b.transpose(x, [1, 0]), [1, 0]);
    const w = (offset: number) => b.weight({ path: "@model_path/w.bin", offset }, [8, 8]);
    return { y: b.add(b.add(b.mul(twice, 0.5), b.add(w(64), w(64))), b.mul(w(320), 0.25)) };
  });
  expectSound(f);
  expect(lines(f).filter((l) => l.includes("const()")).length).toBe(5);
  expect(lines(f).filter((l) => l.includes("weight_1 =")).length).toBe(1);
});

test("inputs, constants and values returned twice reach their outputs through `identity`", () => {
  const f = milFunction("main", [{ name: "x", shape: [8] }], (b) => {
    const sum = b.add(b.input("x"), 1);
    return { p: b.input("x"), q: sum, r: sum, s: b.scalar(2) };
  });
  expectSound(f);
  expect(lines(f).filter((l) => l.includes("= identity(")).length).toBe(3);
  expect(f.outputs.map((o) => o.name)).toEqual(["p", "q", "r", "s"]);
});

test("names of outputs and words of MIL are kept free", () => {
  const f = milFunction("main", [{ name: "x", shape: [8] }], (b) => {
    const inner = b.relu(b.input("x"), { name: "y" });
    return { y: b.exp(b.tanh(inner, { name: "fp16" }), { name: "ignored" }) };
  });
  expectSound(f);
  expect(f.body.map((s) => s.results[0]?.name)).toEqual(["y_1", "fp16_1", "y"]);
});

test("operands that do not fit are a bug of the caller", () => {
  const build = (run: (b: Parameters<Parameters<typeof milFunction>[2]>[0]) => unknown) => () =>
    milFunction("main", [{ name: "x", shape: [2, 8] }], (b) => {
      run(b);
      return {};
    });
  expect(build((b) => b.matmul(b.input("x"), b.input("x")))).toThrow(
    "`y` of `matmul` needs 8 rows",
  );
  expect(build((b) => b.reshape(b.input("x"), [3, 5]))).toThrow("16 elements");
  expect(build((b) => b.mul(b.input("x"), 1e6))).toThrow("does not fit fp16");
  expect(build((b) => b.op("softmax", { x: b.input("x"), axes: 1 }))).toThrow("no argument `axes`");
  expect(build((b) => b.op("rsqrt", { x: b.input("x") }))).toThrow("needs `epsilon`");
  expect(build((b) => b.input("z"))).toThrow("no input `z`");
});
