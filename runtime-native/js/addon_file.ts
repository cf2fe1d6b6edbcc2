/**
 * Which file the addon is: one that was built here, or the one that came with the package.
 *
 *     ANEC_NATIVE                              names another build, such as the one with sanitizers
 *     build/native/anec.node                   built from source, by `npm run build:native` or on install
 *     prebuilds/PLATFORM-ARCH/anec.node        came with the package
 *
 * The emulator's library lies beside it.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface AddonFile {
  readonly path: string;
  /** `named` by ANEC_NATIVE, `built` from source, `prebuilt`, or `missing`: then `path` is where a build puts it. */
  readonly origin: "named" | "built" | "prebuilt" | "missing";
}

/** Where to look, and for which machine. */
export interface AddonLook {
  /** The folder of the package. */
  readonly root: string;
  /** What ANEC_NATIVE says. */
  readonly named: string | undefined;
  /** `linux`, `darwin`. */
  readonly platform: string;
  /** `x64`, `arm64`. */
  readonly arch: string;
}

/** The folder of anec's own package.json: this file runs from the sources and from dist/. */
function packageRoot(): string {
  const from = dirname(fileURLToPath(import.meta.url));
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest)) {
      const parsed = JSON.parse(readFileSync(manifest, "utf8")) as { readonly name?: unknown };
      if (parsed.name === "anec") return folder;
    }
    if (dirname(folder) === folder) return from;
  }
}

function here(): AddonLook {
  const { env, platform, arch } = process;
  return { root: packageRoot(), named: env["ANEC_NATIVE"], platform, arch };
}

/** The prebuilt addon for a machine, whether there is one or not. */
export function prebuiltPath({ root, platform, arch }: AddonLook = here()): string {
  return join(root, "prebuilds", `${platform}-${arch}`, "anec.node");
}

/** The addon that is loaded; a build of one's own comes before what came with the package. */
export function findAddon(look: AddonLook = here()): AddonFile {
  if (look.named !== undefined) return { path: look.named, origin: "named" };
  const built = join(look.root, "build", "native", "anec.node");
  if (existsSync(built)) return { path: built, origin: "built" };
  const prebuilt = prebuiltPath(look);
  return existsSync(prebuilt)
    ? { path: prebuilt, origin: "prebuilt" }
    : { path: built, origin: "missing" };
}

/** The path of the addon that is loaded, or of the one that a build would make. */
export function addonPath(): string {
  return findAddon().path;
}

/** Whether the package is a checkout of the sources, and not an installed one. */
export function isCheckout(root: string = packageRoot()): boolean {
  return existsSync(join(root, "tsconfig.json"));
}

/** The command that builds the addon: an installed package is built by npm. */
export function buildCommand(root: string = packageRoot()): string {
  return isCheckout(root) ? "npm run build:native" : "npm rebuild anec";
}

/** What the compiler said when the package could not be built on install: a file, or undefined. */
export function buildLog(root: string = packageRoot()): string | undefined {
  const path = join(root, "build", "native", "build.log");
  return existsSync(path) ? path : undefined;
}
