/** The package as npm packs it, and command lines in the folder of somebody who installs it. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../dsl/index.ts";
import { addonPath, prebuiltPath } from "../../runtime-native/js/addon_file.ts";
import { emulatorLibrary } from "../../runtime-native/js/ane.ts";

export const root = packageRoot();

/** Nothing of this machine's settings, and folders of its own. */
export function newMachine(): {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  remove(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), "anec-new-"));
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(ANEC_|npm_|NODE_|VITEST|XDG_)/i.test(name),
  );
  const env = {
    ...Object.fromEntries(kept),
    ...{ XDG_CACHE_HOME: join(folder, "cache"), NO_COLOR: "1", NO_UPDATE_NOTIFIER: "1" },
    ...{ npm_config_cache: join(folder, "npm"), npm_config_update_notifier: "false" },
    // Settings of whoever runs the tests are not those of a new user.
    ...{ npm_config_userconfig: join(folder, "npmrc") },
  };
  return { folder, env, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs a command to its end. */
export function execute(
  [command, ...words]: readonly [string, ...string[]],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (data: Buffer) => {
      text += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => {
      text += data.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, text }));
  });
}

function must(command: string, words: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${words.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

export interface Packed {
  /** Path of the .tgz. */
  readonly path: string;
  readonly bytes: number;
}

/** Packs a folder into another one. */
export function pack(from: string, into: string, env: NodeJS.ProcessEnv): Packed {
  mkdirSync(into, { recursive: true });
  const flags = ["--ignore-scripts", "--json", "--pack-destination", into];
  const out = must("npm", ["pack", ...flags], from, env);
  const [made] = Object.values(JSON.parse(out) as object) as { filename: string; size: number }[];
  return { path: join(into, made!.filename), bytes: made!.size };
}

/** The package without prebuilt runtimes: its folder, unpacked, and the size of its tarball. */
export function leanPackage(folder: string, env: NodeJS.ProcessEnv) {
  const lean = join(folder, "lean");
  const { path, bytes } = pack(root, lean, env);
  must("tar", ["-xzf", path, "-C", lean], folder, env);
  const unpacked = join(lean, "package");
  const prebuilds = join(unpacked, "prebuilds");
  if (!existsSync(prebuilds)) return { folder: unpacked, bytes };
  rmSync(prebuilds, { recursive: true });
  return { folder: unpacked, bytes: pack(unpacked, join(folder, "again"), env).bytes };
}

/** Puts the runtime of this checkout where a prebuilt one goes. */
export function addPrebuilt(folder: string): void {
  const { platform, arch } = process;
  const target = join(prebuiltPath({ root: folder, named: undefined, platform, arch }), "..");
  mkdirSync(target, { recursive: true });
  for (const file of [addonPath(), emulatorLibrary()])
    cpSync(file, join(target, file.slice(file.lastIndexOf("/") + 1)));
}
