/** How many weights of files a program may have. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";
import { isBlob, sites } from "./walk.ts";

const text = (count: number): string => {
  const weights = Array.from({ length: count }, (_, i) =>
    weight(`w${i}`, [1, 64, 1, 1], 64 + i * 192),
  );
  const sums = weights.map((_, i) =>
    line(
      i === count - 1 ? "y" : `s${i}`,
      [1, 64, 1, 32],
      `add(x = ${i === 0 ? "x" : `s${i - 1}`}, y = w${i})`,
    ),
  );
  return [...weights, ...sums].join("\n");
};

export const blobCount = defineFact({
  id: "blob_count",
  statement: "A program has at most 16 BLOBFILE tensors, and 15 if an op has a scalar in the text.",
  kind: "reject",
  evidence: [
    reported(
      "mechramc/Orion issue 3",
      "17 give InvalidMILProgram, M4 Max on macOS 15 and M4 on macOS 26.5",
    ),
    against("christopherkarani/Espresso", "30 in a program that runs, M3 Max"),
    against("maderix/h3.c-ane", "hundreds, M4"),
  ],
  *check(c): Generator<Finding> {
    for (const { f } of c.functions) {
      const found = [
        ...sites({ ...c, functions: c.functions.filter((v) => v.f === f) }, "const"),
      ].filter(({ view, s }) =>
        s.results.some((r) => isBlob(view, { kind: "name", name: r.name })),
      );
      if (found.length > 16)
        yield {
          title: `function \`${f.name}\` has ${found.length} weights in files`,
          span: found[16]!.s.results[0]?.span,
          label: "the 17th",
        };
    }
  },
  apple: "ANECCompile() FAILED: err=(InvalidMILProgram)",
  workaround: "join weights in one tensor and slice it",
  emulator: "accepts any number",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), text(17)),
    silent: program(fp16("x", [1, 64, 1, 32]), text(16)),
  },
});
