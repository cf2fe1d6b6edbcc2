/** What commands write to: files of others stay, streams may close or fill up. */
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { deviceOptions } from "../../cli/device.ts";
import { processIo, run } from "../../cli/main.ts";
import { shellWord } from "../../cli/output.ts";
import { makeFolder } from "../../compiler/support/atomic_write.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { makePrivateFolder } from "../../formats/files.ts";
import { writeSafetensors } from "../../formats/safetensors.ts";
import { fromFloat32 } from "../../formats/tensor.ts";
import { anec, inNewFolder } from "./cli_support.ts";

const small =
  "train --model tiny --data builtin:stories -D D=32 -D F=64 -D L=1 --accum 1 --steps 2 --val-every 0";

/** The exit code and the first line of what went wrong. */
async function titleOf(...argv: readonly string[]): Promise<string> {
  const { code, err } = await anec(argv.flatMap((a) => a.split(" ")));
  return `${code} ${err.split("\n")[0]}`;
}

const model = `dims S = 4, D = 8

model small(x: [S, D]) -> [S, D] {
  return x
}

train mine(tokens: i32[S], targets: i32[S]) {
  loss mean(tokens)
}
`;

test("train overwrites neither what it reads nor what is no checkpoint", async () => {
  inNewFolder();
  mkdirSync("a folder");
  writeFileSync("book.txt", "once upon a time");
  writeFileSync("notes.md", "mine");
  linkSync("notes.md", "link.md");
  writeFileSync("empty.ckpt", "");
  writeSafetensors("other.safetensors", new Map([["x", fromFloat32([1], new Float32Array(1))]]));
  const train = (out: string, data = "builtin:stories") =>
    titleOf(`train --model tiny --steps 1 --data ${data} --out`, out);
  expect(await train("book.txt", "book.txt")).toBe(
    "2 error[E0967]: `--out book.txt` would overwrite the data",
  );
  expect(await train("link.md", "notes.md")).toBe(
    "2 error[E0967]: `--out link.md` would overwrite the data",
  );
  expect(await train("notes.md")).toBe(
    "2 error[E0968]: `--out notes.md` would replace a file that is not a checkpoint of anec",
  );
  expect(await train("other.safetensors")).toBe(
    "2 error[E0968]: `--out other.safetensors` would replace a file that is not a checkpoint of anec",
  );
  expect(await train("notes.md/x.ckpt")).toBe(
    "2 error[E0970]: `--out notes.md/x.ckpt` needs a folder, but `notes.md` is a file",
  );
  expect((await anec(["train", "--model", "tiny", "--out", ""])).err).toBe(
    "error[E0955]: `--out` cannot be ``\n\n  It takes the path of a file.\n\n  `anec explain E0955` says more\n",
  );
  writeFileSync("runs", "a file");
  expect(await titleOf("train --model tiny --data builtin:stories")).toBe(
    "2 error[E0970]: `--out runs/tiny.ckpt` needs a folder, but `runs` is a file",
  );
  expect(readFileSync("notes.md", "utf8")).toBe("mine");
  for (const out of ["empty.ckpt", "empty.ckpt", "/dev/null"]) {
    expect((await anec(`${small} --out ${out}`.split(" "))).code).toBe(0);
  }
});

test("train does not replace its model", async () => {
  inNewFolder();
  const text = readFileSync(join(import.meta.dirname, "../../dsl/models/tiny.ane"), "utf8");
  writeFileSync("my.ane", text);
  expect(await titleOf("train --model my.ane --data builtin:stories --out ./my.ane")).toBe(
    "2 error[E0967]: `--out ./my.ane` would overwrite the model",
  );
  expect(readFileSync("my.ane", "utf8")).toBe(text);
});

test("run replaces neither its inputs nor the model", async () => {
  inNewFolder();
  writeFileSync("my.ane", model);
  writeSafetensors("in.safetensors", new Map([["x", fromFloat32([4, 8], new Float32Array(32))]]));
  symlinkSync("in.safetensors", "link");
  const line = "run my.ane --entry small --inputs in.safetensors --outputs";
  expect(await titleOf(line, "link")).toBe(
    "2 error[E0967]: `--outputs link` would overwrite the inputs",
  );
  expect(await titleOf(line, "my.ane")).toBe(
    "2 error[E0967]: `--outputs my.ane` would overwrite the model",
  );
});

test("compile writes bundles into folders of their own", async () => {
  inNewFolder();
  mkdirSync("src/sub", { recursive: true });
  mkdirSync("new");
  writeFileSync("src/manifest.json", '{ "name": "a web app" }');
  writeFileSync("file", "");
  const compile = (out: string) => titleOf("compile tiny --target cpu --out", out);
  const { err } = await anec("compile tiny --target cpu --out src".split(" "));
  expect(err).toBe(`error[E0969]: the folder of \`--out src\` is not empty and holds no bundle

  A bundle goes into a new folder, an empty one, or that of an older bundle.

  help: give \`--out\` a new folder, such as \`src/tiny.anec\`

  \`anec explain E0969\` says more
`);
  expect(await compile("file")).toBe(
    "2 error[E0970]: `--out file` needs a folder, but `file` is a file",
  );
  expect(await compile("file/deep")).toBe(
    "2 error[E0970]: `--out file/deep` needs a folder, but `file` is a file",
  );
  for (const out of ["new", "new", "src/sub"]) expect(await compile(out)).toBe("0 ");
});

test("data prepare does not replace its input", async () => {
  inNewFolder();
  writeFileSync("book.bin", "text");
  writeFileSync("book.json", "text");
  expect(await titleOf("data prepare book.bin --out book")).toBe(
    "2 error[E0967]: `--out book.bin` would overwrite the input `book.bin`",
  );
  expect(await titleOf("data prepare book.json --out book")).toBe(
    "2 error[E0967]: `--out book.json` would overwrite the input `book.json`",
  );
});

test("compile takes the dimensions of a compacted checkpoint from it", async () => {
  inNewFolder();
  await anec(`${small} --out a.ckpt`.split(" "));
  const bake = "compile tiny --weights baked --values a.ckpt --entry model:tiny --out";
  expect(await titleOf(bake, "a.anec")).toBe("0 ");
  expect(await titleOf(bake, "b.anec -D D=64")).toMatch(/^1 error\[E0962\]: `a.ckpt`: tensor/);
});

/** A stream that refuses everything after some writes. */
function failing(code: string, words: string, good = 0): NodeJS.WriteStream & { text: string } {
  let left = good;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      left -= 1;
      if (left < 0) {
        done(Object.assign(new Error(`${code}: ${words}, write`), { code, syscall: "write" }));
        return;
      }
      (stream as unknown as { text: string }).text += chunk.toString();
      done();
    },
  });
  return Object.assign(stream, { text: "" }) as unknown as NodeJS.WriteStream & { text: string };
}

const whole = (): NodeJS.WriteStream & { text: string } => failing("", "", Infinity);

test("a closed pipe leaves the work and the exit code as they are", async () => {
  inNewFolder();
  writeFileSync("bad.ane", "modell x");
  const closed = () => failing("EPIPE", "broken pipe");
  const both = { stdout: closed(), stderr: closed() };
  expect(await run(["check", "bad.ane"], processIo(both))).toBe(1);
  expect(await run(["ops"], processIo({ stdout: closed(), stderr: whole() }))).toBe(0);
  const streams = { stdout: failing("EPIPE", "broken pipe", 1), stderr: whole() };
  expect(await run(`${small} --out a.ckpt`.split(" "), processIo(streams))).toBe(0);
  expect(streams.stdout.text).toMatch(/^ {2}model /);
  expect(streams.stderr.text).toBe("");
  expect(existsSync("a.ckpt")).toBe(true);
});

test("a full disk behind standard output is said, after the checkpoint is saved", async () => {
  inNewFolder();
  const full = (good = 0) => ({
    stdout: failing("ENOSPC", "no space left on device", good),
    stderr: whole(),
  });
  const said = `error[E0971]: cannot write to standard output: a part of it is missing

  system ENOSPC: no space left on device
  help: free some space, or send the output elsewhere

  \`anec explain E0971\` says more
`;
  const list = full();
  expect(await run(["ops"], processIo(list))).toBe(3);
  expect(list.stderr.text).toBe(said);
  const training = full(2);
  expect(await run(`${small} --out a.ckpt`.split(" "), processIo(training))).toBe(3);
  expect(training.stderr.text).toBe(said);
  expect(existsSync("a.ckpt")).toBe(true);
});

test("folders are made level by level, and the first refusal counts", () => {
  inNewFolder();
  const refusal = (work: () => void): string => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const [d] = error.diagnostics;
      return `${d!.code}: ${d!.title}; ${d!.notes?.[0]?.[1] ?? ""}`;
    }
    return "made";
  };
  makeFolder("a/b/c");
  makeFolder("a/b/c");
  expect(existsSync("a/b/c")).toBe(true);
  writeFileSync("file", "");
  expect(refusal(() => makePrivateFolder("file/sub"))).toBe(
    "E0707: cannot write `file`; it is a file, and a folder is needed",
  );
});

test.skipIf(process.platform !== "linux")("no folder can be made below /proc", () => {
  expect(() => makePrivateFolder("/proc/nope/anec")).toThrow(UserError);
});

test("a checkpoint keeps its entry and its rows", async () => {
  inNewFolder();
  await anec(`${small} --out a.ckpt`.split(" "));
  expect((await anec("train --resume a.ckpt --no-compact".split(" "))).err).toBe(
    "error[E0959]: `--no-compact` does not go with `--resume a.ckpt`\n\n" +
      "  The checkpoint was made with rows for the ids in its data only.\n\n" +
      "  `anec explain E0959` says more\n",
  );
  expect((await anec("train --resume a.ckpt --entry big".split(" "))).err).toBe(
    "error[E0959]: `--entry big` does not go with `--resume a.ckpt`\n\n" +
      "  The checkpoint is of `tiny`.\n\n" +
      "  `anec explain E0959` says more\n",
  );
});

test("what is printed to copy is in quotes where the shell needs them", async () => {
  inNewFolder();
  const { out } = await anec([...small.split(" "), "--out", "my run.ckpt"]);
  expect(out).toContain("  anec generate 'my run.ckpt' --prompt \"…\"\n");
  expect(out).toContain("  run     2 steps; an update after every step, adamw, lr");
  expect(shellWord("it's")).toBe("'it'\\''s'");
  expect(shellWord("-x.ckpt")).toBe("./-x.ckpt");
});

test("fmt exits with the code of what stopped it", async () => {
  inNewFolder();
  symlinkSync("loop.ane", "loop.ane");
  const { code, err } = await anec(["fmt", "loop.ane"]);
  expect({ code, title: err.split("\n")[0] }).toEqual({
    code: 3,
    title: "error[E0707]: cannot read `loop.ane`",
  });
});

test("an empty file has no entries", async () => {
  inNewFolder();
  writeFileSync("empty.ane", "");
  expect(await titleOf("compile empty.ane")).toBe("2 error[E0957]: `empty.ane` has no entries");
});

test("--blas system needs a library", () => {
  const flags = { device: "cpu", blas: "system" } as const;
  expect(deviceOptions(flags, () => ({ blas: {} }))).toEqual({ blas: "system" });
  expect(() => deviceOptions(flags, () => ({ blas: null }))).toThrow(
    "`--blas system` finds no BLAS library on this machine",
  );
});
