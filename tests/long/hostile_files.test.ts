/**
 * Whole commands on files that strangers made: nothing is written outside of the folder that was asked for,
 * nothing of theirs runs, and sizes that files only claim are never allocated. docs/robustness.md lists the
 * tests of single readers.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { keepProducts } from "../../cli/product_table.ts";
import { writeBundle } from "../../compiler/bundle/write.ts";
import { elaborate, loadModel } from "../../dsl/index.ts";
import { compile } from "../../index.ts";
import {
  type CheckpointContents,
  encodeCheckpoint,
  readCheckpoint,
} from "../../training/checkpoint.ts";
import { openData } from "../../training/data/open_data.ts";
import { checkpointOf } from "../../training/foreign_model.ts";
import { anec, inNewFolder, type Result } from "../e2e/cli_support.ts";
import { userError } from "../support/user_error.ts";
import { bytesOf } from "../unit/formats/gguf_support.ts";
import { hfFolder } from "../unit/formats/hf_models.ts";
import { randomWeights, smallConfig } from "../unit/formats/random_weights.ts";
import { settingsOf } from "../unit/search/support.ts";

const weights = randomWeights({ ...smallConfig, vocabulary: 32 }, 5);

/** Every path below a folder, with what is in it; links are not followed. */
function contentsOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    const { mode } = fs.lstatSync(path);
    const isFile = (mode & fs.constants.S_IFMT) === fs.constants.S_IFREG;
    const isLink = (mode & fs.constants.S_IFMT) === fs.constants.S_IFLNK;
    found[name] = isLink ? fs.readlinkSync(path) : isFile ? fs.readFileSync(path, "latin1") : "";
  }
  return found;
}

/** The user is told what is wrong; it is no mistake of ours. */
function expectRefused({ code, err, all }: Result): void {
  expect([1, 3], all).toContain(code);
  expect(err).toMatch(/^error\[E\d{4}\]/m);
  expect(err).not.toMatch(/\bundefined\b|\[object /);
}

/** A file of the user's own, outside of what strangers made. */
function precious(folder: string): string {
  const path = join(folder, "precious");
  fs.writeFileSync(path, "mine");
  return path;
}

// Links that lead out

const tinyBundle = compile(
  elaborate(loadModel("tiny"))
    .entries.find((e) => e.kind === "model")!
    .graph(),
  { target: "ane", gradients: false },
).bundle;

test.each(["manifest.json", "programs", "programs/layer_fwd.mil"])(
  "a bundle is not written over what `%s` leads to by a link",
  async (name) => {
    const folder = inNewFolder();
    writeBundle("stranger.anec", tinyBundle);
    const path = join("stranger.anec", name);
    const elsewhere = join(folder, "elsewhere");
    expect(fs.existsSync(path)).toBe(true);
    fs.renameSync(path, elsewhere);
    fs.symlinkSync(elsewhere, path);
    const before = contentsOf(folder);
    expectRefused(await anec(["compile", "tiny", "--target", "ane", "--out", "stranger.anec"]));
    const after = contentsOf(folder);
    for (const [where, what] of Object.entries(before))
      if (!where.startsWith("stranger.anec")) expect(after[where]).toBe(what);
  },
);

test("a bundle has no file whose name leads out of it", () => {
  const folder = inNewFolder();
  for (const name of ["../out.mil", "a/../../out.mil", join(folder, "out.mil")]) {
    const files = new Map([[name, new Uint8Array(1)]]);
    const said = userError(() => writeBundle("new.anec", { ...tinyBundle, files }));
    expect(said).toContain("E0707 cannot write");
  }
  expect(fs.readdirSync(folder)).toEqual([]);
});

test("a link that leads nowhere is not written through, and one that stays inside is", () => {
  const folder = inNewFolder();
  writeBundle("out.anec", tinyBundle);
  const [manifest, kept] = [join("out.anec", "manifest.json"), join("out.anec", "kept.json")];
  fs.renameSync(manifest, kept);
  fs.symlinkSync("kept.json", manifest);
  writeBundle("out.anec", tinyBundle);
  expect(fs.lstatSync(manifest).isSymbolicLink()).toBe(true);
  fs.rmSync(manifest);
  fs.symlinkSync(join(folder, "new.json"), manifest);
  expect(userError(() => writeBundle("out.anec", tinyBundle))).toContain("E0707 cannot write");
  expect(fs.existsSync(join(folder, "new.json"))).toBe(false);
});

test.each(["summary.html", "results.tsv", "experiments.jsonl"])(
  "a search is not gone on with where `%s` leads to a file of somebody else's",
  async (name) => {
    const path = precious(inNewFolder());
    fs.mkdirSync("search");
    fs.writeFileSync(join("search", "search.json"), JSON.stringify(settingsOf()));
    fs.writeFileSync(join("search", "experiments.jsonl"), "");
    fs.rmSync(join("search", name), { force: true });
    fs.symlinkSync(path, join("search", name));
    const isPage = name === "summary.html";
    expectRefused(
      await anec(["search", ...(isPage ? ["--summary"] : ["--resume", "--out"]), "search"]),
    );
    expect(fs.readFileSync(path, "utf8")).toBe("mine");
  },
);

// Sizes that are only claimed

const TEBIBYTE = 2 ** 40;

/** A file of that many zeros after a head, which takes no room on the disk. */
function sparse(path: string, head: string | Uint8Array, bytes = TEBIBYTE): string {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, head);
  fs.truncateSync(path, bytes);
  return path;
}

const GGUF_HEAD = Buffer.from(bytesOf(weights).subarray(0, 2000));

test.each<[string, () => readonly string[]]>([
  ["a source", () => ["check", sparse("a.ane", "dims S = 4\n")]],
  ["a source of 700 MB", () => ["check", sparse("a.ane", "dims S = 4\n", 7e8)]],
  ["a source to lay out", () => ["fmt", sparse("a.ane", "dims S = 4\n")]],
  ["a program", () => ["mil", "check", sparse("a.mil", "program(1.3)\n")]],
  ["a program of a report", () => ["report", sparse("a.mil", "program(1.3)\n")]],
  ["a checkpoint", () => ["report", sparse("a.ckpt", "\x02\0\0\0\0\0\0\0{}")]],
  ["a long header", () => ["report", sparse("a.ckpt", Buffer.from([0, 0, 0, 0, 128, 0, 0, 0]))]],
  ["a GGUF model", () => ["generate", sparse("a.gguf", GGUF_HEAD)]],
  ["a space", () => ["search", "--model", "tiny", "--space", sparse("space.json", "{")]],
  ["a manifest", () => ["report", dirname(sparse("a.anec/manifest.json", "{"))]],
  ["metadata", () => ["report", dirname(milFolder(sparse("a.mlmodelc/metadata.json", "[")))]],
  ["a configuration", () => ["report", hfWithFile((at) => sparse(join(at, "config.json"), "{"))]],
  ["a tokenizer", () => ["generate", hfWithFile((at) => sparse(join(at, "tokenizer.json"), "{"))]],
])("%s that claims more than there is memory is refused", async (_, argv) => {
  inNewFolder();
  const before = process.memoryUsage().rss;
  expectRefused(await anec(argv()));
  expect(process.memoryUsage().rss - before).toBeLessThan(5e8);
});

function milFolder(beside: string): string {
  const text =
    'program(1.3)\n{ func main<ios18>(tensor<fp16, [1, 4]> x) {\n    tensor<fp16, [1, 4]> y = relu(x = x)[name = string("y")];\n  } -> (y); }\n';
  fs.writeFileSync(join(dirname(beside), "model.mil"), text);
  return beside;
}

/** A sound Hugging Face folder, with one file put into it. */
function hfWithFile(put: (folder: string) => unknown): string {
  fs.cpSync(hfFolder("llama"), "model", { recursive: true });
  put("model");
  return "model";
}

test.skipIf(process.platform === "win32")(
  "pipes, devices and circles in a folder are no files of a model",
  async () => {
    inNewFolder();
    for (const name of ["config.json", "tokenizer.json", "model.safetensors"]) {
      for (const lead of ["/dev/zero", name, "pipe"]) {
        const folder = hfWithFile((at) => {
          fs.rmSync(join(at, name), { force: true });
          if (lead === "pipe") spawnSync("mkfifo", [join(at, name)]);
          else fs.symlinkSync(lead, join(at, name));
        });
        const isNeeded = name !== "tokenizer.json" || lead === name;
        const answer = await anec(["convert", folder, "out.gguf"]);
        if (isNeeded) expectRefused(answer);
        else expect(answer.all).not.toContain("bug in anec");
        fs.rmSync(folder, { recursive: true });
        fs.rmSync("out.gguf", { force: true });
      }
    }
    fs.symlinkSync("/dev/zero", "endless.ane");
    fs.symlinkSync("/dev/zero", "endless.txt");
    expectRefused(await anec(["check", "endless.ane"]));
    expectRefused(await anec(["eval", hfWithFile(() => {}), "--data", "endless.txt"]));
  },
  30_000,
);

// Sources in checkpoints

/** A checkpoint with the digest that belongs to it, as a stranger would sign it. */
function checkpointWith(change: (contents: CheckpointContents) => CheckpointContents): string {
  const contents = change(checkpointOf(weights));
  fs.writeFileSync("stranger.ckpt", Buffer.concat([...encodeCheckpoint(contents)]));
  return "stranger.ckpt";
}

const withText =
  (edit: (text: string) => string) =>
  (c: CheckpointContents): CheckpointContents => {
    const text = edit(c.model.source.text);
    expect(text).not.toBe(c.model.source.text);
    return { ...c, model: { ...c.model, source: { ...c.model.source, text } } };
  };

const dim = (name: string, size: string): ((text: string) => string) => {
  return (text) => text.replace(new RegExp(`\\b${name} = \\d+`), `${name} = ${size}`);
};

test.each<[string, (c: CheckpointContents) => CheckpointContents]>([
  ["a width of 2^31", withText(dim("D", "2147483648"))],
  ["a width beyond all limits", withText(dim("D", "99999999999999999999"))],
  [
    "a vocabulary of 2^31",
    (c) => ({ ...c, vocabulary: { ...c.vocabulary, full: 2 ** 31, size: 2 ** 31 } }),
  ],
  ["a window of 2^31", withText(dim("S", "2147483648"))],
  ["a billion layers", withText(dim("L", "1000000000"))],
  ["a source that is no source", withText(() => "{{#each this}}{{constructor}}{{/each}}")],
  [
    "dimensions of no model",
    (c) => ({ ...c, model: { ...c.model, overrides: JSON.parse('{"__proto__": 3, "L": 1e9}') } }),
  ],
])("a checkpoint with %s is refused before anything is made of it", async (_, change) => {
  inNewFolder();
  const path = checkpointWith(change);
  const before = process.memoryUsage().rss;
  for (const argv of [
    ["eval", path, "--data", "builtin:stories", "--threads", "1"],
    ["convert", path, "out.gguf"],
  ]) {
    const answer = await anec(argv);
    expect(answer.code, answer.all).not.toBe(0);
    expect(answer.all).not.toContain("bug in anec");
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(1e9);
  expect(fs.readdirSync(".")).toEqual(["stranger.ckpt"]);
});

// Names

const NAMES = [
  "x\nmodel other(tokens: i32[S]) -> [S, V] { return embed(tokens) @ embed.weight' }",
  "x\u2028dims S = 2\r\nset norm_eps = 1",
  "../../escape",
  "/tmp/anec-escape",
  "{{constructor.constructor 'return process'}}",
  "<script>alert(1)</script>",
  "__proto__",
  "$(touch escaped); `touch escaped`",
  "a\u0000b\n\u001b]0;x\u0007",
];

test("what a model calls itself names no file, and runs nowhere", async () => {
  const folder = inNewFolder();
  fs.mkdirSync("work/in", { recursive: true });
  process.chdir(join(folder, "work"));
  for (const [i, name] of NAMES.entries()) {
    fs.writeFileSync("in/model.gguf", bytesOf({ ...weights, name }));
    fs.mkdirSync(`out${i}`);
    for (const out of ["model.ckpt", "hf"]) {
      const { code, all } = await anec(["convert", "in/model.gguf", `out${i}/${out}`]);
      expect(code, all).toBe(0);
    }
    const { text } = readCheckpoint(`out${i}/model.ckpt`).model.source;
    expect(text.match(/^(dims|set|model|train)/gm)).toEqual(["dims", "set", "model", "train"]);
    fs.renameSync(`out${i}/model.ckpt`, "last.ckpt");
    fs.rmSync(`out${i}`, { recursive: true });
    if (!/[<{]/.test(name)) continue;
    const { code, all } = await anec(["report", "last.ckpt", "--out", "page.html"]);
    expect(code, all).toBe(0);
    expect(fs.readFileSync("page.html", "utf8")).not.toContain("<script>alert");
  }
  expect(fs.readdirSync(folder)).toEqual(["work"]);
  expect(fs.readdirSync(".").sort()).toEqual(["in", "last.ckpt", "page.html"]);
  expect(fs.existsSync("/tmp/anec-escape")).toBe(false);
});

const KEYS = ['"__proto__"', '"constructor"', '"prototype"', '"hasOwnProperty"', '"toString"'];

test("keys that every object has are keys like others", async () => {
  inNewFolder();
  writeBundle("a.anec", tinyBundle);
  milFolder(sparse("a.mlmodelc/metadata.json", "[]", 2));
  fs.cpSync(hfFolder("llama"), "hf", { recursive: true });
  const settings = JSON.stringify(settingsOf());
  fs.mkdirSync("search");
  const files: readonly [string, string, readonly string[]][] = [
    ["a.anec/manifest.json", "", ["report", "a.anec"]],
    ["a.mlmodelc/metadata.json", '[{"a": 1}]', ["report", "a.mlmodelc"]],
    ["hf/config.json", "", ["convert", "hf", "hf.ckpt", "--force"]],
    ["search/search.json", settings, ["search", "--summary", "search"]],
    ["run.jsonl", '{"event":"start","time":1,"model":"tiny","step":0}\n', ["report", "run.jsonl"]],
    ["space.json", '{"lr": [1, 2]}', ["search", "--model", "tiny", "--space", "space.json"]],
  ];
  for (const [path, given, argv] of files) {
    const text = given === "" ? fs.readFileSync(path, "utf8") : given;
    for (const key of KEYS) {
      const polluted = `${key}: {"polluted": true, "length": 9}, `;
      fs.writeFileSync(path, text.replace("{", `{${polluted}`));
      const { code, all } = await anec(argv);
      expect([0, 1, 2], `${argv.join(" ")} with ${key}: ${all}`).toContain(code);
      expect(all).not.toContain("bug in anec");
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  }
});

test("a text without an end of a word is prepared", async () => {
  inNewFolder();
  const { code, all } = await anec([
    "data",
    "prepare",
    sparse("a.txt", "x", 6e6),
    "--out",
    "a.bin",
  ]);
  expect(code, all).toBe(0);
}, 60_000);

// What is the user's alone

test.skipIf(process.platform === "win32")(
  "what is kept for the user is the user's alone",
  async () => {
    const folder = join(inNewFolder(), "cache", "anec");
    fs.writeFileSync("a.txt", "Once upon a time there was a cat. ".repeat(20));
    const tokenizer = "stories";
    await openData("a.txt", { tokenizer, cacheFolder: folder });
    // A library is any file; what was measured with it is kept.
    fs.writeFileSync("blas.so", "");
    const product = { m: 1, n: 1, k: 1, transA: false, transB: false, own: 1, library: 2 };
    keepProducts(join(process.cwd(), "blas.so"), [product], { threads: 1, cache: folder });
    for (const [name, mode] of modesBelow(dirname(folder)))
      expect([name, mode]).toEqual([name, mode & 0o700]);
    expect(modesBelow(folder).size).toBe(5);
  },
);

/** Permissions of everything below a folder. */
function modesBelow(folder: string): Map<string, number> {
  const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
  return new Map(names.map((name) => [name, fs.statSync(join(folder, name)).mode & 0o777]));
}
