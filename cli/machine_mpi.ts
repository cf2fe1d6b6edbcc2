/** What `anec doctor` says of training on several processes. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { addonPath } from "../runtime-native/js/addon_file.ts";
import type { Check } from "./machine.ts";

/** The optional addon for MPI, beside the runtime's, and the command that starts the processes. */
export function mpiCheck(
  addon: string = join(dirname(addonPath()), "anec_mpi.node"),
  hasMpirun: () => boolean = () =>
    spawnSync("mpirun", ["--version"], { stdio: "ignore", timeout: 10_000 }).status === 0,
): Check {
  const name = "MPI";
  const isThere = existsSync(addon);
  if (isThere && hasMpirun()) return { name, state: "ready", what: "mpirun and the addon for it" };
  const what = isThere
    ? "the addon is built, mpirun is not found"
    : "not built: one process trains";
  return { name, state: "ready", what: `${what} (optional)` };
}
