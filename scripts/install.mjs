/**
 * What npm runs when the package is installed: nothing where a prebuilt addon loads, else a build from source.
 *
 * A build that fails does not fail the install: compiling models, MIL, formats and the editor's server need
 * no addon. The compiler's words are kept in build/native/build.log, and `anec doctor` tells of them.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const binding = join(root, "dist", "runtime-native", "js", "addon_file.js");
const log = join(root, "build", "native", "build.log");

// In a checkout `npm run build` builds.
if (existsSync(join(root, "tsconfig.json")) || !existsSync(binding)) process.exit(0);
const { findAddon } = await import(binding);

function loads(path) {
  const program = `process.dlopen({ exports: {} }, ${JSON.stringify(path)})`;
  return spawnSync(process.execPath, ["-e", program], { stdio: "ignore" }).status === 0;
}

const { path, origin } = findAddon();
if (origin !== "missing" && loads(path)) process.exit(0);
const build = spawnSync(
  process.execPath,
  [join(root, "scripts", "build_native.mjs"), "--package", "--force"],
  { encoding: "utf8" },
);
rmSync(log, { force: true });
if (build.status === 0) process.exit(0);

mkdirSync(dirname(log), { recursive: true });
const words = `${build.stdout ?? ""}${build.stderr ?? ""}${build.error ?? ""}`;
writeFileSync(log, words);
process.stderr.write(
  "anec: the native runtime could not be built, so training, generation and the emulated engine are not\n" +
    "there yet; everything else works. `npx anec doctor` says what to install; then run `npm rebuild anec`.\n" +
    `The compiler's words are in ${log}\n`,
);
