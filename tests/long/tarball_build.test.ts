/** The package on a machine for which it has no prebuilt runtime: installing it builds one from its sources. */
import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { execute, leanPackage, newMachine, root } from "../e2e/tarball_support.ts";

// With cmake the checkout's own runtime is built, by the same list of parts and optimised.
test("it builds with the compiler alone, and trains", async () => {
  const machine = newMachine();
  try {
    const modules = join(machine.folder, "node_modules");
    const anec = join(modules, "anec");
    mkdirSync(modules);
    for (const name of readdirSync(join(root, "node_modules")))
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    cpSync(leanPackage(machine.folder, machine.env).folder, anec, { recursive: true });
    const env = { ...machine.env, CXXFLAGS: "-O0" };
    const run = (...words: string[]) => execute([process.execPath, ...words], { cwd: anec, env });
    const build = ["scripts/build_native.mjs", "--package", "--force", "--no-cmake"];
    expect(await run(...build)).toMatchObject({ code: 0 });
    const doctor = await run("bin/anec.js", "doctor", "--quick");
    expect(doctor.text).toMatch(/ready {2}runtime .*built from source/);
    expect(doctor.code).toBe(0);
    const flagsOfRun = "--model tiny --data builtin:stories --steps 2 --accum 1 --device emulator";
    const train = await run("bin/anec.js", "train", ...flagsOfRun.split(" "));
    expect(train.code, train.text).toBe(0);
  } finally {
    machine.remove();
  }
}, 900_000);
