/** `anec cache`: the folder of compiled programs, as the runtime writes it and as damage leaves it. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { anec, inNewFolder } from "./cli_support.ts";

/** A cache folder of this test's own. */
function cacheFolder(): string {
  const home = inNewFolder();
  const before = process.env["XDG_CACHE_HOME"];
  process.env["XDG_CACHE_HOME"] = home;
  onTestFinished(() => {
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
  });
  return join(home, "anec", "programs");
}

const KEY = "0123456789abcdef".repeat(4);

// To the byte what the runtime writes; tests/native/ane/cache_tests.cpp has the same text.
const MANIFEST =
  "anec compiled program 1\nname layer\n" +
  "file 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 1 net.plist\n" +
  "end 4677e8fa10089addb089a2041ceed60d480d8e1bdc5da600d0d8a4133d8f251e\n";

function writeEntry(folder: string, manifest = MANIFEST, content = "x"): void {
  mkdirSync(join(folder, KEY, "files"), { recursive: true });
  writeFileSync(join(folder, KEY, "files", "net.plist"), content);
  writeFileSync(join(folder, KEY, "manifest"), manifest);
}

test("an empty cache is listed, verified and cleared", async () => {
  const folder = cacheFolder();
  expect((await anec(["cache", "ls"])).out).toBe(`0 programs, 0 B, in ${folder}\n`);
  expect((await anec(["cache", "verify"])).out).toBe("0 programs, 0 damaged\n");
  expect((await anec(["cache", "clear"])).out).toBe(`removed 0 programs, 0 B, from ${folder}\n`);
  expect(existsSync(folder)).toBe(false);
});

test("a kept program is listed, found whole, and removed", async () => {
  const folder = cacheFolder();
  writeEntry(folder);
  // What other processes are busy with is not an entry.
  mkdirSync(join(folder, `${KEY}.part.1.2`));
  mkdirSync(join(folder, ".locks"));
  const listed = await anec(["cache", "ls"]);
  expect(listed.out).toMatch(/^1 program, 1\d\d B, in /);
  expect(listed.out).toMatch(/0123456789ab +1\d\d B +20\d\d-\d\d-\d\d \d\d:\d\d +layer\n$/);
  expect(await anec(["cache", "verify"])).toMatchObject({
    code: 0,
    out: "1 program, 0 damaged\n",
  });
  const json = JSON.parse((await anec(["cache", "ls", "--json"])).out) as object;
  expect(json).toMatchObject({ folder, programs: [{ key: KEY, name: "layer" }] });
  expect((await anec(["cache", "clear"])).out).toContain("removed 1 program, ");
  expect(readdirSync(folder).sort()).toEqual([".locks", `${KEY}.part.1.2`]);
});

test.each([
  ["its manifest is damaged", MANIFEST.replace("layer", "later"), "x"],
  ["its manifest is damaged", MANIFEST.slice(0, 60), "x"],
  ["net.plist is damaged", MANIFEST, "y"],
  ["net.plist is damaged", MANIFEST, "xx"],
])("a damaged program is named: %s", async (damage, manifest, content) => {
  const folder = cacheFolder();
  writeEntry(folder, manifest, content);
  const { code, out } = await anec(["cache", "verify"]);
  expect(code).toBe(1);
  expect(out).toContain(`: ${damage}\n1 program, 1 damaged; they will be compiled again`);
});

test("missing files are named", async () => {
  const folder = cacheFolder();
  writeEntry(folder);
  rmSync(join(folder, KEY, "files", "net.plist"));
  expect((await anec(["cache", "verify"])).out).toContain("(layer): net.plist is missing\n");
  rmSync(join(folder, KEY, "manifest"));
  expect((await anec(["cache", "verify"])).out).toContain("0123456789ab: it has no manifest\n");
  expect((await anec(["cache", "ls"])).out).toContain("1 program, ");
});
