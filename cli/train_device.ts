/** The flags of `anec train` that choose between the processor and the Neural Engine. */
import type { Command } from "commander";
import { flagsConflict } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { FUSIONS, type Fusion } from "../index.ts";
import type { DeviceOptions } from "../runtime-native/js/index.ts";
import type { EngineChoice } from "../training/engine_programs.ts";
import { VERSION } from "../version.ts";
import { deviceOptions } from "./device.ts";
import { type DeviceFlags, oneOf, processorFlags } from "./flags.ts";
import { programCacheFolder } from "./program_cache.ts";

export const TRAIN_DEVICES = ["auto", "cpu", "ane", "emulator"] as const;
export type TrainDevice = (typeof TRAIN_DEVICES)[number];

export interface TrainDeviceFlags extends Omit<DeviceFlags, "device"> {
  readonly device: TrainDevice;
  readonly fusion?: Fusion | "auto";
  readonly ane?: "full" | "matmul";
  /** False with `--no-fallback`. */
  readonly fallback?: boolean;
}

export function trainDeviceFlags(c: Command): void {
  c.option(
    "--device <device>",
    "cpu, ane, emulator (the engine imitated), or auto: the ane where there is one",
    oneOf("--device", TRAIN_DEVICES),
    "cpu",
  )
    .option(
      "--fusion <scheme>",
      "ane, emulator: what shares a program: none, pairs, layer (default), or auto: what is predicted to be " +
        "fastest on its chip",
      oneOf("--fusion", [...FUSIONS, "auto"]),
    )
    .option(
      "--ane <share>",
      "ane, emulator: full, or matmul (the forward products alone) (default: full)",
      oneOf("--ane", ["full", "matmul"]),
    );
  c.option(
    "--no-fallback",
    "ane, emulator: stop, rather than go on on the cpu, if the engine fails",
  );
  processorFlags(c);
}

/** What the flags choose. */
export interface ChosenDevice {
  readonly device: DeviceOptions;
  readonly engine?: EngineChoice;
  /** Why `auto` took what it took. */
  readonly why?: string;
}

/** Throws a `UserError` (E0959) for flags of the engine without one. */
export function chosenDevice(flags: TrainDeviceFlags): ChosenDevice {
  const { fusion = "layer", ane = "full" } = flags;
  const processor = deviceOptions(flags);
  const isMac = process.platform === "darwin" && process.arch === "arm64";
  const kind = flags.device === "auto" ? (isMac ? "ane" : "cpu") : flags.device;
  if (kind === "cpu") {
    const given =
      flags.fusion === undefined ? flags.ane && `--ane ${flags.ane}` : `--fusion ${flags.fusion}`;
    if (given !== undefined && flags.device === "cpu") {
      throw new UserError(
        flagsConflict(
          given,
          "--device cpu",
          "Only the engine has programs to fuse: give `--device ane` or `--device emulator`.",
        ),
      );
    }
    return flags.device === "auto"
      ? {
          device: processor,
          why: `cpu: an Apple Neural Engine needs a Mac with Apple silicon, this is ${process.platform} ${process.arch}`,
        }
      : { device: processor };
  }
  const cache = kind === "ane" ? { cache: programCacheFolder() } : {};
  return {
    device: { ...processor, engine: { kind, version: VERSION, ...cache } },
    engine: { fusion, ane },
    ...(flags.device === "auto" ? { why: "ane: this is a Mac with Apple silicon" } : {}),
  };
}
