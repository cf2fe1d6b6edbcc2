/** What the checker lets pass: programs of other tools use more than the table of ops says. */
import { expect, test } from "vitest";
import { checkMil } from "../../../compiler/mil/check.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";

function codes(body: string, inputs = "tensor<fp16, [2, 8]> x, tensor<int32, [2]> n"): string[] {
  const text = `program(1.3) { func main<ios18>(${inputs}) { ${body} } -> (x); }`;
  return checkMil(parseMil({ path: "p.mil", text })).map((d) => d.code);
}

test.each([
  ["an op outside the table", "fp16 y = strange(x = x, anything = 3);"],
  [
    "unknown dimensions",
    "tensor<fp16, [?, 8]> y = relu(x = x); tensor<fp16, [2, 8]> z = relu(x = y);",
  ],
  ["a shape computed while running", "tensor<fp16, [?, ?]> y = reshape(x = x, shape = n);"],
  [
    "parameters in the bracket",
    "tensor<fp16, [2, 1]> y = reduce_sum(x = x)[axes = [1], keep_dims = true];",
  ],
  [
    "inline parameters",
    "tensor<fp16, [8, 2]> y = transpose(x = x, perm = tensor<int32, [2]>([1, 0]));",
  ],
  ["a scalar as tensor without dimensions", "tensor<fp16, []> y = reduce_max(x = x);"],
  [
    "an axis as a list of one",
    "tensor<fp16, [2, 8]> y = softmax(x = x, axis = tensor<int32, [1]>(-1));",
  ],
  [
    "scalars joined to a list",
    "tensor<int32, [2]> y = concat(values = (int32(1), int32(2)), axis = int32(0));",
  ],
  ["no axes: all", "fp16 y = reduce_mean(x = x, keep_dims = false);"],
  ["uint4 weights", "tensor<uint4, [3]> w = const()[val = tensor<uint4, [3]>([0, 15, 7])];"],
  ["an empty list", "tensor<int32, [0]> w = const()[val = tensor<int32, [0]>([])];"],
])("%s passes", (_, body) => {
  expect(codes(body)).toEqual([]);
});

test.each([
  ["E0356", "tensor<fp16, [4]> y = reshape(x = x, shape = [4, -1, -1]);"],
  ["E0356", "tensor<fp16, [2, 8]> y = slice_by_size(x = x, begin = [0, 1], size = [2, 8]);"],
  ["E0356", "tensor<fp16, [8, 2]> y = transpose(x = x, perm = [0, 0]);"],
  ["E0356", "tensor<fp16, [2, 8]> y = softmax(x = x, axis = 2);"],
  ["E0356", "tensor<fp16, [2, 8]> y = squeeze(x = x, axes = [0]);"],
  ["E0356", "tensor<fp16, [2, 8]> y = tile(x = x, reps = [2]);"],
  ["E0356", 'tensor<fp16, [2, 8]> y = cast(x = x, dtype = string("half"));'],
  ["E0356", "tensor<fp16, [2, 8]> y = add(x = x, y = tensor<fp16, [3]>([1, 2, 3]));"],
  ["E0356", "tensor<fp16, [2, 8]> y = concat(values = (x, fp16(1)), axis = 0);"],
  ["E0357", "tensor<fp16, [2, 8]> y = softmax(x = x, axis = 0.5);"],
  ["E0357", 'tensor<fp16, [2, 8]> y = relu(x = "text");'],
  ["E0360", "fp16 w = const()[val = fp16(BLOBFILE(path = 3, offset = uint64(64)))];"],
  ["E0360", 'list<string, 2> w = const()[val = list<string, 2>(["one"])];'],
  ["E0361", "tensor<fp16, [2, 8]> y = relu(x = x)[name = int32(3)];"],
  ["E0362", "tensor<fp16, [2, 8]> y = relu(x = x, x = x);"],
  ["E0359", "relu(x = x);"],
])("%s: %s", (code, body) => {
  expect(codes(body)).toEqual([code]);
});

test("a misspelt name that is used often is reported once", () => {
  expect(codes("fp16 y = strange(a = q); fp16 z = strange(a = (q, q));")).toEqual(["E0350"]);
});
