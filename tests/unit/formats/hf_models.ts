/** The tiny Hugging Face models of tests/numerics/hf, and others made of them. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { WeightSet } from "../../../formats/weights.ts";

export const hfNames = ["llama", "llama_untied", "qwen2", "qwen3"] as const;

export function hfFolder(name: string): string {
  return fileURLToPath(new URL(`../../numerics/hf/${name}`, import.meta.url));
}

/** A new folder that is gone when the test ends. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "anec-hf-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of a model with another `config.json`. */
export function hfWith(
  name: string,
  change: (config: Record<string, unknown>) => Record<string, unknown>,
): string {
  const folder = join(newFolder(), name);
  cpSync(hfFolder(name), folder, { recursive: true });
  const path = join(folder, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify(change(config)));
  return folder;
}

/** Types, shapes and bytes of all tensors, to compare. */
export function bitsOf({ tensors }: WeightSet): Record<string, string> {
  return Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, data }]) => [
      name,
      `${dtype} [${shape}] ${Buffer.from(data).toString("hex")}`,
    ]),
  );
}
