/** What `anec doctor` says of the Neural Engine, with the emulator in place of Apple's frameworks. */
import { afterEach, expect, test } from "vitest";
import { aneFindings } from "../../cli/ane_findings.ts";
import { NativeError } from "../../runtime-native/js/addon.ts";
import { configureEmulator, emulatorLibrary, openAne } from "../../runtime-native/js/ane.ts";

const library = emulatorLibrary();
afterEach(() => configureEmulator(library, ""));

const look = { isApple: true, open: () => openAne({ library }), emulator: () => library };

test("on a Mac it says what there is", () => {
  configureEmulator(library, "chip=m2_max,os=26.3");
  const { ready, why } = aneFindings(look);
  expect(ready).toBe(true);
  expect(why).toMatch(/^A Neural Engine of type h14c with \d+ cores, macOS build 25A100; /);
});

test("on a Mac whose engine cannot be opened it says why", () => {
  configureEmulator(library, "engine=off");
  const { ready, why } = aneFindings(look);
  expect(ready).toBe(false);
  expect(why).toMatch(/^It cannot be opened: .*`--device emulator` imitates one here/);
});

test("elsewhere it says what can be used", () => {
  expect(aneFindings({ ...look, isApple: false })).toEqual({
    ready: false,
    why: "The Neural Engine is part of Apple's chips. `--device emulator` imitates one here (docs/emulator.md).",
  });
  const emulator = (): never => {
    throw new NativeError({ code: "E0605", message: "the emulator is not built", detail: "" });
  };
  expect(aneFindings({ ...look, isApple: false, emulator }).why).toContain("npm run build:native");
});
