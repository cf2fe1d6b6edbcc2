/**
 * What the native runtime is made of: which files, with which flags, and what is linked of them.
 *
 * `runtime-native/CMakeLists.txt` says the same to cmake. The scripts that call a compiler themselves
 * (build_native.mjs, prebuild.mjs) take it from here, for this machine or for another.
 */

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
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

/** Sources in one unit: what they share is read and compiled once, which saves more than half of a build's time. */
const UNIT = 10;
/** Files that stay by themselves: in a large unit gcc takes fewer functions into the loops of products. */
const ALONE = ["gemm.cpp", "gemm_micro.cpp", "thread_pool.cpp"];

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
  const node = nodeHeaders().flatMap((path) => (path === undefined ? [] : ["-isystem", path]));
  const door = ["-DNAPI_DISABLE_CPP_EXCEPTIONS", "-DNAPI_VERSION=8", ...node];
  const exact = ["-ffp-contract=off"];
  const kernels = filesIn("kernels", ".cpp");
  const [runtime, backend, emulator] = [
    filesIn("src", ".cpp"),
    filesIn(ane, ".cpp"),
    filesIn(mil, ".cpp"),
  ];
  const named = (files, test) => files.filter((file) => test(basename(file, ".cpp")));
  const isDoor = (name) => name.startsWith("addon");
  const isPool = (name) => POOL.includes(name);
  const isInner = (name) => name === "gemm_micro";
  const isShared = (name) => ["digest", "files"].includes(name);
  const isMain = (name) => name === "mil_run";
  const inner = named(runtime, isInner);
  const level = (part, lanes, files) => {
    const numbers = [`-DANEC_LEVEL=${part}`, `-DANEC_LANES=${lanes}`];
    return { part, files, flags: [ALIGNED_LOOPS, ...(KERNEL_FLAGS[part] ?? []), ...numbers] };
  };
  const parts = [
    {
      part: "host",
      files: named(runtime, (name) => !isDoor(name) && !isPool(name) && !isInner(name)),
      flags: [],
    },
    { part: "pool", files: named(runtime, isPool), flags: [] },
    { part: "door", files: named(runtime, isDoor), flags: door },
    { part: "ane", files: named(backend, (name) => !isShared(name)), flags: [] },
    { part: "ane_shared", files: named(backend, isShared), flags: [] },
    { part: "emulator_framework", files: filesIn(framework, ".cpp"), flags: [] },
    { part: "tools", files: filesIn("tools", ".cpp"), flags: counts ? ["-DANEC_COUNT"] : [] },
    level("portable", 4, [...kernels, ...inner]),
    ...(arch === "x64"
      ? [level("avx2", 8, [...kernels, ...inner]), level("avx512", 16, inner)]
      : []),
    { part: "emulator_mil", files: named(emulator, (name) => !isMain(name)), flags: exact },
    { part: "emulator_main", files: named(emulator, isMain), flags: exact },
  ];
  return parts.flatMap(({ part, files, flags }) =>
    files.map((file) => ({ part, file, flags: [...common, ...flags] })),
  );
}

/**
 * The same compilations in fewer: up to `size` files of a part are included by one, written below `output`. So
 * no two files of a part may define the same name, and a part is what a product takes whole or not at all.
 */
export function unitsOf(jobs, output, size = UNIT) {
  const folder = join(output, "units");
  mkdirSync(folder, { recursive: true });
  const isAlone = ({ file }) => ALONE.includes(basename(file));
  return [...new Set(jobs.map(({ part }) => part))].flatMap((part) => {
    const own = jobs.filter((job) => job.part === part && !isAlone(job));
    const count = Math.ceil(own.length / size);
    const units = Array.from({ length: count }, (_, i) => {
      const files = own
        .slice(Math.floor((i * own.length) / count), Math.floor(((i + 1) * own.length) / count))
        .map((job) => job.file);
      const file = join(folder, `${part}_${i}.cpp`);
      const text = files.map((path) => `#include ${JSON.stringify(path)}\n`).join("");
      if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
      return { ...own[0], file, files };
    });
    return [...units, ...jobs.filter((job) => job.part === part && isAlone(job))];
  });
}

/** The objects that each product is linked of, from the jobs of a build. */
export function linkage(jobs) {
  const of = (...parts) =>
    jobs.filter(({ part }) => parts.includes(part)).map(({ object }) => object);
  const session = ["host", "pool", "ane", "ane_shared", "portable", "avx2", "avx512"];
  return {
    addon: of("door", ...session),
    emulator: of("emulator_framework", "emulator_mil", "pool", "ane_shared"),
    sessionRun: of("tools", ...session),
    milRun: of("emulator_main", "emulator_mil", "pool"),
  };
}

/** Whether an installed package needs it; the rest is for tests. */
export const isInPackage = ({ part }) => part !== "tools" && part !== "emulator_main";

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
    child.stdout?.on("data", (data) => (text += data));
    child.stderr?.on("data", (data) => (text += data));
    child.on("error", (error) => resolve({ status: 1, text: String(error) }));
    child.on("close", (status) => resolve({ status: status ?? 1, text }));
  });
}

/** Runs a command to its end; resolves with its output if it failed. `options` are those of `spawn`. */
export async function start(command, parameters, options = {}) {
  const { status, text } = await finished(command, parameters, options);
  return status === 0 ? undefined : text;
}

/**
 * Compiles the jobs whose object is older than its files or any header, on all processors, the longest first.
 * `compiler` is the command and its first parameters, `cwd` where it runs. Resolves with the compiler's words if
 * it refuses a file.
 */
export async function compileAll(
  [command, ...first],
  jobs,
  { flags = [], force = false, headers = headerFiles(), cwd } = {},
) {
  const sourcesOf = ({ file, files = [] }) => [file, ...files];
  const size = (job) => sourcesOf(job).reduce((sum, path) => sum + statSync(path).size, 0);
  const stale = jobs
    .filter(
      (job) =>
        force ||
        !existsSync(job.object) ||
        [...sourcesOf(job), ...headers].some((path) => isNewer(path, job.object)),
    )
    .sort((a, b) => size(b) - size(a));
  let failure;
  const worker = async () => {
    for (let job = stale.shift(); job !== undefined; job = stale.shift()) {
      mkdirSync(dirname(job.object), { recursive: true });
      const words = ["-c", job.file, "-o", job.object];
      const answer = await start(command, [...first, ...flags, ...job.flags, ...words], { cwd });
      if (answer === undefined) continue;
      failure ??= answer;
      stale.length = 0;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return failure;
}
