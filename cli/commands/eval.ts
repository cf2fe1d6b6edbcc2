/** `anec eval`: the loss of a model of any format on text. */
import type { Command } from "commander";
import { tokensOutsideIds } from "../../compiler/messages/checkpoints.ts";
import {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  evaluations,
} from "../../training/evaluate.ts";
import { openModel } from "../../training/open_model.ts";
import { type AdapterFlags, adapterFlags, adapterOptions } from "../adapter_flags.ts";
import { type Call, EXIT } from "../command.ts";
import { checkNamedData, openForModel, tokenizerFor } from "../data_output.ts";
import { deviceOptions } from "../device.ts";
import { printDiagnostics } from "../failures.ts";
import {
  anyNumber,
  type DeviceFlags,
  deviceFlags,
  type JsonFlag,
  jsonFlag,
  oneOf,
  type TextModelFlags,
  textModelFlags,
} from "../flags.ts";
import { type IdsFlag, idsFlag, openIds } from "../ids_flag.ts";
import { counted, grouped, jsonLine, pairs } from "../output.ts";
import { progressLine } from "../progress.ts";
import { type UnsaidFlags, unsaidFlags, unsaidOptions } from "../unsaid_flags.ts";
import { unseenText, warnOfUnseen } from "../unseen_tokens.ts";

interface Flags extends DeviceFlags, JsonFlag, TextModelFlags, AdapterFlags, UnsaidFlags, IdsFlag {
  readonly data?: string;
  readonly windows: NonNullable<EvaluateOptions["windows"]>;
  readonly stride?: number;
}

export const command = {
  examples: [
    "anec eval runs/autoresearch.ckpt",
    "anec eval SmolLM2-135M --data book.txt --windows all",
    "anec eval runs/tiny.ckpt --data book.bin --windows val --stride 64",
    "anec eval ane_autoresearch_ckpt.bin --data tinystories.bin --ids tinystories.bin",
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
      );
    idsFlag(c);
    textModelFlags(c, "tokens of a window (default: the sequence length of the model)");
    adapterFlags(c);
    unsaidFlags(c);
    deviceFlags(c);
    jsonFlag(c);
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const path = args[0]!;
    const model = openModel(path, {
      ...unsaidOptions(flags),
      ...adapterOptions(flags),
      report: (warning) => printDiagnostics(io, [warning]),
    });
    const tokenizer = await tokenizerFor(flags, model);
    const known = model.data.tokens > 0 ? model.data.name : "default";
    const name = flags.data ?? known;
    if (flags.data === undefined) checkNamedData(path, name);
    const data = await openForModel(io, name, model, tokenizer);
    const ids = await openIds(io, flags, model, tokenizer);
    const line = progressLine(io.err);
    const interrupt = new AbortController();
    const release = io.onInterrupt(() => {
      if (interrupt.signal.aborted) io.abort(EXIT.interrupted);
      interrupt.abort();
    });
    try {
      const result = await evaluate(model, {
        ...{ data, windows: flags.windows, tokenizer, ids, device: deviceOptions(flags) },
        ...(flags.stride === undefined ? {} : { stride: flags.stride }),
        ...(flags.context === undefined ? {} : { S: flags.context }),
        signal: interrupt.signal,
        onProgress: (done, all) =>
          line.update(`window ${grouped(done)} of ${grouped(all)}`, done, all),
      });
      line.end();
      const { isInterrupted, ...numbers } = result;
      const { outside = 0, tokens } = numbers;
      if (outside > 0) {
        printDiagnostics(io, [tokensOutsideIds(name, outside, tokens, String(flags.ids))]);
      }
      if (flags.json === true) {
        io.out.write(jsonLine({ model: path, data: name, kind: flags.windows, ...numbers }));
      } else io.out.write(textOf(path, name, result));
      warnOfUnseen(io, `\`${name}\``, result.tokens, result.unseen);
      return isInterrupted ? EXIT.interrupted : EXIT.ok;
    } finally {
      line.end();
      release();
    }
  },
};

function textOf(path: string, data: string, result: Evaluation): string {
  const { loss, perplexity, bitsPerByte, tokens, unseen, windows, S, ids } = result;
  const rows: [string, string][] = [
    ["model", path],
    [
      "data",
      `${data}: ${counted(tokens, "token", "tokens")} in ${counted(windows, "window", "windows")} of ${grouped(S)}`,
    ],
    ["loss", `${loss.toFixed(4)} nats a token`],
    ["perplexity", perplexity < 1e6 ? perplexity.toFixed(2) : perplexity.toExponential(2)],
  ];
  if (ids !== undefined) rows.push(["softmax", `over ${counted(ids, "id", "ids")}`]);
  if (bitsPerByte !== undefined) rows.push(["bits per byte", bitsPerByte.toFixed(4)]);
  if (unseen !== undefined) rows.push(["never in training", unseenText(tokens, unseen)]);
  return pairs(rows);
}
