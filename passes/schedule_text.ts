/** A schedule as text: what `anec compile --print schedule` writes. */
import type { Manifest } from "../compiler/bundle/manifest.ts";

/**
 *     host  embedding  (param.embed.weight, input.tokens) → scratch.3
 *     ane   block  block.0  x = host.2, attn_wq = @block.0.attn.wq  →  y
 */
export function scheduleText({ schedule }: Pick<Manifest, "schedule">): string {
  const width = Math.max(0, ...schedule.map((s) => (s.do === "host" ? s.op : s.program).length));
  const rows = schedule.map((step) => {
    if (step.do === "host")
      return `host  ${step.op.padEnd(width)}  (${step.reads.join(", ")}) → ${step.writes}`;
    const ports = Object.entries(step.inputs).map(([port, value]) => `${port} = ${value}`);
    const results = Object.values(step.outputs).join(", ");
    return `ane   ${step.program.padEnd(width)}  ${step.label}(${ports.join(", ")}) → ${results}`;
  });
  return `${rows.join("\n")}\n`;
}
