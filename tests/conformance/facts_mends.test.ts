/** Every mend: the check reports, the mend removes, the check passes, and the numbers stay. */
import { describe, expect, test } from "vitest";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import type { MilProgram } from "../../compiler/mil/tree.ts";
import { checkForChip, fixForChip } from "../../compiler/target/check_chip.ts";
import type { ChipName } from "../../compiler/target/chip_names.ts";
import type { Fact } from "../../compiler/target/facts/define.ts";
import { facts } from "../../compiler/target/facts/index.ts";
import { programContext } from "../../compiler/target/facts/walk.ts";
import { MEND_VARIANTS } from "../support/mend_variants.ts";
import { type Draw, distanceBetween } from "../support/run_mil.ts";

/**
 * How far a mended program may be from the old one, relative to 1 + |y|. Most are the same formula;
 * sums in another order differ by their rounding to float64.
 */
const SAME = 1e-12;
const BOUNDS: Readonly<Record<string, readonly [bound: number, why: string]>> = {
  required_epsilon: [1e-4, "adds an epsilon of 2^-17 to operands from 0.25 on"],
  small_epsilon: [1e-4, "raises the epsilon to 2^-17"],
  log_sum_exp: [1e-5, "the logarithm gets an epsilon of 2^-17"],
  softplus_cutoff: [1e-5, "the logarithm gets an epsilon of 2^-17"],
  mean_factor: [2e-3, "1/N is no longer rounded to fp16"],
};

/**
 * What a program that lacks something is meant to say: the checker refuses the old text of these
 * three, so that the text as it is meant is what the mended one is compared with.
 */
const MEANT: Readonly<Record<string, (text: string) => string>> = {
  required_epsilon: (text) =>
    text.replace(/(rsqrt|log|inverse)\(x = x\)/, (_, op: string) =>
      text.includes("tensor<fp32")
        ? `${op}(x = x, epsilon = fp32(0))`
        : `${op}(x = x, epsilon = fp16(0))`,
    ),
  gelu_mode: (text) => text.replace("gelu(x = x)", 'gelu(x = x, mode = string("EXACT"))'),
  select_condition: (text) => {
    const type = /tensor<(fp16|int32), \[[\d, ]+\]> m\b/.exec(text)![0].slice(0, -2);
    const [element] = /fp16|int32/.exec(type)!;
    const test = `${type.replace(element, "bool")} t = not_equal(x = m, y = ${element}(0));`;
    return text.replace(/\n(?=.* = select)/, `\n${test}\n`).replace("cond = m", "cond = t");
  },
};

/** Near zero where roots and logarithms are, and both signs where an op takes them. */
const DRAWS: readonly Draw[] = [
  { seed: 7, low: 0.25, high: 1.25 },
  { seed: 8, low: -3, high: 3 },
  { seed: 9, low: 2, high: 12 },
];
const POSITIVE = new Set(["required_epsilon", "small_epsilon", "defined_twice"]);
/** Large products, run once. */
const LARGE = new Set(["contraction_limit", "rows_128_by_8192"]);

const mended = facts.filter((f) => f.fix !== undefined).map((f) => [f.id, f] as const);
const chipOf = (fact: Fact): ChipName => fact.chips?.[0] ?? "m4";
const parsed = (text: string): MilProgram => parseMil({ path: "p.mil", text });

function textsOf(fact: Fact): readonly string[] {
  const { fires } = fact.examples;
  return [...(typeof fires === "string" ? [fires] : []), ...(MEND_VARIANTS[fact.id] ?? [])];
}

test("every fact that `anec mil check` can report and mend is here", () => {
  expect(mended.length).toBeGreaterThanOrEqual(34);
  for (const [id, fact] of mended) expect(textsOf(fact).length, id).toBeGreaterThan(0);
  const ids = new Set(mended.map(([id]) => id));
  const named = [...Object.keys(MEND_VARIANTS), ...Object.keys(BOUNDS), ...Object.keys(MEANT)];
  expect(named.filter((id) => !ids.has(id))).toEqual([]);
});

describe.each(mended)("%s", (id, fact) => {
  const chip = chipOf(fact);
  const reports = (program: MilProgram): boolean =>
    checkForChip(program, { chip }).some((d) => d.notes![0]![1].startsWith(`${id}: `));

  test.each(textsOf(fact).map((text, i) => [i, text] as const))(
    "program %i is reported, mended, passes, and computes the same",
    (_, text) => {
      const program = parsed(text);
      if (MEANT[id] === undefined && id !== "defined_twice")
        expect(checkMil(program).filter((d) => d.severity === "error")).toEqual([]);
      expect(reports(program)).toBe(true);

      // By its own mend, and by all of them as `--fix` does.
      const own = fact.fix!(programContext(program, { chip }));
      const { program: whole, applied } = fixForChip(program, { chip });
      expect(applied).toContain(id);
      for (const after of [own, whole]) {
        const again = parsed(printMil(after));
        expect(reports(again)).toBe(false);
        expect(checkMil(again).map((d) => d.title)).toEqual([]);
        const before = parsed(MEANT[id]?.(text) ?? text);
        const extra = after === whole ? applied.filter((a) => a !== id) : [];
        const bound = Math.max(SAME, ...[id, ...extra].map((a) => BOUNDS[a]?.[0] ?? 0));
        const isOnce = LARGE.has(id) || [id, ...extra].some((a) => POSITIVE.has(a));
        for (const draw of isOnce ? DRAWS.slice(0, 1) : DRAWS) {
          const distance = distanceBetween(before, again, draw);
          expect(distance, "both can be run").toBeDefined();
          expect(distance!).toBeLessThanOrEqual(bound);
        }
      }
    },
  );
});
