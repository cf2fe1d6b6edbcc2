/**
 * The emulator's C++ interpreter against the formulas of the ops and against the TypeScript one: two
 * implementations that share nothing.
 */
import { expect, test } from "vitest";
import { interpretMil } from "../../compiler/mil/interpret.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import type { ElementType } from "../../compiler/mil/tree.ts";
import { type OracleCase, oracleText } from "../support/mil_oracle.ts";
import { outputsOf, runNatively } from "../support/mil_run.ts";
import { seeded } from "../support/samples.ts";
import { ORACLE } from "../unit/mil/oracle/index.ts";
import { worstError } from "./harness.ts";

/** Inputs drawn from the ranges that a case names. */
function drawn(test: OracleCase, float: string, random: () => number): Float64Array[] {
  return Object.values(test.in).map((text) => {
    const [kind = "", sizes = "-", range = "-2..2"] = text.trim().split(/ +/);
    const element = (kind === "F" ? float : kind) as ElementType;
    const size = sizes === "-" ? 1 : sizes.split(",").reduce((a, n) => a * Number(n), 1);
    const [low, high] = range.split("..").map(Number) as [number, number];
    return Float64Array.from({ length: size }, () => {
      if (element === "bool") return random() < 0.5 ? 0 : 1;
      if (element.includes("int")) return low + Math.floor(random() * (high - low + 1));
      return Math.fround(Math.round((low + random() * (high - low)) * 1024) / 1024);
    });
  });
}

/** Ops of the oracle that neither our lowering nor a probe uses: the emulator refuses them by name. */
const UNSUPPORTED: readonly string[] = [
  ...["affine", "batch_to_space", "constexpr_lut_to_sparse"],
  ...["constexpr_sparse_blockwise_shift_scale", "constexpr_sparse_to_dense", "conv_transpose"],
  ...["depth_to_space", "einsum", "gather_nd", "gru", "local_response_norm", "lstm"],
  ...["pixel_shuffle", "pixel_unshuffle", "resample", "reshape_like", "reverse_sequence", "rnn"],
  ...["scatter", "scatter_along_axis", "scatter_nd", "space_to_batch", "space_to_depth"],
];

test("every op that the emulator computes agrees with the interpreter on the oracle's cases", () => {
  const random = seeded(11);
  const cases = ORACLE.flatMap((c) =>
    (["fp32", "fp16"] as const).map((float) => ({
      name: `${c.op} ${c.about ?? ""} ${float}`,
      op: c.op,
      text: oracleText(c, float),
      inputs: drawn(c, float, random),
    })),
  );
  const ideal = runNatively(cases.map((c) => ({ ...c, numerics: "ideal" as const })));
  const fast = runNatively(cases.map((c) => ({ ...c, numerics: "fast" as const })));
  const refused = new Set<string>();
  for (const [i, c] of cases.entries()) {
    const answer = ideal[i]!;
    if ("error" in answer) {
      refused.add(c.op);
      expect(answer.error).toMatch(new RegExp(`^E0641 1:\\d+: unsupported op \`${c.op}\`$`));
      continue;
    }
    const program = parseMil({ path: "case.mil", text: c.text });
    const names = program.functions[0]!.inputs.map((b) => b.name);
    const inputs = Object.fromEntries(names.map((name, k) => [name, c.inputs[k]!]));
    for (const [numerics, native, bound] of [
      ["ideal", answer, 2e-6],
      ["fp16", fast[i]!, 4e-3],
    ] as const) {
      const expected = [...interpretMil(program, inputs, { numerics }).values()];
      const found = outputsOf(native);
      expect(found.length, c.name).toBe(expected.length);
      for (const [k, { data }] of expected.entries()) {
        expect(found[k]!.length, c.name).toBe(data.length);
        expect(worstError(found[k]!, data), `${c.name} ${numerics}`).toBeLessThan(bound);
      }
    }
  }
  expect([...refused].sort()).toEqual(UNSUPPORTED);
});
