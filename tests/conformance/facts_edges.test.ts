/** Mends at the edges: huge sums, states, effects, sizes that are open, and names by the thousand. */
import { expect, test } from "vitest";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { findForChip, fixForChip } from "../../compiler/target/check_chip.ts";
import { fp16, line, program } from "../../compiler/target/facts/examples.ts";
import { freshNames } from "../../compiler/target/facts/rewrite.ts";

function mended(text: string) {
  const { program: tree, applied } = fixForChip(parseMil({ path: "p.mil", text }), { chip: "m4" });
  const printed = printMil(tree);
  expect(checkMil(parseMil({ path: "again.mil", text: printed }))).toEqual([]);
  return { printed, applied };
}

const product = (k: number): string =>
  program(
    `${fp16("a", [1, 1, 2, k])}, ${fp16("b", [1, 1, k, 32])}`,
    line("y", [1, 1, 2, 32], "matmul(x = a, y = b)"),
  );

test("a sum is cut into at most 64 parts", () => {
  const whole = mended(product(64 * 16_384));
  expect(whole.applied).toContain("contraction_limit");
  expect(whole.printed.match(/ matmul\(/g)).toHaveLength(64);
  for (const k of [64 * 16_384 + 1, 2_147_483_647]) {
    const { printed, applied } = mended(product(k));
    expect(applied).not.toContain("contraction_limit");
    expect(printed.match(/ matmul\(/g)).toHaveLength(1);
  }
});

test("a hundred thousand names of one wish", () => {
  const fresh = freshNames(parseMil({ path: "p.mil", text: product(64) }).functions[0]!);
  const start = performance.now();
  const made = Array.from({ length: 100_000 }, () => fresh("y"));
  expect(performance.now() - start).toBeLessThan(2000);
  expect(new Set(made).size).toBe(100_000);
  expect(made.slice(0, 2)).toEqual(["y_1", "y_2"]);
});

const KV = "state<tensor<fp16, [1, 64, 1, 32]>> kv";

test("a returned state is read", () => {
  const { printed, applied } = mended(
    program(`${KV}, ${fp16("x", [1, 64, 1, 32])}`, line("y", [1, 64, 1, 32], "relu(x = x)"), "kv"),
  );
  expect(applied).toContain("returned_input");
  expect(printed).toContain("kv_out = read_state(input = kv)");
  expect(printed).toContain("-> (kv_out)");
});

test("what changes a state is alive", () => {
  const { printed, applied } = mended(
    program(
      `${KV}, ${fp16("x", [1, 64, 1, 32])}`,
      [
        line("u", [1, 64, 1, 32], "coreml_update_state(state = kv, value = x)"),
        line("y", [1, 64, 1, 32], "relu(x = x)"),
      ].join("\n"),
    ),
  );
  expect(applied).not.toContain("dead_code");
  expect(printed).toContain("coreml_update_state");
});

test.each([
  ["softplus(x = x)", [1, 64, "?", 32], "softplus_cutoff"],
  ["softmax(x = x, axis = int32(1))", [1, 24, "?", 32], "softmax_channels"],
  ["neg(x = x)", ["?", 64, 1, 32], "composed_ops"],
  ["layer_norm(x = x, axes = tensor<int32, [1]>([3]), gamma = g)", [1, "?", 32, 64], "affine"],
  ["identity(x = x)", [1, "?", 1, 32], "nothing"],
] as const)("%s of open sizes stays valid", (call, shape, id) => {
  const of = (name: string): string => `tensor<fp16, [${shape.join(", ")}]> ${name}`;
  const { applied } = mended(
    program(`${fp16("g", [64])}, ${of("x")}`, `${of("y")} = ${call};`, "x, y"),
  );
  expect(applied.filter((name) => name.startsWith(id))).toEqual([]);
  expect(applied).toContain("returned_input");
});

test("a mend that would make a mistake is left out", () => {
  // Behind an op that nobody knows, the checker takes any shape.
  const text = program(
    fp16("x", [1, 768, 1, 256]),
    [
      line("sq", [1, 768, 1, 256], "mul(x = x, y = x)"),
      "bool kd = mystery();",
      line(
        "ss",
        [1, 1, 1, 256],
        "reduce_sum(x = sq, axes = tensor<int32, [1]>([1]), keep_dims = kd)",
      ),
      line("y", [1, 1, 1, 256], "mul(x = ss, y = fp16(0.001302))"),
    ].join("\n"),
  );
  const found = findForChip(parseMil({ path: "p.mil", text }), { chip: "m4" });
  expect(found.map(({ fact }) => fact.id)).toContain("mean_factor");
  expect(mended(text).applied).not.toContain("mean_factor");
});

test("a program without functions has a place", () => {
  const tree = parseMil({ path: "p.mil", text: "\nprogram(1.7)\n{\n}\n" });
  const found = findForChip(tree, { chip: "m4" });
  expect(found.map(({ fact }) => fact.id).sort()).toEqual(["build_info", "program_version"]);
  for (const { findings } of found)
    expect([findings[0]?.span?.start, findings[0]?.span?.end]).toEqual([1, 13]);
});
