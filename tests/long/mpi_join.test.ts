/** Ranks that come late: whoever waits for them says so once. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mpiAddonPath } from "../../runtime-native/js/ranks.ts";
import { inNewFolder } from "../e2e/cli_support.ts";
import { missingMpi, mpirun } from "../e2e/mpi_support.ts";

test("who has waited for other ranks says so once, and goes on when they come", (context) => {
  const missing = missingMpi();
  if (missing !== undefined) return context.skip(missing);
  const script = join(inNewFolder(), "rank.cjs");
  writeFileSync(
    script,
    `const [, , seconds, addon] = process.argv;
    const { open, close } = require(addon);
    setTimeout(() => { console.log(String(open(0.5).rank)); close(); }, Number(seconds) * 1000);`,
  );
  const rank = (seconds: number): string[] => {
    return ["-n", "1", process.execPath, script, String(seconds), mpiAddonPath()];
  };
  const joined = (...late: readonly number[]) => {
    const line = late.flatMap((seconds, i) => (i > 0 ? [":", ...rank(seconds)] : rank(seconds)));
    const [program, ...flags] = mpirun as [string, ...string[]];
    const { status, stdout, stderr } = spawnSync(program, [...flags, ...line], {
      encoding: "utf8",
    });
    expect({ status, ranks: stdout.trim().split("\n").sort() }).toEqual({
      status: 0,
      ranks: late.map((_, i) => String(i)),
    });
    return stderr.match(/^process \d+ on \S+ has waited 0 s for other ranks to join.*$/gm) ?? [];
  };
  expect(joined(0, 0, 4)).toHaveLength(2);
});
