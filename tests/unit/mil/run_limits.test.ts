/** What is refused before it is begun, and what a run shows. */
import { expect, test } from "vitest";
import { runMil, USUAL_LIMITS } from "../../../compiler/mil/interpret.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";

const read = (text: string) => parseMil({ path: "p.mil", text });

const T = "tensor<fp16, [64, 64]>";
const chain = read(`program(1.3)
{ func main<ios18>(${T} x) {
  ${T} a = relu(x = x);
  ${T} b = add(x = a, y = x);
  ${T} c = matmul(x = b, y = b, transpose_x = bool(false), transpose_y = bool(false));
} -> (c); }`);
const x = new Float64Array(64 * 64).fill(0.5);

const attempt = (act: () => unknown): string => {
  try {
    act();
    return "none";
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.diagnostics.map((d) => `${d.code}: ${d.title}`).join();
  }
};

const run = (limits: Partial<typeof USUAL_LIMITS>, trace?: "all") =>
  attempt(() =>
    runMil(
      chain,
      { x },
      { numerics: "ideal", limits: { ...USUAL_LIMITS, ...limits }, ...(trace ? { trace } : {}) },
    ),
  );

test("values that are alive at once are counted, and traced ones stay", () => {
  const size = 64 * 64;
  expect(run({ elements: 3 * size })).toBe("none");
  expect(run({ elements: 2 * size })).toBe(
    "E0376: the values alive at this `add` are too many for the interpreter",
  );
  expect(run({ elements: size - 1 })).toBe("E0376: the inputs are too many for the interpreter");
  expect(run({ elements: 3 * size }, "all")).toContain("this `matmul`");
  expect(run({ elements: 4 * size }, "all")).toBe("none");
});

test("work is counted by operations, and at least by elements", () => {
  // relu reads and writes 4,096 elements, 64 operations each.
  expect(run({ operations: 2 * 4096 * 64 - 1 })).toContain("E0377: with this `relu`");
  expect(run({ operations: 2 * 4096 * 64 })).toContain("E0377: with this `add`");
  expect(run({ operations: 1e7 })).toBe("none");
});

test("large inputs, states and lists are refused without being made", () => {
  const start = performance.now();
  const states = Array.from({ length: 9 }, (_, i) => `state<tensor<fp16, [16384, 8192]>> s${i}`);
  const many = read(`program(1.3)\n{ func main<ios18>(${states.join(", ")}) {} -> (); }`);
  expect(attempt(() => runMil(many, {}, { numerics: "ideal" }))).toContain("E0376");
  const wide = read(
    "program(1.3)\n{ func main<ios18>(state<tensor<fp16, [65536, 65536]>> s) {} -> (); }",
  );
  expect(attempt(() => runMil(wide, {}, { numerics: "ideal" }))).toContain("E0374");
  const tall = read(
    `program(1.3)\n{ func main<ios18>(tensor<fp16, [4]> x, tensor<int32, [70000]> n) { tensor<fp16, [?]> y = tile(x = x, reps = n); } -> (y); }`,
  );
  const inputs = { x: new Float64Array(4), n: new Float64Array(70_000).fill(1) };
  expect(attempt(() => runMil(tall, inputs, { numerics: "ideal" }))).toContain(
    "E0374: int32[70000]",
  );
  expect(performance.now() - start).toBeLessThan(1000);
});

test("only what was asked for is traced", () => {
  const { traced, outputs } = runMil(chain, { x }, { numerics: "ideal", trace: ["a", "x"] });
  expect([...traced.keys()]).toEqual(["x", "a"]);
  expect([...outputs.keys()]).toEqual(["c"]);
  const all = runMil(chain, { x }, { numerics: "ideal", trace: "all" });
  expect([...all.traced.keys()]).toEqual(["x", "a", "b", "c"]);
});
