/** `--log`, `--csv` and `--tensorboard`: files that tell of a run what `--json` tells. */
import type { Command } from "commander";
import { logStopped } from "../compiler/messages/logs.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { LogRecord, RunRecord } from "../training/log/record.ts";
import {
  type Log,
  type LogOptions,
  openCsvLog,
  openJsonLog,
  openTensorboardLog,
} from "../training/log/write.ts";
import { printDiagnostics } from "./failures.ts";
import { checkOutputFile, type Input } from "./output_paths.ts";
import type { Reporter, ReporterOptions } from "./train_output.ts";
import { recorderOf } from "./train_record.ts";

export interface LogFlags {
  readonly log?: string;
  readonly csv?: string;
  readonly tensorboard?: string;
}

export function logFlags(c: Command): void {
  c.option("--log <file>", "write what --json prints to a file, for `anec dashboard`")
    .option("--csv <file>", "write a table of losses, rates and times")
    .option("--tensorboard <folder>", "write event files for TensorBoard");
}

/** Whether any log is written. */
export function writesLogs({ log, csv, tensorboard }: LogFlags): boolean {
  return [log, csv, tensorboard].some((path) => path !== undefined);
}

/** Logs are none of the files that the run reads or writes otherwise. Throws a `UserError` (E0955, E0967, E0970). */
export function checkLogFiles({ log, csv, tensorboard }: LogFlags, others: readonly Input[]): void {
  if (log !== undefined) checkOutputFile("--log", log, others);
  const inputs = log === undefined ? others : [...others, { path: log, what: "the other log" }];
  if (csv !== undefined) checkOutputFile("--csv", csv, inputs);
  if (tensorboard !== undefined) checkOutputFile("--tensorboard", tensorboard, inputs);
}

/**
 * A reporter that writes the logs first, and then does what `reporter` does. Of a run that goes on, `isNew` is
 * false. Throws a `UserError`: E0930 for a file that is something else.
 */
export function withLogs(
  reporter: Reporter,
  { flags, isNew }: { readonly flags: LogFlags; readonly isNew: boolean },
  options: ReporterOptions,
): Reporter {
  if (!writesLogs(flags)) return reporter;
  const { step } = options.trainer.state;
  const logs = logReporter(openLogs(flags, { isNew, step }), options, reporter.end);
  return {
    start() {
      logs.start();
      reporter.start();
    },
    event(e) {
      logs.event(e);
      reporter.event(e);
    },
    stopping: reporter.stopping,
    finish(result) {
      logs.finish(result);
      reporter.finish(result);
    },
    end() {
      logs.end();
      reporter.end();
    },
  };
}

function openLogs(
  { log, csv, tensorboard }: LogFlags,
  state: Omit<LogOptions, "now">,
): readonly Log[] {
  const options = { ...state, now: Date.now() / 1000 };
  return [
    ...(log === undefined ? [] : [openJsonLog(log, options)]),
    ...(csv === undefined ? [] : [openCsvLog(csv, options)]),
    ...(tensorboard === undefined ? [] : [openTensorboardLog(tensorboard, options)]),
  ];
}

/** One that the system refuses to write is given up with a warning, and training goes on. */
function logReporter(
  logs: readonly Log[],
  options: ReporterOptions,
  removeLiveLine: () => void,
): Omit<Reporter, "stopping"> {
  const recorder = recorderOf(options);
  let open = [...logs];
  const each = (work: (log: Log) => void): void => {
    open = open.filter((log) => {
      const failure = failureOf(() => work(log));
      if (failure === undefined) return true;
      failureOf(log.close);
      removeLiveLine();
      printDiagnostics(options.io, [logStopped(log.path, failure)]);
      return false;
    });
  };
  const write = (record: RunRecord): void => {
    const line: LogRecord = { ...record, time: Date.now() / 1000 };
    each((log) => log.write(line));
  };
  return {
    start: () => write(recorder.start()),
    event(e) {
      write(recorder.event(e));
      // A log is not behind the checkpoint that a run is resumed from.
      if (e.kind === "saved") each((log) => log.flush());
    },
    finish: (result) => write(recorder.finish(result)),
    end() {
      each((log) => log.close());
      open = [];
    },
  };
}

/** The system's words for why something could not be done; undefined if it was. */
function failureOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [cause] = error.diagnostics;
    return cause?.notes?.[0]?.[1] ?? cause?.title ?? "";
  }
}
