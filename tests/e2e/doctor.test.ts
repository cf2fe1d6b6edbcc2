/** `anec doctor`: what it finds here, and what it says of machines that lack something. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { doctorText } from "../../cli/commands/doctor.ts";
import { addonCheck, type Check, type Findings, nodeCheck } from "../../cli/machine.ts";
import { cacheCheck, diskCheck } from "../../cli/machine_folders.ts";
import { mpiCheck } from "../../cli/machine_mpi.ts";
import { findAddon, prebuiltPath } from "../../runtime-native/js/addon_file.ts";
import { anec, inNewFolder } from "./cli_support.ts";

test("it says what there is", async () => {
  const { code, out } = await anec(["doctor", "--quick"]);
  expect(code).toBe(0);
  expect(out).toMatch(/^ {2}ready {2}runtime {7}\S+anec\.node, (built|named)/m);
  expect(out).toMatch(/^ {2}ready {2}processor .* threads?, /m);
  expect(out).toContain("`--device emulator`");
  expect(out).toContain("\nEverything that is needed is there.\n".trimStart());
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  const found = JSON.parse((await anec(["doctor", "--quick", "--json"])).out) as Findings;
  expect(found.ready).toBe(true);
  expect(found.checks.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["node", "runtime", "processor", "emulator", "MPI", "cache", "disk"]),
  );
});

test("a fault is shown with what to do about it", () => {
  const checks: Check[] = [nodeCheck("v18.2.0"), nodeCheck("v20.1.0")];
  const found = { version: "1", platform: "here", ready: false, checks, rates: [] };
  expect(doctorText(found, 100)).toBe(
    "anec 1 on here\n\n" +
      "  fault  node   v18.2.0 is too old\n" +
      "  ready  node   v20.1.0\n\n" +
      "  Install Node 20 or newer.\n" +
      "  Something that is needed is missing.\n",
  );
});

test("a build of one's own comes before what the package brought, and both before none", () => {
  const root = inNewFolder();
  const look = { root, named: undefined, platform: "linux", arch: "arm64" };
  const built = join(root, "build", "native", "anec.node");
  const prebuilt = join(root, "prebuilds", "linux-arm64", "anec.node");
  expect(prebuiltPath(look)).toBe(prebuilt);
  expect(findAddon(look)).toEqual({ path: built, origin: "missing" });
  mkdirSync(join(prebuilt, ".."), { recursive: true });
  writeFileSync(prebuilt, "");
  expect(findAddon(look)).toEqual({ path: prebuilt, origin: "prebuilt" });
  expect(findAddon({ ...look, arch: "x64" }).origin).toBe("missing");
  mkdirSync(join(built, ".."), { recursive: true });
  writeFileSync(built, "");
  expect(findAddon(look)).toEqual({ path: built, origin: "built" });
  expect(findAddon({ ...look, named: "/x" })).toEqual({ path: "/x", origin: "named" });
});

test("a runtime that could not be built: why, and what to install", () => {
  inNewFolder();
  writeFileSync("build.log", "compiling\na.cpp:3: error: no such header\nstopped\n");
  const missing = { path: "build/native/anec.node", origin: "missing" } as const;
  const { state, what, advice } = addonCheck(
    { fault: "it is not built" },
    missing,
    "build.log",
    () => undefined,
  );
  expect(state).toBe("fault");
  expect(what).toBe(
    `it is not built. No prebuilt one is for ${process.platform} ${process.arch}. ` +
      "The last build failed: a.cpp:3: error: no such header (build.log).",
  );
  expect(advice).toMatch(/^To train, .*install .*, then run `npm run build:native`\.$/);
  const withCompiler = addonCheck({ fault: "no" }, missing, undefined, () => "12.2.0");
  expect(withCompiler.advice).toBe(
    "To train, generate or imitate the engine, run `npm run build:native`.",
  );
});

test("a cache that others may read is noted, with the command that mends it", () => {
  const cache = join(inNewFolder(), "anec");
  expect(cacheCheck(cache)).toMatchObject({ state: "ready" });
  mkdirSync(join(cache, "data"), { recursive: true, mode: 0o700 });
  chmodSync(cache, 0o700);
  expect(cacheCheck(cache)).toMatchObject({ state: "ready", what: `${cache}, for you alone` });
  chmodSync(join(cache, "data"), 0o755);
  const { state, advice } = cacheCheck(cache);
  expect(state).toBe("note");
  expect(advice).toContain(`\`chmod 700 ${join(cache, "data")}\``);
});

test("a cache that cannot be made is a fault", () => {
  const folder = inNewFolder();
  writeFileSync("file", "");
  expect(cacheCheck(join(folder, "file", "anec"))).toMatchObject({ state: "fault" });
});

test("a disk that is nearly full is noted", () => {
  const rooms = (bytes: number) => diskCheck("/", () => bytes);
  expect(rooms(5e9)).toMatchObject({
    state: "ready",
    what: "5.00 GB free here, 5.00 GB free for the cache",
  });
  expect(rooms(1e8).state).toBe("note");
});

test("MPI is optional", () => {
  inNewFolder();
  expect(mpiCheck("none.node", () => true)).toMatchObject({ state: "ready" });
  writeFileSync("mpi.node", "");
  expect(mpiCheck("mpi.node", () => false).what).toContain("mpirun is not found");
  expect(mpiCheck("mpi.node", () => true).what).toBe("mpirun and the addon for it");
});
