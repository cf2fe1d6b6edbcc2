/** `anec compile --print memory`: what the memory of a run on the processor goes to. */
import type { Entry } from "../dsl/index.ts";
import { lowerToHost } from "../passes/lower_to_host.ts";
import {
  aliveAt,
  type BufferLife,
  type MemoryReport,
  memoryReport,
  type ProgramMemory,
} from "../passes/memory_report.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import { finishPlan, newPlan } from "../passes/plan_builder.ts";
import { trainingPlan } from "../training/programs.ts";
import { type BatchFlags, fixedBatch } from "./batch_flags.ts";
import { EXIT } from "./command.ts";
import type { Io } from "./io.ts";
import { bytesText, count, grouped, jsonLine, table } from "./output.ts";

/** Prints the plan of an entry; answers the exit code. */
export function printEntryMemory(
  io: Io,
  entry: Entry,
  flags: BatchFlags & { readonly json?: boolean },
): number {
  const memory = entryMemory(entry, flags);
  io.out.write(flags.json === true ? jsonLine({ memory }) : printMemory(memory));
  return EXIT.ok;
}

/** The plan of an entry: of a train, all that a session of training holds. */
function entryMemory(entry: Entry, flags: BatchFlags): MemoryReport {
  const graph = entry.graph();
  if (entry.kind === "train") {
    const { recompute } = flags;
    return memoryReport(trainingPlan(graph, undefined, { ...fixedBatch(flags), recompute }).plan);
  }
  const plan = newPlan();
  lowerToHost(plan, { name: "run", graph: runPasses(graph, pipelines.infer).graph });
  return memoryReport(finishPlan(plan).plan);
}

/** State by kind, the arena of each program, and what is alive where most is. */
function printMemory(report: MemoryReport): string {
  const { state, stateBytes, programs, scratchBytes, totalBytes } = report;
  const sums = [
    ["state", bytesText(stateBytes), "as long as the session"],
    ...state.map((s) => [`  ${s.kind}`, bytesText(s.bytes), count(s.buffers, "buffer")]),
    ["scratch", bytesText(scratchBytes), "one arena for all programs"],
    ...programs.map((p) => [`  ${p.name}`, bytesText(p.arenaBytes), peakText(p)]),
    ["total", bytesText(totalBytes), ""],
  ];
  const largest = programs.reduce<ProgramMemory | undefined>(
    (most, p) => (most === undefined || p.arenaBytes > most.arenaBytes ? p : most),
    undefined,
  );
  const details = largest?.peak == null ? "" : `\n${aliveText(largest, largest.peak.command)}`;
  return `${table(sums, { right: [1], indent: 0 })}${details}`;
}

function peakText({ peak, commands, liveBytes, arenaBytes }: ProgramMemory): string {
  if (peak === null) return `${count(commands, "command")}, no scratch`;
  const less = liveBytes < arenaBytes ? `${bytesText(liveBytes)} alive` : "most is alive";
  return `${less} at command ${grouped(peak.command + 1)} of ${grouped(commands)}, ${peak.label}`;
}

/** One line for each buffer, with the first and the last command that touches it. */
function aliveText(program: ProgramMemory, command: number): string {
  const alive = aliveAt(program, command);
  const rows = alive.map((b: BufferLife) => [
    b.name,
    bytesText(b.bytes),
    `${grouped(b.first + 1)} to ${grouped(b.last + 1)}`,
  ]);
  const head = [`alive at command ${grouped(command + 1)} of ${program.name}`, "bytes", "commands"];
  return table(rows, { head, right: [1], indent: 0 });
}
