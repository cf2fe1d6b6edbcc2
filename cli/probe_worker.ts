/**
 * The process that runs probes, started by `probe_process.ts`: one line of JSON on standard output for
 * each thing that happens, so that whoever waits knows which probe it was that ended it.
 *
 *     node dist/cli/probe_worker.js '{"device":"emulator","names":["row_stride"]}'
 */

import { bug } from "../compiler/support/bug.ts";
import type { ProbeMachine } from "../compiler/target/probes/define.ts";
import { probeOf } from "../compiler/target/probes/index.ts";
import { type ClaimResult, judge } from "../compiler/target/probes/judge.ts";
import type { ReportMachine } from "../compiler/target/probes/report.ts";
import { type Failure, NativeError } from "../runtime-native/js/addon.ts";
import { emulatorLibrary, openAne } from "../runtime-native/js/ane.ts";
import { carryOut } from "./probe_lab.ts";
import { chipCalled, machineOf } from "./probe_machine.ts";

/** What the process is asked to do. */
export interface WorkerTask {
  readonly device: "ane" | "emulator";
  readonly names: readonly string[];
  /** In place of what the system says. */
  readonly chip?: string;
  readonly os?: string;
}

/** The lines it answers. */
export type WorkerLine =
  | { readonly kind: "machine"; readonly machine: ReportMachine }
  | { readonly kind: "start"; readonly name: string }
  | {
      readonly kind: "done";
      readonly name: string;
      readonly seconds: number;
      readonly claims: readonly ClaimResult[];
    }
  /** The device cannot be opened. */
  | { readonly kind: "failure"; readonly failure: Failure };

/** What the claims are judged by. */
export function probeMachine(
  device: WorkerTask["device"],
  { chip, os }: ReportMachine,
): ProbeMachine {
  const name = chipCalled(chip);
  return {
    device,
    ...(name === undefined ? {} : { chip: name }),
    ...(os === "" ? {} : { os }),
  };
}

/** Runs the probes of a task one after the other; `say` is given each line. */
export function work(task: WorkerTask, say: (line: WorkerLine) => void): void {
  try {
    // Compiles are what some probes use up, so no limit of ours is in the way.
    const options = { compileBudget: 0 };
    const library = task.device === "emulator" ? { library: emulatorLibrary() } : {};
    const device = openAne({ ...options, ...library });
    const machine = machineOf(task, device.state());
    say({ kind: "machine", machine });
    for (const name of task.names) {
      const probe = probeOf(name) ?? bug(`there is no probe ${name}`);
      say({ kind: "start", name });
      const start = performance.now();
      const claims = judge(probe, carryOut(probe, device), probeMachine(task.device, machine));
      say({ kind: "done", name, seconds: (performance.now() - start) / 1000, claims });
    }
    device.close();
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    const { code, message, detail } = error;
    say({ kind: "failure", failure: { code, message, detail } });
  }
}
