/** E093x: logs of runs, and the dashboard that shows them. */
import { grouped } from "./files.ts";
import { message } from "./message.ts";

export const notALog = message(
  "E0930",
  {
    summary: "a file is no log of a run",
    explain:
      "A log is written by `anec train --log FILE` (JSON lines) or `--csv FILE`. A run adds to a log that is " +
      "there, and does not touch a file of any other kind. A last line that was cut off when a process was " +
      "killed is dropped; anything else that does not fit was changed from outside.",
  },
  (path: string, line: number, what: string) => ({
    title: `\`${path}\` is no log of a run: line ${grouped(line)} ${what}`,
    help: [{ text: "give another file, or remove this one" }],
  }),
);

export const logStopped = message(
  "E0931",
  {
    summary: "a log of a run cannot be written any more",
    explain:
      "The system refused to write to a log. Training goes on without it: checkpoints do not depend on logs. " +
      "What was written before is whole, but for the last line.",
  },
  (path: string, words: string) => ({
    severity: "warning" as const,
    title: `\`${path}\` is not written any more; training goes on`,
    notes: [["system", words]],
  }),
);

export const noLogs = message(
  "E0932",
  {
    summary: "there is no log to show",
    explain:
      "`anec dashboard` shows logs of runs, or those in a folder: `anec train --log runs/NAME.jsonl` writes one. " +
      "Without a name it takes the folder `runs`.",
  },
  (path: string) => ({
    title: `there is no log of a run in \`${path}\``,
    help: [{ text: "begin a run with `anec train --log runs/NAME.jsonl …`" }],
  }),
);

export const portTaken = message(
  "E0933",
  {
    summary: "the dashboard cannot listen",
    explain:
      "The port is used by another program, or only the system's administrator may use it. Without `--port` a " +
      "free one is found.",
  },
  (port: number, words: string) => ({
    title: `cannot listen on port ${port} of this machine`,
    notes: [["system", words]],
    help: [{ text: "give `--port` another number, or leave it out" }],
  }),
);
