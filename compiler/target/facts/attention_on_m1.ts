/** Attention on the first two generations. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

export const attentionOnM1 = defineFact({
  id: "attention_on_m1",
  statement:
    "Programs with `matmul` and `softmax`, or the whole attention op, are refused on M1 and M2.",
  kind: "reject",
  ops: ["scaled_dot_product_attention", "softmax", "matmul"],
  chips: ["m1", "m2"],
  evidence: [
    reported("maderix/ANE pull 6", "matmul and attention not supported, M1 Pro"),
    reported(
      "christopherkarani/Espresso issue 18",
      "all twelve layers fail and small programs pass, M1 Ultra, macOS 26",
    ),
    reported("ncdrone/rustane issue 11", "its attention fails, M2 Max, macOS 15.7"),
    against(
      "joshuaswarren/mil-hwx-compiler",
      "Apple's compiler takes matmul, softmax, matmul at every size tried, and both chips run it",
    ),
    against("vatsal191201/AutoANE", "runs such programs, M2 Pro"),
  ],
  *check(c): Generator<Finding> {
    for (const { s } of sites(c, "scaled_dot_product_attention", "softmax")) {
      const products = c.functions.some((v) => v.f.body.some((t) => t.op === "matmul"));
      if (s.op === "softmax" && !products) continue;
      yield atOp(s, `attention may be refused on ${c.chip}`, s.op);
    }
  },
  apple: "ANECCompile() FAILED: err=(CompilationFailure)",
  workaround:
    "compile a small attention program when the process starts, and fall back if it fails",
  emulator: "accepts it",
  examples: {
    fires: program(
      `${fp16("a", [1, 1, 32, 64])}, ${fp16("b", [1, 1, 64, 32])}`,
      `${line("s", [1, 1, 32, 32], "matmul(x = a, y = b)")}\n${line("y", [1, 1, 32, 32], "softmax(x = s, axis = int32(-1))")}`,
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      line("y", [1, 64, 1, 32], "softmax(x = x, axis = int32(-1))"),
    ),
  },
});
