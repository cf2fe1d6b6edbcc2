/** `anec probe` in whole: its worker processes, the report, and probes that end their process. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ProbeRunOptions, runProbes } from "../../cli/probe_process.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { probes } from "../../compiler/target/probes/index.ts";
import { parseReport } from "../../compiler/target/probes/report.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";

test("on the emulator, with a report that is read back and is no evidence", async () => {
  const folder = inNewFolder();
  const names = ["row_stride", "slice_gain", "compile_budget"];
  const { code, out } = await anec([
    "probe",
    "--device",
    "emulator",
    "--only",
    ...names,
    "--out",
    "r.json",
  ]);
  expect(code).toBe(0);
  expect(out).toContain("emulator of M4, macOS 15.5: 3 probes");
  expect(out).toMatch(/row_stride +64 bytes +64 bytes +confirms/);
  expect(out).toContain("6 answers: 6 as expected, 0 otherwise, 0 unclear");
  const path = join(folder, "r.json");
  const report = parseReport(path, readFileSync(path, "utf8"));
  expect(report.probes.map((p) => p.name).sort()).toEqual([...names].sort());
  expect(report).toMatchObject({ device: "emulator", machine: { chip: "m4", stated: false } });

  const json = await anec(["probe", "--device", "emulator", "--only", "slice_gain", "--json"]);
  expect(parseReport("out", json.out).probes).toHaveLength(1);
});

test("an engine that is not the one that was named is found out", async () => {
  const { code, out } = await anec([
    ...["probe", "--device", "emulator", "--only", "slice_gain", "--chip", "m1"],
  ]);
  expect(code).toBe(0);
  expect(out).toContain("macOS 15.5, as stated");
  expect(out).toMatch(/slice_gain +an infinity +4,096 +refutes/);
});

test.skipIf(process.platform === "darwin")(
  "without an engine there is a plain message",
  async () => {
    const { code, err } = await anec(["probe"]);
    expect(code).toBe(3);
    expect(err).toContain("error[E0620]: there is no Neural Engine here to ask");
    expect(err).toContain("a Mac with Apple silicon");
  },
);

/** A worker that does as the real one up to one probe, and then `end`s. */
function worker(bad: string, end: string): string {
  const path = join(inNewFolder(), "worker.mjs");
  const machine = `{chip:"m4",processor:"M4",os:"15.5",build:"",architecture:"",cores:1,way:"",stated:false}`;
  writeFileSync(
    path,
    `import { writeSync } from "node:fs";
     const say = (line) => writeSync(1, JSON.stringify(line) + "\\n");
     const { names } = JSON.parse(process.argv[2]);
     say({ kind: "machine", machine: ${machine} });
     for (const name of names) {
       say({ kind: "start", name });
       if (name === ${JSON.stringify(bad)}) { ${end} }
       say({ kind: "done", name, seconds: 0, claims: [] });
     }`,
  );
  return path;
}

const options: ProbeRunOptions = { device: "emulator", seconds: 20 };
const some = probes.slice(0, 20);
const [, , bad] = some as unknown as [unknown, unknown, (typeof probes)[number]];

test.each([
  ["aborts", "process.abort();", 20, /its process ended \(SIGABRT\)/],
  ["exits", `process.stderr.write("no room\\n"); process.exit(4);`, 20, /exit code 4\): no room/],
  ["hangs", "for (;;) {}", 1, /it took longer than 1 s/],
  ["breaks a line off", `writeSync(1, "{"); process.abort();`, 20, /its process ended/],
])("a probe that %s takes no other with it", async (_, end, seconds, why) => {
  const { results } = await runProbes(some, {
    ...options,
    seconds,
    entry: worker(bad.name, end),
  });
  expect(results.map((r) => r.name)).toEqual(some.map((p) => p.name));
  expect(results[2]!.claims.map((c) => c.verdict)).toEqual(bad.claims.map(() => "unclear"));
  for (const c of results[2]!.claims) expect(c.why).toMatch(why);
});

test("a process that never gets to a probe is an error", async () => {
  const path = join(inNewFolder(), "broken.mjs");
  writeFileSync(path, "throw new Error('broken');");
  const failure = await runProbes(some, { ...options, entry: path }).catch((e: unknown) => e);
  expect(failure).toBeInstanceOf(UserError);
  expect((failure as UserError).diagnostics[0]!.code).toBe("E0630");
});
