/**
 * The processes that `mpirun` started: how many there are, and what they say to one another.
 *
 *     const world = openWorld();
 *     world.gather(bytes);                              // what every rank gave, in their order
 *     createSession(plan, { ranks: world.link });       // its `all_reduce` sums over them
 *     world.close();
 *
 * The addon for MPI is a file of its own, build/native/anec_mpi.node, and is loaded when a world is opened.
 * Whatever waits for others fails with E0652 when one of them is gone.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Failure, NativeError, unwrap } from "./addon.ts";
import { findAddon } from "./addon_file.ts";

/** What a session is given; only the addons look into it. */
export type RankLink = { readonly ranks: unique symbol };

export interface World {
  readonly rank: number;
  readonly size: number;
  /** Name and version of the MPI. */
  readonly library: string;
  readonly link: RankLink;
  /** What every rank gave, in their order. All ranks have to ask. */
  gather(bytes: Uint8Array): readonly Uint8Array[];
  /** To one rank; messages arrive in order. Does not wait. */
  send(rank: number, bytes: Uint8Array): void;
  /** The next message, if one has come. */
  receive(): Message | undefined;
  /** Leaves, when all ranks do. */
  close(): void;
}

export interface Message {
  readonly from: number;
  readonly bytes: Uint8Array;
}

/** `runtime-native/mpi/addon_mpi.cpp`, function by function. */
interface MpiAddon {
  open(
    seconds: number,
  ): (Pick<World, "rank" | "size" | "library"> & { readonly ranks: RankLink }) | Failure;
  gather(bytes: Uint8Array): readonly Uint8Array[] | Failure;
  send(rank: number, bytes: Uint8Array): Failure | undefined;
  receive(): Message | null | Failure;
  close(): void;
}

/** Where the addon for MPI is, if it was built: beside the runtime that was. None comes with the package. */
export function mpiAddonPath(): string {
  const { path, origin } = findAddon();
  const folder = dirname(path);
  const builds = origin === "prebuilt" ? join(folder, "..", "..", "build", "native") : folder;
  return join(builds, "anec_mpi.node");
}

/** Whether a failure is that a rank is gone. */
export function isRankLost(error: unknown): error is NativeError {
  return error instanceof NativeError && error.code === "E0652";
}

/** Seconds after which a process that waits for others to join says so on standard error. */
const PATIENCE = 30;

/** Joins the other processes. Throws a `NativeError`: E0650 without the addon, E0651 if MPI fails. */
export function openWorld(path: string = mpiAddonPath()): World {
  const addon = loadMpi(path);
  const { rank, size, library, ranks: link } = unwrap(addon.open(PATIENCE));
  return {
    ...{ rank, size, library, link },
    gather: (bytes) => unwrap(addon.gather(bytes)),
    send: (to, bytes) => void unwrap(addon.send(to, bytes)),
    receive: () => unwrap(addon.receive()) ?? undefined,
    close: () => addon.close(),
  };
}

function loadMpi(path: string): MpiAddon {
  if (!existsSync(path)) {
    throw new NativeError({
      code: "E0650",
      message: "the addon for MPI is not built",
      detail: `there is no ${path}`,
    });
  }
  try {
    return createRequire(import.meta.url)(path) as MpiAddon;
  } catch (error) {
    throw new NativeError({
      code: "E0650",
      message: "the addon for MPI cannot be loaded",
      detail: error instanceof Error ? error.message : String(error),
    });
  }
}
