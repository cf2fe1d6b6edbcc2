/** The arithmetic and the rewriting that facts share. */
import { expect, test } from "vitest";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { fixForChip } from "../../compiler/target/check_chip.ts";
import { fp16, line, program } from "../../compiler/target/facts/examples.ts";
import { macSum } from "../../compiler/target/facts/fixed_point.ts";
import { surfaceLayout } from "../../compiler/target/facts/run_context.ts";

// Sizes of surfaces that ran on an M2 Max: joshuaswarren/omarchy-ane receipts.
test.each([
  [[8, 375, 749], "fp16", 1536, 4_620_288],
  [[8, 375, 375], "fp16", 768, 2_310_144],
  [[8, 375, 128], "fp16", 256, 770_048],
  [[8, 128, 749], "fp16", 1536, 1_572_864],
  [[8, 128, 375], "fp16", 768, 786_432],
  [[8, 375, 375], "bool", 384, 1_163_264],
] as const)(
  "a surface of %j %s has rows of %i bytes and %i bytes in pages",
  (shape, element, row, bytes) => {
    const layout = surfaceLayout(shape, element);
    expect(layout.rowBytes).toBe(row);
    expect(Math.ceil(layout.bytes / 16_384) * 16_384).toBe(bytes);
  },
);

// 751K M6 study, notes/numerics.md: M4 and M6, bit for bit.
test.each([
  [[16_384, 16_376], [1, 1], 32_760, false],
  [[16_384, 16_384], [1, 1], 32_768, true],
  [[16_384, 2 ** -16, -16_384], [1, 1, 1], 2 ** -16, false],
  [[16_384, 2 ** -18, -16_384], [1, 1, 1], 0, false],
  [[2 ** -17], [1], 2 ** -16, false],
] as const)("the sum of %j times %j is %d", (x, w, sum, overflows) => {
  expect(macSum(x, w)).toEqual({ sum, overflows });
});

test("padding ports widens what callers see and nothing inside", () => {
  const text = program(
    `${fp16("a", [1, 4, 1, 20])}, ${fp16("b", [1, 4, 1, 32])}`,
    `${line("h", [1, 4, 1, 20], "relu(x = a)")}\n${line("y", [1, 4, 1, 20], "mul(x = h, y = a)")}`,
    "y",
  );
  const { program: fixed } = fixForChip(parseMil({ path: "p.mil", text }), { chip: "m4" });
  const [f] = fixed.functions;
  expect(f!.inputs.map((i) => i.name)).toEqual(["a", "b"]);
  const printed = printMil(fixed);
  expect(printed).toContain("tensor<fp16, [1, 4, 1, 32]> a,");
  expect(printed).toContain("tensor<fp16, [1, 4, 1, 20]> h = relu(x = a_columns)");
  expect(printed).toContain("tensor<fp16, [1, 4, 1, 32]> y = pad(");
  expect(checkMil(parseMil({ path: "fixed.mil", text: printed }))).toEqual([]);
});
