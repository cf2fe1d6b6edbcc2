/** `anec run`: an entry of a file on tensors from a safetensors file. */
import type { Command } from "commander";
import { flagsConflict } from "../../compiler/messages/usage.ts";
import type { Precision } from "../../compiler/reference/interpret.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { elaborate } from "../../dsl/index.ts";
import { readSafetensors, writeSafetensors } from "../../formats/safetensors.ts";
import { type Call, EXIT } from "../command.ts";
import { printDiagnostics } from "../failures.ts";
import {
  type DefineFlag,
  defineFlag,
  type JsonFlag,
  jsonFlag,
  oneOf,
  overridesOf,
} from "../flags.ts";
import { entryName, openSource } from "../models.ts";
import { count, jsonLine, table } from "../output.ts";
import { checkOutputFile } from "../output_paths.ts";
import { entryToRun, readInputs, runEntry } from "../run_entry.ts";

interface Flags extends DefineFlag, JsonFlag {
  readonly entry?: string;
  readonly inputs: string;
  readonly outputs: string;
  readonly device: "reference" | "cpu";
  readonly precision?: Precision;
  readonly threads?: number;
}

export const command = {
  examples: [
    "anec run my.ane --entry attention --inputs in.safetensors --outputs out.safetensors",
    "anec run tiny --entry train:tiny --inputs in.safetensors --outputs grads.safetensors --device cpu",
  ],

  define(c: Command): void {
    c.argument("<model>", "an .ane file, or the name of a model")
      .option(
        "--entry <name>",
        "the entry: NAME, or KIND:NAME (default: the one whose arguments are all given)",
      )
      .requiredOption("--inputs <file>", "safetensors: arguments by name, parameters by path")
      .requiredOption(
        "--outputs <file>",
        "safetensors to write: `out`, or `loss` and `grad.PATH` for a train",
      )
      .option(
        "--device <device>",
        "reference (slow, float64) or cpu",
        oneOf("--device", ["reference", "cpu"]),
        "reference",
      )
      .option(
        "--precision <type>",
        "of the reference: f64, or every result rounded to f32 or f16",
        oneOf("--precision", ["f64", "f32", "f16"]),
      );
    defineFlag(c);
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<Flags>): number {
    const { device, precision } = flags;
    if (device === "cpu" && precision !== undefined && precision !== "f32") {
      throw new UserError(
        flagsConflict(
          `--precision ${precision}`,
          "--device cpu",
          "The cpu device computes in f32.",
        ),
      );
    }
    const source = openSource(args[0]!);
    checkOutputFile("--outputs", flags.outputs, [
      { path: flags.inputs, what: "the inputs" },
      { path: source.path, what: "the model" },
    ]);
    const model = elaborate(source, { overrides: overridesOf(flags) });
    if (flags.json !== true) printDiagnostics(io, model.diagnostics);
    const { tensors } = readSafetensors(flags.inputs);
    const entry = entryToRun(model, flags.entry, [...tensors.keys()]);
    const graph = entry.graph();
    const values = readInputs(graph, tensors, { file: flags.inputs, entry: entryName(entry) });

    const start = performance.now();
    const outputs = runEntry(graph, values, {
      device,
      precision: precision ?? "f64",
      gradients: entry.kind === "train",
    });
    const milliseconds = performance.now() - start;
    writeSafetensors(flags.outputs, outputs, { anec_entry: entryName(entry) });

    const list = [...outputs].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
    if (flags.json === true)
      io.out.write(jsonLine({ entry: entryName(entry), device, milliseconds, outputs: list }));
    else {
      const rows = list.slice(0, 12).map((o) => [o.name, o.dtype, `[${o.shape.join(", ")}]`]);
      const more = list.length > 12 ? `  … and ${list.length - 12} more\n` : "";
      io.out.write(
        `${entryName(entry)} on ${device}, ${milliseconds.toFixed(1)} ms\n\n${table(rows)}${more}\n` +
          `wrote ${flags.outputs}: ${count(list.length, "tensor")}\n`,
      );
    }
    return EXIT.ok;
  },
};
