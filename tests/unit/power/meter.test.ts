/** Energy from samples of power, and from what two systems show. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import {
  checkMoved,
  energyBetween,
  energyOf,
  type Sample,
  totalOf,
} from "../../../cli/power/meter.ts";
import { sampleOf } from "../../../cli/power/powermetrics.ts";
import { raplMeter } from "../../../cli/power/rapl.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";

const at = (from: number, to: number, joules: number, thermal?: string): Sample => ({
  ...{ from, to, joules: { processor: joules } },
  ...(thermal === undefined ? {} : { thermal }),
});

test("a sample that lies in the window in part counts in part", () => {
  const samples = [at(0, 1000, 10, "Nominal"), at(1000, 2000, 20, "Fair"), at(2000, 3000, 5)];
  expect(energyBetween(samples, 500, 2200)).toEqual({
    seconds: 1.7,
    joules: { processor: 5 + 20 + 1 },
    thermal: ["Nominal", "Fair"],
  });
});

test("what no sample covers is taken at the mean power of what they cover", () => {
  expect(totalOf(energyBetween([at(0, 1000, 10)], 0, 2000))).toBeCloseTo(20, 12);
  expect(energyBetween([], 0, 2000).joules).toEqual({});
  // A stretch that falls between two samples has the power of the others.
  const stretches = [
    { from: 0, to: 1000 },
    { from: 1200, to: 1300 },
  ];
  const { seconds, joules } = energyOf([at(0, 1000, 10), at(1400, 2400, 90)], stretches);
  expect(seconds).toBeCloseTo(1.1, 12);
  expect(joules["processor"]).toBeCloseTo(11, 12);
});

test("a meter stands still if nothing it has read is above 0", () => {
  const meter = raplMeter("zones");
  expect(() => checkMoved(meter, [])).not.toThrow();
  expect(() => checkMoved(meter, [at(0, 500, 0), at(500, 1000, 0.001)])).not.toThrow();
  expect(() => checkMoved(meter, [at(0, 500, 0), at(500, 1500, 0)])).toThrow(
    "RAPL counted no energy in 1.5 s",
  );
});

test("windows that follow one another add up to the whole", () => {
  const cuts = fc.array(fc.double({ min: 1, max: 9999, noNaN: true }), { maxLength: 8 });
  const powers = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), {
    ...{ minLength: 10, maxLength: 10 },
  });
  fc.assert(
    fc.property(cuts, powers, (moments, joules) => {
      const samples = joules.map((j, i) => at(i * 1000, (i + 1) * 1000, j));
      const edges = [0, ...moments.toSorted((a, b) => a - b), 10_000];
      const parts = edges.slice(1).map((to, i) => totalOf(energyBetween(samples, edges[i]!, to)));
      const sum = parts.reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(totalOf(energyBetween(samples, 0, 10_000)), 6);
    }),
  );
});

const list = (body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>${body}</dict></plist>`;

test("a list of powermetrics is milliwatts over nanoseconds", () => {
  const body = `<key>is_delta</key><true/><key>elapsed_ns</key><integer>500000000</integer>
    <key>timestamp</key><date>2024-05-01T10:00:00Z</date><key>thermal_pressure</key><string>Nominal</string>
    <key>processor</key><dict><key>cpu_power</key><real>4000</real><key>gpu_power</key><real>20</real>
    <key>ane_power</key><real>1500.5</real><key>combined_power</key><real>5520.5</real></dict>`;
  expect(sampleOf(list(body), 2000)).toEqual({
    ...{ from: 1500, to: 2000, thermal: "Nominal" },
    joules: { processor: 2, gpu: 0.01, "neural engine": 0.75025 },
  });
});

test.each([
  ["<key>processor</key><dict><key>cpu_power</key><real>1</real></dict>", "`elapsed_ns`"],
  ["<key>elapsed_ns</key><integer>0</integer><key>processor</key><dict/>", "`elapsed_ns`"],
  ["<key>elapsed_ns</key><integer>9</integer>", "`processor`"],
  ["<key>elapsed_ns</key><integer>9</integer><key>processor</key><dict/>", "no power"],
  [
    "<key>elapsed_ns</key><integer>9</integer><key>processor</key><dict><key>cpu_power</key><string>4</string></dict>",
    "`cpu_power`",
  ],
])("a list without what is needed says so: %s", (body, words) => {
  expect(() => sampleOf(list(body), 0)).toThrow(words);
});

/** A folder like the one of Linux; zones by name: [name, counter]. */
function zones(counters: Readonly<Record<string, readonly [string, number]>>): {
  readonly folder: string;
  readonly set: (zone: string, count: number | string) => void;
} {
  const folder = mkdtempSync(join(tmpdir(), "anec-rapl-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const set = (zone: string, count: number | string): void =>
    writeFileSync(join(folder, zone, "energy_uj"), `${count}\n`);
  for (const [zone, [name, count]] of Object.entries(counters)) {
    mkdirSync(join(folder, zone));
    writeFileSync(join(folder, zone, "name"), `${name}\n`);
    writeFileSync(join(folder, zone, "max_energy_range_uj"), "1000000\n");
    set(zone, count);
  }
  return { folder, set };
}

test("counters of packages and memory are read, cores are within packages, and a counter may wrap", async () => {
  const { folder, set } = zones({
    "intel-rapl:0": ["package-0", 900_000],
    "intel-rapl:0:0": ["core", 5],
    "intel-rapl:0:1": ["dram", 10],
    "intel-rapl:1": ["package-1", 0],
    "intel-rapl-mmio:0": ["package-0", 7],
  });
  const meter = raplMeter(folder).start(5);
  onTestFinished(() => meter.close());
  const begin = performance.now();
  set("intel-rapl:0", 100_000);
  set("intel-rapl:0:0", 77_777);
  set("intel-rapl:0:1", 50_010);
  set("intel-rapl:1", 300_000);
  await meter.until(performance.now());
  const sums = { processor: 0, memory: 0 };
  for (const { joules } of meter.samples) {
    sums.processor += joules["processor"]!;
    sums.memory += joules["memory"]!;
  }
  expect(sums.processor).toBeCloseTo(0.2 + 0.3, 12);
  expect(sums.memory).toBeCloseTo(0.05, 12);
  expect(meter.samples[0]!.from).toBeLessThanOrEqual(begin);
});

/** What a meter that cannot measure says. */
function whyNot(error: unknown): string | undefined {
  return error instanceof UserError ? error.diagnostics[0]?.why : `not a user's error: ${error}`;
}

function whyNotOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return whyNot(error);
  }
  return "no error";
}

test("a machine without counters, and a counter that is damaged, are told", async () => {
  expect(whyNotOf(() => raplMeter("/nowhere").start(5))).toContain("no counter of a package");
  const { folder, set } = zones({ "intel-rapl:0": ["package-0", 1] });
  set("intel-rapl:0", "many");
  expect(whyNotOf(() => raplMeter(folder).start(5))).toContain("holds no number");
  set("intel-rapl:0", 1);
  const meter = raplMeter(folder).start(2);
  onTestFinished(() => meter.close());
  set("intel-rapl:0", "many");
  const words = await meter.until(Number.POSITIVE_INFINITY).catch(whyNot);
  expect(words).toContain("holds no number");
});
