/** Ops that the engine does not have and that a few others make. */

import type { Value } from "../../mil/tree.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { type Emitter, replacing } from "./rewrite.ts";
import { argument, atOp, result, type Site, sites, type Tensor } from "./walk.ts";

type Compose = (site: Site, emit: Emitter, out: Tensor, name: string) => void;

const operandOf = ({ s }: Site, name = "x"): Value => argument(s, name)!.value;

/** (eˣ ± e⁻ˣ) / 2 */
const hyperbolic =
  (joined: "add" | "sub"): Compose =>
  (site, emit, out, name) => {
    const x = operandOf(site);
    const up = emit.add("exp", out, { x });
    const down = emit.add("exp", out, { x: emit.add("mul", out, { x, y: -1 }) });
    emit.add("mul", out, { x: emit.add(joined, out, { x: up, y: down }), y: 0.5 }, name);
  };

const COMPOSED: Readonly<Record<string, Compose>> = {
  neg: (site, emit, out, name) => void emit.add("mul", out, { x: operandOf(site), y: -1 }, name),
  cosh: hyperbolic("add"),
  sinh: hyperbolic("sub"),
  tan: (site, emit, out, name) => {
    const x = operandOf(site);
    emit.add(
      "real_div",
      out,
      { x: emit.add("sin", out, { x }), y: emit.add("cos", out, { x }) },
      name,
    );
  },
  // x − y · ⌊x / y⌋
  mod: (site, emit, out, name) => {
    const [x, y] = [operandOf(site), operandOf(site, "y")];
    const whole = emit.add("mul", out, { x: emit.add("floor_div", out, { x, y }), y });
    emit.add("sub", out, { x, y: whole }, name);
  },
};

export const composedOps = defineFact({
  id: "composed_ops",
  statement: "The engine has no `neg`, `mod`, `tan`, `sinh` or `cosh`; other ops make them.",
  kind: "reject",
  ops: Object.keys(COMPOSED),
  evidence: [
    reported(
      "751K M6 study, dispatch notes",
      "mod, tan, sinh and cosh are not in Apple's supported set, M4, macOS 27",
    ),
    reported("jafreck/ironmill op support matrix", "refused, M3 Pro"),
    reported("AmiraniLabs/libane", "decomposes `neg` and `mod` itself"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      const apple = `Unsupported MIL operation "${s.op}".`;
      yield { ...atOp(s, `the engine has no \`${s.op}\``, s.op), apple };
    }
  },
  apple: 'Unsupported MIL operation "tan".',
  workaround: "write it with `mul`, `exp`, `sin`, `cos` and `floor_div`",
  fix: replacing((site, emit) => {
    const compose = COMPOSED[site.s.op];
    const [out, name] = [result(site.s), site.s.results[0]?.name];
    const needed = site.s.op === "mod" ? ["x", "y"] : ["x"];
    if (compose === undefined || out === undefined || name === undefined) return false;
    if (needed.some((n) => argument(site.s, n) === undefined)) return false;
    compose(site, emit, out, name);
    return true;
  }),
  emulator: "refuses the program with Apple's text",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "cosh(x = x)")),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "tanh(x = x)")),
  },
});
