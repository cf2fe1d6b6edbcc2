/**
 * The two implementations of the engine's arithmetic, in C++ and in TypeScript, give the same bits: each
 * op on the oracle's inputs and on numbers of all sizes, and whole programs.
 */
import { expect, test } from "vitest";
import { interpretMil } from "../../compiler/mil/interpret.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { oracleText } from "../support/mil_oracle.ts";
import { outputsOf, runNatively } from "../support/mil_run.ts";
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
      return { op: c.op, about: c.about ?? "", text: oracleText(c, "fp16"), inputs };
    }),
  );
  const answers = runNatively(cases.map((c) => ({ ...c, numerics: "exact" as const })));
  const differing = new Map<string, string>();
  let compared = 0;
  for (const [i, c] of cases.entries()) {
    const answer = answers[i]!;
    if ("error" in answer) continue;
    const program = parseMil({ path: "case.mil", text: c.text });
    const names = program.functions[0]!.inputs.map((b) => b.name);
    const inputs = Object.fromEntries(names.map((name, k) => [name, c.inputs[k]!]));
    const expected = [...interpretMil(program, inputs, { numerics: "exact" }).values()];
    for (const [k, { data }] of expected.entries()) {
      for (const [n, v] of data.entries()) {
        compared += 1;
        const found = outputsOf(answer)[k]![n]!;
        if (!Object.is(found, v)) differing.set(c.op, `${c.about} [${n}]: ${found}, not ${v}`);
      }
    }
  }
  expect(compared).toBeGreaterThan(5000);
  expect(Object.fromEntries(differing)).toEqual({});
});
