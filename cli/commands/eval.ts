/** `anec eval`: the loss of a model of any format on text. */
import type { Command } from "commander";
import { noTokenizer } from "../../compiler/messages/training.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import type { Checkpoint } from "../../training/checkpoint.ts";
import { openData } from "../../training/data/open_data.ts";
import { loadTokenizer, type Tokenizer, tokenizerNames } from "../../training/data/tokenizers.ts";
import {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  evaluations,
} from "../../training/evaluate.ts";
import { openModel, tokenizerOf } from "../../training/open_model.ts";
import { type Call, EXIT } from "../command.ts";
import { dataProgress } from "../data_output.ts";
import { deviceOptions } from "../device.ts";
import { printDiagnostics } from "../failures.ts";
import {
  anyNumber,
  type DeviceFlags,
  deviceFlags,
  type JsonFlag,
  jsonFlag,
  oneOf,
  tokenizerFlag,
} from "../flags.ts";
import type { Io } from "../io.ts";
import { counted, grouped, jsonLine, liveLine, pairs } from "../output.ts";
import { type UnsaidFlags, unsaidFlags, unsaidOptions } from "../unsaid_flags.ts";

interface Flags extends DeviceFlags, JsonFlag, UnsaidFlags {
  readonly data?: string;
  readonly windows: NonNullable<EvaluateOptions["windows"]>;
  readonly stride?: number;
  readonly context?: number;
  readonly tokenizer?: string;
}

export const command = {
  examples: [
    "anec eval runs/autoresearch.ckpt",
    "anec eval SmolLM2-135M --data book.txt --windows all",
    "anec eval runs/tiny.ckpt --data book.bin --windows val --stride 64",
  ],

  define(c: Command): void {
    c.argument("<model>", "a checkpoint, a model of another program, or a folder of Hugging Face")
      .option(
        "--data <name>",
        "default, builtin:stories, a token file (.bin) or a text (default: that of the checkpoint)",
      )
      .option(
        "--windows <which>",
        "fixed: ten of the validation part, as in training; val: all of that part; all: the whole file",
        oneOf("--windows", evaluations),
        "fixed",
      )
      .option(
        "--stride <n>",
        "tokens from one window to the next, with val and all (default: as long as a window)",
        anyNumber("--stride"),
      )
      .option(
        "--context <n>",
        "tokens of a window (default: the sequence length of the model)",
        anyNumber("--context"),
      )
      .option(
        "--tokenizer <name>",
        "a name or a tokenizer.json, for a model that comes without one",
        tokenizerFlag,
      );
    unsaidFlags(c);
    deviceFlags(c);
    jsonFlag(c);
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const path = args[0]!;
    const model = openModel(path, {
      ...unsaidOptions(flags),
      report: (warning) => printDiagnostics(io, [warning]),
    });
    const tokenizer =
      flags.tokenizer === undefined
        ? await tokenizerOf(model)
        : await loadTokenizer(flags.tokenizer);
    const known = model.data.tokens > 0 ? model.data.name : "default";
    const name = flags.data ?? known;
    const data = await open({ name, path, model, tokenizer, io });
    const line = liveLine(io.err);
    const interrupt = new AbortController();
    const release = io.onInterrupt(() => {
      if (interrupt.signal.aborted) io.abort(EXIT.interrupted);
      interrupt.abort();
    });
    try {
      const result = await evaluate(model, {
        ...{ data, windows: flags.windows, tokenizer, device: deviceOptions(flags) },
        ...(flags.stride === undefined ? {} : { stride: flags.stride }),
        ...(flags.context === undefined ? {} : { S: flags.context }),
        signal: interrupt.signal,
        onProgress: (done, all) => line.update(`window ${grouped(done)} of ${grouped(all)}`),
      });
      line.end();
      const { isInterrupted, ...numbers } = result;
      if (flags.json === true) {
        io.out.write(jsonLine({ model: path, data: name, kind: flags.windows, ...numbers }));
      } else io.out.write(textOf(path, name, result));
      return isInterrupted ? EXIT.interrupted : EXIT.ok;
    } finally {
      line.end();
      release();
    }
  },
};

interface Opening {
  readonly name: string;
  readonly path: string;
  readonly model: Checkpoint;
  readonly tokenizer: Tokenizer | undefined;
  readonly io: Io;
}

/** Token files as they are, texts with the tokenizer of the model. Throws a `UserError` (E0911). */
async function open({ name, path, model, tokenizer, io }: Opening) {
  if (tokenizer === undefined && !name.endsWith(".bin")) {
    throw new UserError(noTokenizer(path, model.data.tokenizer, tokenizerNames));
  }
  const progress = dataProgress(io.err);
  try {
    return await openData(name, {
      ...(tokenizer === undefined ? {} : { tokenizer }),
      onProgress: progress.report,
      report: (warning) => {
        progress.end();
        printDiagnostics(io, [warning]);
      },
    });
  } finally {
    progress.end();
  }
}

function textOf(path: string, data: string, result: Evaluation): string {
  const { loss, perplexity, bitsPerByte, tokens, windows, S } = result;
  const rows: [string, string][] = [
    ["model", path],
    [
      "data",
      `${data}: ${counted(tokens, "token", "tokens")} in ${counted(windows, "window", "windows")} of ${grouped(S)}`,
    ],
    ["loss", `${loss.toFixed(4)} nats a token`],
    ["perplexity", perplexity < 1e6 ? perplexity.toFixed(2) : perplexity.toExponential(2)],
  ];
  if (bitsPerByte !== undefined) rows.push(["bits per byte", bitsPerByte.toFixed(4)]);
  return pairs(rows);
}
