/** What the script that makes prebuilt runtimes reads of them, on the runtime of this checkout. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { addonPath } from "../../runtime-native/js/addon_file.ts";

const script = JSON.stringify(join(packageRoot(), "scripts", "elf.mjs"));

/** `readElf` on the bytes that an expression makes. */
function read(bytes: string) {
  const program =
    `import { readFileSync } from "node:fs"; import { readElf } from ${script};` +
    `process.stdout.write(JSON.stringify(readElf(${bytes})));`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
}

test.runIf(process.platform === "linux")("an addon says what it is and what it needs", () => {
  const { stdout, stderr } = read(`readFileSync(${JSON.stringify(addonPath())})`);
  expect(stderr).toBe("");
  const file = JSON.parse(stdout) as Record<string, unknown>;
  expect(file["arch"]).toBe(process.arch);
  expect(file["libraries"]).toContain("libc.so.6");
  expect(file["defined"]).toContain("napi_register_module_v1");
  expect(file["glibc"]).toMatch(/^2\.\d+$/);
});

test("another file is refused", () => {
  expect(read('Buffer.from("MZ, or whatever")').stderr).toContain("not a 64-bit ELF file");
});
