/**
 * Starts a worker of a search: the file that `pool.ts` hands to node. One line of JSON comes in, one goes out.
 *
 * Standard input stays open for as long as the search lives. When it ends, nobody waits for the answer, and the
 * process ends too, however the search was killed.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { type WorkerTask, work } from "./worker.ts";

const lines = createInterface({ input: process.stdin });
lines.on("close", () => process.exit(1));
lines.once("line", (line) => {
  void work(JSON.parse(line) as WorkerTask).then(
    (answer) => {
      writeSync(1, `${JSON.stringify(answer)}\n`);
      process.exit(0);
    },
    (error: unknown) => {
      writeSync(2, `${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(70);
    },
  );
});
