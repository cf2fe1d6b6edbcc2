/** `anec verify`: whether a checkpoint is what it should be, and its model trains. */
import type { Command } from "commander";
import type { Diagnostic } from "../../compiler/support/diagnostic.ts";
import { isTokenFile } from "../../training/data/open_data.ts";
import { tokenizerOf } from "../../training/open_model.ts";
import {
  checkGroups,
  openSubject,
  type Result,
  runChecks,
  type Subject,
  type SubjectOptions,
  tools,
  withTokens,
} from "../../training/verify/index.ts";
import { type Call, EXIT } from "../command.ts";
import { openForModel } from "../data_output.ts";
import { printDiagnostics } from "../failures.ts";
import { type JsonFlag, jsonFlag, whole } from "../flags.ts";
import type { Io } from "../io.ts";
import { counted, jsonLine, table } from "../output.ts";
import { progressLine } from "../progress.ts";
import { chosenDevice, type TrainDeviceFlags, trainDeviceFlags } from "../train_device.ts";
import { type UnsaidFlags, unsaidFlags, unsaidOptions } from "../unsaid_flags.ts";

interface Flags extends JsonFlag, TrainDeviceFlags, UnsaidFlags {
  readonly data?: string;
  readonly distinct?: number;
  readonly model?: string;
  /** False with `--no-training`. */
  readonly training: boolean;
}

const WORDS = { pass: "ok", fail: "FAILED", skip: "–" } as const;

export const command = {
  examples: [
    "anec verify model.ckpt --data book.bin",
    "anec verify model.ckpt --data book.txt --model tiny",
    "anec verify smollm2_360m.bin --model smollm2_360m --no-training",
    "anec verify model.ckpt --device emulator --json",
  ],

  define(c: Command): void {
    c.argument("<checkpoint>", "a checkpoint of any format that anec reads")
      .option(
        "--data <name>",
        "data that goes with it: default, builtin:stories, a token file (.bin) or a text",
      )
      .option(
        "--distinct <n>",
        "how many different ids the data has",
        whole("--distinct", 1, 2 ** 31 - 1),
      )
      .option("--model <model>", "the model it should be: a name or an .ane file")
      .option("--no-training", "leave out the checks that train");
    unsaidFlags(c);
    trainDeviceFlags(c);
    jsonFlag(c);
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const path = args[0]!;
    const report = (warning: Diagnostic) => printDiagnostics(io, [warning]);
    const subject = await withText(
      io,
      openSubject(path, { ...subjectOptions(flags), report }),
      flags.data,
    );
    const groups = checkGroups.filter((g) => flags.training || g.name !== "training");
    const line = progressLine(io.err);
    const total = groups.reduce((sum, { checks }) => sum + checks.length, 0);
    let done = 0;
    const results = groups.map(({ name, checks }) => {
      const told = (): void => line.update(`checking the ${name}`, done, total);
      told();
      const onResult = (): void => {
        done += 1;
        told();
      };
      return { name, checks: runChecks(checks, subject, tools, onResult) };
    });
    line.end();
    const all = results.flatMap((g) => g.checks);
    const count = (status: Result["status"]): number =>
      all.filter((r) => r.status === status).length;
    const [passed, failed, skipped] = [count("pass"), count("fail"), count("skip")];
    if (flags.json === true) {
      const { format } = subject;
      io.out.write(jsonLine({ path, format, passed, failed, skipped, groups: results }));
    } else {
      for (const { name, checks } of results) io.out.write(`${name}\n${tableOf(checks)}`);
      io.out.write(
        `\n${counted(all.length, "check", "checks")}: ${passed} passed, ${failed} failed, ${skipped} left out\n`,
      );
    }
    return failed > 0 ? EXIT.input : EXIT.ok;
  },
};

/**
 * With data that is no token file, read with the tokenizer of the checkpoint. Throws the `UserError` of
 * `openForModel`.
 */
async function withText(io: Io, subject: Subject, data: string | undefined): Promise<Subject> {
  if (data === undefined || isTokenFile(data)) return subject;
  const { opened } = subject;
  if (opened === null) return { ...subject, noData: "the checkpoint could not be opened" };
  const { checkpoint } = opened;
  const tokenizer = await tokenizerOf(checkpoint);
  return withTokens(subject, await openForModel(io, data, checkpoint, tokenizer));
}

function subjectOptions(flags: Flags): SubjectOptions {
  const { data, distinct, model } = flags;
  const { device, engine } = chosenDevice(flags);
  const { engine: _, ...processor } = device;
  return {
    ...(data === undefined || !isTokenFile(data) ? {} : { data }),
    ...(distinct === undefined ? {} : { distinct }),
    ...(model === undefined ? {} : { model }),
    ...unsaidOptions(flags),
    ...{ device: processor, engine: engine === undefined ? null : { device, choice: engine } },
  };
}

/** What was found; and of a failure, what it was to show. */
function tableOf(checks: readonly Result[]): string {
  const rows = checks.flatMap(({ name, status, found, shows }) => [
    [WORDS[status], name, found],
    ...(status === "fail" ? [["", "", `expected: ${shows}`]] : []),
  ]);
  return table(rows);
}
