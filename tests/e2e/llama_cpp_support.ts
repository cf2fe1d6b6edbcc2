/**
 * llama.cpp itself, as the library that node-llama-cpp prebuilds for Linux on x64.
 *
 * Of node-llama-cpp only the package with that library is fetched, 11 MB, once for a checkout: as a dependency
 * npm would bring its builds for CUDA and Vulkan too. The version is pinned by its digest, and the library
 * runs in a process of its own.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { archiveName, npmPack } from "../../training/data/npm_pack.ts";
import { readTarGz } from "../../training/data/tar.ts";

const PACKAGE = "@node-llama-cpp/linux-x64";
const VERSION = "3.22.1";
const SHA512 =
  "e6e0820cda9608d7da026f1a47f533c5ba381c1a4a80d17dd640873dea4a8603" +
  "2057638099ab6879f6ce94c8a1b2a0a21f639ddf913f7941d00856df44126e3a";

const CACHE = join(import.meta.dirname, "..", "..", "node_modules", ".cache");

/** The library's path, or why there is none. Under CI it throws what went wrong with fetching it. */
export async function findLlamaCpp(): Promise<{ addon: string } | { missing: string }> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { missing: `there is no library of llama.cpp for ${process.platform} ${process.arch}` };
  }
  const folder = join(CACHE, `anec-llama-cpp-${VERSION}`);
  const addon = join(folder, "llama-addon.node");
  if (existsSync(addon)) return { addon };
  try {
    await fetchInto(folder);
    return { addon };
  } catch (error) {
    // Where every push is tested, the comparison must not drop out unseen.
    const mayMiss = error instanceof UserError && process.env["CI"] === undefined;
    if (mayMiss) return { missing: error.message };
    throw error;
  }
}

async function fetchInto(folder: string): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(join(CACHE, "anec-llama-cpp-"));
  try {
    await npmPack([`${PACKAGE}@${VERSION}`], fresh);
    const path = join(fresh, archiveName(PACKAGE, VERSION));
    const archive = readFileSync(path);
    const digest = createHash("sha512").update(archive).digest("hex");
    if (digest !== SHA512) throw new Error(`${path} has the digest ${digest}, not ${SHA512}`);
    const unpacked = readTarGz(archive);
    if ("damage" in unpacked) throw new Error(`${path}: ${unpacked.damage}`);
    rmSync(path);
    for (const [name, bytes] of unpacked.files) {
      if (/\.(so|node)$/.test(name)) writeFileSync(join(fresh, basename(name)), bytes);
    }
    // Another process may have been faster.
    if (!existsSync(folder)) renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** What llama.cpp makes of a file. */
export interface LlamaRun {
  /** Greedy ids behind the prompt. */
  readonly ids: readonly number[];
  /** The logits that each of them was taken from. */
  readonly logits: readonly (readonly number[])[];
  /** Ids of the texts. */
  readonly encoded: readonly (readonly number[])[];
  readonly bos: number;
  readonly eos: number;
  /** Whether it puts `bos` before every prompt. */
  readonly startsWithBos: boolean;
}

export interface LlamaRequest {
  readonly file: string;
  readonly prompt: readonly number[];
  readonly count: number;
  readonly texts?: readonly string[];
}

/** Runs a file in llama.cpp; throws with its words if it refuses the file. */
export function runInLlamaCpp(addon: string, request: LlamaRequest): LlamaRun {
  const child = join(import.meta.dirname, "llama_cpp_child.mjs");
  const text = execFileSync(process.execPath, [child, addon, JSON.stringify(request)], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: 120_000,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const result = JSON.parse(text) as LlamaRun & { readonly error?: string };
  if (result.error !== undefined) throw new Error(`llama.cpp: ${result.error}`);
  return result;
}
