/**
 * What the native runtime is made of: which files, with which flags, and what is linked of them.
 *
 * `runtime-native/CMakeLists.txt` says the same to cmake. The scripts that call a compiler themselves
 * (build_native.mjs, prebuild.mjs) take it from here, for this machine or for another.
 */

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
export const source = join(root, "runtime-native");
const ane = join("backends", "ane");
const framework = join("backends", "emulator", "framework");
const mil = join("backends", "emulator", "mil");
const HEADER_FOLDERS = ["kernels", join("include", "anec"), ane, framework, mil];

/** The files of the thread pool, which stands for itself. */
export const POOL = ["processors", "thread_places", "thread_pool"];

/** Files of a folder of the runtime with one of these endings. */
export function filesIn(folder, ...endings) {
  return readdirSync(join(source, folder))
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .sort()
    .map((name) => join(source, folder, name));
}

/** Folders of the headers of Node-API, wherever npm has put them; undefined for one that is missing. */
export function nodeHeaders() {
  const resolve = createRequire(import.meta.url).resolve;
  const folderOf = (name, inner) => {
    try {
      return join(dirname(resolve(`${name}/package.json`)), inner);
    } catch {
      return undefined;
    }
  };
  return [folderOf("node-addon-api", "."), folderOf("node-api-headers", "include")];
}

/** `.so` or `.dylib`. */
export function emulatorName(platform) {
  return `libanec_emulator.${platform === "darwin" ? "dylib" : "so"}`;
}

/** Every header, as paths. */
export function headerFiles() {
  return HEADER_FOLDERS.flatMap((folder) => filesIn(folder, ".h"));
}

/** What the products of a build are made of: files whose change makes them stale. */
export function inputs() {
  return {
    runtime: [
      ...filesIn("src", ".cpp"),
      ...filesIn("kernels", ".cpp", ".h"),
      ...filesIn(ane, ".cpp", ".h"),
    ],
    emulator: [...filesIn(framework, ".cpp", ".h"), ...filesIn(mil, ".cpp", ".h")],
    mil: filesIn(mil, ".cpp", ".h"),
    tools: filesIn("tools", ".cpp"),
    common: [
      join(source, "CMakeLists.txt"),
      fileURLToPath(import.meta.url),
      ...filesIn(join("include", "anec"), ".h"),
    ],
  };
}

/** Loops of the kernels are short: where one begins in its line decides over a tenth of the time of some. */
const ALIGNED_LOOPS = "-falign-loops=64";

const KERNEL_FLAGS = {
  avx2: ["-mavx2", "-mfma"],
  avx512: ["-mavx2", "-mfma", "-mavx512f", "-mavx512vl"],
};

/**
 * Compilations: { part, file, flags }. Portable objects come before those of other instruction sets: if two
 * emit the same inline function of the standard library, the first one is kept, and every processor can run it.
 */
export function compilations({ arch, counts = false }) {
  const common = [
    ...["-std=gnu++20", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-psabi"],
    ...["-fno-exceptions", "-fno-rtti", "-fno-math-errno", "-fno-trapping-math"],
    ...["-ffp-contract=fast", "-I", join(source, "include"), "-I", join(source, "kernels")],
    ...["-I", source],
  ];
  const inner = join(source, "src", "gemm_micro.cpp");
  const kernels = filesIn("kernels", ".cpp");
  const level = (part, lanes, files) => ({
    part,
    files,
    flags: [
      ALIGNED_LOOPS,
      ...(KERNEL_FLAGS[part] ?? []),
      `-DANEC_LEVEL=${part}`,
      `-DANEC_LANES=${lanes}`,
    ],
  });
  const node = nodeHeaders().flatMap((path) => (path === undefined ? [] : ["-isystem", path]));
  const parts = [
    {
      part: "host",
      files: filesIn("src", ".cpp").filter((file) => file !== inner),
      flags: ["-DNAPI_DISABLE_CPP_EXCEPTIONS", "-DNAPI_VERSION=8", ...node],
    },
    { part: "ane", files: filesIn(ane, ".cpp"), flags: [] },
    { part: "emulator_framework", files: filesIn(framework, ".cpp"), flags: [] },
    { part: "tools", files: filesIn("tools", ".cpp"), flags: counts ? ["-DANEC_COUNT"] : [] },
    level("portable", 4, [...kernels, inner]),
    ...(arch === "x64"
      ? [level("avx2", 8, [...kernels, inner]), level("avx512", 16, [inner])]
      : []),
    { part: "emulator_mil", files: filesIn(mil, ".cpp"), flags: ["-ffp-contract=off"] },
  ];
  return parts.flatMap(({ part, files, flags }) =>
    files.map((file) => ({ part, file, flags: [...common, ...flags] })),
  );
}

/** The objects that each product is linked of, from the jobs of a build. */
export function linkage(jobs) {
  const of = (part, ...names) =>
    jobs
      .filter((job) => job.part === part)
      .filter(({ file }) => names.length === 0 || names.includes(basename(file, ".cpp")))
      .map(({ object }) => object);
  const inSession = jobs.filter(({ part }) => !/^(emulator_|tools)/.test(part));
  const isDoor = ({ file }) => /addon\w*\.cpp$/.test(file);
  const milParts = of("emulator_mil").filter((object) => !object.endsWith("mil_run.o"));
  const pool = of("host", ...POOL);
  const shared = [...pool, ...of("ane", "digest", "files")];
  return {
    addon: inSession.map(({ object }) => object),
    emulator: [...of("emulator_framework"), ...milParts, ...shared],
    sessionRun: [
      ...inSession.filter((job) => !isDoor(job)).map(({ object }) => object),
      ...of("tools"),
    ],
    milRun: [...of("emulator_mil", "mil_run"), ...milParts, ...pool],
  };
}

/** Jobs with the object each one makes below `output`. */
export function withObjects(list, output) {
  return list.map((job) => ({
    ...job,
    object: join(output, "objects", job.part, `${basename(job.file, ".cpp")}.o`),
  }));
}

export function isNewer(file, than) {
  return statSync(file).mtimeMs > statSync(than).mtimeMs;
}

/** Runs a command to its end; resolves with its status and what it wrote. `options` are those of `spawn`. */
export function finished(command, parameters, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"], ...options });
    let text = "";
    child.stdout.on("data", (data) => (text += data));
    child.stderr.on("data", (data) => (text += data));
    child.on("error", (error) => resolve({ status: 1, text: String(error) }));
    child.on("close", (status) => resolve({ status: status ?? 1, text }));
  });
}

/** Runs a command to its end; resolves with its output if it failed. */
export async function start(command, parameters) {
  const { status, text } = await finished(command, parameters);
  return status === 0 ? undefined : text;
}

/**
 * Compiles the jobs whose object is older than its file or any header, on all processors. `compiler` is the
 * command and its first parameters. Resolves with the compiler's words if it refuses a file.
 */
export async function compileAll([command, ...first], jobs, { flags = [], force = false } = {}) {
  const headers = headerFiles();
  const stale = jobs.filter(
    ({ file, object }) =>
      force || !existsSync(object) || [file, ...headers].some((path) => isNewer(path, object)),
  );
  let failure;
  const worker = async () => {
    for (let job = stale.shift(); job !== undefined; job = stale.shift()) {
      mkdirSync(dirname(job.object), { recursive: true });
      const words = ["-c", job.file, "-o", job.object];
      const answer = await start(command, [...first, ...flags, ...job.flags, ...words]);
      if (answer === undefined) continue;
      failure ??= answer;
      stale.length = 0;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return failure;
}
