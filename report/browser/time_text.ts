/** Times of the cost model. */

/** Milliseconds, or microseconds where that reads better. */
export function timeText(ms: number): string {
  if (ms === 0) return "0";
  if (ms < 0.1) return `${(ms * 1000).toPrecision(3)} µs`;
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}
