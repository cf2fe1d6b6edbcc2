/** Every fact: its form, a case in which it fires, one in which it does not, and its mend (facts_mends runs what it gives). */
import { describe, expect, test } from "vitest";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import type { MilProgram } from "../../compiler/mil/tree.ts";
import {
  checkForChip,
  checkRun,
  findForChip,
  fixForChip,
} from "../../compiler/target/check_chip.ts";
import { CHIP_NAMES, type ChipName } from "../../compiler/target/chip_names.ts";
import type { Example, Fact } from "../../compiler/target/facts/define.ts";
import { facts } from "../../compiler/target/facts/index.ts";
import { programContext } from "../../compiler/target/facts/walk.ts";

const cases = facts.map((fact) => [fact.id, fact] as const);

/** The chip of an example: the first that the fact is about. */
const chipOf = (fact: Fact): ChipName => fact.chips?.[0] ?? "m4";

function programOf(example: Example, path: string): MilProgram | undefined {
  if (typeof example === "string") return parseMil({ path, text: example });
  return "text" in example ? parseMil({ path, text: example.text }) : undefined;
}

function findings(fact: Fact, example: Example): readonly { readonly title: string }[] {
  const program = programOf(example, `${fact.id}.mil`);
  if (typeof example === "object" && "chip" in example)
    return [...(fact.checkRun?.(example) ?? [])];
  const files = typeof example === "object" && "files" in example ? { files: example.files } : {};
  const context = programContext(program!, { chip: chipOf(fact), ...files });
  return [...(fact.check?.(context) ?? [])];
}

test("the row rule is the first of at least 70, and ids are unique", () => {
  expect(facts[0]!.id).toBe("row_stride");
  expect(facts.length).toBeGreaterThanOrEqual(70);
  expect(new Set(facts.map((f) => f.id)).size).toBe(facts.length);
});

describe.each(cases)("%s", (id, fact) => {
  test("says what, how it is known, and what to do", () => {
    expect(id).toMatch(/^[a-z0-9]+(_[a-z0-9]+)*$/);
    expect(fact.statement).toMatch(/^[A-Z`\d].*\.$/s);
    expect(fact.workaround.length).toBeGreaterThan(3);
    expect(fact.workaround).not.toMatch(/\.$/);
    expect(fact.emulator).toMatch(/^[a-z]/);
    expect(fact.evidence.length).toBeGreaterThan(0);
    for (const { source, note, confidence } of fact.evidence) {
      expect(source).not.toMatch(/^\/|\/work\//);
      expect(note.length).toBeGreaterThan(3);
      // What we measured has its output in the tree.
      if (confidence === "measured") expect(source).toMatch(/^bench\/|^docs\//);
    }
    const contested = new Set(fact.evidence.map((e) => e.says)).size === 2;
    expect(fact.verdict === "depends").toBe(contested);
    expect(fact.check ?? fact.checkRun).toBeDefined();
  });

  test("fires where it should, and not where it should not", () => {
    const fired = findings(fact, fact.examples.fires);
    expect(fired.length).toBeGreaterThan(0);
    for (const { title } of fired) expect(title).toMatch(/^[^A-Z].*[^.]$|^`/);
    expect(findings(fact, fact.examples.silent)).toEqual([]);
  });

  test("its examples are MIL that parses and prints back to itself", () => {
    for (const example of [fact.examples.fires, fact.examples.silent]) {
      const program = programOf(example, `${id}.mil`);
      if (program === undefined) continue;
      const text = printMil(program);
      expect(printMil(parseMil({ path: "printed.mil", text }))).toBe(text);
    }
  });

  test("is said with its name, and never as an error when sources disagree", () => {
    const { fires } = fact.examples;
    const program = programOf(fires, `${id}.mil`);
    const files = typeof fires === "object" && "files" in fires ? { files: fires.files } : {};
    const said =
      typeof fires === "object" && "chip" in fires
        ? checkRun(fires)
        : checkForChip(program!, { chip: chipOf(fact), ...files });
    const own = said.filter((d) => d.notes?.[0]?.[1].startsWith(`${id}: `));
    expect(own).toHaveLength(1);
    if (fact.verdict !== "holds") expect(own[0]!.severity).toBe("warning");
  });
});

const mended = facts.filter((f) => f.fix !== undefined).map((f) => [f.id, f] as const);

describe.each(mended)("%s is mended:", (id, fact) => {
  const program = programOf(fact.examples.fires, `${id}.mil`)!;
  const chip = chipOf(fact);
  const fixed = fact.fix!(programContext(program, { chip }));

  test("the program then passes, and is right MIL", () => {
    expect([...fact.check!(programContext(fixed, { chip }))]).toEqual([]);
    const again = parseMil({ path: `${id}_fixed.mil`, text: printMil(fixed) });
    expect([...fact.check!(programContext(again, { chip }))]).toEqual([]);
    expect(checkMil(again)).toEqual([]);
  });

  test("mending again changes nothing", () => {
    expect(printMil(fact.fix!(programContext(fixed, { chip })))).toBe(printMil(fixed));
  });

  test("all mends together leave nothing that has one", () => {
    const { program: whole, applied } = fixForChip(program, { chip });
    expect(applied).toContain(id);
    const left = findForChip(whole, { chip }).filter(({ fact: f }) => f.fix !== undefined);
    expect(left.map(({ fact: f }) => f.id)).toEqual([]);
    expect(
      checkMil(parseMil({ path: "whole.mil", text: printMil(whole) })).filter(
        (d) => d.severity === "error",
      ),
    ).toEqual([]);
  });
});

test.each(CHIP_NAMES)("a fact that says so is quiet on %s", (chip) => {
  for (const fact of facts) {
    const { fires } = fact.examples;
    if (typeof fires !== "string" || fact.chips === undefined) continue;
    const found = findForChip(parseMil({ path: "p.mil", text: fires }), { chip });
    const named = found.some((f) => f.fact.id === fact.id);
    if (!(fact.chips as readonly string[]).includes(chip.slice(0, 2)))
      expect(named, fact.id).toBe(false);
  }
});

test("checks and mends never crash on programs for other facts, and what they give is MIL", () => {
  const texts = facts.flatMap(({ examples: { fires, silent } }) =>
    [fires, silent].filter((e) => typeof e === "string"),
  );
  for (const [i, text] of texts.entries()) {
    const chip = CHIP_NAMES[i % CHIP_NAMES.length]!;
    const program = parseMil({ path: "p.mil", text });
    const before = new Set(checkMil(program).map((d) => d.code));
    const { program: whole } = fixForChip(program, { chip });
    const again = parseMil({ path: "whole.mil", text: printMil(whole) });
    const added = checkMil(again).filter((d) => d.severity === "error" && !before.has(d.code));
    expect(
      added.map((d) => d.title),
      text,
    ).toEqual([]);
  }
});

test("a version of macOS narrows what is said", () => {
  const run = { chip: "m4_max", process: { compiles: 119 } } as const;
  const says = (os?: string): boolean =>
    checkRun(os === undefined ? run : { ...run, os }).some((d) =>
      d.notes![0]![1].startsWith("compile_budget"),
    );
  expect(says("15.7")).toBe(true);
  expect(says("26.0")).toBe(false);
  expect(says()).toBe(true);
});

test("errors come first, and what sources disagree about last", () => {
  const text = facts[0]!.examples.fires as string;
  const program = parseMil({ path: "p.mil", text: text.replace("relu(", "gelu(") });
  const found = checkForChip(program, { chip: "m2" });
  const rank = found.map((d) => (d.severity === "error" ? 0 : d.code === "E0517" ? 2 : 1));
  expect(rank).toEqual([...rank].sort());
  expect(new Set(rank)).toEqual(new Set([0, 1, 2]));
});
