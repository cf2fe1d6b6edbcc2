/** What the steps of a schedule move: the figures of `anec compile --json`, and what the cost model costs. */
import type { Place, ScheduleStep } from "./manifest.ts";

/** fp16 bytes of the elements of a place, without what pads its rows. */
export function placeBytes({ blocks }: Place): number {
  return 2 * blocks.reduce((n, b) => n + b.rows * b.columns, 0);
}

export interface Traffic {
  readonly dispatches: number;
  readonly bytesWritten: number;
  readonly bytesRead: number;
  readonly bytesCopied: number;
}

export function trafficOf(steps: readonly ScheduleStep[]): Traffic {
  const sum = (kind: "write" | "read" | "copy"): number =>
    steps.reduce((n, s) => (s.do === kind ? n + placeBytes(s.place) : n), 0);
  return {
    dispatches: steps.filter((s) => s.do === "dispatch").length,
    bytesWritten: sum("write"),
    bytesRead: sum("read"),
    bytesCopied: sum("copy"),
  };
}
