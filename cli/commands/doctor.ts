/** `anec doctor`: devices, libraries and tools of this machine, and what to install for more. */
import type { Command } from "commander";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { type Findings, lookAround } from "../machine.ts";
import { jsonLine, pairs, wrapped } from "../output.ts";

export const command = {
  examples: ["anec doctor", "anec doctor --json"],

  define(c: Command): void {
    jsonFlag(c);
    c.option("--quick", "leave out the measurement of matrix products");
  },

  run({ io, flags }: Call<JsonFlag & { readonly quick?: boolean }>): number {
    const found = lookAround({ measure: flags.quick !== true });
    io.out.write(flags.json === true ? jsonLine(found) : text(found));
    return found.cpu.ready ? EXIT.ok : EXIT.environment;
  },
};

function text(found: Findings): string {
  const { cpu, ane, tools, node, platform, cache, version } = found;
  const rates = cpu.rates.map((r) => `${r.library} ${r.gflops.toFixed(0)} GFLOP/s`).join(", ");
  const sections = [
    pairs([
      ["anec", `${version} on node ${node}, ${platform}`],
      ["cache", `${cache.folder}${cache.hasDefaultText ? " (has the default text)" : ""}`],
      ["build tools", tools.map((t) => `${t.name} ${t.version ?? "not found"}`).join(", ")],
    ]),
    `device cpu: ${cpu.ready ? "ready" : "not ready"}\n${pairs([
      [
        "processor",
        `${cpu.processor}, ${cpu.threads} threads, ${cpu.simd ?? "unknown instruction set"}`,
      ],
      [
        "BLAS",
        cpu.blas === null
          ? "none: the built-in kernel is used"
          : `${cpu.blas.name} (${cpu.blas.path})`,
      ],
      ...(rates === "" ? [] : [["SGEMM", rates] as const]),
      ...(cpu.fault === undefined ? [] : [["fault", cpu.fault] as const]),
    ])}`,
    `device ane: ${ane.ready ? "ready" : "not available"}\n${wrapped(ane.why)}`,
  ];
  const advice = found.advice.length === 0 ? ["Nothing is missing."] : found.advice;
  return `${sections.join("\n")}\n${advice.map((line) => wrapped(line)).join("")}`;
}
