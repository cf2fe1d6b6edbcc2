/** What this machine has: the findings of `anec doctor`. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import {
  type DeviceInfo,
  deviceInfo,
  measureGemm,
  NativeError,
} from "../runtime-native/js/index.ts";
import { userCacheFolder } from "../training/data/cache.ts";
import { corpusCacheName, defaultCorpus } from "../training/data/corpus.ts";
import { VERSION } from "../version.ts";
import { type AneFindings, aneFindings } from "./ane_findings.ts";

export interface Findings {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly cache: { readonly folder: string; readonly hasDefaultText: boolean };
  /** Version undefined: not found. */
  readonly tools: readonly { readonly name: string; readonly version?: string }[];
  readonly cpu: CpuFindings;
  readonly ane: AneFindings;
  /** What to install for more, one sentence each. */
  readonly advice: readonly string[];
}

interface CpuFindings {
  readonly ready: boolean;
  /** Why the native runtime cannot be used. */
  readonly fault?: string;
  readonly processor: string;
  readonly threads: number;
  readonly simd?: string;
  readonly blas: DeviceInfo["blas"];
  /** Matrix products of 1024³ in fp32, all threads. */
  readonly rates: readonly { readonly library: string; readonly gflops: number }[];
}

export function lookAround({ measure }: { readonly measure: boolean }): Findings {
  const folder = userCacheFolder();
  const tools = ["c++", "cmake", "ninja", "npm"].map(toolVersion);
  const cpu = cpuFindings(measure);
  const entry = join(folder, "data", `${corpusCacheName(defaultCorpus, "gpt2")}.json`);
  return {
    version: VERSION,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cache: { folder, hasDefaultText: existsSync(entry) },
    tools,
    cpu,
    ane: aneFindings(),
    advice: adviceFor(cpu, tools),
  };
}

function toolVersion(name: string): { readonly name: string; readonly version?: string } {
  // On Windows npm is a script, which only a shell can start.
  const shell = process.platform === "win32";
  const { status, stdout } = spawnSync(name, ["--version"], {
    encoding: "utf8",
    timeout: 10_000,
    shell,
  });
  const version = /\d+\.\d+(\.\d+)?/.exec((stdout ?? "").split("\n")[0] ?? "")?.[0];
  return status === 0 ? { name, version: version ?? "of unknown version" } : { name };
}

function cpuFindings(measure: boolean): CpuFindings {
  const list = cpus();
  const processor = list[0]?.model.trim() ?? "unknown processor";
  try {
    const { blas, simd, threads } = deviceInfo({ blas: "system" });
    const libraries = [{ library: "built-in", choice: "builtin" }];
    if (blas !== null) libraries.push({ library: blas.name, choice: "system" });
    const rate = (choice: string) =>
      measureGemm({ m: 1024, n: 1024, k: 1024, seconds: 0.4, blas: choice });
    const rates = measure
      ? libraries.map(({ library, choice }) => ({ library, gflops: rate(choice) }))
      : [];
    return { ready: true, processor, threads, simd, blas, rates };
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    const fault = error.detail === "" ? error.message : `${error.message} (${error.detail})`;
    return { ready: false, fault, processor, threads: list.length, blas: null, rates: [] };
  }
}

function adviceFor(cpu: CpuFindings, tools: Findings["tools"]): string[] {
  const has = (name: string): boolean =>
    tools.some((t) => t.name === name && t.version !== undefined);
  const advice: string[] = [];
  if (!has("c++") && !cpu.ready) {
    advice.push(
      process.platform === "darwin"
        ? "To build the native runtime, install Apple's command line tools: `xcode-select --install`."
        : "To build the native runtime, install a C++20 compiler: `apt-get install g++` or `dnf install gcc-c++`.",
    );
  }
  if (!cpu.ready) advice.push("To train, build the native runtime: `npm run build:native`.");
  if (cpu.ready && cpu.blas === null) {
    advice.push(
      "OpenBLAS may multiply matrices faster than the built-in kernel: `apt-get install libopenblas0` or " +
        "`brew install openblas`. It is found at run time; nothing needs to be built again.",
    );
  }
  if (!has("cmake"))
    advice.push("cmake is not needed: without it the compiler is called directly.");
  return advice;
}
