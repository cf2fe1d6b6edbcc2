/** Measurements in processes of their own. */
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export type Numbers = Readonly<Record<string, number | string>>;

/** The folder of the package; this file runs from dist/bench. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const anec = join(root, "bin", "anec.js");

/** What `anec ARGS --json` answers. */
export function runJson(args: readonly string[]): Numbers {
  const text = execFileSync(process.execPath, [anec, ...args, "--json"], { encoding: "utf8" });
  return JSON.parse(text) as Numbers;
}
