/** `import … from "anec"`: sessions against the reference interpreter and the trainer's own rules. */
import { readdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  compile,
  explainErrors,
  layer,
  load,
  model,
  ops,
  parse,
  Session,
  UserError,
  VERSION,
} from "../../api/index.ts";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { writeSafetensors } from "../../formats/safetensors.ts";
import { fromFloat32 } from "../../formats/tensor.ts";
import { inNewFolder } from "../e2e/cli_support.ts";
import { userError } from "../support/user_error.ts";

const dense = layer("dense", (b, x: ReturnType<typeof b.input>) => {
  const [D, F] = [b.dim("D", 3), b.dim("F", 2)];
  return ops.matmul(x, b.param("w", [D, F]));
});

/** mean((x·w − y)²) */
const loss = model(
  "fit",
  (b) => {
    const [N, D, F] = [b.dim("N", 4), b.dim("D", 3), b.dim("F", 2)];
    const error = ops.sub(b.call(dense, b.input("x", [N, D])), b.input("y", [N, F]));
    return ops.reduceMean(ops.square(error), { axes: [0, 1] });
  },
  { output: "loss" },
);

const numbers = (length: number) =>
  fc.array(fc.double({ min: -2, max: 2, noNaN: true }).map(Math.fround), {
    minLength: length,
    maxLength: length,
  });

/** What the reference computes from a session's parameters. */
function oracle(session: Session, values: Record<string, number[]>, gradients = false) {
  const leaves = [...loss.inputs, ...loss.params].map((leaf) => {
    const name = leafName(leaf);
    const data = Float64Array.from(values[name] ?? session.param(name));
    return [name, { shape: sizesOf(leaf.type.shape), data }] as const;
  });
  return interpret(gradients ? differentiate(loss) : loss, new Map(leaves));
}

test("run computes what the reference does, for any values", () => {
  const session = Session.open(loss);
  fc.assert(
    fc.property(numbers(12), numbers(8), numbers(6), (x, y, w) => {
      session.param("dense.w").set(w);
      const [expected] = oracle(session, { x, y }).get("loss")!.data;
      expect(session.run({ x, y })["loss"]![0]).toBeCloseTo(expected!, 3);
    }),
    { numRuns: 30 },
  );
  session.close();
});

test("with plain descent a step is w − lr · the mean gradient of its values", () => {
  const lr = 0.125;
  const learn = { optimizer: "sgd", lr, wd: 0, clip: 0, beta1: 0 };
  const session = Session.open(loss, { learn });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(numbers(12), numbers(8)), { minLength: 1, maxLength: 3 }),
      (all) => {
        const list = all.map(([x, y]) => ({ x, y }));
        const results = list.map((values) => oracle(session, values, true));
        const mean = (name: string, i: number): number =>
          results.reduce((sum, r) => sum + r.get(name)!.data[i]!, 0) / results.length;
        const expected = [...session.param("dense.w")].map(
          (w, i) => w - lr * mean("grad.dense.w", i),
        );
        const step = session.step(list);
        expect(step.loss).toBeCloseTo(mean("loss", 0), 3);
        for (const [i, w] of session.param("dense.w").entries())
          expect(w).toBeCloseTo(expected[i]!, 3);
        session.param("dense.w").fill(0.5);
      },
    ),
    { numRuns: 30 },
  );
  session.close();
});

test("parameters are saved and loaded to the bit", () => {
  inNewFolder();
  const session = Session.open(loss, { seed: 7 });
  session.save("w.safetensors");
  const other = Session.open(loss, { seed: 8 });
  expect(other.param("dense.w")).not.toEqual(session.param("dense.w"));
  other.load("w.safetensors");
  expect(other.param("dense.w")).toEqual(session.param("dense.w"));
  expect(readdirSync(".")).toEqual(["w.safetensors"]);
  session.close();
  other.close();
});

test("a file that does not fit changes nothing, and says what it lacks", () => {
  inNewFolder();
  const session = Session.open(loss);
  const before = session.param("dense.w").slice();
  writeSafetensors(
    "other.safetensors",
    new Map([["dense.w", fromFloat32([2], new Float32Array(2))]]),
  );
  expect(userError(() => session.load("other.safetensors"))).toBe(
    "E0996 the value `dense.w` is [3, 2], and other.safetensors has [2]",
  );
  writeFileSync("bad.safetensors", "no");
  expect(() => session.load("bad.safetensors")).toThrow(UserError);
  expect(session.param("dense.w")).toEqual(before);
  session.close();
});

test("values that do not fit are refused before anything is written", () => {
  const session = Session.open(load("tiny"), { entry: "train:tiny" });
  const ids = new Int32Array(32);
  const title = (values: Record<string, ArrayLike<number>>): string =>
    userError(() => session.run(values));
  expect(title({ tokens: ids })).toBe(
    "E0996 the value `targets` is i32[32], and no value was given for it",
  );
  expect(title({ tokens: ids, targets: [1, 2] })).toContain("2 numbers were given for 32");
  expect(title({ tokens: ids, targets: ids.fill(0), tokenz: ids })).toContain("no input `tokenz`");
  const bad = Array.from({ length: 32 }, (_, i) => (i === 3 ? -1 : 0));
  expect(title({ tokens: ids, targets: bad })).toContain("its element 3 is -1, which is no id");
  expect(() => session.run({ tokens: new Int32Array(32).fill(5000), targets: ids })).toThrow();
  expect(userError(() => session.param("no.such"))).toMatch(/^E0997 /);
  expect(userError(() => session.step({ tokens: ids, targets: ids }))).toMatch(/^E0998 /);
  session.close();
  session.close();
  expect(() => session.run({ tokens: ids, targets: ids })).toThrow("closed");
});

test("what computes no loss cannot be trained", () => {
  const open = () => Session.open(load("tiny"), { entry: "model:tiny", learn: {} });
  expect(userError(open)).toMatch(/^E0998 .* computes \[S 32, V 512\], and no loss$/);
});

test("an update that is not finite leaves the parameters as they were", () => {
  const session = Session.open(loss, { learn: {} });
  const before = session.param("dense.w").slice();
  const x = new Float32Array(12).fill(3e38);
  expect(() => session.step({ x, y: new Float32Array(8) })).toThrow(UserError);
  expect(session.param("dense.w")).toEqual(before);
  session.close();
});

test("text, a model that was read and its graph compile to the same bundle", () => {
  const text = "layer f(x: [4, 8]) -> [4, 2] {\n  param w: [8, 2]\n  return x @ w\n}\n";
  const read = parse(text);
  expect(read.entries).toEqual(["layer:f"]);
  const all = [text, read, read.graph("f")].map((m) => compile(m).bundle.manifest);
  expect(all[1]).toEqual(all[0]);
  expect(all[2]).toEqual(all[0]);
  expect([...compile(text).mil.values()][0]).toMatch(/^program\(1\.3\)/);
  expect(compile(text, { target: "cpu" }).mil.size).toBe(0);
});

test("a bundle is written whole", () => {
  inNewFolder();
  compile(load("tiny")).write("tiny.anec");
  expect(readdirSync("tiny.anec")).toContain("manifest.json");
});

test("errors become the text that the command line prints", () => {
  const text = "layer f(x: [4]) -> [4] { return y }";
  const told = (() => {
    try {
      return String(parse(text, { path: "a.ane" }));
    } catch (error) {
      return explainErrors(error);
    }
  })();
  expect(told).toMatch(/^error\[E02\d\d\]: .*\n\n {2}a\.ane:1:33/);
  expect(() => explainErrors(new TypeError("other"))).toThrow("other");
  expect(VERSION).toMatch(/^\d+\.\d+\.\d+$/);
});
