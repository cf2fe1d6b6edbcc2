/** Whole searches with simulated runs: noise is not kept, improvements are, and a killed search goes on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { bestOf, type ExperimentRecord, seedsOf } from "../../../training/search/record.ts";
import { type Config, parseAxis } from "../../../training/search/space.ts";
import { rungSizes } from "../../../training/search/strategy.ts";
import { baseline, loop, normal, settingsOf, simulated } from "./support.ts";

/** Of 0.02 nats, in part of the seed and in part of the seed with the configuration. */
function noise(search: number, config: Config, seed: number): number {
  return 0.01 * normal(search, seed) + 0.02 * normal(search, seed, JSON.stringify(config));
}

function keptOf(records: readonly ExperimentRecord[]): number {
  return records.filter((r) => r.status === "keep").length - 1;
}

test("of 200 changes without effect at most one in twenty is kept, in every one of 25 searches", async () => {
  const all: number[] = [];
  let runs = 0;
  for (let search = 1; search <= 25; search++) {
    const measure = simulated((config, seed) => 3 + noise(search, config, seed));
    const records = await loop(settingsOf({ experiments: 200, seed: search }), measure);
    expect(records).toHaveLength(201);
    all.push(keptOf(records));
    for (const record of records) runs += record.runs.length;
  }
  expect(Math.max(...all)).toBeLessThanOrEqual(10);
  // Fresh seeds decide: over all 5,000 changes far fewer than that.
  const sum = all.reduce((n, kept) => n + kept, 0);
  expect(sum / 5000).toBeLessThan(0.005);
  // And noise costs little: a change without effect ends after two runs or so.
  expect(runs / 5000).toBeLessThan(3);
});

test("an unlucky baseline is no licence: noise is not kept against it either", async () => {
  let kept = 0;
  const own = seedsOf(settingsOf().gate, 0);
  for (let search = 1; search <= 40; search++) {
    const measure = simulated((config, seed) => {
      const isUnlucky = own.includes(seed) && JSON.stringify(config) === JSON.stringify(baseline);
      return 3 + noise(search, config, seed) + (isUnlucky ? 0.1 : 0);
    });
    const records = await loop(settingsOf({ experiments: 20, seed: search }), measure);
    // All pass the first comparison, until one passes the second.
    expect(records[1]!.p).toBe(1 / 32);
    kept += keptOf(records);
  }
  expect(kept / (40 * 20)).toBeLessThanOrEqual(0.05);
});

test.each([-1, 1])(
  "a machine that becomes faster or slower (%i) favours nobody",
  async (direction) => {
    const budget = { seconds: 20, steps: null };
    let kept = 0;
    for (let search = 1; search <= 20; search++) {
      // Each run is 0.002 nats better or worse than the one before, with little noise beside it.
      let runs = 0;
      const drift = (): number => direction * 0.002 * runs++;
      const idle = simulated((config, seed) => 3 + drift() + 0.1 * noise(search, config, seed));
      kept += keptOf(await loop(settingsOf({ budget, experiments: 40, seed: search }), idle));

      runs = 0;
      const better = simulated(
        ({ accum }, seed) => 3 + drift() + 0.02 * Math.log2(accum as number) + 1e-5 * seed,
      );
      const space = [parseAxis("accum=2,4,8,16")];
      const records = await loop(
        settingsOf({ budget, space, experiments: 20, seed: search }),
        better,
      );
      expect(bestOf(records)!.config["accum"]).toBe(2);
    }
    expect(kept / 800).toBeLessThanOrEqual(0.05);
  },
);

test("a planted improvement is found among names that do nothing", async () => {
  for (let search = 1; search <= 20; search++) {
    const measure = simulated((config, seed) => {
      const distance = Math.log10((config["lr"] as number) / 3e-3);
      return 3 + distance * distance + noise(search, config, seed);
    });
    const records = await loop(settingsOf({ experiments: 60, seed: search }), measure);
    const { config } = bestOf(records)!;
    // The baseline is at 1e-3, 0.23 nats above.
    expect(config["lr"]).toBeGreaterThan(1.5e-3);
    expect(config["lr"]).toBeLessThan(6e-3);
    const last = records.findLast((r) => r.status === "keep")!;
    expect(last.fresh!.p).toBe(1 / 32);
  }
});

test("a value that is better than all others is found by the grid and by halving", async () => {
  const space = [parseAxis("lr=1e-4..1e-2:log"), parseAxis("accum=2,4,8,16")];
  const measure = simulated(
    (config, seed) => 3 - (config["accum"] === 2 ? 0.3 : 0) + noise(1, config, seed),
  );
  const grid = await loop(settingsOf({ space, strategy: "grid", experiments: 20 }), measure);
  expect(bestOf(grid)!.config["accum"]).toBe(2);
  expect(grid).toHaveLength(21);
  expect(grid.slice(1, 6).map((r) => r.config["accum"])).toEqual([2, 4, 8, 16, 2]);
  expect(grid[5]!.config["lr"]).toBeCloseTo(10 ** -3.5, 8);

  const halving = await loop(settingsOf({ space, strategy: "halving", experiments: 40 }), measure);
  expect(bestOf(halving)!.config["accum"]).toBe(2);
});

test("halving runs a third of each rung with three times the budget, and the last in full", async () => {
  expect(rungSizes(12)).toEqual([8, 3, 1]);
  expect(rungSizes(13)).toEqual([9, 3, 1]);
  expect(rungSizes(1)).toEqual([1]);
  const measure = simulated((config) => config["lr"] as number);
  const records = await loop(settingsOf({ strategy: "halving" }), measure);
  const steps = records.slice(1).map((r) => [r.rung, r.budget.steps]);
  expect(steps).toEqual([
    ...Array.from({ length: 8 }, () => [0, 10]),
    ...Array.from({ length: 3 }, () => [1, 30]),
    [null, 90],
  ]);
  const first = records.slice(1, 9).map((r) => r.losses[0]!);
  const second = records.slice(9, 12).map((r) => r.losses[0]!);
  expect(second).toEqual([...first].sort((a, b) => a - b).slice(0, 3));
  expect(records[12]!.config["lr"]).toBe(Math.min(...first));
});

test.each(["random", "grid", "halving"] as const)(
  "%s: a seed decides everything",
  async (strategy) => {
    const measure = simulated((config, seed) => 3 + noise(1, config, seed));
    const run = (seed: number) => loop(settingsOf({ strategy, seed }), measure);
    const once = await run(1);
    expect(await run(1)).toEqual(once);
    const other = await run(2);
    if (strategy === "grid") expect(other).toEqual(once);
    else expect(other.map((r) => r.config)).not.toEqual(once.map((r) => r.config));
  },
);

test.each(["random", "grid", "halving"] as const)(
  "%s: stopped after any run and begun again, the records are the same",
  async (strategy) => {
    const settings = settingsOf({ strategy });
    const lossOf = (config: Config, seed: number): number =>
      3 + Math.log10(config["lr"] as number) ** 2 + noise(1, config, seed);
    let runs = 0;
    const whole = await loop(
      settings,
      simulated(lossOf, () => (runs += 1)),
    );
    expect(runs).toBeGreaterThan(15);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: runs }), { maxLength: 4 }), async (stops) => {
        const records: ExperimentRecord[] = [];
        const append = (record: ExperimentRecord) => records.push(record);
        for (const stop of [...stops, Infinity]) {
          const killed = new AbortController();
          let left = stop;
          const measure = simulated(lossOf, () => {
            if (left-- <= 0) killed.abort(new Error("killed"));
            killed.signal.throwIfAborted();
          });
          const before = { records: [...records], signal: killed.signal };
          await loop(settings, measure, { ...before, append }).catch((error: Error) => {
            expect(error.message).toBe("killed");
          });
        }
        expect(records).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  },
);

test("what crashes, what is not sound and what is known is recorded, and the search goes on", async () => {
  const measure = simulated((config, seed) =>
    config["accum"] === 2 && seed > 1000 ? null : 3 + (config["accum"] === 2 ? -0.1 : 0.1),
  );
  const space = [parseAxis("accum=2,4,8,16")];
  const options = {
    faultOf: ({ accum }: Config) => (accum === 4 ? "it needs 12 GB of memory" : undefined),
  };
  const settings = settingsOf({ space, strategy: "grid" });
  const records = await loop(settings, measure, options);
  expect(records.map((r) => `${r.status}: ${r.reason}`)).toEqual([
    "keep: the model as it is",
    "crash: seed 1042: it broke",
    "skip: it needs 12 GB of memory",
    "skip: the same as experiment 0",
    "discard: worse by 0.0000 on 1 of 5 seeds",
  ]);
  await expect(
    loop(
      settings,
      simulated(() => null),
    ),
  ).rejects.toThrow("E0991");
});

test("changes from outside are tried first, through the same gate", async () => {
  const measure = simulated(({ accum }, seed) => (accum as number) + seed * 1e-6);
  const given = [{ accum: 4 }, { accum: 12 }, { lr: 5e-3 }];
  const records = await loop(settingsOf({ experiments: 1 }), measure, { given });
  expect(records.map((r) => [r.by, r.status])).toEqual([
    ["baseline", "keep"],
    ["given", "keep"],
    ["given", "discard"],
    ["given", "discard"],
    ["strategy", expect.any(String)],
  ]);
  expect(records[2]!.change).toBe("accum 4 → 12");
  expect(records[1]!.fresh!.seeds).toEqual([5042, 6042, 7042, 8042, 9042]);
});
