/** How many layers deep a program may be. */
import { defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";

const PROVEN = 380;
const text = (depth: number): string => {
  const layers = Array.from({ length: depth }, (_, i) =>
    line(
      i === depth - 1 ? "y" : `h${i}`,
      [1, 64, 1, 32],
      `conv(x = ${i === 0 ? "x" : `h${i - 1}`}, weight = w, ${convArguments()})`,
    ),
  );
  return program(fp16("x", [1, 64, 1, 32]), [weight("w", [64, 64, 1, 1]), ...layers].join("\n"));
};

export const graphDepth = defineFact({
  id: "graph_depth",
  statement:
    "Very deep programs fail to compile or hang: 383 and 386 products in a row are the deepest that some systems take.",
  kind: "warn",
  evidence: [
    reported("751K M6 study", "386 at most on M6, where 387 hang; 448 and more on M4, macOS 27"),
    reported("maderix/ANE", "383, M4, macOS 15"),
    reported("joshuaswarren/mil-hwx-compiler", "8,192 small ops compile for M1, in twelve minutes"),
  ],
  *check({ functions }): Generator<Finding> {
    for (const { f } of functions) {
      const depth = f.body.filter((s) => s.op === "conv" || s.op === "matmul").length;
      if (depth > PROVEN)
        yield { title: `function \`${f.name}\` has ${depth} products`, span: f.span };
    }
  },
  workaround: "cut the program in two",
  emulator: "accepts any depth",
  examples: { fires: text(390), silent: text(4) },
});
