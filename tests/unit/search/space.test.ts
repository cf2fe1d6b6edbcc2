/** Spaces as text and JSON, what is drawn from them, and what is refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { loadModel } from "../../../dsl/index.ts";
import { openData } from "../../../training/data/open_data.ts";
import { readModel } from "../../../training/model.ts";
import {
  drawAnywhere,
  drawNear,
  gridConfig,
  gridSize,
  randomOf,
} from "../../../training/search/draw.ts";
import { digestOf } from "../../../training/search/record.ts";
import { baselineOf, faultFinder, memoryOf } from "../../../training/search/setup.ts";
import {
  type Axis,
  type Config,
  changesText,
  parseAxis,
  readSpace,
  settingFlags,
  splitConfig,
} from "../../../training/search/space.ts";
import { userError } from "../../support/user_error.ts";
import { settingsOf } from "./support.ts";

test("text and JSON say the same", () => {
  const texts = ["lr=1e-4..1e-3:log", "accum=5..20:int", "D=256..768:64", "S=64,128", "wd=0.1"];
  const json = {
    lr: { from: 1e-4, to: 1e-3, scale: "log" },
    accum: { from: 5, to: 20, integer: true },
    D: { from: 256, to: 768, step: 64 },
    S: [64, 128],
    wd: 0.1,
  };
  expect(readSpace(JSON.stringify(json), "space.json")).toEqual(texts.map(parseAxis));
  expect(parseAxis("a=x,true,2")).toEqual({ kind: "list", name: "a", values: ["x", true, 2] });
});

test.each([
  ["lr", "it does not read NAME=VALUES"],
  ["=3", "it does not read NAME=VALUES"],
  ["lr=", "a value is missing"],
  ["lr=1,,2", "a value is missing"],
  ["lr=1,1", "a value occurs twice"],
  ["lr=2..1", "a range goes from a number to a larger one"],
  ["lr=0..1:log", "a logarithmic range lies above 0"],
  ["lr=a..b", "a range goes from number to number"],
  ["lr=1..2:fast", "behind a range come `log`, and `int` or a step"],
  ["lr=1..2:int:4", "behind a range come `log`, and `int` or a step"],
  ["D=1..2:0", "a step is above 0"],
  ["D=65..70:64", "it holds no multiple of 64"],
])("`%s` is refused: %s", (text, why) => {
  expect(userError(() => parseAxis(text))).toBe(
    `E0985 \`${text}\` is no part of a search space: ${why}`,
  );
});

test.each([
  ["nope", "space.json", "it is not JSON"],
  ["[1]", "space.json", "it is not a JSON object"],
  ['{"lr": null}', "space.json: lr", "it is neither values nor a range"],
  ['{"lr": [null]}', "space.json: lr", "values are numbers, texts, true and false"],
  ['{"lr": {"from": 1}}', "space.json: lr", "`from` and `to` are numbers"],
  ['{"lr": {"from": 1, "to": 2, "kind": 1}}', "space.json: lr", "a range has no `kind`"],
  ['{"l r": 1}', "space.json: l r", "it is no name"],
])("a file with %s is refused", (text, where, why) => {
  expect(userError(() => readSpace(text, "space.json"))).toBe(
    `E0985 \`${where}\` is no part of a search space: ${why}`,
  );
});

const axis: fc.Arbitrary<Axis> = fc.oneof(
  fc.record({
    kind: fc.constant("list" as const),
    name: fc.constant("list"),
    values: fc.uniqueArray(fc.integer(), { minLength: 2, maxLength: 4 }),
  }),
  fc
    .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 64, max: 500 }))
    .chain(([from, length]) =>
      fc.record({
        kind: fc.constant("range" as const),
        name: fc.constantFrom("a", "b", "c"),
        from: fc.constant(from),
        to: fc.constant(from + length),
        scale: fc.constantFrom("linear" as const, "log" as const),
        step: fc.constantFrom(null, 1, 8, 64),
      }),
    ),
);
const spaces = fc.uniqueArray(axis, { minLength: 1, maxLength: 4, selector: (a) => a.name });

function isIn(one: Axis, value: unknown): boolean {
  if (one.kind === "list") return one.values.includes(value as number);
  const x = value as number;
  return x >= one.from && x <= one.to && (one.step === null || x % one.step === 0);
}

test("everything drawn lies in the space, and a step changes one name or two", () => {
  fc.assert(
    fc.property(spaces, fc.nat(), (space, seed) => {
      const center = drawAnywhere(space, randomOf(seed, 0));
      const near = drawNear(space, center, randomOf(seed, 1));
      for (const one of space) {
        expect(isIn(one, center[one.name])).toBe(true);
        expect(isIn(one, near[one.name])).toBe(true);
      }
      const changed = space.filter(({ name }) => near[name] !== center[name]);
      expect(changed.length).toBeLessThanOrEqual(2);
    }),
  );
});

test("a grid has every combination once", () => {
  fc.assert(
    fc.property(spaces, (space) => {
      const size = Math.min(300, gridSize(space));
      const configs = Array.from({ length: size }, (_, at) => gridConfig(space, at)!);
      expect(new Set(configs.map(digestOf)).size).toBe(size);
      for (const config of configs) {
        expect(space.every((one) => isIn(one, config[one.name]))).toBe(true);
      }
      expect(gridConfig(space, gridSize(space))).toBeUndefined();
    }),
  );
});

const tiny = readModel({ source: loadModel("tiny") });

test("the model as it is: fixed values, defaults of flags, and its own dimensions", () => {
  const space = ["lr=1e-4..1e-3", "accum=4", "L=1,2", "beta2=0.9..0.99"].map(parseAxis);
  expect(baselineOf(space, tiny)).toEqual({ lr: 4e-4, accum: 4, L: 2, beta2: 0.95 });
  expect(splitConfig({ lr: 1e-3, L: 3 })).toEqual({ settings: { lr: 1e-3 }, overrides: { L: 3 } });
  expect(userError(() => splitConfig({ L: "three" }))).toContain("a dimension is a number");
  expect(changesText({ lr: 1, L: 2 }, { lr: 1, L: 3 })).toBe("L 2 → 3");
  expect([...settingFlags.keys()]).toEqual(expect.arrayContaining(["lr", "accum", "beta1"]));
  const wrong = (text: string) => userError(() => baselineOf([parseAxis(text)], tiny));
  expect(wrong("lrr=1,2")).toBe("E0964 there is no flag, dimension or hyper-parameter `lrr`");
  expect(wrong("seed=1,2")).toContain("the protocol decides it for all experiments");
  expect(wrong("val-every=1,2")).toContain("E0985");
  expect(userError(() => baselineOf(["L=1,2", "L=3"].map(parseAxis), tiny))).toContain("twice");
});

test("a configuration that is not sound or too large is not run, and says why", async () => {
  const data = await openData("builtin:stories");
  const { text, path } = loadModel("tiny");
  const settings = settingsOf({
    model: { path, text, entry: "tiny", overrides: {} },
    memoryBytes: 3e7,
  });
  const faultOf = faultFinder(settings, data);
  expect(faultOf({ lr: 1e-3 })).toBeUndefined();
  expect(faultOf({ lr: -1 })).toContain("--lr");
  expect(faultOf({ H: 3 })).toMatch(/./);
  expect(faultOf({ L: 2.5 })).toMatch(/./);
  expect(faultOf({ S: 100_000 })).toContain("token");
  const large: Config = { D: 512, F: 2048 };
  expect(memoryOf(settings, data, large)).toBeGreaterThan(3e7);
  expect(faultOf(large)).toMatch(/^it needs [\d.]+ GB of memory, and 0\.0300 GB are allowed$/);
});
