/**
 * Builds the native runtime into build/native/anec.node, and the emulated Neural Engine beside it.
 *
 *     node scripts/build_native.mjs               only if a source is newer than the addon
 *     node scripts/build_native.mjs --force       in any case
 *     node scripts/build_native.mjs --sanitize    with ASan and UBSan, into build/native-sanitize
 *     node scripts/build_native.mjs --races       with TSan, into build/native-races: what runs outside of Node
 *     node scripts/build_native.mjs --no-cmake    calls the compiler directly
 *     node scripts/build_native.mjs --strict      warnings are errors, as in CI
 *
 * cmake is used when it is there. Otherwise the C++ compiler is called once per file, as
 * `runtime-native/CMakeLists.txt` would. Headers come from node_modules; nothing is downloaded.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "runtime-native");
const options = new Set(process.argv.slice(2));
const sanitize = options.has("--sanitize");
const races = options.has("--races");
const strict = options.has("--strict");
/** The sanitizers that are asked for. */
const checks = sanitize ? "address,undefined" : races ? "thread" : "";
const folder = sanitize ? "native-sanitize" : races ? "native-races" : "native";
const output = join(root, "build", folder);
const addon = join(output, "anec.node");
const emulator = join(output, `libanec_emulator.${process.platform === "darwin" ? "dylib" : "so"}`);
const ane = join("backends", "ane");
const milRun = join(output, "mil_run");
const sessionRun = join(output, "session_run");
const counts = process.platform === "linux" && checks === "";
const framework = join("backends", "emulator", "framework");
const mil = join("backends", "emulator", "mil");
const headers = ["node-addon-api", join("node-api-headers", "include")].map((path) =>
  join(root, "node_modules", path),
);

/** Files of a folder with one of these endings. */
function filesIn(folder, ...endings) {
  return readdirSync(join(source, folder))
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .sort()
    .map((name) => join(source, folder, name));
}

function isNewer(file, than) {
  return statSync(file).mtimeMs > statSync(than).mtimeMs;
}

/** Whether every product is younger than what it is made of. */
function upToDate() {
  const session = [
    ...filesIn("src", ".cpp"),
    ...filesIn("kernels", ".cpp", ".h"),
    ...filesIn(ane, ".cpp", ".h"),
  ];
  const products = [
    [races ? sessionRun : addon, session],
    [emulator, [...filesIn(framework, ".cpp", ".h"), ...filesIn(mil, ".cpp", ".h")]],
    ...(races ? [] : [[milRun, filesIn(mil, ".cpp", ".h")]]),
    [sessionRun, filesIn("tools", ".cpp")],
  ];
  const common = [
    join(source, "CMakeLists.txt"),
    fileURLToPath(import.meta.url),
    ...filesIn(join("include", "anec"), ".h"),
  ];
  return products.every(
    ([product, inputs]) =>
      existsSync(product) && ![...inputs, ...common].some((file) => isNewer(file, product)),
  );
}

function has(command) {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

function fail(message) {
  process.stderr.write(message + "\n");
  process.exit(1);
}

/** Runs a command to its end; resolves with its output if it failed. */
function start(command, parameters) {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (data) => (text += data));
    child.stderr.on("data", (data) => (text += data));
    child.on("error", (error) => resolve(String(error)));
    child.on("close", (status) => resolve(status === 0 ? undefined : text));
  });
}

async function run(command, parameters) {
  const failure = await start(command, parameters);
  if (failure !== undefined)
    fail(`${command} failed while building the native runtime:\n${failure}`);
}

async function buildWithCmake() {
  const work = join(output, "cmake");
  const generator = has("ninja") ? ["-G", "Ninja"] : [];
  await run("cmake", [
    ...(existsSync(join(work, "CMakeCache.txt")) ? [] : generator),
    ...["-S", source, "-B", work, "-DCMAKE_BUILD_TYPE=None"],
    ...[`-DANEC_ROOT=${root}`, `-DANEC_OUTPUT=${output}`],
    `-DANEC_SANITIZE=${checks}`,
    `-DANEC_STRICT=${strict ? "ON" : "OFF"}`,
  ]);
  await run("cmake", [
    ...["--build", work, "--parallel", String(availableParallelism())],
    ...(races ? ["--target", "session_run", "anec_emulator"] : []),
  ]);
}

/** What CMakeLists.txt compiles: [source file, object file, flags]. */
function compilations() {
  const optimise =
    checks === ""
      ? ["-O3"]
      : ["-O1", "-g", `-fsanitize=${checks}`, "-fno-sanitize-recover=undefined"];
  const common = [
    ...["-std=gnu++20", ...optimise, "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"],
    ...(strict ? ["-Werror"] : []),
    ...["-Wno-psabi", "-fno-exceptions", "-fno-rtti", "-fno-math-errno", "-fno-trapping-math"],
    ...["-ffp-contract=fast", "-I", join(source, "include"), "-I", join(source, "kernels")],
    ...["-I", source],
  ];
  const x86 = process.arch === "x64";
  const kernels = filesIn("kernels", ".cpp");
  const inner = join(source, "src", "gemm_micro.cpp");
  const levels = [
    { name: "portable", lanes: 4, flags: [], files: [...kernels, inner] },
    ...(x86
      ? [
          { name: "avx2", lanes: 8, flags: ["-mavx2", "-mfma"], files: [...kernels, inner] },
          {
            name: "avx512",
            lanes: 16,
            flags: ["-mavx2", "-mfma", "-mavx512f", "-mavx512vl"],
            files: [inner],
          },
        ]
      : []),
  ];
  const host = [
    ...["-DNAPI_DISABLE_CPP_EXCEPTIONS", "-DNAPI_VERSION=8"],
    ...headers.flatMap((path) => ["-isystem", path]),
  ];
  const objectOf = (file, level) =>
    join(output, "objects", level, file.slice(file.lastIndexOf("/") + 1).replace(".cpp", ".o"));
  return [
    ...filesIn("src", ".cpp")
      .filter((file) => file !== inner)
      .map((file) => [file, objectOf(file, "host"), [...common, ...host]]),
    ...filesIn(ane, ".cpp").map((file) => [file, objectOf(file, "ane"), common]),
    ...filesIn(framework, ".cpp").map((file) => [
      file,
      objectOf(file, "emulator_framework"),
      common,
    ]),
    ...filesIn("tools", ".cpp").map((file) => [
      file,
      objectOf(file, "tools"),
      [...common, ...(counts ? ["-DANEC_COUNT"] : [])],
    ]),
    ...levels.flatMap(({ name, lanes, flags, files }) =>
      files.map((file) => [
        file,
        objectOf(file, name),
        [...common, ...flags, `-DANEC_LEVEL=${name}`, `-DANEC_LANES=${lanes}`],
      ]),
    ),
    ...filesIn(mil, ".cpp").map((file) => [
      file,
      objectOf(file, "emulator_mil"),
      [...common, "-ffp-contract=off"],
    ]),
  ];
}

async function buildDirectly(compiler) {
  const shared = ["kernels", join("include", "anec"), ane, framework, mil].flatMap((folder) =>
    filesIn(folder, ".h"),
  );
  const jobs = compilations();
  const stale = jobs.filter(
    ([file, object]) =>
      options.has("--force") ||
      !existsSync(object) ||
      isNewer(file, object) ||
      shared.some((header) => isNewer(header, object)),
  );
  const worker = async () => {
    for (let job = stale.shift(); job !== undefined; job = stale.shift()) {
      const [file, object, flags] = job;
      mkdirSync(dirname(object), { recursive: true });
      await run(compiler, [...flags, "-c", file, "-o", object]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const objects = jobs.map(([, object]) => object);
  const of = (level) => objects.filter((object) => dirname(object).endsWith(level));
  const one = (level, name) => of(level).filter((object) => object.endsWith(`/${name}.o`));
  const milParts = of("emulator_mil").filter((object) => !object.endsWith("/mil_run.o"));
  const pool = one("host", "thread_pool");
  const checked = checks === "" ? [] : [`-fsanitize=${checks}`];
  const system = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : ["-ldl"];
  const isEmulator = (object) => /objects.(emulator_|tools)/.test(dirname(object));
  if (!races)
    await run(compiler, [
      ...["-shared", "-o", addon, ...objects.filter((object) => !isEmulator(object)), "-pthread"],
      ...[...checked, ...system],
    ]);
  await run(compiler, [
    ...["-shared", "-o", emulator, ...of("emulator_framework"), ...milParts, ...pool],
    ...[...one("ane", "digest"), ...one("ane", "files"), "-pthread", ...checked, ...system],
  ]);
  const tool = [...one("emulator_mil", "mil_run"), ...milParts, ...pool];
  const wraps = ["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"];
  const counting = ["-static-libstdc++", ...wraps.map((name) => `-Wl,--wrap=${name}`)];
  await run(compiler, [
    ...["-o", sessionRun, ...objects.filter((o) => !isEmulator(o) && !/\/addon\w*\.o$/.test(o))],
    ...[...of("tools"), ...(counts ? counting : []), "-pthread", ...checked],
    ...(process.platform === "darwin" ? [] : ["-ldl"]),
  ]);
  if (!races) await run(compiler, ["-o", milRun, ...tool, "-pthread", ...checked]);
}

if (!options.has("--force") && upToDate()) process.exit(0);
for (const path of headers) {
  if (!existsSync(path)) fail(`${path} is missing: run \`npm install\` first`);
}
const compiler = [process.env["CXX"], "c++", "g++", "clang++"].find((name) => name && has(name));
if (compiler === undefined) {
  fail(
    "anec needs a C++20 compiler to build its native runtime, and found none (c++, g++, clang++).\n" +
      (process.platform === "darwin"
        ? "Install Apple's command line tools: xcode-select --install"
        : "On Debian or Ubuntu: apt-get install g++       on Fedora: dnf install gcc-c++"),
  );
}
mkdirSync(output, { recursive: true });
process.stdout.write("building the native runtime: about a minute\n");
if (has("cmake") && !options.has("--no-cmake")) await buildWithCmake();
else await buildDirectly(compiler);
