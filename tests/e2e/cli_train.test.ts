/** `anec train` and `anec generate`, in process, on the built-in stories. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { anec, inNewFolder } from "./cli_support.ts";

const small =
  "train --model tiny --data builtin:stories -D D=32 -D F=64 -D L=1 --accum 4 --lr 3e-3 --warmup 2";
const line = (more: string): string[] => `${small} ${more}`.split(" ");

interface Event {
  readonly event: string;
  readonly step?: number;
  readonly loss?: number;
}

const eventsOf = (out: string): Event[] =>
  out
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text) as Event);

test("plain lines in a pipe: validations, updates, the checkpoint, what to do next", async () => {
  inNewFolder();
  const { code, out, err } = await anec(line("--steps 10 --val-every 5"));
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const lines = out.split("\n");
  expect(lines[0]).toBe(
    "  model   tiny of dsl/models/tiny.ane, 20.9 k parameters, windows of 32 tokens",
  );
  expect(lines[1]).toBe(
    "  data    builtin:stories, 191,367 tokens to train on; 266 of 728 ids, so a blind guess costs 5.587 nats",
  );
  const shape = lines
    .slice(6)
    .map((l) => l.replace(/[\d.]+ \([\d.]+ bits/, "# (# bits").replace(/ {2}[\d,]+ tokens.*/, ""));
  expect(shape).toEqual([
    "step  0/10  validation loss # (# bits/byte)",
    "step  1/10  loss # (# bits/byte)  lr 1.50e-3",
    "step  4/10  loss # (# bits/byte)  lr 1.50e-3",
    "step  5/10  validation loss # (# bits/byte)",
    "step  8/10  loss # (# bits/byte)  lr 3.00e-3",
    "step 10/10  loss # (# bits/byte)  lr 3.00e-3",
    "step 10/10  validation loss # (# bits/byte)",
    "step 10/10  saved runs/tiny.ckpt",
    "",
    "done: validation loss # (# bits/byte)",
    "",
    '  anec generate runs/tiny.ckpt --prompt "…"',
    "",
  ]);
});

test("one JSON object a line; one seed, one result; it learns", async () => {
  inNewFolder();
  const first = eventsOf((await anec(line("--steps 60 --json --out a.ckpt"))).out);
  const second = eventsOf((await anec(line("--steps 60 --json --out b.ckpt"))).out);
  const losses = (events: Event[]) => events.filter((e) => e.event === "step").map((e) => e.loss);
  expect(losses(first)).toHaveLength(60);
  expect(losses(second)).toEqual(losses(first));
  expect(readFileSync("a.ckpt").equals(readFileSync("b.ckpt"))).toBe(true);
  const validations = first.filter((e) => e.event === "validation");
  expect(validations[0]!.loss).toBeCloseTo(Math.log(267), 1);
  expect(validations.at(-1)!.loss).toBeLessThan(validations[0]!.loss! - 0.2);
  expect(first.map((e) => e.event).filter((name) => name !== "step")).toEqual([
    "start",
    "validation",
    "validation",
    "saved",
    "end",
    "result",
  ]);
});

test("Ctrl-C finishes the step and saves; resumed, the run ends as if it had never stopped", async () => {
  inNewFolder();
  await anec(line("--steps 30 --val-every 10 --out whole.ckpt"));
  const stopped = await anec(line("--steps 30 --val-every 10 --out part.ckpt --json"), {
    watch: (text, interrupt) => {
      if (text.includes('"step":14,')) interrupt();
    },
  });
  expect(stopped.code).toBe(130);
  expect(eventsOf(stopped.out).at(-1)).toMatchObject({ event: "result", reason: "stopped" });
  const resumed = await anec("train --resume part.ckpt".split(" "));
  expect(resumed).toMatchObject({ code: 0, err: "" });
  expect(resumed.out).toMatch(/^ {2}resumed {2}at step 14$/m);
  expect(readFileSync("part.ckpt").equals(readFileSync("whole.ckpt"))).toBe(true);
});

test("Ctrl-C says how to resume, a second one stops at once", async () => {
  inNewFolder();
  let pressed = 0;
  const { all } = await anec(line("--steps 500 --accum 1 --val-every 0"), {
    watch: (text, interrupt) => {
      if (!/^step +(2|3)\/500 {2}loss/.test(text) || pressed === 2) return;
      pressed = 2;
      interrupt();
      interrupt();
    },
  });
  expect(all).toContain("finishing this step, then saving (Ctrl-C again to stop at once)\n");
  expect(all).toContain("aborted with 130\n");
  expect(all).toContain("; go on with\n\n  anec train --resume runs/tiny.ckpt\n");
});

test("a live line on a terminal", async () => {
  inNewFolder();
  const { out } = await anec(line("--steps 8"), { terminal: true });
  expect(out).toMatch(/\rstep 1\/8 {2}loss 5\.\d{4} \(\d\.\d{3} bits\/byte\) {2}lr 1\.50e-3/);
  expect(out).not.toContain("\nstep 4/8  loss");
  expect(out).toMatch(/\rstep 8\/8 {2}validation loss|\nstep 8\/8 {2}validation loss/);
});

test("a time limit ends the run", async () => {
  inNewFolder();
  const { code, out } = await anec(line("--time 0.3 --val-every 0 --json"));
  expect(code).toBe(0);
  const events = eventsOf(out);
  expect(events[0]).toMatchObject({ settings: { steps: null } });
  expect(events.at(-1)).toMatchObject({ event: "result", reason: "time" });
});

test("generate continues a prompt, the same for one seed", async () => {
  inNewFolder();
  await anec(line("--steps 8"));
  const write = (more: string) =>
    anec(["generate", "runs/tiny.ckpt", "--prompt", "Once upon", ...more.split(" ")]);
  const first = await write("--tokens 12");
  expect(first).toMatchObject({ code: 0, err: "" });
  expect(first.out.startsWith("Once upon")).toBe(true);
  expect((await write("--tokens 12")).out).toBe(first.out);
  expect((await write("--tokens 12 --seed 7")).out).not.toBe(first.out);
  const { text } = JSON.parse((await write("--tokens 12 --json")).out) as { text: string };
  expect(`Once upon${text}\n`).toBe(first.out);
  const word = text.split(" ")[3]!;
  const stopped = JSON.parse((await write(`--tokens 12 --json --stop ${word}`)).out) as {
    end: string;
    text: string;
  };
  expect(stopped).toMatchObject({ end: "stop", text: text.slice(0, text.indexOf(word)) });
});

test("what is wrong is said before anything is written", async () => {
  inNewFolder();
  const titleOf = async (text: string) => {
    const { code, err } = await anec(text.split(" "));
    return `${code} ${err.split("\n")[0]}`;
  };
  const data = "--data builtin:stories";
  expect(await titleOf(`train --model tinny ${data}`)).toBe(
    "1 error[E0216]: there is no model named `tinny`",
  );
  expect(await titleOf("train --model tiny --data here.bin")).toBe(
    "1 error[E0801]: there is no token file `here.bin`",
  );
  expect(await titleOf(`train --model tiny ${data} --out no/where.ckpt`)).toBe(
    "1 error[E0705]: cannot write `no/where.ckpt`: its folder does not exist",
  );
  expect(await titleOf(`train --model tiny ${data} --blas /none.so`)).toBe(
    "3 error[E0607]: cannot load the BLAS library /none.so",
  );
  expect(await titleOf("train --resume none.ckpt")).toBe(
    "1 error[E0706]: there is no file `none.ckpt`",
  );
  expect(await titleOf(`train --model tiny ${data} --entry big`)).toMatch(/^1 error\[E0904\]/);
  expect(existsSync("runs")).toBe(false);
});

test("a checkpoint goes on only as what it is", async () => {
  inNewFolder();
  await anec(line("--steps 4"));
  const titleOf = async (more: string) => {
    const { code, err } = await anec(`train --resume runs/tiny.ckpt ${more}`.split(" "));
    return `${code} ${err.split("\n")[0]}`;
  };
  expect(await titleOf("--seed 7")).toBe(
    "1 error[E0729]: `--seed 7` contradicts the checkpoint, which was made with 42",
  );
  expect(await titleOf("-D L=2")).toBe("2 error[E0959]: `-D` does not go with `--resume`");
  expect(await titleOf("--model autoresearch")).toMatch(/^1 error\[E0725\]/);
  expect((await anec("train --resume runs/tiny.ckpt".split(" "))).out).toContain(
    "nothing was left to do",
  );
});
