/** Literals in arguments. */

import { MIL_OPS } from "../../mil/ops.ts";
import { type TypedValue, typed, typeOf, type Value } from "../../mil/tree.ts";
import { against, defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { emitter, freshNames, mapFunctions } from "./rewrite.ts";
import { atArgument, sites } from "./walk.ts";

const OPS = MIL_OPS.map((op) => op.name).filter((name) =>
  /^(matmul|reduce_|softmax|layer_norm|rsqrt|log|conv)/.test(name),
);

/** A literal with its type; bare ones are bools or integers. */
function asTyped(value: Value): TypedValue | undefined {
  if (value.kind === "typed") return value.value.kind === "blob" ? undefined : value;
  if (value.kind === "bool") return typed(typeOf("bool", []), value);
  return value.kind === "number" && /^-?\d+$/.test(value.text)
    ? typed(typeOf("int32", []), value)
    : undefined;
}

export const inlineArguments = defineFact({
  id: "inline_arguments",
  statement:
    "Flags, axes and epsilons written inline as literals are refused; they must be names of constants.",
  kind: "reject",
  ops: OPS,
  evidence: [
    reported("mechramc/Orion README", "transpose flags must be named constants, M4 Max, macOS 15"),
    reported(
      "jafreck/ironmill ane-attention-split-investigation",
      "promotes arguments to constants, M3 Pro",
    ),
    against("sbryngelson/ANEForge", "inline everywhere, through e5rt"),
    against("joshuaswarren/mil-hwx-compiler", "`transpose_x = bool(false)` compiles, M1 and M2"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      const inline = s.args.find((a) => asTyped(a.value) !== undefined);
      if (inline !== undefined)
        yield atArgument(
          s,
          inline.name,
          `\`${inline.name}\` of \`${s.op}\` is a literal`,
          "literal",
        );
    }
  },
  workaround: "define a constant and pass its name, which every path takes",
  fix: (c) =>
    mapFunctions(c, ({ f }) => {
      const fresh = freshNames(f);
      let changed = false;
      const body = f.body.flatMap((s) => {
        if (!OPS.includes(s.op) || s.args.every((a) => asTyped(a.value) === undefined)) return [s];
        changed = true;
        const { emit, statements } = emitter(fresh);
        const args = s.args.map((a) => {
          const literal = asTyped(a.value);
          const wish = `${s.results[0]?.name ?? s.op}_${a.name}`;
          return literal === undefined ? a : { ...a, value: emit.constant(wish, literal) };
        });
        return [...statements, { ...s, args }];
      });
      return changed ? { ...f, body } : f;
    }),
  emulator: "accepts both",
  examples: {
    fires: program(
      `${fp16("a", [1, 1, 32, 64])}, ${fp16("b", [1, 1, 64, 32])}`,
      line(
        "y",
        [1, 1, 32, 32],
        "matmul(x = a, y = b, transpose_x = bool(false), transpose_y = bool(false))",
      ),
    ),
    silent: program(
      `${fp16("a", [1, 1, 32, 64])}, ${fp16("b", [1, 1, 64, 32])}`,
      `${constant("bool", "no", "false")}\n${line("y", [1, 1, 32, 32], "matmul(x = a, y = b, transpose_x = no, transpose_y = no)")}`,
    ),
  },
});
