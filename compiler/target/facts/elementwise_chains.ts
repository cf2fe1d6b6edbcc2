/** Whether elementwise ops become one. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, type Site, sites, source } from "./walk.ts";

const OPS = ["add", "sub", "mul", "maximum", "minimum", "real_div", "exp", "sqrt", "abs"];
const isLink = ({ s }: Site): boolean => OPS.includes(s.op);

/** How many elementwise ops stand one behind the other, this one included. */
function chain(site: Site, longest = 3): number {
  if (longest === 0 || !isLink(site)) return 0;
  const s = source(site, "x");
  return 1 + (s === undefined ? 0 : chain({ view: site.view, s }, longest - 1));
}

const text = (steps: number): string => {
  const name = (i: number): string => (i < 0 ? "x" : i === steps - 1 ? "y" : `h${i}`);
  const lines = Array.from({ length: steps }, (_, i) =>
    line(name(i), [1, 64, 1, 32], `mul(x = ${name(i - 1)}, y = z)`),
  );
  return program(`${fp16("x", [1, 64, 1, 32])}, ${fp16("z", [1, 64, 1, 32])}`, lines.join("\n"));
};

export const elementwiseChains = defineFact({
  id: "elementwise_chains",
  statement:
    "Elementwise ops on computed tensors do not become one task; only scalars, relu and other activations fold into what is before them.",
  kind: "cost",
  ops: OPS,
  evidence: [
    reported("electricapp/ane-bridge-rs", "each op costs its own pass, M5"),
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "one op behind a product folds, the next one does not, for M1 and M2",
    ),
    against("maderix/ANE", "counts on fusion, as most projects do"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops))
      if (chain(site) >= 3)
        yield atOp(site.s, "three elementwise ops in a row may be three passes", site.s.op);
  },
  workaround: "put work into scalars and activations behind products, where it is free",
  emulator: "counts a pass for each",
  examples: { fires: text(3), silent: text(2) },
});
