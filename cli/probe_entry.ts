/** Starts a worker for probes: the file that `probe_process.ts` hands to node. */
import { writeSync } from "node:fs";
import { type WorkerTask, work } from "./probe_worker.ts";

// Written at once, so that no line is lost when a probe ends the process.
work(JSON.parse(process.argv[2] ?? "{}") as WorkerTask, (line) => {
  writeSync(1, `${JSON.stringify(line)}\n`);
});
