/**
 * A registry of packages on this machine, made of what is installed: `npm install` from an empty cache, without
 * a network.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export interface LocalRegistry {
  readonly url: string;
  close(): void;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * Serves every package that `root` runs with, as its package-lock.json lists them. A package that asks for a
 * version which `root` overrides asks for the one that is there.
 */
export async function openLocalRegistry(root: string, folder: string): Promise<LocalRegistry> {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;
  const paths = Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true && existsSync(join(root, path)))
    .map(([path]) => join(root, path));
  const { overrides } = manifestIn(root) as { readonly overrides: Manifest["dependencies"] };
  const known = new Map<string, { readonly manifest: Manifest; readonly path: string }[]>();
  for (const path of paths) {
    const asked = manifestIn(path) as Manifest;
    const manifest = { ...asked, dependencies: overridden(asked, overrides) };
    known.set(manifest.name, [...(known.get(manifest.name) ?? []), { manifest, path }]);
  }
  const server = createServer((request, answer) => {
    const [, name = "", version] =
      /^\/((?:@[^/]+\/)?[^/]+?)(?:\/-\/(.+)\.tgz)?$/.exec(decodeURIComponent(request.url ?? "")) ??
      [];
    const versions = known.get(name);
    if (versions === undefined) {
      answer.writeHead(404).end();
    } else if (version === undefined) {
      answer.end(JSON.stringify(listing(name, versions, url())));
    } else {
      const found = versions.find(({ manifest }) => manifest.version === version)!;
      answer.end(tarball(found.path, join(folder, name, version)));
    }
  });
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: url(), close: () => server.close() };
}

function manifestIn(path: string): unknown {
  return JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
}

function overridden({ dependencies = {} }: Manifest, overrides: Manifest["dependencies"]) {
  const names = Object.entries(dependencies);
  return Object.fromEntries(names.map(([name, version]) => [name, overrides?.[name] ?? version]));
}

function listing(name: string, list: readonly { readonly manifest: Manifest }[], url: string) {
  const versions = list.map(({ manifest }) => {
    const dist = { tarball: `${url}/${name}/-/${manifest.version}.tgz` };
    return [manifest.version, { ...manifest, dist }];
  });
  return {
    name,
    "dist-tags": { latest: list[0]!.manifest.version },
    versions: Object.fromEntries(versions) as object,
  };
}

/** The bytes of a package as npm packs it: everything in a folder `package`. */
function tarball(path: string, work: string): Buffer {
  mkdirSync(work, { recursive: true });
  if (!existsSync(join(work, "package"))) symlinkSync(path, join(work, "package"));
  const words = ["-chf", "-", "--exclude=node_modules", "-C", work, "package"];
  const made = spawnSync("tar", words, { maxBuffer: 2 ** 28 });
  if (made.status !== 0) throw new Error(`tar: ${made.stderr.toString()}`);
  return gzipSync(made.stdout, { level: 1 });
}
