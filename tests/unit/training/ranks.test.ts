/** Which rank computes which micro-step: each one once, in an order that the group alone decides. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchAt } from "../../../training/batches.ts";
import { firstDifference } from "../../../training/rank_identity.ts";
import { callsOf, inOrder, leftOfTurn, type Span } from "../../../training/ranks.ts";

const dealing = fc.record({
  batch: fc.integer({ min: 1, max: 5 }),
  size: fc.integer({ min: 1, max: 6 }),
});

/** The turns of a group that is cut at `until`. */
function turnsOf(count: number, until: number, { batch, size }: { batch: number; size: number }) {
  const turns: Span[] = [];
  for (let begin = 0; begin < count; ) {
    const state = { step: begin, group: { count: begin } } as Parameters<typeof batchAt>[0];
    const limit = begin < until ? until : Infinity;
    const n = batchAt(state, { batch, accum: count, steps: null }, limit, size);
    turns.push({ begin, end: begin + n });
    begin += n;
  }
  return turns;
}

test("every micro-step of a group is computed once, by the rank whose turn it is", () => {
  fc.assert(
    fc.property(dealing, fc.integer({ min: 1, max: 60 }), fc.nat(60), (how, count, until) => {
      const by = new Map<number, number>();
      for (const turn of turnsOf(count, until, how)) {
        for (let rank = 0; rank < how.size; rank++) {
          for (const { begin, end } of callsOf(turn, { ...how, rank })) {
            expect(end - begin === 1 || end - begin === how.batch).toBe(true);
            for (let i = begin; i < end; i++) {
              expect(by.has(i)).toBe(false);
              by.set(i, rank);
            }
          }
        }
      }
      expect(by.size).toBe(count);
      // Where the group was cut does not matter.
      for (const [i, rank] of by) expect(rank).toBe(Math.floor(i / how.batch) % how.size);
    }),
  );
});

test("a turn ends where the next one of all ranks begins", () => {
  fc.assert(
    fc.property(dealing, fc.nat(100), (how, at) => {
      const left = leftOfTurn(at, how);
      expect(left).toBeGreaterThan(0);
      expect((at + left) % (how.batch * how.size)).toBe(0);
      expect(left).toBeLessThanOrEqual(how.batch * how.size);
    }),
  );
});

test("losses of all ranks come back in the order of the micro-steps", () => {
  fc.assert(
    fc.property(dealing, fc.integer({ min: 1, max: 60 }), fc.nat(60), (how, count, until) => {
      for (const turn of turnsOf(count, until, how)) {
        const byRank = Array.from({ length: how.size }, (_, rank) =>
          callsOf(turn, { ...how, rank }).flatMap(({ begin, end }) =>
            Array.from({ length: end - begin }, (_, i) => begin + i),
          ),
        );
        const expected = Array.from({ length: turn.end - turn.begin }, (_, i) => turn.begin + i);
        expect(inOrder(turn, how, byRank)).toEqual(expected);
      }
    }),
  );
});

test("the first rank that differs is named, with all that differs", () => {
  const same = { lr: "0.1", accum: "4" };
  expect(firstDifference([same, { ...same }])).toBeUndefined();
  expect(firstDifference([same, same, { lr: "0.2", accum: "4", more: "1" }, {}])).toEqual({
    rank: 2,
    differences: [
      ["lr", "0.2", "0.1"],
      ["more", "1", "nothing"],
    ],
  });
});
