/** `anec bench --published`: quoted with chip and source, apart from what this machine measures. */
import { expect, test } from "vitest";
import { corrections, FIGURES, type Published } from "../../bench/published/result.ts";
import { autoaneResults } from "../../bench/published/results_autoane.ts";
import { otherResults } from "../../bench/published/results_others.ts";
import { anec } from "./cli_support.ts";

const all = [...autoaneResults, ...otherResults];

test("every result names its chip and its source and has figures that are numbers above 0", () => {
  expect(all.length).toBeGreaterThan(100);
  for (const { chip, source, what, figures } of all) {
    for (const text of [chip, source, what]) expect(text).not.toBe("");
    expect(Object.keys(figures).length).toBeGreaterThan(0);
    for (const value of Object.values(figures).flat()) expect(value).toBeGreaterThan(0);
  }
});

test("no result is quoted twice", () => {
  const keys = all.map((r) => JSON.stringify([r.system, r.chip, r.what, r.figures]));
  expect(new Set(keys).size).toBe(keys.length);
});

test("the corrected energies follow from the published power", () => {
  const joules = (r: Published): number =>
    ((r.figures.packageMw as number) * (r.figures.seconds as number)) / (r.figures.steps as number);
  const power = autoaneResults.filter((r) => r.figures.packageMw !== undefined);
  const [idle, ...runs] = power;
  const gross = runs.map((r) => Math.round(joules(r)));
  const idleMw = idle!.figures.packageMw as number;
  const net = runs.map((r) =>
    Math.round(joules(r) - (idleMw * (r.figures.seconds as number)) / (r.figures.steps as number)),
  );
  expect([gross, net]).toEqual([
    [555, 656, 584],
    [201, 215, 194],
  ]);
  for (const n of [...gross, ...net]) expect(corrections[0]!.is).toContain(String(n));
});

test("the sizes of AutoANE's models follow from their widths and layers", () => {
  for (const { what, figures } of autoaneResults) {
    const found = /^(\d+) wide, (\d+) layers, S 256, cpu$/.exec(what);
    if (found === null || figures.parametersM === undefined) continue;
    const [D, L] = [Number(found[1]), Number(found[2])];
    const heads = D / 64;
    let K = Math.max(1, Math.floor(heads / 4));
    while (heads % K !== 0) K--;
    const F = Math.ceil(Math.trunc(2.75 * D) / 64) * 64;
    const count = L * (2 * D * D + 2 * K * 64 * D + 3 * F * D + 2 * D) + D + 49152 * D;
    expect(count / 1e6).toBeCloseTo(figures.parametersM as number, 0);
  }
});

test("the text groups results by chip and source and states the corrections", async () => {
  const { code, out } = await anec(["bench", "--published"]);
  expect(code).toBe(0);
  expect(out).toContain("None of it was measured by anec");
  expect(out).toContain("AutoANE, M2 Pro 16 GB (AutoANE experiments.jsonl)");
  expect(out).toContain("maderix/ANE, M1 Pro 32 GB (maderix/ANE community_results.json)");
  expect(out).not.toContain("this machine:");
  for (const { says } of corrections) {
    expect(out.replace(/\s+/g, " ")).toContain(says);
  }
  const used = Object.entries(FIGURES).filter(([figure]) => all.some((r) => figure in r.figures));
  for (const [, words] of used) expect(out).toContain(words);
});

test("a system can be chosen, a wrong one is named, and JSON has all of it", async () => {
  const one = await anec(["bench", "--published", "--system", "Orion"]);
  expect(one.out).toContain("Orion, M4 Max");
  expect(one.out).not.toContain("M2 Pro");
  const wrong = await anec(["bench", "--published", "--system", "Orian"]);
  expect(wrong.err).toContain("did you mean `Orion`?");
  const json = JSON.parse((await anec(["bench", "--published", "--json"])).out);
  expect(json.published).toEqual(all);
  expect(json.corrections).toHaveLength(3);
  expect(json).not.toHaveProperty("measured");
});
