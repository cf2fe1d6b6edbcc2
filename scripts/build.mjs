/** `npm run build`: TypeScript, the native runtime and the addon for MPI, beside each other. */
import { finished } from "./native_parts.mjs";

const run = (command, ...words) => finished(command, words, { stdio: "inherit" });
const built = await Promise.all([
  run("npm", "run", "--silent", "build:ts"),
  run(process.execPath, "scripts/build_native.mjs"),
  run(process.execPath, "scripts/build_mpi.mjs"),
]);
process.exit(built.every(({ status }) => status === 0) ? 0 : 1);
