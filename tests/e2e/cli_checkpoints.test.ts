/** What commands say of checkpoints: of the data that they name, of ids that they never saw, of files that are none. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { writeBlzt } from "../../formats/blzt.ts";
import { writeGguf } from "../../formats/gguf.ts";
import { writeHf } from "../../formats/hf.ts";
import { readCheckpoint } from "../../training/checkpoint.ts";
import { weightsOf } from "../../training/foreign_model.ts";
import { randomWeights, smallConfig } from "../unit/formats/random_weights.ts";
import { smallTrainer } from "../unit/training/support.ts";
import { anec, inNewFolder } from "./cli_support.ts";

const SIZES = ["S=8", "D=16", "H=2", "K=1", "E=8", "F=24", "L=1"].flatMap((d) => ["-D", d]);
const OWN = "The people of the village were glad that day. ".repeat(60);
const OTHER = "Quantum chromodynamics describes gluons, hadrons and asymptotic freedom. ".repeat(
  40,
);

const firstLine = (text: string): string => text.split("\n")[0]!;

/** `own.ckpt` in a new folder, of four steps on `my text.txt`. */
async function trainOwn(): Promise<void> {
  inNewFolder();
  writeFileSync("my text.txt", OWN);
  const run = ["--steps", "4", "--accum", "2", "--out", "own.ckpt", "--device", "cpu"];
  const argv = ["train", "--model", "tiny", ...SIZES, "--data", "my text.txt", ...run];
  expect((await anec(argv)).code).toBe(0);
}

test("eval says how many tokens are ids that training never saw, and warns of many", async () => {
  await trainOwn();
  const own = await anec(["eval", "own.ckpt"]);
  expect(own.out).toContain("never in training  0 of 80 tokens (0.0 %)");
  expect(own.err).not.toContain("E0733");

  writeFileSync("other.txt", OTHER);
  const other = await anec(["eval", "own.ckpt", "--data", "other.txt"]);
  const [, unseen] = /never in training {2}(\d+) of 80 tokens \(\d+\.\d %\)/.exec(other.out)!;
  expect(Number(unseen)).toBeGreaterThan(40);
  expect(other.err).toContain(
    `warning[E0733]: ${unseen} of the 80 tokens of \`other.txt\` are ids that training never saw`,
  );
  const json = await anec(["eval", "own.ckpt", "--data", "other.txt", "--json"]);
  expect(JSON.parse(json.out)).toMatchObject({ tokens: 80, unseen: Number(unseen) });
});

test("generate says the same of its prompt", async () => {
  await trainOwn();
  const generate = (prompt: string) =>
    anec(["generate", "own.ckpt", "--tokens", "3", "--json", "--prompt", prompt]);
  const [own, other, none] = [
    await generate("The people"),
    await generate("The hadrons"),
    await generate(""),
  ];
  expect(JSON.parse(own.out)).toMatchObject({ promptTokens: 2, unseen: 0 });
  expect(own.err).toBe("");
  const { promptTokens, unseen } = JSON.parse(other.out);
  expect(unseen).toBe(promptTokens - 1);
  expect(other.err).toMatch(/E0733.+tokens of the prompt are ids that training never saw/);
  // The token that stands for no prompt is no word of it.
  expect(JSON.parse(none.out)).toMatchObject({ promptTokens: 0, unseen: 0 });
  expect(none.err).toBe("");
});

test.each([["eval"], ["train", "--steps", "8", "--resume"]])(
  "%s in another folder says that the checkpoint names the data",
  async (...command) => {
    await trainOwn();
    mkdirSync("elsewhere");
    process.chdir("elsewhere");
    const { code, err } = await anec([...command, "../own.ckpt"]);
    expect([code, firstLine(err)]).toEqual([
      1,
      "error[E0734]: `../own.ckpt` was trained on `my text.txt`, which is not here",
    ]);
    expect(err).toContain("--data FILE");
    expect((await anec([...command, "../own.ckpt", "--data", "../my text.txt"])).code).toBe(0);
  },
);

test("what is no checkpoint cannot be resumed, and a model of another program may be a start", async () => {
  inNewFolder();
  const trainer = smallTrainer({ compact: false });
  trainer.save("own.ckpt");
  const weights = weightsOf(readCheckpoint("own.ckpt"));
  writeGguf("model.gguf", weights);
  writeBlzt("model.bin", weights);
  writeFileSync("book.txt", OWN);
  const resume = async (path: string) => {
    const { code, err } = await anec(["train", "--resume", path, "--steps", "8"]);
    return { code, title: firstLine(err), err };
  };
  for (const path of ["model.gguf", "model.bin", "book.txt"]) {
    expect(await resume(path)).toMatchObject({
      code: 1,
      title: `error[E0732]: \`${path}\` is no checkpoint of anec: there is no run in it to resume`,
      err: expect.stringContaining(path === "book.txt" ? "`--data`" : `\`--init ${path}\``),
    });
  }
  writeHf("hf", randomWeights(smallConfig, 5));
  for (const path of ["hf", "hf/model.safetensors"]) {
    expect(await resume(path)).toMatchObject({
      title: `error[E0732]: \`${path}\` is no checkpoint of anec: there is no run in it to resume`,
      err: expect.stringContaining("`--init hf`"),
    });
  }
  // A checkpoint that was cut off, or is not there, is told as before.
  writeFileSync("cut.ckpt", readFileSync("own.ckpt").subarray(0, 2000));
  expect((await resume("cut.ckpt")).title).toMatch(/^error\[E071\d\]/);
  expect((await resume("none.ckpt")).title).toMatch(/^error\[E0706\]/);
});

test.each([
  ["x.gguf", "x.ckpt"],
  ["runs/x.SafeTensors", "runs/x.ckpt"],
  ["x.bin", "x.ckpt"],
])("training writes no checkpoint called %s", async (path, own) => {
  inNewFolder();
  mkdirSync("runs");
  const argv = ["train", "--model", "tiny", "--data", "builtin:stories", "--steps", "1"];
  const { code, err } = await anec([...argv, "--out", path]);
  expect([code, firstLine(err)]).toEqual([
    2,
    `error[E0976]: \`--out ${path}\` has the name of another format, but training writes checkpoints of anec`,
  ]);
  expect(err).toContain(`\`anec convert ${own} ${path}\``);
  expect(existsSync(path)).toBe(false);
});
