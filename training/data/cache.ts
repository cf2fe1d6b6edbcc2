/**
 * Token files that were prepared once and are kept for the user.
 *
 * An entry is named after everything it is made of, so it never has to change: two processes that
 * prepare it at once write the same bytes. Its metadata holds the digest of its tokens and is
 * written last; an entry that does not match is made again.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { cacheRebuilt } from "../../compiler/messages/data.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { makePrivateFolder, readFileBytes } from "../../formats/files.ts";
import {
  metadataPath,
  type OpenOptions,
  openTokenFile,
  readMetadata,
  type TokenData,
} from "./token_file.ts";

/** The user's cache folder: ~/Library/Caches/anec on macOS, else $XDG_CACHE_HOME/anec or ~/.cache/anec. */
export function userCacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
  home: string = homedir(),
): string {
  const xdg = environment["XDG_CACHE_HOME"];
  // A relative path there means nothing, by the rule of XDG.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "anec");
  return platform === "darwin"
    ? join(home, "Library", "Caches", "anec")
    : join(home, ".cache", "anec");
}

export interface CacheOptions extends OpenOptions {
  readonly folder: string;
  /** Name of the entry, without a suffix. */
  readonly name: string;
  /** Prepares the token file at `path`, metadata included. */
  readonly build: (path: string) => Promise<unknown>;
  readonly report?: (warning: Diagnostic) => void;
}

/** Opens an entry, made first if it is missing or damaged. Throws what `build` and `openTokenFile` throw. */
export async function openCached(options: CacheOptions): Promise<TokenData> {
  const folder = join(options.folder, "data");
  // What someone trains on is theirs.
  makePrivateFolder(folder);
  const path = join(folder, `${options.name}.bin`);
  if (!fs.existsSync(metadataPath(path))) {
    await options.build(path);
  } else {
    const what = damageOf(path);
    if (what !== undefined) {
      options.report?.(cacheRebuilt(path, what));
      await options.build(path);
    }
  }
  return openTokenFile(path, options);
}

/** What is wrong with an entry, or undefined. */
function damageOf(path: string): string | undefined {
  try {
    const metadata = readMetadata(metadataPath(path));
    if (metadata === undefined || !fs.existsSync(path)) return "a part of it is missing";
    const digest = createHash("sha256").update(readFileBytes(path)).digest("hex");
    return digest === metadata.sha256 ? undefined : "its tokens do not match their digest";
  } catch (error) {
    if (error instanceof UserError) return "its metadata cannot be read";
    throw error;
  }
}

/** A short name for contents: the first 16 hex digits of a sha256. */
export function digestName(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(String(part.length)).update(":").update(part);
  return hash.digest("hex").slice(0, 16);
}
