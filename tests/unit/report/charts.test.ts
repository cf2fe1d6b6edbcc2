/** What charts are made of: axes, smoothing, the nearest point. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  axisText,
  durationText,
  linearScale,
  logScale,
  numberText,
} from "../../../report/browser/chart_scale.ts";
import {
  extent,
  lastNotAbove,
  nearestPoint,
  smoothed,
} from "../../../report/browser/chart_smooth.ts";

const finite = fc.double({ min: -1e9, max: 1e9, noNaN: true });
const positive = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
const value = fc.option(fc.double({ min: -100, max: 100, noNaN: true }), { nil: null });

test("an axis leads from values to places and back, with round ticks inside it", () => {
  const kinds = [
    [linearScale, finite],
    [logScale, positive],
  ] as const;
  for (const [scaleOf, ends] of kinds) {
    fc.assert(
      fc.property(ends, ends, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, at) => {
        const low = Math.min(a, b);
        const high = Math.max(a, b);
        fc.pre(high - low > 1e-6 * Math.max(Math.abs(high), Math.abs(low)));
        const scale = scaleOf(low, high);
        expect(scale.at(low)).toBeCloseTo(0, 6);
        expect(scale.at(high)).toBeCloseTo(1, 6);
        expect(scale.at(scale.value(at))).toBeCloseTo(at, 4);
        const ticks = scale.ticks(5);
        expect(ticks).toEqual([...new Set(ticks)].sort((x, y) => x - y));
        expect(ticks.length).toBeLessThanOrEqual(18);
        const room = (high - low) * 1e-6;
        for (const tick of ticks) {
          expect(tick).toBeGreaterThanOrEqual(low - room);
          expect(tick).toBeLessThanOrEqual(high + room);
        }
      }),
    );
  }
  expect(linearScale(0, 1600).ticks(6)).toEqual([0, 500, 1000, 1500]);
  expect(logScale(1e-3, 1e3).ticks(6)).toEqual([1e-3, 1e-2, 0.1, 1, 10, 100, 1000]);
  expect(logScale(2, 5).ticks(6)).toEqual([2, 2.5, 3, 3.5, 4, 4.5, 5]);
  // One value alone gets some room.
  expect(linearScale(3, 3).at(3)).toBe(0.5);
  expect(logScale(8, 8).at(8)).toBeCloseTo(0.5, 12);
  expect(logScale(1, 10).at(0)).toBe(-1);
});

test("smoothing is the weighted mean of all that was, missing values aside", () => {
  const weight = fc.double({ min: 0.01, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { maxLength: 30 }), weight, (values, w) => {
      const found = smoothed(values, w);
      values.forEach((v, n) => {
        if (v === null) {
          expect(found[n]).toBe(null);
          return;
        }
        const known = values.slice(0, n + 1).filter((x): x is number => x !== null);
        const weights = known.map((_, i) => w ** (known.length - 1 - i));
        const sum = known.reduce((all, x, i) => all + weights[i]! * x, 0);
        expect(found[n]).toBeCloseTo(sum / weights.reduce((a, b) => a + b, 0), 8);
      });
    }),
  );
  expect(smoothed([1, null, 3], 0)).toEqual([1, null, 3]);
});

test("the nearest point is the nearest one of all that have a value", () => {
  const points = fc.array(fc.tuple(fc.nat(60), value), { maxLength: 12 });
  fc.assert(
    fc.property(points, fc.double({ min: -10, max: 70, noNaN: true }), (list, x) => {
      const sorted = [...list].sort((a, b) => a[0] - b[0]);
      const rising = sorted.map(([at]) => at);
      const values = sorted.map(([, v]) => v);
      const distances = rising.map((at, i) => (values[i] === null ? Infinity : Math.abs(at - x)));
      const found = nearestPoint(rising, values, x);
      const least = Math.min(Infinity, ...distances);
      expect(found < 0 ? Infinity : distances[found]).toBe(least);
      expect(lastNotAbove(rising, x)).toBe(rising.filter((at) => at <= x).length - 1);
    }),
  );
});

test("the extent of values that are there", () => {
  expect(extent([[1, null, 4], [], [-2]])).toEqual([-2, 4]);
  expect(extent([[null], []])).toBe(undefined);
});

test("numbers are short", () => {
  expect([0, 1, 12.3456, 12345.6, 0.00012345, -0.5, 1e12].map(numberText)).toEqual([
    ...["0", "1", "12.35", "12,346", "1.23e-4", "-0.5", "1e+12"],
  ]);
  expect([0, 500, 1500, 2e6, 3e9].map(axisText)).toEqual(["0", "500", "1.5 k", "2 M", "3 G"]);
  expect([4.4, 65, 7300].map(durationText)).toEqual(["4 s", "1 min 05 s", "2 h 01 min"]);
});
