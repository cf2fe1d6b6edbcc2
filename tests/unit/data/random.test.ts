import { expect, test } from "vitest";
import { createRandom, erand48 } from "../../../training/random.ts";

const draw = (seed: number, n: number): number[] => {
  const random = createRandom(seed);
  return Array.from({ length: n }, () => random.drand48());
};

test.each([
  [42, [0.7445250000610066, 0.342701478718908, 0.11108528244416149, 0.422338957988309]],
  [123, [0.279512001973675, 0.41452908245580034, 0.9251758484553072, 0.12952401055640195]],
  [0, [0.17082803610628972]],
  [1, [0.041630344771878214, 0.45449244472862915]],
])("drand48 after srand48(%i) repeats glibc", (seed, golden) => {
  expect(draw(seed, golden.length)).toEqual(golden);
});

test("the two halves compute what 48-bit integers do", () => {
  const random = createRandom(-7);
  let x = ((BigInt(-7) & 0xffffffffn) << 16n) | 0x330en;
  for (let i = 0; i < 10_000; i++) {
    x = (0x5deece66dn * x + 0xbn) & 0xffff_ffff_ffffn;
    expect(random.drand48()).toBe(Number(x) / 2 ** 48);
  }
});

test("skipping is drawing without looking", () => {
  const one = createRandom(42);
  const other = createRandom(42);
  for (const n of [0, 1, 2, 3, 47, 1000, 65_537]) {
    one.skip(n);
    for (let i = 0; i < n; i++) other.drand48();
    expect(one.state()).toEqual(other.state());
  }
});

test("skips of any length add up, modulo the period of the stream", () => {
  const after = (...skips: number[]) => {
    const random = createRandom(7);
    for (const n of skips) random.skip(n);
    return random.state();
  };
  expect(after(576e9, 3)).toEqual(after(3, 288e9, 288e9));
  expect(after(2 ** 48)).toEqual(after());
  expect(after(2 ** 48 - 5, 6)).toEqual(after(1));
  expect(() => after(-1)).toThrow("bug in anec");
  expect(() => after(0.5)).toThrow("bug in anec");
});

test("only the low 32 bits of a seed count", () => {
  expect(draw(2 ** 32 + 5, 3)).toEqual(draw(5, 3));
  expect(draw(42 + 1_000_000 * 7919, 1)).toEqual(draw((42 + 1_000_000 * 7919) % 2 ** 32, 1));
});

test("erand48 steps its three words like drand48 its state", () => {
  const random = createRandom(42);
  const x = Uint16Array.of(0x330e, 42, 0);
  for (let i = 0; i < 1000; i++) expect(erand48(x)).toBe(random.drand48());
});

test("fillUniform gives the first weights of the 512-wide model bit for bit", () => {
  const weights = new Float32Array(4);
  createRandom(42).fillUniform(weights, Math.fround(1 / Math.sqrt(512)));
  const bits = Array.from(new Uint32Array(weights.buffer), (b) => b.toString(16));
  expect(bits).toEqual(["3cb10e15", "bc63cae7", "bd0ccd5b", "bbe0ee2f"]);
});

test("a saved state goes on where it was, through JSON too", () => {
  const random = createRandom(9);
  random.drand48();
  const saved = JSON.parse(JSON.stringify(random.state()));
  const next = [random.drand48(), random.drand48()];
  const other = createRandom(0);
  other.restore(saved);
  expect([other.drand48(), other.drand48()]).toEqual(next);
});

test("uniformIndex stays below n", () => {
  const random = createRandom(3);
  for (let i = 0; i < 1000; i++) expect([0, 1, 2]).toContain(random.uniformIndex(3));
  expect(() => random.uniformIndex(0)).toThrow("bug in anec");
});

test("a state out of range is our own mistake", () => {
  expect(() => createRandom(0).restore({ hi: 2 ** 24, lo: 0 })).toThrow("bug in anec");
});
