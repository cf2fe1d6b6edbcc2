/**
 * Bundles of strangers: one file of a small bundle is damaged, then the manifest gets the digests that its files have,
 * so that what stands behind them is read too. A manifest is damaged as lines, one for each of its values:
 *
 *     /programs/0/calls 1
 *     /schedule/2/do "dispatch"
 *
 * A line that is broken is left out, and the others are still JSON. Lines behind a `+` are changes to the sound manifest.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Bundle, sha256 } from "../../../compiler/bundle/manifest.ts";
import type { Node } from "../../../compiler/ir/node.ts";
import { elementCount, sizesOf } from "../../../compiler/ir/types.ts";
import type { Tensor } from "../../../compiler/ops/tensor.ts";
import { elaborate } from "../../../dsl/index.ts";
import { type CompileOptions, compile } from "../../../index.ts";
import { readBundle } from "../../../report/bundle/read.ts";
import { bundlePage } from "../../../report/model/page.ts";
import { overwrite } from "../overwrite.ts";
import type { FuzzTarget } from "./run.ts";

const MODEL = `
dims S = 4, D = 8, V = 16

model mini(tokens: i32[S]) -> [S, V] {
  param up: [D, D]
  x = embed(tokens)
  x += rms_norm(x) @ up
  return x @ embed.weight'
}
`;

function miniBundle(options: CompileOptions): Bundle {
  const [entry] = elaborate({ path: "mini.ane", text: MODEL }).entries;
  return compile(entry!.graph(), options).bundle;
}

/** The value of every parameter: with it, a bundle has a file of weights. */
function baked({ type }: Node): Tensor {
  const shape = sizesOf(type.shape);
  return { shape, data: new Float64Array(elementCount(type.shape)).fill(0.5) };
}

const hasEntries = (value: unknown): value is object => typeof value === "object" && value !== null;

/** The lines of a value; what has no entries is a line of its own. */
function linesOf(value: unknown, path = ""): readonly string[] {
  if (!hasEntries(value) || Object.keys(value).length === 0)
    return [`${path} ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, entry]) => linesOf(entry, `${path}/${key}`));
}

/** The value that lines make of another one. An object whose first key is `0` is a list. */
function fromLines(lines: readonly string[], before?: unknown): unknown {
  const top: { value?: unknown } = { value: structuredClone(before) };
  for (const line of lines) {
    const [, path, json] = /^(\/.*?) (.*)$/s.exec(line) ?? [];
    const leaf = json === undefined ? undefined : parsed(json);
    if (path === undefined || leaf === undefined) continue;
    let [at, key]: [object, string] = [top, "value"];
    for (const next of path.slice(1).split("/")) {
      const found = Object.getOwnPropertyDescriptor(at, key)?.value as unknown;
      const inner = hasEntries(found) ? found : next === "0" ? [] : {};
      put(at, key, inner);
      [at, key] = [inner, next];
    }
    put(at, key, leaf);
  }
  return top.value;
}

/** As JSON.parse does it: `__proto__` is a key like others. Lists take what follows their last entry. */
function put(at: object, key: string, value: unknown): void {
  if (!Array.isArray(at))
    Object.defineProperty(at, key, {
      ...{ value, enumerable: true, writable: true, configurable: true },
    });
  else if (Number(key) < at.length) at[Number(key)] = value;
  else at.push(value);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** The digests of the files that a manifest names, where the folder has them. */
function digestsFor(manifest: unknown, files: ReadonlyMap<string, Uint8Array>): object {
  const programs = (manifest as { programs?: unknown } | undefined)?.programs;
  const names = (Array.isArray(programs) ? programs : []).flatMap((program: unknown) =>
    hasEntries(program) ? Object.values(program) : [],
  );
  const there = names.filter((name): name is string => files.has(name as string));
  return Object.fromEntries(there.map((name) => [name, sha256(files.get(name)!)]));
}

const folder = mkdtempSync(join(tmpdir(), "anec-fuzz-bundle-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

function write(name: string, bytes: Uint8Array): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  overwrite(path, bytes);
}

const engine = { target: "ane", gradients: false } as const;
const { manifest: sound, files } = miniBundle({ ...engine, mode: "infer", baked });
const [program, weights] = [".mil", ".bin"].map(
  (ending) => [...files.keys()].find((name) => name.endsWith(ending))!,
) as [string, string];
/** Parameters are put on surfaces. */
const { surfaces, staging: staged, schedule } = miniBundle(engine).manifest;

const asBytes = (value: unknown): Buffer => Buffer.from(linesOf(value).join("\n"));
const changes = (value: unknown): Buffer => Buffer.concat([Buffer.from("+\n"), asBytes(value)]);

/** The manifest that a case is, if it begins as one. */
function manifestOf(bytes: Buffer): unknown {
  const lines = bytes.toString("utf8").split("\n");
  return fromLines(lines, lines[0] === "+" ? sound : undefined);
}

export const BUNDLE: FuzzTarget = {
  name: "bundle",
  doc: "bundles, with the digests that belong to them: read, and drawn on a page",
  seeds() {
    const [written] = staged.filter((step) => step.do === "write");
    const { surface, place } = written!;
    const copy = { ...written, do: "copy", from: surface, fromPlace: place };
    return [
      asBytes({ ...sound, digests: {} }),
      asBytes({ ...miniBundle({ target: "cpu", gradients: false }).manifest, digests: {} }),
      changes({ ...sound, digests: {} }),
      changes({ surfaces, staging: [...staged, copy], schedule }),
      files.get(program)!,
      files.get(weights)!,
    ];
  },
  read(bytes) {
    const isManifest = /^[/+]/.test(bytes.toString("latin1", 0, 1));
    const manifest = isManifest ? manifestOf(bytes) : sound;
    const held = new Map(files);
    // Programs begin with a word, weights with a number.
    if (!isManifest) held.set(bytes[0] === 0x70 ? program : weights, bytes);
    for (const [name, content] of held) write(name, content);
    const digests = digestsFor(manifest, held);
    const text = JSON.stringify(hasEntries(manifest) ? { ...manifest, digests } : null);
    write("manifest.json", Buffer.from(text));
    bundlePage("fuzz.anec", readBundle(folder));
  },
};
