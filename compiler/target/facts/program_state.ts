/** State that a program keeps between calls. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

export const programState = defineFact({
  id: "program_state",
  statement: "`read_state` and `write_state` do not work on the private paths.",
  kind: "reject",
  ops: ["read_state", "write_state"],
  evidence: [
    reported("sbryngelson/ANEForge op catalog", "not lowered through e5rt"),
    against("computer-graphics-tools/ane", "its schema has both"),
    against("Anemll/Anemll", "keeps its cache in state, through the public interface"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, "state may not be available", s.op);
  },
  workaround: "return the new state as an output and give it back as an input of the next call",
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(
      `state<tensor<fp16, [1, 64, 1, 32]>> kv, ${fp16("x", [1, 64, 1, 32])}`,
      `${line("h", [1, 64, 1, 32], "read_state(input = kv)")}\n${line("y", [1, 64, 1, 32], "add(x = h, y = x)")}`,
    ),
    silent: program(
      `${fp16("kv", [1, 64, 1, 32])}, ${fp16("x", [1, 64, 1, 32])}`,
      line("y", [1, 64, 1, 32], "add(x = kv, y = x)"),
    ),
  },
});
