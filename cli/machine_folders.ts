/** What `anec doctor` says of folders: who may look into the cache, whether it can be written, and the room left. */
import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { corpusCacheName, defaultCorpus } from "../training/data/corpus.ts";
import type { Check } from "./machine.ts";
import { bytesText, shellWord } from "./output.ts";

/** A run of the default model with its checkpoint and the default text fits into this. */
const ENOUGH_BYTES = 1e9;

/** The cache holds what someone trains on, and programs made of weights: it is for the user alone. */
export function cacheCheck(folder: string): Check {
  const name = "cache";
  if (!existsSync(folder)) {
    const above = existing(folder);
    return isWritable(above)
      ? { name, state: "ready", what: `${folder} (made when it is needed)` }
      : notWritable(name, folder, above);
  }
  if (!isWritable(folder)) return notWritable(name, folder, folder);
  const open = [folder, ...foldersIn(folder)].filter((path) => (modeOf(path) & 0o077) !== 0);
  if (open.length === 0 || process.platform === "win32")
    return { name, state: "ready", what: `${folder}, for you alone` };
  return {
    name,
    state: "note",
    what: `others may look into ${open.join(", ")}`,
    advice: `It holds what you train on: \`chmod 700 ${open.map(shellWord).join(" ")}\`.`,
  };
}

function notWritable(name: string, folder: string, at: string): Check {
  return {
    name,
    state: "fault",
    what: `${folder} cannot be written`,
    advice: `Make \`${at}\` writable, or set XDG_CACHE_HOME to a folder that is.`,
  };
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** The folder itself, or the nearest one above it that is there. */
function existing(folder: string): string {
  let path = folder;
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  return path;
}

/** Room for checkpoints here, and for texts and programs in the cache. */
export function diskCheck(
  cache: string,
  roomIn: (folder: string) => number = (folder) => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  },
): Check {
  const places = [
    { where: "here", room: roomIn(process.cwd()) },
    { where: "for the cache", room: roomIn(existing(cache)) },
  ];
  const what = places.map(({ where, room }) => `${bytesText(room)} free ${where}`).join(", ");
  if (places.every(({ room }) => room >= ENOUGH_BYTES))
    return { name: "disk", state: "ready", what };
  return {
    name: "disk",
    state: "note",
    what,
    advice: `Training writes checkpoints of about 12 bytes a parameter, and the default text takes 20 MB: free some space.`,
  };
}

/** The default text, which is fetched once. */
export function textCheck(cache: string): Check {
  const entry = join(cache, "data", `${corpusCacheName(defaultCorpus, "gpt2")}.json`);
  const what = existsSync(entry)
    ? "fetched"
    : "not fetched yet: `anec train` does, or takes `--data builtin:stories`";
  return { name: "default text", state: "ready", what };
}
