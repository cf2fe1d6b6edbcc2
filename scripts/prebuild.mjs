/**
 * Builds the native runtime and the emulated Neural Engine for the machines a package is made for, on x86-64
 * Linux, into prebuilds/PLATFORM-ARCH/, and looks at the result: what it loads, and what it expects there.
 *
 *     npm run build:prebuilds                          all of them
 *     node scripts/prebuild.mjs linux-arm64            one of them
 *     npm run check:darwin                             the one for macOS, into build/ instead: nothing is kept
 *
 * Kernels are compiled once per instruction set, and chosen when they run. Where the cross compiler cannot
 * be had (scripts/zig.mjs), nothing is made, and that is said.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readElf } from "./elf.mjs";
import { readMachO } from "./mach_o.mjs";
import {
  compilations,
  compileAll,
  emulatorName,
  isInPackage,
  linkage,
  nodeHeaders,
  root,
  start,
  unitsOf,
  withObjects,
} from "./native_parts.mjs";
import { zig } from "./zig.mjs";

/** Node 20 itself needs glibc 2.28, and macOS 14 is the oldest the engine's backend is written for. */
const TARGETS = {
  "linux-x64": { triple: "x86_64-linux-gnu.2.28", cpu: "x86_64" },
  "linux-arm64": { triple: "aarch64-linux-gnu.2.28", cpu: "generic" },
  "darwin-arm64": { triple: "aarch64-macos.14.0", cpu: "apple_m1" },
};
/** What this compiler wants to be told besides `-mavx512f` before it uses the wide registers. */
const WIDE = ["-mevex512"];
/** Some of what the emulator stands in for. */
const EMULATED = [
  ...["objc_msgSend", "objc_getClass", "CFDataCreate", "IOSurfaceLock"],
  "kCFTypeArrayCallBacks",
];
const BINDING = "napi_register_module_v1";

function stop(message, status) {
  process.stdout.write(message + "\n");
  process.exit(status);
}

/** What `__builtin_cpu_supports` needs on x86-64, and zig does not bring: gcc's own library, linked statically. */
function processorLibrary(name) {
  if (name !== "linux-x64") return [];
  const { status, stdout } = spawnSync("gcc", ["-print-libgcc-file-name"], { encoding: "utf8" });
  if (status !== 0) stop("linux-x64 needs gcc's library: install gcc", 1);
  return [stdout.trim()];
}

/** Compiles and links for one target; answers the files. */
async function build(name, compiler, folder) {
  const { triple, cpu } = TARGETS[name];
  const [platform, arch] = name.split("-");
  const output = join(root, "build", "prebuild", name);
  const kept = compilations({ arch }).filter(isInPackage);
  const jobs = withObjects(unitsOf(kept, output), output).map((job) =>
    job.part === "avx512" ? { ...job, flags: [...job.flags, ...WIDE] } : job,
  );
  const command = [compiler, "c++", "-target", triple, `-mcpu=${cpu}`];
  process.stdout.write(`${name}: ${kept.length} files for ${triple}\n`);
  const failure = await compileAll(command, jobs, { flags: ["-O3", "-DNDEBUG", "-Werror"] });
  if (failure !== undefined) stop(failure, 1);
  const objects = linkage(jobs);
  const products = {
    addon: join(folder, "anec.node"),
    emulator: join(folder, emulatorName(platform)),
  };
  mkdirSync(folder, { recursive: true });
  // The C++ library is a part of the file, and no one else's.
  const exported = join(output, "exports.map");
  writeFileSync(exported, "{ global: *; local: _Z*; };\n");
  const system =
    platform === "darwin"
      ? ["-Wl,-undefined,dynamic_lookup"]
      : ["-ldl", "-Wl,--gc-sections", `-Wl,--version-script=${exported}`];
  const [first, ...options] = command;
  const library = processorLibrary(name);
  for (const [product, path] of Object.entries(products)) {
    const link = ["-shared", "-s", "-o", path, ...objects[product], ...library, "-pthread"];
    const words = await start(first, [...options, ...link, ...system]);
    if (words !== undefined) stop(words, 1);
  }
  return products;
}

/** What must hold of a file for Linux; answers what does not. */
function linuxFaults(name, path, exports) {
  const file = readElf(readFileSync(path));
  const faults = [];
  const expect = (holds, what) => holds || faults.push(`${path}: ${what}`);
  expect(file.arch === name.split("-")[1], `is for ${file.arch}`);
  const others = file.libraries.filter((l) => !/^(lib(c|m|dl|pthread|rt)|ld-linux.*)\.so/.test(l));
  expect(others.length === 0, `loads ${others.join(", ")}`);
  for (const symbol of exports) expect(file.defined.includes(symbol), `does not export ${symbol}`);
  const strange = file.defined.filter((s) => s.startsWith("_Z"));
  expect(strange.length === 0, `exports ${strange.slice(0, 3).join(", ")}`);
  const size = (statSync(path).size / 1e6).toFixed(2);
  process.stdout.write(
    `  ${path.slice(root.length + 1)}: ${file.arch}, ${size} MB, glibc ${file.glibc} or newer, loads ` +
      `${file.libraries.join(", ")}\n`,
  );
  return faults;
}

/** The same for macOS. */
function macFaults(path, exports) {
  const file = readMachO(readFileSync(path));
  const faults = [];
  const expect = (holds, what) => holds || faults.push(`${path}: ${what}`);
  expect(file.cpu === "arm64", `is for ${file.cpu}`);
  expect(
    file.platform === "macOS" && file.oldest === "14.0",
    `needs ${file.platform} ${file.oldest}`,
  );
  expect(
    file.libraries.join() === "/usr/lib/libSystem.B.dylib",
    `loads ${file.libraries.join(", ") || "nothing"}`,
  );
  expect(file.isSigned, "has no signature: Apple silicon loads nothing without one");
  const napi = file.undefined.filter(({ name }) => name.startsWith("_napi_"));
  const others = file.undefined.filter(({ name }) => !name.startsWith("_napi_"));
  for (const { name, from } of others) {
    const isApple = /^_(objc_|sel_|class_|object_|CF|kCF|IOSurface|ANE|cblas_)/.test(name);
    expect(!isApple, `expects ${name}, which is reached by dlsym only`);
    expect(from === 1, `expects ${name} from nowhere`);
  }
  for (const name of exports) expect(file.defined.includes(`_${name}`), `does not export _${name}`);
  if (path.endsWith(".node")) expect(napi.length > 10, "does not use Node-API");
  const size = (statSync(path).size / 1e6).toFixed(2);
  process.stdout.write(
    `  ${path.slice(root.length + 1)}: ${file.cpu}, ${size} MB, macOS ${file.oldest} or newer, loads ` +
      `${file.libraries.join(", ")}, ${others.length} symbols of libSystem, ${napi.length} of Node\n`,
  );
  return faults;
}

const words = process.argv.slice(2);
const wishes = words.filter((word) => !word.startsWith("-"));
const names = wishes.length === 0 ? Object.keys(TARGETS) : wishes;
for (const name of names) {
  if (!(name in TARGETS)) stop(`no such target: ${name} (${Object.keys(TARGETS).join(", ")})`, 2);
}
if (nodeHeaders().includes(undefined)) stop("run `npm install` first", 1);
const compiler = zig();
if (compiler.path === undefined) stop(`skipped: ${compiler.why}`, 0);
for (const name of names) {
  const folder = words.includes("--check")
    ? join(root, "build", "prebuild", name)
    : join(root, "prebuilds", name);
  const { addon, emulator } = await build(name, compiler.path, folder);
  const faultsOf = name.startsWith("darwin")
    ? macFaults
    : (path, exports) => linuxFaults(name, path, exports);
  const faults = [...faultsOf(addon, [BINDING]), ...faultsOf(emulator, EMULATED)];
  if (faults.length > 0) stop(faults.join("\n"), 1);
}
stop(`${names.join(", ")}: compiled, linked, and loads nothing but the system`, 0);
