/** `anec verify` on the command line. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { writeBlzt } from "../../formats/blzt.ts";
import { readCheckpoint } from "../../training/checkpoint.ts";
import { weightsOf } from "../../training/foreign_model.ts";
import { blztByHand } from "../support/blzt_files.ts";
import { smallTrainer, toyData } from "../unit/training/support.ts";
import { anec, inNewFolder } from "./cli_support.ts";

/** A checkpoint after eight steps, as `model.ckpt` and `model.bin`, and its data as `toy.bin`. */
function files(): void {
  inNewFolder();
  writeFileSync("toy.bin", new Uint8Array(toyData().tokens.buffer));
  const trainer = smallTrainer({ compact: false });
  for (let i = 0; i < 8; i++) trainer.step();
  trainer.save("model.ckpt");
  writeBlzt("model.bin", weightsOf(readCheckpoint("model.ckpt")));
}

test.each(["model.ckpt", "model.bin"])("a sound %s passes", async (path) => {
  files();
  const { code, out } = await anec(["verify", path, "--data", "toy.bin", "--distinct", "40"]);
  expect(out).toMatch(/45 checks: 34 passed, 0 failed, 11 left out\n$/);
  expect(out).toContain("ok  train_resumes     bit for bit");
  expect(code).toBe(0);
});

test("a damaged one fails with the check, what was found and what was expected", async () => {
  files();
  const bytes = readFileSync("model.bin");
  writeFileSync("model.bin", bytes.subarray(0, bytes.length - 4));
  const { code, out } = await anec(["verify", "model.bin", "--no-training"]);
  expect(code).toBe(1);
  expect(out).toMatch(/FAILED {2}file_whole {6}`model.bin` has [\d,]+ bytes, but its header needs/);
  expect(out).toContain("expected: the file is as long as its header says");
  expect(out).toMatch(/33 checks: 2 passed, 1 failed, 30 left out\n$/);
});

test("JSON says the same, check by check", async () => {
  files();
  const argv = ["verify", "model.ckpt", "--model", "tiny", "--no-training", "--json"];
  const { code, out } = await anec(argv);
  const report = JSON.parse(out);
  expect(code).toBe(1);
  expect(report).toMatchObject({ path: "model.ckpt", format: "anec", failed: 6 });
  const model = report.groups.find((g: { name: string }) => g.name === "model");
  expect(model.checks[0]).toMatchObject({
    name: "model_same",
    status: "fail",
    found: expect.stringContaining("S 8 in the checkpoint, 32 given; D 16 in the checkpoint"),
  });
  expect(model.checks[1]).toEqual({
    name: "model_width",
    shows: "the width of the residual stream is that of the model",
    status: "fail",
    found: "16, the model has 64",
  });
});

test("a file of version 2 that two programs may have written is asked about", async () => {
  inNewFolder();
  const sizes = { L: 2, V: 11, D: 8, F: 6, H: 2, K: 2, E: 4, S: 32 };
  writeFileSync("v2.bin", blztByHand(sizes, { version: 2, fields: { 84: 2 } }).bytes);
  const asked = await anec(["verify", "v2.bin", "--no-training"]);
  expect(asked.out).toContain("`v2.bin` may be of maderix/ANE or fiale-plus");
  expect(asked.code).toBe(1);
  const told = await anec(["verify", "v2.bin", "--no-training", "--blzt-origin", "maderix"]);
  expect(told.out).toMatch(/ok +file_whole/);
});

test("what is neither a checkpoint nor there, and flags out of range", async () => {
  inNewFolder();
  writeFileSync("x.bin", "hello");
  expect((await anec(["verify", "x.bin", "--no-training"])).code).toBe(1);
  const none = await anec(["verify", "none.bin"]);
  expect([none.code, none.err.split("\n")[0]]).toEqual([
    1,
    "error[E0706]: there is no file `none.bin`",
  ]);
  const flag = await anec(["verify", "x.bin", "--rope-theta", "-1"]);
  expect([flag.code, flag.err]).toEqual([2, expect.stringContaining("It takes a number above 0.")]);
});

test("data is opened as what it is: a text, or data with a name, with the tokenizer of the checkpoint", async () => {
  inNewFolder();
  writeFileSync("own.txt", "The people of the village were glad that day. ".repeat(60));
  const sizes = ["S=8", "D=16", "H=2", "K=1", "E=8", "F=24", "L=1"].flatMap((d) => ["-D", d]);
  const trained = ["--steps", "4", "--accum", "2", "--out", "own.ckpt", "--device", "cpu"];
  const train = ["train", "--model", "tiny", ...sizes, "--data", "own.txt", ...trained];
  expect((await anec(train)).code).toBe(0);
  const verify = ["verify", "own.ckpt", "--no-training", "--json", "--data"];
  const own = JSON.parse((await anec([...verify, "own.txt"])).out);
  const data = own.groups.find((g: { name: string }) => g.name === "data").checks;
  const ids = data.map((c: { name: string; status: string }) => `${c.name} ${c.status}`);
  expect(ids).toEqual([
    "data_first_ids pass",
    "data_no_magic pass",
    "data_ids_vary pass",
    "data_size pass",
    "data_distinct pass",
    "data_largest_id pass",
  ]);
  const other = await anec([...verify, "own.dat"]);
  expect([other.code, other.err]).toEqual([1, expect.stringContaining('"code":"E0824"')]);
});

test("a text for a checkpoint whose tokenizer is not known is refused", async () => {
  files();
  writeFileSync("book.txt", "some words");
  const { code, err } = await anec(["verify", "model.ckpt", "--data", "book.txt"]);
  expect([code, err.split("\n")[0]]).toEqual([
    1,
    "error[E0911]: `model.ckpt` was trained with the tokenizer `toy`, which this anec does not have",
  ]);
});
