/**
 * Builds the addon for MPI, build/native/anec_mpi.node, where MPI's compiler is installed; else does nothing.
 *
 *     node scripts/build_mpi.mjs              only if a source is newer than the addon
 *     node scripts/build_mpi.mjs --strict     warnings are errors, as in CI
 *
 * Programs for one MPI do not run with another, so it is built for the one whose compiler is found: `MPICXX`, or
 * `mpicxx`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { filesIn, isNewer, nodeHeaders, root, source, start } from "./native_parts.mjs";

const compiler = process.env["MPICXX"] ?? "mpicxx";
const strict = process.argv.includes("--strict");
const addon = join(root, "build", "native", "anec_mpi.node");
const files = filesIn("mpi", ".cpp");
const inputs = [
  ...files,
  ...filesIn("mpi", ".h"),
  ...filesIn(join("include", "anec"), ".h"),
  join(source, "src", "addon.h"),
  fileURLToPath(import.meta.url),
];

function isCurrent() {
  return existsSync(addon) && inputs.every((file) => !isNewer(file, addon));
}

if (spawnSync(compiler, ["--version"], { stdio: "ignore" }).status === 0 && !isCurrent()) {
  mkdirSync(dirname(addon), { recursive: true });
  const failure = await start(compiler, [
    ...["-std=gnu++20", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra"],
    ...(strict ? ["-Werror"] : []),
    ...["-fno-exceptions", "-fno-rtti", "-DNAPI_DISABLE_CPP_EXCEPTIONS", "-DNAPI_VERSION=8"],
    ...["-DOMPI_SKIP_MPICXX", "-DMPICH_SKIP_MPICXX"],
    ...["-I", join(source, "include"), "-I", source, "-I", join(source, "kernels")],
    ...nodeHeaders().flatMap((path) => ["-isystem", path]),
    ...[...files, "-o", addon, "-pthread"],
    ...(process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : []),
  ]);
  if (failure !== undefined) {
    process.stderr.write(`${compiler} failed while building the addon for MPI:\n${failure}\n`);
    process.exitCode = 1;
  }
}
