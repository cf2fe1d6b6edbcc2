/**
 * What `npm pack` checks before it packs: prebuilt runtimes that are older than their sources are refused.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { inputs, isNewer, root } from "./native_parts.mjs";

const folder = join(root, "prebuilds");
const sources = Object.values(inputs()).flat();
const stale = (existsSync(folder) ? readdirSync(folder) : []).filter((target) =>
  readdirSync(join(folder, target)).some((file) =>
    sources.some((source) => isNewer(source, join(folder, target, file))),
  ),
);
if (stale.length > 0) {
  const list = stale.map((target) => `prebuilds/${target}`).join(", ");
  process.stderr.write(
    `${list}: older than the sources. Run \`npm run build:prebuilds\`, or remove what is not to be packed.\n`,
  );
  process.exit(1);
}
