/** What a report says of a plan, against the plan. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { aliveAt, memoryReport } from "../../../passes/memory_report.ts";
import { peakOfLives } from "../../../passes/plan_memory.ts";
import { trainingPlan } from "../../../training/programs.ts";
import { graphOf, randomModel } from "../../support/random_model.ts";

test("state and scratch add up to the plan, and the peak is that of the lives", () => {
  const choice = fc.record({ batch: fc.integer({ min: 1, max: 3 }), recompute: fc.boolean() });
  fc.assert(
    fc.property(randomModel, choice, ({ source }, wish) => {
      const { plan } = trainingPlan(graphOf(source, "train"), undefined, wish);
      const report = memoryReport(plan);
      const sum = (list: readonly { readonly bytes: number }[]): number =>
        list.reduce((n, b) => n + b.bytes, 0);
      expect(sum(report.state)).toBe(plan.stateBytes);
      expect(report.totalBytes).toBe(plan.stateBytes + plan.scratchBytes);
      const ends = report.programs.map((p) => p.arenaBytes);
      // The arena is rounded up to whole cache lines.
      expect(Math.ceil(Math.max(...ends) / 64) * 64).toBe(plan.scratchBytes);
      for (const program of report.programs) {
        expect(program.liveBytes).toBe(peakOfLives(program.buffers.map((b, id) => ({ id, ...b }))));
        const alive = program.peak === null ? [] : aliveAt(program, program.peak.command);
        expect(sum(alive)).toBe(program.liveBytes);
        expect(program.liveBytes).toBeLessThanOrEqual(program.arenaBytes);
      }
    }),
    { numRuns: 40 },
  );
});
