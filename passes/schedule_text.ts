/** A schedule as text: what `anec compile --print schedule` writes. */
import type { Manifest, Place, ScheduleStep, SurfaceUse } from "../compiler/bundle/manifest.ts";

/**
 *     host   embedding  (@embed.weight, tokens) → host.0
 *     write  host.0 → layer_fwd.in0.64x32 [0:64, 0:32]
 *     ane    layer_fwd  block.0(layer_fwd.in0.64x32 {host.0}, …) → …
 *
 * Rows and columns of a surface in brackets. What stands under `staging` runs when weights changed.
 */
export function scheduleText({
  staging,
  schedule,
}: Pick<Manifest, "schedule"> & Partial<Pick<Manifest, "staging">>): string {
  if (staging === undefined || staging.length === 0) return lines(schedule);
  return `staging\n${lines(staging)}\nschedule\n${lines(schedule)}`;
}

const lines = (steps: readonly ScheduleStep[]): string => steps.map((s) => `${line(s)}\n`).join("");

function line(step: ScheduleStep): string {
  switch (step.do) {
    case "host":
      return `host   ${step.op}(${step.reads.join(", ")}) → ${step.writes}`;
    case "write":
      return `write  ${step.value} → ${step.surface} ${where(step.place)}`;
    case "read":
      return `read   ${step.surface} ${where(step.place)} → ${step.value}`;
    case "copy":
      return `copy   ${step.from} ${where(step.fromPlace)} → ${step.surface} ${where(step.place)}`;
    case "dispatch":
      return `ane    ${step.program} ${step.label}(${uses(step.inputs)}) → ${uses(step.outputs)}`;
    default:
      return step satisfies never;
  }
}

function uses(ports: Readonly<Record<string, SurfaceUse>>): string {
  return Object.entries(ports)
    .map(([port, { surface, values }]) => `${port} = ${surface} {${values.join(", ")}}`)
    .join(", ");
}

function where({ blocks }: Place): string {
  return blocks
    .map((b) => `[${b.row}:${b.row + b.rows}, ${b.column}:${b.column + b.columns}]`)
    .join(" ");
}
