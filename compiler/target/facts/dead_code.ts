/** Values that nothing reads. */

import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { mapFunctions } from "./rewrite.ts";
import type { MilView } from "./walk.ts";
import { namesIn } from "./walk.ts";

/** Ops that do something even if nothing reads their results. */
const EFFECTS = new Set(["write_state", "coreml_update_state"]);

/** The statements that outputs and effects need. */
function alive({ f }: MilView): ReadonlySet<number> {
  const needed = new Set(f.outputs.map((o) => o.name));
  const out = new Set<number>();
  for (let i = f.body.length - 1; i >= 0; i--) {
    const s = f.body[i]!;
    const isIdle = s.results.length > 0 && !EFFECTS.has(s.op);
    if (isIdle && !s.results.some((r) => needed.has(r.name))) continue;
    out.add(i);
    for (const name of s.args.flatMap((a) => namesIn(a.value))) needed.add(name);
  }
  return out;
}

export const deadCode = defineFact({
  id: "dead_code",
  statement:
    "A value that nothing reads can make the compile fail, for one when it is reduced to width 1.",
  kind: "warn",
  evidence: [reported("electricapp/ane-bridge-rs", "an unused reduction to width 1 fails, M5")],
  *check({ functions }): Generator<Finding> {
    for (const view of functions) {
      const living = alive(view);
      for (const [i, s] of view.f.body.entries()) {
        if (living.has(i)) continue;
        const names = s.results.map((r) => `\`${r.name}\``).join(", ");
        yield { title: `nothing reads ${names}`, span: s.results[0]?.span };
      }
    }
  },
  workaround: "leave it out",
  fix: (c) =>
    mapFunctions(c, (view) => {
      const living = alive(view);
      const body = view.f.body.filter((_, i) => living.has(i));
      return body.length === view.f.body.length ? view.f : { ...view.f, body };
    }),
  emulator: "accepts it",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      [line("h", [1, 64, 1, 32], "exp(x = x)"), line("y", [1, 64, 1, 32], "relu(x = x)")].join(
        "\n",
      ),
    ),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)")),
  },
});
