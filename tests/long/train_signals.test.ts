/** What ends a run from outside: it is saved, and goes on as if nothing had been. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readCheckpoint } from "../../training/checkpoint.ts";
import { commandLine, compileForProcesses } from "../e2e/processes.ts";
import { testFolder } from "../unit/data/support.ts";

let build = "";
beforeAll(() => {
  build = compileForProcesses();
}, 120_000);

const RUN = [
  ...["--model", "tiny", "--data", "builtin:stories", "-D", "D=16", "-D", "F=24", "-D", "L=1"],
  ...[
    "--steps",
    "800",
    "--val-every",
    "0",
    "--accum",
    "4",
    "--threads",
    "1",
    "--blas",
    "builtin",
    "--out",
    "run.ckpt",
  ],
];

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly losses: readonly number[];
}

/** `anec train … --json` in a process of its own; `signal` is sent to it after some steps. */
function train(argv: readonly string[], cwd: string, signal?: NodeJS.Signals): Promise<Ended> {
  const args = commandLine(build, ["train", ...argv, "--json"]);
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  let isSent = signal === undefined;
  child.stdout.on("data", (text: Buffer) => {
    out += text.toString();
    if (isSent || !out.includes('"step":5,')) return;
    isSent = true;
    child.kill(signal);
  });
  return new Promise((resolve) => {
    child.on("close", (code, by) => {
      const lines = out.split("\n").filter((line) => line !== "");
      const events = lines.map((line) => JSON.parse(line));
      const losses = events.filter((e) => e.event === "step").map((e) => e.loss as number);
      resolve({ code, signal: by, losses });
    });
  });
}

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s: the run is saved, and its losses go on where they were",
  async (signal) => {
    const [a, b] = [testFolder(), testFolder()];
    const [whole, stopped] = await Promise.all([train(RUN, a), train(RUN, b, signal)]);
    expect(whole.losses).toHaveLength(800);
    expect(stopped).toMatchObject({ code: 130, signal: null });
    const { step } = readCheckpoint(join(b, "run.ckpt")).state;
    expect(step).toBe(stopped.losses.length);
    expect(step).toBeGreaterThanOrEqual(5);
    expect(step).toBeLessThan(800);
    const resumed = await train(["--resume", "run.ckpt", "--threads", "1", "--blas", "builtin"], b);
    expect([...stopped.losses, ...resumed.losses]).toEqual(whole.losses);
  },
  60_000,
);

// That of Linux; others take other flags.
const hasScript = process.platform === "linux" && spawnSync("script", ["-V"]).status === 0;
const why = hasScript ? "" : " (left out: there is no `script`, which makes terminals)";

test.skipIf(!hasScript)(
  `a terminal that is closed: the run is saved, and ends by the signal${why}`,
  async () => {
    const folder = testFolder();
    const quoted = (words: readonly string[]): string =>
      words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const long = RUN.map((word) => (word === "800" ? "100000000" : word));
    const flags = [...long, "--save-every", "0", "--time", "50"];
    const command = quoted([process.execPath, ...commandLine(build, ["train", ...flags])]);
    // The inner shell outlives the terminal, to say how the run ended; when the outer one ends, the run is told.
    const inner = `stty cols 100; ${command}; echo $? > code.tmp; mv code.tmp code`;
    const line = `(trap "" HUP; ${inner}); true`;
    const terminal = spawn("script", ["-qec", line, "/dev/null"], { cwd: folder });
    await new Promise<void>((resolve) => {
      let seen = "";
      terminal.stdout.on("data", (text: Buffer) => {
        seen += text.toString();
        if (/step +[1-9][\d,]*\//.test(seen)) resolve();
      });
      terminal.on("close", () => resolve());
    });
    terminal.kill("SIGKILL");
    const code = join(folder, "code");
    for (let i = 0; i < 600 && !existsSync(code); i++) {
      await new Promise((done) => setTimeout(done, 50));
    }
    // 128 and the number of SIGHUP.
    expect(readFileSync(code, "utf8").trim()).toBe("129");
    expect(readCheckpoint(join(folder, "run.ckpt")).state.step).toBeGreaterThan(0);
  },
  60_000,
);
