/**
 * anec as somebody new meets it: from the tarball in an empty folder, to a trained model, its GGUF file and its
 * report. What is typed and printed is kept in docs/transcript.md; `vitest -u` rewrites it.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalRegistry, openLocalRegistry } from "../support/local_registry.ts";
import { addPrebuilt, execute, leanPackage, newMachine, pack } from "./tarball_support.ts";

const machine = newMachine();
const home = join(machine.folder, "new");
let registry: LocalRegistry;
let lean: { readonly folder: string; readonly bytes: number };

beforeAll(async () => {
  mkdirSync(home);
  registry = await openLocalRegistry(join(import.meta.dirname, "../.."), machine.folder);
  lean = leanPackage(machine.folder, machine.env);
});

afterAll(() => {
  registry.close();
  machine.remove();
});

const LAYER = `dims S = 32, D = 32, F = 64

/// A layer of one's own: two products, one of them the gate of the other.
layer gated(x: [S, D]) -> [S, D] {
  param up: [D, F]
  param gate: [D, F]
  param down: [F, D]
  return (silu(x @ gate) * (x @ up)) @ down
}
`;

const MODEL = `dims S = 32, D = 32, H = 2, K = 1, E = 16, F = 64, V = 512, L = 2

model mine(tokens: i32[S]) -> [S, V] {
  x = embed(tokens)
  repeat L { x = block(x) }
  return rms_norm#norm(x) @ embed.weight'
}

train mine(tokens: i32[S], targets: i32[S]) {
  loss cross_entropy(mine(tokens), targets)
}
`;

const PROGRAM = `import { compile, load, Session } from "anec";

const model = load("./my.ane");
console.log(compile(model, { target: "cpu" }).stats.parameters, "parameters");
const session = Session.open(model, { learn: { lr: 1e-2 } });
const tokens = Int32Array.from({ length: 32 }, (_, i) => i);
const first = session.step({ tokens, targets: tokens }).loss;
for (let i = 0; i < 20; i += 1) session.step({ tokens, targets: tokens });
console.log("it learns:", session.step({ tokens, targets: tokens }).loss < first);
session.close();
`;

/** A heading, files to write, and command lines. */
interface Step {
  readonly title: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly commands: readonly string[];
  /** The lines of the output that are the same on every machine. */
  readonly keep?: RegExp;
}

const DATA = "--data builtin:stories";
const STEPS: readonly Step[] = [
  { title: "Install", commands: ["npm install ./anec-0.1.0.tgz"], keep: /^added/ },
  {
    title: "What this machine has",
    commands: ["npx anec doctor --quick"],
    keep: /^ {2}ready {2}(runtime|emulator) |^ {2}Everything/,
  },
  {
    title: "A layer, as programs for the Neural Engine",
    files: { "gated.ane": LAYER },
    commands: ["npx anec check gated.ane", "npx anec compile gated.ane --out gated.anec"],
  },
  {
    title: "A model: train it, and let it write",
    files: { "my.ane": MODEL },
    commands: [
      `npx anec train --model my.ane ${DATA} --steps 40 --accum 4 --lr 3e-3 --out my.ckpt`,
      'npx anec generate my.ckpt --prompt "Once upon a time" --tokens 8 --temperature 0',
    ],
  },
  {
    title: "Take it elsewhere",
    commands: ["npx anec convert my.ckpt my.gguf --expand", "npx anec report my.ane --out my.html"],
  },
  {
    title: "Use it as a library",
    files: { "learn.mjs": PROGRAM },
    commands: ["node learn.mjs"],
  },
];

/** The output with what differs from run to run, or from machine to machine, masked. */
function masked(text: string): string {
  return text
    .replaceAll(home, ".")
    .replace(/^(added \d+ packages).*$/m, "$1")
    .replace(/^( +device {2}cpu).*$/m, "$1: …")
    .replace(/ {2}[\d,]+ tokens\/s.*$/gm, "")
    .replace(/\d+\.\d{3,}/g, "#.####")
    .replace(/\d[\d.,]* ([kM]?B)\b/g, "# $1")
    .replace(/^(Once upon a time).*$/m, "$1…")
    .replace(/(node_modules\S*)linux-x64|darwin-arm64|linux-arm64/g, "$1PLATFORM")
    .replace(/\.(so|dylib)$/gm, ".so");
}

async function shown(line: string, keep: RegExp | undefined): Promise<string> {
  const words = line.match(/"[^"]*"|\S+/g)!.map((w) => w.replace(/^"|"$/g, ""));
  const { code, text } = await execute(words as [string, ...string[]], {
    cwd: home,
    env: { ...machine.env, npm_config_registry: registry.url, npm_config_audit: "false" },
  });
  expect(code, `${line}\n${text}`).toBe(0);
  const lines = text.split("\n");
  const kept = keep === undefined ? text.trim() : lines.filter((l) => keep.test(l)).join("\n");
  return `$ ${line}\n${masked(kept)}`;
}

test("the package is smaller than 5 MB without prebuilt runtimes", () => {
  expect(lean.bytes).toBeLessThan(5e6);
  for (const file of ["LICENSE", "README.md", "THIRD_PARTY_NOTICES.md", "dist/api/index.d.ts"])
    expect(existsSync(join(lean.folder, file)), file).toBe(true);
});

test("the transcript of a first hour is docs/transcript.md", async () => {
  const whole = join(machine.folder, "whole");
  addPrebuilt(lean.folder);
  const { path } = pack(lean.folder, whole, machine.env);
  writeFileSync(join(home, "anec-0.1.0.tgz"), readFileSync(path));
  const parts: string[] = [];
  for (const { title, files = {}, commands, keep } of STEPS) {
    parts.push(`## ${title}\n`);
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(home, name), text);
      const language = name.endsWith(".ane") ? "ane" : "js";
      parts.push(`\`${name}\`:\n\n\`\`\`${language}\n${text}\`\`\`\n`);
    }
    const outputs: string[] = [];
    for (const command of commands) outputs.push(await shown(command, keep));
    parts.push(`\`\`\`console\n${outputs.join("\n\n")}\n\`\`\`\n`);
  }
  expect(readFileSync(join(home, "my.gguf")).toString("latin1", 0, 4)).toBe("GGUF");
  expect(readFileSync(join(home, "my.html"), "utf8")).toMatch(/^<!doctype html>/i);
  const page = `# A first hour

From an empty folder and the tarball that \`npm pack\` makes: what is typed, and what is printed. A test types it
again (\`tests/e2e/tarball.test.ts\`); what differs from machine to machine is left out or masked.

${parts.join("\n")}`;
  await expect(page).toMatchFileSnapshot("../../docs/transcript.md");
}, 300_000);

test("a package that cannot be built installs, says so, and tells what to do", async () => {
  // The dependencies are those of the first install, and there is nothing but node on this path.
  const bare = join(home, "node_modules", "anec-bare");
  cpSync(lean.folder, bare, { recursive: true });
  rmSync(join(bare, "prebuilds"), { recursive: true, force: true });
  const tools = join(machine.folder, "tools");
  mkdirSync(tools);
  symlinkSync(process.execPath, join(tools, "node"));
  const { CXX: _, ...rest } = machine.env;
  const env = { ...rest, PATH: tools };
  const install = await execute([process.execPath, "scripts/install.mjs"], { cwd: bare, env });
  expect(install.code).toBe(0);
  expect(install.text).toContain("anec: the native runtime could not be built");
  expect(install.text).toContain("`npx anec doctor` says what to install");
  const run = (...words: string[]) =>
    execute([process.execPath, "bin/anec.js", ...words], { cwd: bare, env });
  const doctor = await run("doctor", "--quick");
  expect(doctor.code).toBe(3);
  expect(doctor.text).toMatch(/fault {2}runtime/);
  expect(doctor.text.replace(/\s+/g, " ")).toContain(
    "The last build failed: anec needs a C++20 compiler",
  );
  expect(doctor.text.replace(/\s+/g, " ")).toContain("then run `npm rebuild anec`");
  expect((await run("compile", "tiny")).code).toBe(0);
  const train = await run("train", "--model", "tiny", "--data", "builtin:stories", "--steps", "1");
  expect(train.code).toBe(3);
  expect(train.text).toContain(
    "error[E0605]: the native runtime is not built: run `npm rebuild anec`",
  );
}, 300_000);
