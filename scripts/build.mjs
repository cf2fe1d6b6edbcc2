/** `npm run build`: TypeScript, the native runtime and the addon for MPI, beside each other. */
import { spawn } from "node:child_process";

/** Runs a command to its end; resolves with whether it succeeded. */
function succeeds(command, ...words) {
  return new Promise((resolve) => {
    const child = spawn(command, words, { stdio: "inherit" });
    child.on("error", () => resolve(false));
    child.on("close", (status) => resolve(status === 0));
  });
}

const built = await Promise.all([
  succeeds("npm", "run", "--silent", "build:ts"),
  succeeds(process.execPath, "scripts/build_native.mjs"),
  succeeds(process.execPath, "scripts/build_mpi.mjs"),
]);
process.exit(built.every(Boolean) ? 0 : 1);
