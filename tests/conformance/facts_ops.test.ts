/** The ops that facts are about: what a check says of an op is shown on that op in an editor. */
import { describe, expect, test } from "vitest";
import { MIL_OPS, milOp } from "../../compiler/mil/ops.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import type { Statement } from "../../compiler/mil/tree.ts";
import type { SourceFile, Span } from "../../compiler/support/source.ts";
import { findForChip } from "../../compiler/target/check_chip.ts";
import { CHIP_NAMES } from "../../compiler/target/chip_names.ts";
import type { Example, Fact } from "../../compiler/target/facts/define.ts";
import { fp16, line, program } from "../../compiler/target/facts/examples.ts";
import { facts } from "../../compiler/target/facts/index.ts";
import { programContext } from "../../compiler/target/facts/walk.ts";
import { openMil } from "../../lsp/mil_language.ts";
import { factsAbout } from "../../lsp/mil_op.ts";

/** Facts about statements, whatever their op is. */
const ANY_OP = ["label_names", "statement_names", "working_set"];

const chipOf = (fact: Fact) => fact.chips?.[0] ?? "m4";
const holds = (outer: Span | undefined, inner: Span): boolean =>
  outer !== undefined && outer.start <= inner.start && inner.end <= outer.end;

/** The statements whose op, or an argument of whose op, a fact points at in a program. */
function statementsOf(fact: Fact, source: SourceFile, files: object): Statement[] {
  const parsed = parseMil(source);
  const found = [...(fact.check?.(programContext(parsed, { chip: chipOf(fact), ...files })) ?? [])];
  return parsed.functions
    .flatMap((f) => f.body)
    .filter((s) =>
      found.some(
        ({ span }) => span && (holds(s.span, span) || s.args.some((a) => holds(a.span, span))),
      ),
    );
}

/** The text of the hover over the op of each statement that an example fires at. */
function hoversOf(fact: Fact, example: Example): string[] {
  if (typeof example === "object" && "chip" in example) {
    const op = example.numbers?.op ?? "";
    return milOp(op) === undefined ? [] : [hoverOver(op)];
  }
  const text = typeof example === "string" ? example : example.text;
  const files = typeof example === "string" ? {} : { files: example.files };
  const source = { path: `${fact.id}.mil`, text };
  const file = openMil(source, { chip: chipOf(fact) });
  return statementsOf(fact, source, files)
    .filter((s) => milOp(s.op) !== undefined)
    .map((s) => file.hover(s.span!.start)?.text ?? "");
}

/** The text of the hover over an op in a program of one statement. */
function hoverOver(op: string): string {
  const text = program(fp16("x", [1, 8, 1, 32]), line("y", [1, 8, 1, 32], `${op}(x = x)`));
  return openMil({ path: "p.mil", text }).hover(text.indexOf(`${op}(x = x)`))?.text ?? "";
}

const cases = facts.map((fact) => [fact.id, fact] as const);

describe.each(cases)("%s", (id, fact) => {
  test("is about ops that there are, each named once", () => {
    expect(fact.ops.filter((op) => milOp(op) === undefined)).toEqual([]);
    expect(new Set(fact.ops).size).toBe(fact.ops.length);
  });

  test("is shown on every op at which it fires", () => {
    const hovers = hoversOf(fact, fact.examples.fires);
    if (ANY_OP.includes(id)) expect(fact.ops).toEqual([]);
    else for (const text of hovers) expect(text).toContain(`- [${id}](file://`);
  });
});

test.each(MIL_OPS.map((op) => [op.name]))("what chips say of `%s` is shown on it", (op) => {
  const text = program(fp16("x", [1, 8, 1, 32]), line("y", [1, 8, 1, 32], `${op}(x = x)`));
  const parsed = parseMil({ path: "p.mil", text });
  const { span } = parsed.functions[0]!.body[0]!;
  for (const chip of CHIP_NAMES) {
    const said = findForChip(parsed, { chip })
      .filter(({ findings }) => findings.some((f) => f.span?.start === span?.start))
      .map(({ fact }) => fact.id);
    const shown = factsAbout(op, { chip }).map((fact) => fact.id);
    expect(said.filter((id) => !shown.includes(id) && !ANY_OP.includes(id))).toEqual([]);
  }
});
