/** Compiled sources for tests that start processes of their own. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../dsl/index.ts";

/** Compiles what has changed; answers the folder. */
export function compileForProcesses(): string {
  const root = packageRoot();
  const build = join(root, "build", "e2e_dist");
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const flags = ["--noCheck", "--incremental", "--declaration", "false", "--sourceMap", "false"];
  const state = ["--outDir", build, "--tsBuildInfoFile", join(build, "tsconfig.tsbuildinfo")];
  const args = [tsc, "-p", join(root, "tsconfig.build.json"), ...flags, ...state];
  execFileSync(process.execPath, args, { stdio: "pipe" });
  return build;
}

/** Parameters of a node that is `anec …argv`, from compiled sources. */
export function commandLine(build: string, argv: readonly string[]): string[] {
  const main = JSON.stringify(join(build, "cli", "main.js"));
  const script =
    `const { processIo, run } = await import(${main});` +
    `process.exitCode = await run(process.argv.slice(1), processIo());`;
  return ["--input-type=module", "-e", script, "--", ...argv];
}
