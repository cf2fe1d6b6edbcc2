/** Ops that the engine does not have. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

const REFUSED = [
  "lstm",
  "gru",
  "rnn",
  "asin",
  "acos",
  "asinh",
  "acosh",
  "atanh",
  "reduce_prod",
  "cumsum",
  "band_part",
  "one_hot",
  "non_zero",
  "range_1d",
  "random_bernoulli",
  "random_categorical",
  "random_normal",
  "sliding_windows",
  "reverse_sequence",
  "argsort",
  "while_loop",
  "cond",
  "make_list",
  "list_length",
  "list_read",
  "list_write",
  "list_gather",
  "list_scatter",
];

export const unsupportedOps = defineFact({
  id: "unsupported_ops",
  statement:
    "The engine has no recurrent ops, inverse trigonometry except `atan`, cumulative sums, random numbers, " +
    "index producers or control flow.",
  kind: "reject",
  ops: REFUSED,
  evidence: [
    reported(
      "751K M6 study, dispatch notes",
      "482 one-op models through Apple's segmenter, M4, macOS 27",
    ),
    reported("sbryngelson/ANEForge op catalog", "refused or not lowered, M1 to M5"),
    reported("jafreck/ironmill op support matrix", "refused, M3 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      const apple = `Unsupported MIL operation "${s.op}".`;
      yield { ...atOp(s, `the engine has no \`${s.op}\``, s.op), apple };
    }
  },
  apple: 'Unsupported MIL operation "lstm".',
  workaround: "do it on the host, or write it with ops that the engine has (docs/ops.md)",
  emulator: "refuses the program with Apple's text",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      line("y", [1, 64, 1, 32], "cumsum(x = x, axis = int32(3))"),
    ),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "atan(x = x)")),
  },
});
