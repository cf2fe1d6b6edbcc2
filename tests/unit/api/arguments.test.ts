/** `import … from "anec"` in plain JavaScript: what does not fit is an error of the user, whatever it is. */
import { mkdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as anec from "../../../api/index.ts";
import { OPTIONS } from "../../../api/options.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { inNewFolder } from "../../e2e/cli_support.ts";
import { userError } from "../../support/user_error.ts";

/** A function of the library without its types. */
type Untyped = (...args: readonly unknown[]) => unknown;
const untyped = (f: unknown): Untyped => f as Untyped;

const [compile, load, parse, model, layer] = [
  anec.compile,
  anec.load,
  anec.parse,
  anec.model,
  anec.layer,
].map(untyped) as [Untyped, Untyped, Untyped, Untyped, Untyped];
const open: Untyped = (...args) => untyped(anec.Session.open)(...args);
const { ops } = anec;

const input = (b: anec.Builder, name = "x"): anec.Node =>
  b.input(name, [b.dim("S", 4), b.dim("D", 8)]);
const dense = anec.layer("dense", (b, x: anec.Node) =>
  ops.matmul(x, b.param("w", [b.dim("D", 8), b.dim("D", 8)])),
);
const outer = anec.layer("outer", (b, x: anec.Node) => b.call(dense, x));
const graph = anec.model("g", (b) => b.call(dense, input(b)));

/** The model that `define` builds, whatever it does. */
const built =
  (define: (b: anec.Builder) => unknown): (() => unknown) =>
  () =>
    model("m", define);
/** Calls a method with arguments that its types refuse. */
const calling = (
  b: anec.Builder,
  method: "dim" | "input" | "param" | "call",
  ...args: unknown[]
): anec.Node => untyped(b[method]).apply(b, args) as anec.Node;

describe("options", () => {
  test.each<[string, () => unknown, string]>([
    ["a fusion", () => compile(graph, { fusion: "layers" }), "E0955 `fusion` cannot be `layers`"],
    ["a target", () => compile(graph, { target: "gpu" }), "E0955 `target` cannot be `gpu`"],
    [
      "an unknown one",
      () => compile(graph, { fusions: 1 }),
      "E0979 `compile` has no option `fusions`",
    ],
    [
      "one of every object",
      () => compile(graph, { toString: 1 }),
      "E0979 `compile` has no option `toString`",
    ],
    ["a text", () => compile(graph, "ane"), "E0955 `compile(…, options)` cannot be `'ane'`"],
    ["null", () => parse("dims S = 4", null), "E0955 `parse(…, options)` cannot be `null`"],
    [
      "an unknown one of `learn`",
      () => open(graph, { learn: { learningRate: 1 } }),
      "E0979 `learn` has no option `learningRate`",
    ],
    ["a rate as a text", () => open(graph, { learn: { lr: "1" } }), "E0955 `lr` cannot be `'1'`"],
    [
      "a rate below 0",
      () => open(graph, { learn: { lr: -1 } }),
      "E0901 `--lr` is -1, but it must be a number above 0, at most 1000",
    ],
    [
      "a seed that is no number",
      () => open(graph, { seed: Number.NaN }),
      "E0955 `seed` cannot be `NaN`",
    ],
    ["half a seed", () => open(graph, { seed: 1.5 }), "E0955 `seed` cannot be `1.5`"],
    ["a seed below 0", () => open(graph, { seed: -1 }), "E0955 `seed` cannot be `-1`"],
    ["no threads", () => open(graph, { threads: 0 }), "E0955 `threads` cannot be `0`"],
    [
      "a dimension as a text",
      () => load("tiny", { define: { D: "64" } }),
      "E0955 `define.D` cannot be `'64'`",
    ],
    [
      "a dimension that is no number",
      () => load("tiny", { define: { D: Number.NaN } }),
      "E0955 `define.D` cannot be `NaN`",
    ],
    [
      "half a dimension",
      () => load("tiny", { define: { D: 1.5 } }),
      "E0313 dimension `D` is 1.5, which is not a whole number",
    ],
    [
      "another output",
      () => model("m", input, { outputs: "loss" }),
      "E0979 `model` has no option `outputs`",
    ],
  ])("%s", (_, work, expected) => {
    expect(userError(work)).toBe(expected);
  });

  test("every mistake is told, with the nearest name or what it is called here", () => {
    const found = ((): UserError => {
      try {
        compile(graph, { fusion: "layers", device: "cpu", gradient: true });
      } catch (error) {
        if (error instanceof UserError) return error;
      }
      throw new Error("no error");
    })();
    expect(found.diagnostics.map(({ help }) => help[0]?.text)).toEqual([
      "did you mean `layer`?",
      "it is called `target`",
      "did you mean `gradients`?",
    ]);
  });

  test("those that are undefined are not given", () => {
    expect(userError(() => compile(graph, { target: undefined, fusion: undefined }))).toBe(
      "no error",
    );
  });

  const option = fc.constantFrom(...Object.keys(OPTIONS.compile), "other");
  const value = fc.oneof(fc.anything(), fc.constantFrom("cpu", "layer", "full", true));
  test("whatever they are, `compile` compiles or says what is wrong", () => {
    fc.assert(
      fc.property(fc.dictionary(option, value, { maxKeys: 3 }), (options) => {
        expect(userError(() => compile(graph, options))).toMatch(/^(E\d{4} |no error)/);
      }),
      { numRuns: 60 },
    );
  });
});

describe("arguments", () => {
  const anyModel = fc.anything().filter((v) => typeof v !== "string");
  test("a model is a text, a model that was read, or a graph", () => {
    fc.assert(
      fc.property(anyModel, (value) => {
        expect(userError(() => compile(value))).toMatch(/^E0955 `compile\(model\)` /);
        expect(userError(() => open(value))).toMatch(/^E0955 `Session.open\(model\)` /);
        expect(userError(() => parse(value))).toMatch(/^E0955 `parse\(text\)` /);
        expect(userError(() => load(value))).toMatch(/^E0955 `load\(nameOrPath\)` /);
      }),
      { numRuns: 60 },
    );
  });

  test("values of a session are lists of numbers, by name", () => {
    const session = anec.Session.open(graph);
    const run = untyped(session.run.bind(session));
    expect(userError(() => run())).toBe("E0955 `run(values)` cannot be `undefined`");
    expect(userError(() => run([1, 2]))).toMatch(/^E0955 /);
    fc.assert(
      fc.property(fc.anything(), (x) => {
        expect(userError(() => run({ x }))).toMatch(/^E0996 /);
      }),
      { numRuns: 60 },
    );
    expect(userError(() => run({ x: new BigInt64Array(32) }))).toMatch(
      /^E0996 .* no list of numbers$/,
    );
    expect(userError(() => run({ x: { ...new Array<number>(32).fill(1), length: 32 } }))).toBe(
      "no error",
    );
    session.close();
  });

  test("a bundle needs a folder, and no file is in its way", () => {
    inNewFolder();
    writeFileSync("g.ane", "");
    mkdirSync("there");
    const { write } = anec.compile(graph, { target: "cpu" });
    expect(userError(() => write("g.ane"))).toBe(
      "E0970 `write g.ane` needs a folder, but `g.ane` is a file",
    );
    expect(userError(() => write("g.ane/in/it"))).toMatch(/^E0970 /);
    expect(userError(() => untyped(write)())).toMatch(/^E0955 /);
    expect(userError(() => write("there/new"))).toBe("no error");
  });
});

describe("models in TypeScript", () => {
  test.each<[string, () => unknown, string]>([
    [
      "two inputs of one name",
      built((b) => ops.add(input(b), input(b))),
      "E0205 input `x` is defined twice",
    ],
    [
      "a parameter like an input",
      built((b) => ops.add(input(b), b.param("x", [b.dim("D", 8)]))),
      "E0205 parameter `x` is defined twice",
    ],
    [
      "an input like a parameter",
      built((b) => ops.add(b.param("x", [b.dim("D", 8)]), input(b))),
      "E0205 input `x` is defined twice",
    ],
    ["nothing returned", built((b) => void input(b)), "E0215 model `m` has no `return`"],
    [
      "a layer without `return`",
      built((b) => b.call(layer("f", () => undefined) as typeof dense, input(b))),
      "E0215 layer `f` has no `return`",
    ],
    ["a number returned", built(() => 3), "E0955 `return of m` cannot be `3`"],
    [
      "a function for a layer",
      built((b) => calling(b, "call", () => input(b))),
      "E0955 `b.call(layer, …)` cannot be `[Function (anonymous)]`",
    ],
    [
      "a size as a text",
      built((b) => calling(b, "dim", "D", "8")),
      "E0955 `b.dim(…, size)` cannot be `'8'`",
    ],
    [
      "a size that is no number",
      built((b) => calling(b, "dim", "D", Number.NaN)),
      "E0313 dimension `D` is NaN, which is not a whole number",
    ],
    [
      "a shape of numbers",
      built((b) => calling(b, "input", "x", [4, 8])),
      "E0955 `b.input(…, shape)` cannot be `[ 4, 8 ]`",
    ],
    [
      "an element type",
      built((b) => calling(b, "input", "x", [], "int32")),
      "E0955 `b.input(…, dtype)` cannot be `int32`",
    ],
    [
      "an initial value",
      built((b) => calling(b, "param", "w", [], "zeros")),
      "E0955 `b.param(…, init)` cannot be `'zeros'`",
    ],
    ["no name", () => model(input), "E0955 `model(name, …)` cannot be `[Function: input]`"],
    ["no function", () => layer("f"), "E0955 `layer(…, build)` cannot be `undefined`"],
  ])("%s", (_, work, expected) => {
    expect(userError(work)).toBe(expected);
  });

  test("a value of another model is not returned", () => {
    let x: anec.Node | undefined;
    anec.model("a", (b) => {
      x = input(b);
      return x;
    });
    expect(userError(built(() => x))).toMatch(/^E0955 `return of m` /);
  });

  test("a layer that is called twice gets the call that mends it", () => {
    const told = (define: (b: anec.Builder) => anec.Node): string => {
      try {
        anec.model("m", define);
      } catch (error) {
        return anec.explainErrors(error);
      }
      return "no error";
    };
    expect(told((b) => b.call(dense, b.call(dense, input(b))))).toBe(
      "error[E0209]: two calls named `dense` would own the same parameters\n\n" +
        '  help: tell them apart with a name: `b.callAs("other", dense, …)`',
    );
    expect(told((b) => b.call(outer, b.call(outer, input(b))))).toContain(
      '`b.callAs("other", outer, …)`',
    );
    expect(told((b) => b.callAs("other", dense, b.call(dense, input(b))))).toBe("no error");
    expect(told((b) => ops.add(b.param("w", [b.dim("D", 8)]), b.param("w", [b.dim("D", 8)])))).toBe(
      "error[E0205]: parameter `w` is defined twice",
    );
  });
});
