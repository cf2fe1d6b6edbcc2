/** The files of the tree that the meta tests look at. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const SKIPPED = new Set(["node_modules", "dist", "build", ".git", "coverage", "runs"]);

/** Paths relative to the root, with forward slashes, of files with one of these endings. */
export function sourceFiles(...endings: readonly string[]): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (SKIPPED.has(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (endings.some((e) => entry.name.endsWith(e)))
        found.push(relative(ROOT, path).replaceAll("\\", "/"));
    }
  };
  walk(ROOT);
  return found.sort();
}

export function contentOf(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}
