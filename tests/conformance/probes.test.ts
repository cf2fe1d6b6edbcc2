/** Rules that every probe keeps, and that no fact is without one or without a reason. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { sameTree } from "../../compiler/mil/tree.ts";
import { CHIP_NAMES } from "../../compiler/target/chip_names.ts";
import { factOf, facts } from "../../compiler/target/facts/index.ts";
import type { ProbeMachine } from "../../compiler/target/probes/define.ts";
import { EXEMPT } from "../../compiler/target/probes/exempt.ts";
import { probeOf, probes } from "../../compiler/target/probes/index.ts";
import { questions } from "../../compiler/target/probes/questions.ts";

const claims = probes.flatMap((p) => p.claims);
const machines: readonly ProbeMachine[] = (["ane", "emulator"] as const).flatMap((device) => [
  { device },
  ...CHIP_NAMES.flatMap((chip) =>
    ["13.0", "15.5", "26.3", "27.0"].map((os) => ({ device, chip, os })),
  ),
]);

test("every fact has one claim, or a reason to have none", () => {
  const claimed = claims.flatMap((c) => c.fact ?? []);
  expect(new Set(claimed).size).toBe(claimed.length);
  const reasons = Object.keys(EXEMPT);
  expect(reasons.filter((id) => factOf(id) === undefined)).toEqual([]);
  expect(reasons.filter((id) => claimed.includes(id))).toEqual([]);
  expect(facts.filter((f) => !claimed.includes(f.id) && !(f.id in EXEMPT))).toEqual([]);
  expect(Object.values(EXEMPT).filter((reason) => reason.length < 15)).toEqual([]);
});

test("every open question has one claim, or a reason to have none", () => {
  const asked = claims.flatMap((c) => c.question ?? []);
  expect([...asked].sort()).toEqual(
    questions
      .filter((q) => q.notProbed === undefined)
      .map((q) => q.id)
      .sort(),
  );
});

test("every file is a probe of its own name, or a helper", () => {
  const helpers = ["define", "exempt", "index", "judge", "questions", "refusal", "report", "steps"];
  const folder = join(import.meta.dirname, "../../compiler/target/probes");
  const names = readdirSync(folder).map((f) => f.replace(/\.ts$/, ""));
  const rest = names.filter((n) => ![...helpers, "weights"].includes(n));
  expect([...probes.map((p) => p.name)].sort()).toEqual(rest.sort());
  expect(probes[0]!.name).toBe("known_answer");
});

test("what the emulator does not imitate is said on the fact's page", () => {
  const lenient = claims.filter((c) => c.notEmulated === true).map((c) => factOf(c.fact!)!);
  expect(lenient.length).toBeGreaterThan(10);
  const says = /accepts|computes it right|rounds before|binds all/;
  expect(lenient.filter((f) => !says.test(f.emulator)).map((f) => f.id)).toEqual([]);
});

describe.each(probes)("$name", (probe) => {
  const steps = probe.steps();

  test("claims look at steps that there are, and expect answers that there are", () => {
    expect(probeOf(probe.name)).toBe(probe);
    const labels = steps.map((s) => s.label);
    expect(new Set(labels).size).toBe(labels.length);
    for (const claim of probe.claims) {
      expect(labels).toEqual(expect.arrayContaining([...claim.needs]));
      expect(new Set(claim.answers).size).toBe(claim.answers.length);
      for (const machine of machines) expect(claim.answers).toContain(claim.expects(machine));
    }
  });

  test("programs are read back as they were printed", () => {
    for (const step of steps) {
      const programs =
        step.kind === "many"
          ? [step.program(0, "a"), step.program(step.count - 1, "b")]
          : [step.program];
      for (const program of programs) {
        const text = printMil(program);
        expect(sameTree(parseMil({ path: "probe.mil", text }), program)).toBe(true);
      }
    }
  });

  test("runs are given every input in full", () => {
    for (const step of steps) {
      if (step.kind !== "run") continue;
      const { inputs } = step.program.functions[step.procedure ?? 0]!;
      expect(Object.keys(step.inputs).sort()).toEqual(inputs.map((i) => i.name).sort());
      for (const { name, type } of inputs) {
        const shape = type.kind === "tensor" ? type.shape : [];
        const size = shape.reduce<number>((n, dim) => n * Number(dim), 1);
        expect(step.inputs[name]?.length).toBe(size);
      }
    }
  });
});
