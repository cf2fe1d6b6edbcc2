/**
 * What this machine has: the findings of `anec doctor`, one check for each thing that anec uses.
 *
 *     fault   something that is needed does not work
 *     note    anec works, and would do more, or be safer, with what the advice says
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { relative } from "node:path";
import {
  type AddonFile,
  buildCommand,
  buildLog,
  findAddon,
  isCheckout,
} from "../runtime-native/js/addon_file.ts";
import { emulatorLibrary } from "../runtime-native/js/engine.ts";
import {
  type DeviceInfo,
  deviceInfo,
  instructionSets,
  measureGemm,
  NativeError,
} from "../runtime-native/js/index.ts";
import { userCacheFolder } from "../training/data/cache.ts";
import { VERSION } from "../version.ts";
import { aneFindings } from "./ane_findings.ts";
import { cacheCheck, diskCheck, textCheck } from "./machine_folders.ts";
import { mpiCheck } from "./machine_mpi.ts";

export interface Check {
  readonly name: string;
  readonly state: "ready" | "note" | "fault";
  /** What there is, or what is wrong. */
  readonly what: string;
  /** What to do, in sentences. */
  readonly advice?: string;
}

export interface Findings {
  readonly version: string;
  readonly platform: string;
  /** No check is a fault. */
  readonly ready: boolean;
  readonly checks: readonly Check[];
  /** Matrix products of 1024³ in fp32, all threads. */
  readonly rates: readonly { readonly library: string; readonly gflops: number }[];
}

/** The oldest Node that runs anec: `engines` of package.json. */
const OLDEST_NODE = 20;

/** Looks at the machine; `measure` spends a second on matrix products. */
export function lookAround({ measure }: { readonly measure: boolean }): Findings {
  const folder = userCacheFolder();
  const cpu = processor();
  const addon = addonCheck(cpu, findAddon(), buildLog());
  const checks = [
    nodeCheck(process.version),
    addon,
    processorCheck(cpu),
    ...(cpu.device === undefined ? [] : [blasCheck(cpu.device)]),
    emulatorCheck(),
    aneCheck(),
    mpiCheck(),
    ...toolChecks(addon.state === "fault" || isCheckout()),
    cacheCheck(folder),
    diskCheck(folder),
    textCheck(folder),
  ];
  const ready = !checks.some(({ state }) => state === "fault");
  const rates = measure && cpu.device !== undefined ? ratesOf(cpu.device) : [];
  return {
    version: VERSION,
    platform: `${process.platform} ${process.arch}`,
    ready,
    checks,
    rates,
  };
}

export function nodeCheck(version: string): Check {
  const isNew = Number.parseInt(version.slice(1), 10) >= OLDEST_NODE;
  return isNew
    ? { name: "node", state: "ready", what: `${version}` }
    : {
        name: "node",
        state: "fault",
        what: `${version} is too old`,
        advice: `Install Node ${OLDEST_NODE} or newer.`,
      };
}

/** What the addon says of the processor, or why it says nothing. */
export interface Processor {
  readonly model: string;
  readonly threads: number;
  readonly device?: DeviceInfo;
  readonly sets: readonly string[];
  readonly fault?: string;
}

function processor(): Processor {
  const list = cpus();
  const model = list[0]?.model.trim() ?? "unknown processor";
  try {
    const device = deviceInfo({ blas: "system" });
    return { model, threads: device.threads, device, sets: instructionSets() };
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    const fault = error.detail === "" ? error.message : `${error.message} (${error.detail})`;
    return { model, threads: list.length, sets: [], fault };
  }
}

const ORIGIN: Readonly<Record<AddonFile["origin"], string>> = {
  named: "named by ANEC_NATIVE",
  built: "built from source",
  prebuilt: "came with the package",
  missing: "not built",
};

/** The native runtime: which file it is, and what to do if it is not there. */
export function addonCheck(
  { fault }: Pick<Processor, "fault">,
  { path, origin }: AddonFile,
  log: string | undefined,
  compiler: () => string | undefined = () => toolVersion("c++"),
): Check {
  const name = "runtime";
  const shown = shortPath(path);
  if (fault === undefined) return { name, state: "ready", what: `${shown}, ${ORIGIN[origin]}` };
  const install =
    process.platform === "darwin"
      ? "install Apple's command line tools (`xcode-select --install`)"
      : "install a C++20 compiler (`apt-get install g++` or `dnf install gcc-c++`)";
  const build = `run \`${buildCommand()}\``;
  const first = compiler() === undefined ? `${install}, then ${build}` : build;
  const failed = log === undefined ? "" : ` The last build failed: ${lastWords(log)} (${log}).`;
  const none =
    origin === "missing" ? ` No prebuilt one is for ${process.platform} ${process.arch}.` : "";
  return {
    name,
    state: "fault",
    what: `${fault}.${none}${failed}`,
    advice: `To train, generate or imitate the engine, ${first}.`,
  };
}

/** The line of a failed build that says most: the first error, or the first line. */
function lastWords(log: string): string {
  const lines = readFileSync(log, "utf8").trim().split("\n");
  const line = lines.find((l) => /\berror\b/i.test(l)) ?? lines[0] ?? "";
  return line.trim().slice(0, 200);
}

function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}

function processorCheck({ model, threads, device, sets }: Processor): Check {
  const set = device === undefined ? "" : `, ${device.simd} (of ${sets.join(", ")})`;
  const what = `${model}, ${threads} ${threads === 1 ? "thread" : "threads"}${set}`;
  return { name: "processor", state: "ready", what };
}

function blasCheck({ blas }: DeviceInfo): Check {
  if (blas !== null) return { name: "BLAS", state: "ready", what: `${blas.name} (${blas.path})` };
  return {
    name: "BLAS",
    state: "note",
    what: "none found: the built-in matrix products are used",
    advice:
      "OpenBLAS may multiply matrices faster than the built-in kernel: `apt-get install libopenblas0` or " +
      "`brew install openblas`. It is found at run time; nothing needs to be built again.",
  };
}

function emulatorCheck(): Check {
  try {
    return { name: "emulator", state: "ready", what: shortPath(emulatorLibrary()) };
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    return {
      name: "emulator",
      state: "note",
      what: error.detail,
      advice: `To imitate a Neural Engine (\`--device emulator\`), run \`${buildCommand()}\`.`,
    };
  }
}

function aneCheck(): Check {
  const { ready, why } = aneFindings();
  const isApple = process.platform === "darwin" && process.arch === "arm64";
  return { name: "ane", state: ready || !isApple ? "ready" : "note", what: why };
}

/** The tools of a build, where one is or may be needed. */
function toolChecks(needed: boolean): readonly Check[] {
  if (!needed) return [];
  const found = ["c++", "cmake", "ninja", "npm"].map(
    (name) => `${name} ${toolVersion(name) ?? "–"}`,
  );
  const what = `${found.join(", ")} (cmake and ninja are not needed)`;
  return [{ name: "build tools", state: "ready", what }];
}

function toolVersion(name: string): string | undefined {
  // On Windows npm is a script, which only a shell can start.
  const shell = process.platform === "win32";
  const { status, stdout } = spawnSync(name, ["--version"], {
    encoding: "utf8",
    timeout: 10_000,
    shell,
  });
  const version = /\d+\.\d+(\.\d+)?/.exec((stdout ?? "").split("\n")[0] ?? "")?.[0];
  return status === 0 ? (version ?? "of unknown version") : undefined;
}

function ratesOf({ blas }: DeviceInfo): Findings["rates"] {
  const libraries = [{ library: "built-in", choice: "builtin" }];
  if (blas !== null) libraries.push({ library: blas.name, choice: "system" });
  return libraries.map(({ library, choice }) => ({
    library,
    gflops: measureGemm({ m: 1024, n: 1024, k: 1024, seconds: 0.4, blas: choice }),
  }));
}
