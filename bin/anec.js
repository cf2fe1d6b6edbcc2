#!/usr/bin/env node
// The `anec` command: runs what `npm run build` put into dist/.
import { existsSync } from "node:fs";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(main)) {
  const { processIo, run } = await import(main.href);
  process.exitCode = await run(process.argv.slice(2), processIo());
} else {
  process.stderr.write("anec is not built yet: run `npm run build` in its folder\n");
  process.exitCode = 3;
}
