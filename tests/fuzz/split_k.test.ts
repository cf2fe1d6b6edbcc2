/** Reductions cut into slices compute the same as whole ones, whatever their length and on whichever axis. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMil } from "../../compiler/mil/parse.ts";
import { startsInside } from "../../compiler/target/facts/column_slices.ts";
import { sites, viewsOf } from "../../compiler/target/facts/walk.ts";
import { type Compilation, compile } from "../../index.ts";
import type { AneLayout } from "../../passes/ane/candidates.ts";
import { LAYER, NONE } from "../../passes/ane/schemes.ts";
import type { SplitK } from "../../passes/ane/split_k.ts";
import { distance } from "../support/close.ts";
import { graphOf, randomModel, valuesOf } from "../support/random_model.ts";
import { runBundle } from "../support/run_bundle.ts";

const textsOf = ({ bundle }: Compilation): string[] =>
  bundle.manifest.programs.map((p) => new TextDecoder().decode(bundle.files.get(p.file)!));

const productsIn = (made: Compilation): number =>
  textsOf(made).reduce((n, text) => n + text.split(" matmul(").length - 1, 0);

const size = (x: Float64Array): number => distance(x, new Float64Array(x.length));

const split = fc.record({ parts: fc.integer({ min: 2, max: 8 }), lastAxis: fc.boolean() });

test("loss and gradients are those of whole reductions", { timeout: 60_000 }, () => {
  const property = fc.property(
    randomModel,
    fc.integer({ min: 33, max: 100 }),
    fc.integer({ min: 33, max: 130 }),
    fc.constantFrom(LAYER, NONE),
    fc.constantFrom("packed", "params"),
    split,
    ({ source, seed }, D, F, scheme, weights, splitK) => {
      const graph = graphOf(source, "train", { D, F, L: 1 });
      const values = valuesOf(graph, seed);
      const results = [undefined, splitK].map((cut) => {
        const layout: AneLayout = {
          scheme,
          weights,
          ...(cut === undefined ? {} : { splitK: cut }),
        };
        const made = compile(graph, { target: "ane", gradients: true, layout, exactTables: true });
        return { made, out: runBundle(made, values) };
      });
      const [whole, cut] = results as [(typeof results)[0], (typeof results)[0]];
      expect(productsIn(cut.made)).toBeGreaterThan(productsIn(whole.made));
      for (const [name, expected] of whole.out)
        expect(distance(cut.out.get(name)!, expected)).toBeLessThan(1e-9 * (1 + size(expected)));
    },
  );
  fc.assert(property, { numRuns: 25 });
});

/** Slices that start inside a row of weights or activations that are already on their own. */
function slicesOfColumns(made: Compilation): number {
  return textsOf(made)
    .map((text) => parseMil({ path: "split.mil", text }))
    .flatMap((program) => [
      ...sites({ program, functions: viewsOf(program), chip: "m1" }, "slice_by_size"),
    ])
    .filter((site) => startsInside(site)).length;
}

test("without the last axis no slice starts inside a row", () => {
  fc.assert(
    fc.property(randomModel, split, ({ source }, { parts }) => {
      const graph = graphOf(source, "train", { D: 96, F: 128, L: 1 });
      const count = (splitK: SplitK): number => {
        const layout: AneLayout = { scheme: LAYER, weights: "params", splitK };
        return slicesOfColumns(compile(graph, { target: "ane", gradients: true, layout }));
      };
      const none = count({ parts: 1, lastAxis: true });
      expect(count({ parts, lastAxis: false })).toBe(none);
      expect(count({ parts, lastAxis: true })).toBeGreaterThan(none);
    }),
    { numRuns: 10 },
  );
});
