/** `sin` and `cos` came with M3. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

export const trigonometry = defineFact({
  id: "trigonometry",
  statement: "`sin` and `cos` need M3 or later.",
  kind: "reject",
  ops: ["sin", "cos"],
  chips: ["m1", "m2"],
  evidence: [
    reported(
      "sbryngelson/ANEForge op catalog",
      "refused by the A13 and A14 class, probed on M1 and M2",
    ),
    reported("jafreck/ironmill op support matrix", "refused even on M3 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, `${c.chip} has no \`${s.op}\``, s.op);
  },
  workaround: "bake tables of sines, as rotary embeddings do",
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "sin(x = x)")),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "tanh(x = x)")),
  },
});
