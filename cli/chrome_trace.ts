/** Commands as they ran, for `about:tracing` and Perfetto: a row for each lane. */
import { type Lane, laneOf } from "../compiler/bundle/effects.ts";
import type { TracedCommand } from "../training/trace.ts";

const LANES: readonly (readonly [lane: Lane, name: string])[] = [
  ["engine", "engine dispatches"],
  ["staging", "staging"],
  ["host", "host kernels"],
  ["network", "sums over ranks"],
];

const rowOf = (command: TracedCommand): number =>
  1 + LANES.findIndex(([lane]) => lane === laneOf(command.kernel));

/** The trace in Chrome's format; times are in microseconds from the first command. */
export function chromeTrace(trace: readonly TracedCommand[]): string {
  const start = trace[0]?.start ?? 0;
  const used = LANES.map(([, name], i) => ({ name, tid: i + 1 })).filter(({ tid }) =>
    trace.some((c) => rowOf(c) === tid),
  );
  const names = used.map(({ name, tid }) => ({
    ...{ name: "thread_name", ph: "M", pid: 1, tid },
    args: { name },
  }));
  const events = trace.map((c) => ({
    ...{ name: c.label, cat: c.kernel, ph: "X", pid: 1, tid: rowOf(c) },
    ...{ ts: (c.start - start) * 1e3, dur: (c.end - c.start) * 1e3 },
    args: { program: c.program, kernel: c.kernel },
  }));
  return `${JSON.stringify({ displayTimeUnit: "ms", traceEvents: [...names, ...events] })}\n`;
}
