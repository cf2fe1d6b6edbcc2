/** How long a sum of products may be. */

import type { ChipName } from "../chip_names.ts";
import { familyOf } from "../chip_names.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { splitContraction } from "./split_contraction.ts";
import { atOp, contraction, PRODUCT_OPS, sites } from "./walk.ts";

/** On M4 a conv over 17,408 runs and one over 32,000 is refused; between them nobody looked. */
const CONV_LIMIT = 31_999;

function limitFor(chip: ChipName, op = "matmul"): number {
  if (!["m4", "m5"].includes(familyOf(chip))) return 16_384;
  return op === "conv" ? CONV_LIMIT : 32_768;
}

export const contractionLimit = defineFact({
  id: "contraction_limit",
  statement:
    "`matmul`, `linear` and `conv` add up at most 16,384 products on M1 to M3. On M4 a `matmul` adds up 32,768, and a `conv` over 32,000 is refused.",
  kind: "reject",
  ops: PRODUCT_OPS,
  evidence: [
    reported("sbryngelson/ANEForge targets", "16,384 for the A13 to A15 class"),
    reported("maderix/ANE classifier", "a conv with 32,000 input channels is refused, M4"),
    reported(
      "751K M6 study, dispatch notes",
      "a matmul over 40,000 is refused and over 32,768 is not, M4, macOS 27",
    ),
    reported("ds4", "18,432 fails on M3 Ultra"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const limit = limitFor(c.chip, site.s.op);
      const k = contraction(site) ?? 0;
      if (k <= limit) continue;
      yield atOp(
        site.s,
        `\`${site.s.op}\` adds up ${k} products, and ${c.chip} takes ${limit}`,
        `K = ${k}`,
      );
    }
  },
  workaround: "cut the reduction into parts and add their results",
  fix: splitContraction((chip) => limitFor(chip) / 2),
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(
      `${fp16("a", [1, 1, 2, 32_800])}, ${fp16("b", [1, 1, 32_800, 32])}`,
      line("y", [1, 1, 2, 32], "matmul(x = a, y = b)"),
    ),
    silent: program(
      `${fp16("a", [1, 1, 2, 4096])}, ${fp16("b", [1, 1, 4096, 32])}`,
      line("y", [1, 1, 2, 32], "matmul(x = a, y = b)"),
    ),
  },
});
