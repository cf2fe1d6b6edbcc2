/** Every setting of the emulator that its page names is set by a test. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";

const root = packageRoot();

function settings(): string[] {
  const page = readFileSync(join(root, "docs", "emulator.md"), "utf8");
  const firstCells = [...page.matchAll(/^\| ((?:`[a-z-]+`(?:, )?)+) \|/gm)].map(
    ([, cell]) => cell!,
  );
  return firstCells.flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!));
}

test("no setting without a test", () => {
  const folder = join(root, "tests");
  const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(test\.ts|cpp)$/.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"));
  const names = settings();
  expect(names.length).toBeGreaterThan(35);
  const isSet = (name: string): boolean => texts.some((text) => text.includes(`${name}=`));
  expect(names.filter((name) => !isSet(name))).toEqual([]);
});
