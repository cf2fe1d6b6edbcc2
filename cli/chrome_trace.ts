/** Commands as they ran, for `about:tracing` and Perfetto: a row each for the engine, staging, and the host. */
import type { TracedCommand } from "../training/trace.ts";

const ROWS = ["engine dispatches", "staging", "host kernels"] as const;

function rowOf({ kernel }: TracedCommand): (typeof ROWS)[number] {
  if (kernel === "engine_call") return "engine dispatches";
  return kernel.startsWith("engine_") ? "staging" : "host kernels";
}

/** The trace in Chrome's format; times are in microseconds from the first command. */
export function chromeTrace(trace: readonly TracedCommand[]): string {
  const start = trace[0]?.start ?? 0;
  const used = ROWS.filter((row) => trace.some((c) => rowOf(c) === row));
  const names = used.map((name) => ({
    ...{ name: "thread_name", ph: "M", pid: 1, tid: ROWS.indexOf(name) + 1 },
    args: { name },
  }));
  const events = trace.map((c) => ({
    ...{ name: c.label, cat: c.kernel, ph: "X", pid: 1, tid: ROWS.indexOf(rowOf(c)) + 1 },
    ...{ ts: (c.start - start) * 1e3, dur: (c.end - c.start) * 1e3 },
    args: { program: c.program, kernel: c.kernel },
  }));
  return `${JSON.stringify({ displayTimeUnit: "ms", traceEvents: [...names, ...events] })}\n`;
}
