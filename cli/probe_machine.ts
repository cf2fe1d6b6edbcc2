/** The machine that probes run on. */
import { spawnSync } from "node:child_process";
import { CHIP_NAMES, type ChipName } from "../compiler/target/chip_names.ts";
import type { ReportMachine } from "../compiler/target/probes/report.ts";
import { type AneState, emulatorLibrary, emulatorReport } from "../runtime-native/js/ane.ts";

/** `Apple M4 Pro` is `m4_pro`; undefined for a chip that anec does not know. */
export function chipCalled(text: string): ChipName | undefined {
  const name = text
    .trim()
    .toLowerCase()
    .replace(/^apple /, "")
    .replaceAll(/[\s-]+/g, "_");
  return CHIP_NAMES.find((chip) => chip === name);
}

export interface MachineTask {
  readonly device: "ane" | "emulator";
  readonly chip?: string;
  readonly os?: string;
}

/** What the system and the device say of themselves, and what was stated instead. */
export function machineOf(task: MachineTask, state: AneState): ReportMachine {
  const system = task.device === "emulator" ? emulated() : mac();
  return {
    chip: task.chip ?? chipCalled(system.processor) ?? "",
    processor: system.processor,
    os: task.os ?? system.os,
    build: state.build,
    architecture: state.architecture,
    cores: state.cores,
    way: state.way,
    stated: task.chip !== undefined || task.os !== undefined,
  };
}

function emulated() {
  const { chip, os } = emulatorReport(emulatorLibrary());
  return { processor: chip.replaceAll("_", " ").replace(/^m/, "M"), os };
}

function mac() {
  return {
    processor: answerOf("sysctl", ["-n", "machdep.cpu.brand_string"]),
    os: answerOf("sw_vers", ["-productVersion"]),
  };
}

/** What a small program of the system prints; empty if it cannot be run. */
function answerOf(program: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? stdout.trim() : "";
}
