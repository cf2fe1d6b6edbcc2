/** `anec convert`: a model from one format to another. */
import type { Command } from "commander";
import type { Diagnostic } from "../../compiler/support/diagnostic.ts";
import { type Conversion, convertModel } from "../../formats/convert.ts";
import { type WriteDtype, writeDtypes } from "../../formats/format.ts";
import { writableFormats } from "../../formats/index.ts";
import { weightsOf } from "../../training/foreign_model.ts";
import { openModel } from "../../training/open_model.ts";
import { type AdapterFlags, adapterFlags, adapterOptions } from "../adapter_flags.ts";
import { type Call, EXIT } from "../command.ts";
import { diagnosticJson, printDiagnostics } from "../failures.ts";
import { type JsonFlag, jsonFlag, oneOf } from "../flags.ts";
import { bytesText, grouped, jsonLine, pairs } from "../output.ts";
import { progressLine } from "../progress.ts";
import { type UnsaidFlags, unsaidFlags, unsaidOptions } from "../unsaid_flags.ts";

interface Flags extends JsonFlag, AdapterFlags, UnsaidFlags {
  readonly to?: string;
  readonly dtype?: WriteDtype;
  readonly expand?: boolean;
  readonly force?: boolean;
}

export const command = {
  examples: [
    "anec convert SmolLM2-135M smollm2.ckpt",
    "anec convert runs/tiny.ckpt tiny.gguf --expand",
    "anec convert ane_smollm2_ckpt.bin smollm2 --to hf --dtype bf16",
    "anec convert SmolLM2-135M mine.gguf --adapters mine.adapters",
  ],

  define(c: Command): void {
    const names = writableFormats().map((format) => format.name);
    const types = writableFormats().map(({ name, dtypes }) => `${name} ${dtypes.join(" ")}`);
    c.argument("<in>", "a checkpoint, a model of another program, or a folder of Hugging Face")
      .argument("<out>", "a file or folder; its name says the format: .ckpt, .bin, .gguf, a folder")
      .option(
        "--to <format>",
        `the format, where the name does not say: ${names.join(", ")}`,
        oneOf("--to", names),
      )
      .option(
        "--dtype <type>",
        `numbers of matrices (${types.join("; ")}; default: as they are)`,
        oneOf("--dtype", writeDtypes),
      )
      .option("--expand", "write zeros for the ids that training never saw")
      .option("--force", "replace an output that is there");
    adapterFlags(c);
    unsaidFlags(c);
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<Flags>): number {
    const { to, dtype, expand = false, force = false } = flags;
    const [input, output] = args as [string, string];
    const warnings: Diagnostic[] = [];
    const line = progressLine(io.err);
    let converted: Conversion;
    try {
      converted = convertModel(input, output, {
        ...unsaidOptions(flags),
        ...(flags.adapters === undefined
          ? {}
          : {
              read: (path, options) =>
                weightsOf(openModel(path, { ...options, ...adapterOptions(flags) }), options),
            }),
        ...{ expand, replace: force, report: (warning: Diagnostic) => warnings.push(warning) },
        ...(to === undefined ? {} : { to }),
        ...(dtype === undefined ? {} : { dtype }),
        onProgress: (done, all) =>
          line.update(`writing ${bytesText(done)} of ${bytesText(all)}`, done, all),
      });
    } finally {
      line.end();
    }
    const { from, to: target, weights, parameters } = converted;
    const { config } = weights;
    if (flags.json === true) {
      const paths = { from: from.name, to: target.name, path: output };
      const more = { parameters, config, warnings: warnings.map(diagnosticJson) };
      io.out.write(jsonLine({ ...paths, ...more }));
      return EXIT.ok;
    }
    printDiagnostics(io, warnings);
    const { layers, width, heads, kvHeads, headSize, hidden, vocabulary } = config;
    const rows: [string, string][] = [
      ["model", `${weights.name}: ${config.family}, ${grouped(parameters)} parameters`],
      ["layers", `${layers} of width ${grouped(width)}, feed-forward ${grouped(hidden)}`],
      ["heads", `${heads} of ${headSize}, keys and values ${kvHeads}`],
      [
        "vocabulary",
        `${grouped(vocabulary)}${config.tied ? ", tied" : ", with a classifier of its own"}`,
      ],
      ["from", `${input} (${from.name})`],
      ["to", `${output} (${target.name})`],
    ];
    io.out.write(pairs(rows));
    return EXIT.ok;
  },
};
