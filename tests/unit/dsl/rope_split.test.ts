/** `set rope_split` chooses the pairs of every `rope` that does not name them. */
import { expect, test } from "vitest";
import { printGraph } from "../../../compiler/ir/print.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { elaborate } from "../../../dsl/index.ts";

const graphOf = (setting: string, call: string): string => {
  const text = `dims S = 4, E = 8
${setting}
layer turn(x: [S, E]) -> [S, E] {
  return ${call}
}
`;
  return printGraph(elaborate({ path: "case.ane", text }).entries[0]!.graph());
};

test.each([
  ["", "rope(x)", false],
  ["set rope_split = 0", "rope(x)", false],
  ["set rope_split = 1", "rope(x)", true],
  ["set rope_split = 1", 'rope(x, pairing: "interleaved")', false],
  ["", 'rope(x, pairing: "split")', true],
])("%s, %s: split is %s", (setting, call, isSplit) => {
  expect(graphOf(setting, call).includes('pairing: "split"')).toBe(isSplit);
});

test.each([2, 0.5, -1])("%s is neither", (value) => {
  const make = () => graphOf(`set rope_split = ${value}`, "rope(x)");
  expect(make).toThrow(UserError);
  expect(make).toThrow(`\`rope\`: pairing is rope_split = ${value}, needs 0 or 1`);
});
