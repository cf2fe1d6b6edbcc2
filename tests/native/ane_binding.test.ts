/** Single programs of the Neural Engine from TypeScript, on the emulator. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NativeError } from "../../runtime-native/js/addon.ts";
import {
  type AneDevice,
  type AnePort,
  type AneSource,
  type AneSurface,
  configureEmulator,
  emulatorLibrary,
  emulatorReport,
  openAne,
  RefusedProgram,
} from "../../runtime-native/js/ane.ts";

const library = emulatorLibrary();
const port = (name: string, type: AnePort["type"] = "fp16"): AnePort => ({
  name,
  type,
  shape: [1, 2, 1, 5],
});

function source(body: string, type: AnePort["type"] = "fp16"): AneSource {
  const t = `tensor<${type}, [1, 2, 1, 5]>`;
  return {
    name: "example",
    mil: `program(1.3)\n{\n    func main<ios18>(${t} x, ${t} B) {\n${body.replaceAll("T", t)}    } -> (y);\n}\n`,
    procedures: [{ inputs: [port("x", type), port("B", type)], outputs: [port("y", type)] }],
  };
}
const difference = source(`        T y = sub(x = x, y = B)[name = string("y")];\n`);
const x = Float32Array.from({ length: 10 }, (_, i) => i - 4.5);
const b = Float32Array.from({ length: 10 }, (_, i) => i / 4);

let device: AneDevice;
beforeEach(() => {
  configureEmulator(library, "");
  device = openAne({ library, retry: { attempts: 5, firstMs: 0, mostMs: 0 } });
});
afterEach(() => {
  device.close();
  device.close();
  const { violations, live } = emulatorReport(library);
  expect({ violations, live }).toEqual({ violations: [], live: {} });
});

function failureOf(action: () => unknown): NativeError {
  try {
    action();
  } catch (error) {
    if (error instanceof NativeError) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

test("a program is compiled, given values and run", () => {
  const program = device.compile(difference);
  const surfaces: AneSurface[] = [program.input(0), program.input(1), program.output(0)];
  const [left, right, result] = surfaces as [AneSurface, AneSurface, AneSurface];
  expect(left.write(x)).toBe(0);
  right.write(b);
  expect(program.evaluate([left, right], [result])).toBeGreaterThan(10_000);
  expect([...result.read()]).toEqual([...x].map((v, i) => v - b[i]!));
  expect(device.state()).toMatchObject({
    architecture: "h16g",
    way: "direct",
    cores: 16,
    compiles: 1,
    loads: 1,
    evaluations: 1,
    compilesLeft: 99,
    notes: [],
  });
  const report = emulatorReport(library);
  expect(report).toMatchObject({ chip: "m4", os: "15.5", evaluations: 1, loaded: 1, surfaces: 3 });
  expect(report.predictedNs).toBeGreaterThan(0);
  for (const surface of surfaces) surface.close();
  program.close();
  expect(failureOf(() => left.read()).message).toContain("is closed");
  expect(failureOf(() => program.evaluate([], [])).message).toContain("is closed");
});

test("values beyond fp16 are counted", () => {
  const surface = device.surface("fp16", [1, 1, 1, 4]);
  expect(surface.write(Float32Array.of(1, 70_000, -Infinity, 65_504))).toBe(2);
  expect([...surface.read()]).toEqual([1, Infinity, -Infinity, 65_504]);
  surface.close();
});

test("a refused program is an error with the framework's words and the text that was sent", () => {
  const bad = source(`        T y = frobnicate(x = x)[name = string("y")];\n`);
  const failure = failureOf(() => device.compile(bad));
  expect(failure).toBeInstanceOf(RefusedProgram);
  expect(failure.code).toBe("E0621");
  expect(failure.detail).toContain("err=(InvalidMILProgram)");
  expect((failure as RefusedProgram).mil).toBe(bad.mil);
});

test("what was mended is noted once", () => {
  configureEmulator(library, "transient-compile=1,timeout=1");
  const program = device.compile(difference);
  const surfaces = [program.input(0), program.input(1), program.output(0)] as const;
  program.evaluate([surfaces[0], surfaces[1]], [surfaces[2]]);
  const { notes, retries, reloads } = device.state();
  expect({ retries, reloads, notes: notes.length }).toEqual({ retries: 1, reloads: 1, notes: 2 });
  expect(device.state().notes).toEqual([]);
  for (const surface of surfaces) surface.close();
  program.close();
});

test("wrong arguments are failures, never a crash", () => {
  const surface = device.surface("fp32", [4]);
  expect(failureOf(() => surface.write(new Float32Array(3))).message).toContain("was given 3");
  expect(failureOf(() => device.surface("fp16", [0])).code).toBe("E0626");
  const program = device.compile(difference);
  expect(failureOf(() => program.evaluate([surface], [surface])).code).toBe("E0626");
  expect(failureOf(() => program.input(7)).code).toBe("E0603");
  expect(failureOf(() => program.input(0, 3)).code).toBe("E0603");
  expect(failureOf(() => program.evaluate([{ ...surface }], [])).code).toBe("E0603");
  expect(failureOf(() => device.compile({ ...difference, procedures: [] })).code).toBe("E0626");
  expect(failureOf(() => configureEmulator(library, "speed=1")).message).toContain("speed=1");
  expect(failureOf(() => emulatorReport("libm.so.6")).code).toBe("E0620");
  expect(failureOf(() => openAne({ library: "/no/such/library" })).detail).toContain("/no/such");
  surface.close();
  program.close();
});

test("docs/emulator.md has every setting of the emulator", () => {
  const folder = join(import.meta.dirname, "..", "..");
  const page = readFileSync(join(folder, "docs", "emulator.md"), "utf8");
  const code = readFileSync(
    join(folder, "runtime-native", "backends", "emulator", "framework", "options.cpp"),
    "utf8",
  );
  const inTables = [...code.matchAll(/\{"([a-z-]+)", &o/g)].map((m) => m[1]!);
  const byItself = [...code.matchAll(/key == "([a-z-]+)"/g)].map((m) => m[1]!);
  const names = [...new Set([...inTables, ...byItself])];
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
