/**
 * The folder of compiled programs that the runtime keeps: one folder an entry, with a manifest.
 *
 *     anec compiled program 1
 *     name layer
 *     file <sha256> <bytes> net.plist
 *     end <sha256 of the lines above>
 *
 * `runtime-native/backends/ane/disk_cache.cpp` writes it; what is wrong with an entry is judged here by
 * the same rules.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { userCacheFolder } from "../training/data/cache.ts";

export interface CachedProgram {
  /** Digest of everything the program is made of. */
  readonly key: string;
  readonly name: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly used: number;
  /** What is wrong with it; undefined if nothing is. */
  readonly damage?: string;
}

const UNFINISHED = ".part";
const sha256 = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

/** Where programs are kept for this user. */
export function programCacheFolder(): string {
  return join(userCacheFolder(), "programs");
}

/** The entries, the one used last first. Files are only read if `verify` asks for it. */
export function cachedPrograms(folder: string, verify: boolean): readonly CachedProgram[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((key) => !key.startsWith(".") && !key.includes(UNFINISHED))
    .map((key) => readEntry(join(folder, key), key, verify))
    .sort((a, b) => b.used - a.used || (a.key < b.key ? -1 : 1));
}

/** Removes an entry; renamed first, so that nobody finds half of it. */
export function removeProgram(folder: string, key: string): void {
  const gone = join(folder, `${key}${UNFINISHED}.${process.pid}.cli`);
  renameSync(join(folder, key), gone);
  rmSync(gone, { recursive: true, force: true });
}

/** Bytes of every file below a path. */
function sizeOf(path: string): number {
  const info = statSync(path);
  if (!info.isDirectory()) return info.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function readEntry(path: string, key: string, verify: boolean): CachedProgram {
  const manifest = join(path, "manifest");
  const bytes = sizeOf(path);
  if (!existsSync(manifest))
    return { key, name: "", bytes, used: statSync(path).mtimeMs, damage: "it has no manifest" };
  const text = readFileSync(manifest, "utf8");
  const name = /^name (.*)$/m.exec(text)?.[1] ?? "";
  const damage = verify ? damageOf(path, text) : undefined;
  const entry = { key, name, bytes, used: statSync(manifest).mtimeMs };
  return damage === undefined ? entry : { ...entry, damage };
}

function damageOf(path: string, text: string): string | undefined {
  const end = text.lastIndexOf("end ");
  const isWhole =
    text.startsWith("anec compiled program 1\nname ") &&
    text.slice(end) === `end ${sha256(text.slice(0, end))}\n`;
  if (!isWhole) return "its manifest is damaged";
  for (const line of text.slice(0, end).split("\n").slice(2, -1)) {
    const [, digest, bytes, file] = /^file ([0-9a-f]{64}) ([0-9]+) (.+)$/.exec(line) ?? [];
    if (file === undefined) return "its manifest is damaged";
    const whole = join(path, "files", file);
    if (!existsSync(whole)) return `${file} is missing`;
    const content = readFileSync(whole);
    if (content.length !== Number(bytes) || sha256(content) !== digest) return `${file} is damaged`;
  }
  return undefined;
}
