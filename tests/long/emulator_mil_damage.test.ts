import fc from "fast-check";
import { expect, test } from "vitest";
import { runNatively, sanitized } from "../support/mil_run.ts";
import { damagedPrograms, validPrograms } from "../support/random_mil_damage.ts";

test("no damaged text crashes it, and every refusal has a place", () => {
  const texts = fc.sample(damagedPrograms(validPrograms), { numRuns: 3000, seed: 17 });
  const requests = texts.map((text) => ({ text, runs: 1 }));
  for (const [i, answer] of runNatively(requests, sanitized).entries()) {
    if (!("error" in answer)) continue;
    const place = /^E064([0-5]) (?:(\d+):(\d+): )?/.exec(answer.error);
    expect(place, answer.error).not.toBeNull();
    // Only running has errors without a place.
    if (Number(place![1]) >= 3) continue;
    const lines = texts[i]!.split("\n");
    expect(Number(place![2])).toBeGreaterThanOrEqual(1);
    expect(Number(place![2])).toBeLessThanOrEqual(lines.length);
    const line = Buffer.from(lines[Number(place![2]) - 1]!);
    expect(Number(place![3])).toBeGreaterThanOrEqual(1);
    expect(Number(place![3])).toBeLessThanOrEqual(line.length + 1);
  }
});
