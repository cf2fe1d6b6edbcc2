/** What is said of facts: one code for each way to go against one. */
import { expect, test } from "vitest";
import { renderDiagnostic } from "../../compiler/support/render.ts";
import { diagnosticOf } from "../../compiler/target/check_chip.ts";
import {
  against,
  assumed,
  defineFact,
  type Evidence,
  type FactKind,
  reported,
} from "../../compiler/target/facts/define.ts";

function said(kind: FactKind, evidence: readonly Evidence[], apple?: string) {
  const fact = defineFact({
    id: "blue_moons",
    statement: "A program with a moon is refused.",
    kind,
    evidence,
    ...(apple === undefined ? {} : { apple }),
    workaround: "leave the moon out",
    emulator: "accepts it",
    examples: { fires: "", silent: "" },
  });
  return diagnosticOf(fact, [{ title: "`x` has a moon" }]);
}

const witness = reported("someone/moons", "seen on M2");

test.each([
  ["reject", "E0510", "error"],
  ["silent_wrong", "E0511", "error"],
  ["format", "E0512", "error"],
  ["runtime", "E0513", "error"],
  ["warn", "E0514", "warning"],
  ["cost", "E0515", "warning"],
  ["numerics", "E0516", "warning"],
] as const)("%s is %s, %s", (kind, code, severity) => {
  expect(said(kind, [witness])).toMatchObject({ code, severity });
  expect(said(kind, [witness, against("other/moons", "fine")])).toMatchObject({
    code: "E0517",
    severity: "warning",
  });
});

test("what is only assumed is never an error", () => {
  expect(said("reject", [assumed("fact row_stride", "it follows")])).toMatchObject({
    code: "E0518",
    severity: "warning",
  });
});

test("a fact that holds, word for word", () => {
  expect(renderDiagnostic(said("reject", [witness], "No moons."))).toBe(
    `error[E0510]: \`x\` has a moon

  A program with a moon is refused.

  fact   blue_moons: reported by someone/moons, not measured by us (docs/facts/blue_moons.md)
  apple  \`No moons.\`
  help: leave the moon out`,
  );
});

test("a contested fact, word for word", () => {
  const evidence = [
    witness,
    against("other/moons", "runs on M4"),
    against("third/moons", "runs on M5"),
  ];
  expect(renderDiagnostic(said("reject", evidence))).toBe(
    `warning[E0517]: \`x\` has a moon

  Sources disagree about this: A program with a moon is refused.

  fact   blue_moons: sources contradict each other (docs/facts/blue_moons.md)
  for    someone/moons (seen on M2)
  but    other/moons (runs on M4)
         third/moons (runs on M5)
  help: leave the moon out`,
  );
});
