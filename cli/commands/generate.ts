/** `anec generate`: text from a model of any format, written as it comes. */
import type { Command } from "commander";
import { createGenerator } from "../../training/generate.ts";
import { openModel } from "../../training/open_model.ts";
import { defaultSampling } from "../../training/sampling.ts";
import { type AdapterFlags, adapterFlags, adapterOptions } from "../adapter_flags.ts";
import { type Call, EXIT } from "../command.ts";
import { tokenizerFor } from "../data_output.ts";
import { deviceOptions } from "../device.ts";
import { printDiagnostics } from "../failures.ts";
import {
  anyNumber,
  collect,
  type DeviceFlags,
  deviceFlags,
  type JsonFlag,
  jsonFlag,
  type TextModelFlags,
  textModelFlags,
} from "../flags.ts";
import { type IdsFlag, idsFlag, openIds } from "../ids_flag.ts";
import { count, grouped, jsonLine } from "../output.ts";
import { type UnsaidFlags, unsaidFlags, unsaidOptions } from "../unsaid_flags.ts";
import { warnOfUnseen } from "../unseen_tokens.ts";

interface Flags extends DeviceFlags, JsonFlag, TextModelFlags, AdapterFlags, UnsaidFlags, IdsFlag {
  readonly prompt: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
  readonly stop?: readonly string[];
}

export const command = {
  examples: [
    'anec generate runs/autoresearch.ckpt --prompt "The people of"',
    "anec generate runs/tiny.ckpt --temperature 0 --tokens 50",
    'anec generate runs/tiny.ckpt --prompt "Once" --stop "The end."',
    'anec generate SmolLM2-135M --prompt "Gravity is"',
  ],

  define(c: Command): void {
    c.argument("<model>", "a checkpoint, a model of another program, or a folder of Hugging Face")
      .option("--prompt <text>", "the text to continue", "")
      .option("--tokens <n>", "most tokens to write", anyNumber("--tokens"), 200)
      .option(
        "--temperature <n>",
        "0: always the likeliest token; 1: as the model has it",
        anyNumber("--temperature"),
        defaultSampling.temperature,
      )
      .option(
        "--top-k <n>",
        "only the K likeliest tokens, 0 for all",
        anyNumber("--top-k"),
        defaultSampling.topK,
      )
      .option(
        "--top-p <n>",
        "only the likeliest tokens that together reach P",
        anyNumber("--top-p"),
        defaultSampling.topP,
      )
      .option("--seed <n>", "of the draws", anyNumber("--seed"), 42)
      .option("--stop <text>", "end where this text appears; may be repeated", collect);
    idsFlag(c);
    textModelFlags(
      c,
      "tokens the model sees at once (default: its sequence length, 1,024 at most for models from elsewhere)",
    );
    adapterFlags(c);
    unsaidFlags(c);
    deviceFlags(c);
    jsonFlag(c);
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const { prompt, tokens, temperature, topK, topP, seed, stop = [], context } = flags;
    const json = flags.json === true;
    const model = openModel(args[0]!, {
      ...unsaidOptions(flags),
      ...adapterOptions(flags),
      report: (warning) => printDiagnostics(io, [warning]),
    });
    const tokenizer = await tokenizerFor(flags, model);
    const ids = await openIds(io, flags, model, tokenizer);
    const generator = await createGenerator(model, {
      ...{ device: deviceOptions(flags), ids },
      ...(tokenizer === undefined ? {} : { tokenizer }),
      ...(context === undefined ? {} : { context }),
    });
    const interrupt = new AbortController();
    const release = io.onInterrupt(() => {
      if (interrupt.signal.aborted) io.abort(EXIT.interrupted);
      interrupt.abort();
    });
    try {
      const start = performance.now();
      let begun = false;
      const {
        text,
        ids,
        end,
        prompt: read,
      } = await generator.text(prompt, {
        ...{ tokens, temperature, topK, topP, seed, stop, signal: interrupt.signal },
        onText: (piece) => {
          if (json) return;
          // The prompt is printed once it is known to be one that the model can continue.
          io.out.write(begun ? piece : `${prompt}${piece}`);
          begun = true;
        },
      });
      const seconds = (performance.now() - start) / 1000;
      const speed = ids.length / seconds;
      const { tokens: promptTokens, unseen } = read;
      if (json) {
        const written = { prompt, text, tokens: ids.length, end, tokensPerSecond: speed };
        io.out.write(jsonLine({ ...written, promptTokens, unseen }));
      } else {
        io.out.write(begun ? "\n" : `${prompt}\n`);
        const what = `${count(ids.length, "token")} at ${grouped(Math.round(speed))} tokens/s`;
        if (io.err.isTerminal) io.err.write(`\n${what}, ended by ${ENDS[end]}\n`);
      }
      warnOfUnseen(io, "the prompt", promptTokens, unseen);
      return end === "interrupted" ? EXIT.interrupted : EXIT.ok;
    } finally {
      release();
      generator.close();
    }
  },
};

const ENDS = {
  tokens: "--tokens",
  stop: "--stop",
  "end of text": "the end of the text",
  interrupted: "Ctrl-C",
} as const;
