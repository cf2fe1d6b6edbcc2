/** What comes from other languages: each entry's sample is an error that names the way on, which is right. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../../compiler/support/diagnostic.ts";
import { CALLS, type Habit, MEMBERS, SELF, SIGNS, WORDS } from "../../../dsl/habits.ts";
import { check } from "../../../dsl/index.ts";

const DIMS = "dims S = 4, D = 8, H = 4, K = 2, E = 2, F = 8";
const isItem = (text: string): boolean => text.startsWith("layer ");

/** The mistakes of a file with `text` in it: as an item, or as a statement of a layer. */
function errorsOf(text: string): readonly Diagnostic[] {
  const statement = isItem(text) ? "" : text;
  const file = `${DIMS}
${isItem(text) ? text : ""}
layer f(x: [S, D], y: [S, D], q: [H, S, E], k: [K, S, E], ids: i32[S]) -> [S, D] {
  param w: [D, F]
  ${statement}
  return x
}
`;
  return check({ path: "habit.ane", text: file }).filter((d) => d.severity === "error");
}

const helpOf = (text: string): readonly string[] =>
  errorsOf(text).flatMap(({ help }) => help.map((h) => h.text));

/** Each name or sign with a statement that has it. */
const samples: readonly (readonly [sample: string, habit: Habit])[] = [
  ...CALLS.flatMap((habit) =>
    habit.written.flatMap((name) => [
      [`z = ${name}(x)`, habit] as const,
      [`z = x.${name}(x)`, habit] as const,
      [`z = y + op.${name}(x)`, habit] as const,
    ]),
  ),
  ...MEMBERS.flatMap((h) => h.written.map((name) => [`z = x.${name}`, h] as const)),
  ...WORDS.flatMap((h) =>
    h.written.map((word) => [h.sample!.replace(h.written[0]!, word), h] as const),
  ),
  ...[...WORDS, ...Object.values(SIGNS), SELF].map((habit) => [habit.sample!, habit] as const),
  ["z = self.w", SELF],
  ["z = y + this.w(x)", SELF],
  ["z = silu(x[0])", SIGNS.index],
  ["z = silu(x)[:, 1]", SIGNS.index],
  ["x[0] = y", SIGNS.index],
  ["z = silu(x > 0)", SIGNS.compare],
  ["z = x <= y", SIGNS.compare],
  ["z = silu(x == y)", SIGNS.equal],
  ["z = (x + y)**2", SIGNS.power],
  ["return x, y", SIGNS.tuple],
  ["z = x # the sum, isn't it?", SIGNS.comment],
  ["z = x #the sum", SIGNS.comment],
  ["z = silu(x) # all; of it", SIGNS.comment],
];

test.each(samples)("%s", (sample, { help }) => {
  expect(helpOf(sample)).toContain(help);
});

const habits: readonly Habit[] = [...CALLS, ...MEMBERS, SELF, ...WORDS, ...Object.values(SIGNS)];

test.each(habits.map((habit) => [habit.instead]))("instead: %s", (instead) => {
  expect(errorsOf(instead)).toEqual([]);
});

test("no name is listed twice, and none is one of the language", () => {
  const names = CALLS.flatMap(({ written }) => written);
  expect(new Set(names).size).toBe(names.length);
  const called = names.filter(
    (name) => !errorsOf(`z = ${name}(x)`).some((d) => d.code === "E0203"),
  );
  expect(called).toEqual([]);
});

test("an op called as a method is named alone", () => {
  expect(helpOf("z = x.softmax(1)")).toEqual(["call it by its name alone: `softmax(x)`"]);
  expect(helpOf("z = torch.exp(x)")).toEqual(["call it by its name alone: `exp(x)`"]);
});

describe("comments with #", () => {
  const text = `# a model
dims S = 4, D = 8
#
# with "quotes, and x[0]
layer f(x: [S, D]) -> [S, D] {
  y = rms_norm#one(x) # normed
    # more of it
  return y $ rms_norm #two(y)
}
`;
  const found = check({ path: "a.ane", text });

  test("are found on every line, and hide no other mistake", () => {
    expect(found.map(({ code, labels }) => [code, labels[0]?.span.start])).toEqual([
      ...["# a", "#\n", "# with", "# normed", "# more"].map((part) => [
        "E0116",
        text.indexOf(part),
      ]),
      ["E0101", text.indexOf("$")],
    ]);
  });

  test("are mended by their edits", () => {
    let mended = text.replace("$", "+");
    for (const { help } of [...found].reverse()) {
      const edit = help[0]?.edit;
      if (edit === undefined) continue;
      const { start, end } = edit.span;
      mended = mended.slice(0, start) + edit.replacement + mended.slice(end);
    }
    expect(check({ path: "a.ane", text: mended })).toEqual([]);
  });
});

test("docs/language.md shows the table", () => {
  const page = readFileSync("docs/language.md", "utf8");
  const missing = habits.filter(({ written, help }) => {
    const first = written
      .slice(0, 3)
      .map((w) => `\`${w}\``)
      .join(", ");
    return !page.includes(`| ${first} | ${help} |`);
  });
  expect(missing.map(({ written }) => written[0])).toEqual([]);
});
