/** `anec power` as a command, with a program that prints what powermetrics prints, and with counters in a folder. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { anec, inNewFolder } from "./cli_support.ts";

/** 5 W of the processor and 1 W of the Neural Engine, every 20 ms; a list may come in two pieces. */
const METER = `#!/usr/bin/env node
const list = (ns) => '\\0<?xml version="1.0"?><plist version="1.0"><dict><key>elapsed_ns</key><integer>' + ns +
  '</integer><key>thermal_pressure</key><string>Fair</string><key>processor</key><dict><key>cpu_power</key>' +
  '<real>5000</real><key>ane_power</key><real>1000</real></dict></dict></plist>\\n';
let last = process.hrtime.bigint();
const tick = () => {
  const now = process.hrtime.bigint();
  const text = list(now - last);
  last = now;
  process.stdout.write(text.slice(0, 90));
  setTimeout(() => {
    process.stdout.write(text.slice(90));
    setTimeout(tick, 17);
  }, 3);
};
setTimeout(tick, 20);
`;

const TRAIN = [
  "--model",
  "tiny",
  "--data",
  "builtin:stories",
  "--steps",
  "40",
  "--val-every",
  "10",
];

test("a run of known power has that energy, by step and by token, net of idle", async () => {
  const program = join(inNewFolder(), "meter");
  writeFileSync(program, METER);
  chmodSync(program, 0o755);
  const flags = ["--powermetrics", program, "--interval", "20", "--idle", "0.2", "--json"];
  const { code, out, err } = await anec(["power", ...flags, "--", ...TRAIN]);
  expect(err).toBe("");
  expect(code).toBe(0);
  const result = JSON.parse(out);
  expect(result).toMatchObject({ meter: "powermetrics", steps: 40, thermal: ["Fair"] });
  expect(result.tokens).toBe(40 * 32);
  expect(result.watts).toBeCloseTo(6, 6);
  expect(result.idleWatts).toBeCloseTo(6, 6);
  expect(result.joules).toBeCloseTo(6 * result.seconds, 6);
  expect(Math.abs(result.netJoules)).toBeLessThan(1e-6);
  expect(result.joulesPerStep * 40).toBeCloseTo(result.joules, 9);
  expect(result.joulesPerToken * 40 * 32).toBeCloseTo(result.joules, 9);
  expect(result.byPart["neural engine"] / result.byPart.processor).toBeCloseTo(0.2, 9);
}, 60_000);

/** A folder of counters like Linux's, with one package. */
function zonesIn(folder: string): string {
  const zone = join(folder, "zones", "intel-rapl:0");
  mkdirSync(zone, { recursive: true });
  for (const [name, text] of [
    ["name", "package-0"],
    ["energy_uj", "5"],
    ["max_energy_range_uj", "1000000000"],
  ] as const) {
    writeFileSync(join(zone, name), `${text}\n`);
  }
  return join(folder, "zones");
}

test.each(["0.2", "0"])(
  "counters that stand still, with %s s of idling, end with the machine's code",
  async (idle) => {
    const folder = inNewFolder();
    const rapl = ["--rapl", zonesIn(folder), "--interval", "10", "--idle", idle];
    const { code, out, err } = await anec(["power", ...rapl, "--", ...TRAIN]);
    expect({ code, out }).toEqual({ code: 3, out: "" });
    expect(err).toMatch(/^error\[E0975\]: RAPL counted no energy in \d+\.\d s\n/);
    expect(err).toContain("zones` can be read, but what it shows stands still");
    expect(err).toContain("measure on the machine itself");
  },
  60_000,
);

test("counters that move are measured", async () => {
  const folder = inNewFolder();
  const zones = zonesIn(folder);
  const counter = join(zones, "intel-rapl:0", "energy_uj");
  const begin = performance.now();
  // 2 W.
  const timer = setInterval(
    () => writeFileSync(counter, `${Math.round((performance.now() - begin) * 2000)}\n`),
    5,
  );
  try {
    const flags = ["--rapl", zones, "--interval", "20", "--idle", "0.2", "--json"];
    const { code, out, err } = await anec(["power", ...flags, "--", ...TRAIN]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { meter, joules, idleWatts } = JSON.parse(out);
    expect(meter).toBe("RAPL");
    expect(joules).toBeGreaterThan(0);
    expect(idleWatts).toBeGreaterThan(0);
  } finally {
    clearInterval(timer);
  }
}, 60_000);

test("a run that fails, a meter that ends and a machine without one say why", async () => {
  const folder = inNewFolder();
  const rapl = ["--rapl", zonesIn(folder), "--idle", "0"];
  const failed = await anec(["power", ...rapl, "--", "--model", "no_such_model"]);
  expect(failed).toMatchObject({ code: 1, out: "" });
  expect(failed.err).toContain("E0974");
  expect(failed.err).toContain("no_such_model");

  const program = join(folder, "meter");
  writeFileSync(program, "#!/bin/sh\necho must be root >&2\nexit 1\n");
  chmodSync(program, 0o755);
  const ended = await anec(["power", "--powermetrics", program, "--idle", "1", "--", ...TRAIN]);
  expect(ended).toMatchObject({ code: 3, out: "" });
  expect(ended.err).toContain("must be root");

  const none = await anec(["power", "--rapl", join(folder, "nowhere"), "--", ...TRAIN]);
  expect(none).toMatchObject({ code: 3, out: "" });
  expect(none.err).toContain("has no counter of a package");
}, 60_000);
