/** `anec bench step`: how much of the processor an optimizer step uses. */
import type { Command } from "commander";
import { writeFileBytes } from "../../formats/files.ts";
import { chooseBatch } from "../../training/batches.ts";
import { needWhole } from "../../training/options.ts";
import type { TracedCommand } from "../../training/trace.ts";
import { type BatchFlags, batchFlags } from "../batch_flags.ts";
import { measureStep, type StepReport, stepText, timeByKernel } from "../bench/training_step.ts";
import { trainingWorkload } from "../bench/workload.ts";
import { chromeTrace } from "../chrome_trace.ts";
import { type Call, EXIT } from "../command.ts";
import { deviceOptions } from "../device.ts";
import {
  type DefineFlag,
  type DeviceFlags,
  defineFlag,
  deviceFlags,
  type JsonFlag,
  jsonFlag,
  overridesOf,
  whole,
} from "../flags.ts";
import { openSource } from "../models.ts";
import { bytesText, grouped, jsonLine, pairs, table } from "../output.ts";
import { withProgress } from "../progress.ts";

interface Flags extends DefineFlag, DeviceFlags, JsonFlag, BatchFlags {
  readonly model: string;
  readonly rows?: number;
  readonly accum: number;
  readonly steps: number;
  readonly trace?: string;
}

export const command = {
  examples: [
    "anec bench step --model autoresearch --device cpu --json",
    "anec bench step --model tiny --trace step.json",
  ],

  define(c: Command): void {
    c.option(
      "--model <name>",
      "the name of a model, or an .ane file with a `train`",
      "autoresearch",
    )
      .option(
        "--rows <n>",
        "ids in use (default: all, or 16,893 of a vocabulary beyond 32,768)",
        whole("--rows", 1, 1e7),
      )
      .option("--accum <n>", "micro-steps of an optimizer step", whole("--accum", 1, 1000), 10)
      .option("--steps <n>", "optimizer steps to measure", whole("--steps", 1, 1000), 5)
      .option("--trace <file>", "write one step by kernel, for chrome://tracing or Perfetto");
    batchFlags(c);
    deviceFlags(c);
    defineFlag(c);
    jsonFlag(c);
  },

  run({ io, flags }: Call<Flags>): number {
    const { accum, steps, rows } = flags;
    const model = trainingWorkload({
      source: openSource(flags.model),
      overrides: overridesOf(flags),
      ...(rows === undefined ? {} : { rows }),
    });
    const device = deviceOptions(flags);
    const { batch: wish = 1, recompute } = flags;
    const { graph } = model;
    const batch = wish === "auto" ? chooseBatch({ graph, accum, recompute, device }) : wish;
    needWhole("batch", batch, 1, 256);
    const choice = { batch, recompute };
    const { report, trace } = withProgress(io.err, stepText, (onProgress) =>
      measureStep({ ...{ model, device, accum, steps, choice }, onProgress }),
    );
    if (flags.trace !== undefined) writeFileBytes(flags.trace, Buffer.from(chromeTrace(trace)));
    io.out.write(
      flags.json === true
        ? jsonLine({ model: flags.model, device: flags.device, ...report })
        : `${summary(flags.model, report)}\n${kernels(trace)}`,
    );
    return EXIT.ok;
  },
};

function summary(name: string, r: StepReport): string {
  const one = (n: number) => n.toFixed(1);
  return pairs([
    [
      "model",
      `${name}, ${grouped(r.parameters)} parameters, ${r.gflopPerMicroStep.toFixed(2)} GFLOP a micro-step`,
    ],
    ["device", `cpu, ${r.threads} threads, ${r.simd}, ${r.blas} products`],
    ["micro-step", `${one(r.msPerMicroStep)} ms${r.batch > 1 ? `, ${r.batch} in one call` : ""}`],
    [
      "optimizer step",
      `${one(r.msPerOptimizerStep)} ms, of which the update ${one(r.msPerUpdate)} ms`,
    ],
    ["tokens/s", grouped(Math.round(r.tokensPerSecond))],
    ["GFLOP/s", one(r.gflops)],
    ["multiply-adds at most", `${one(r.fmaPeakGflops)} GFLOP/s`],
    ["SGEMM of 2048 cubed", `${one(r.sgemmPeakGflops)} GFLOP/s`],
    ["share of the most", r.fractionOfFmaPeak.toFixed(3)],
    ["a line from one core to another", `${one(r.handoverNs)} ns`],
    ["not products", `${(100 * r.otherThanProducts).toFixed(1)} % of the time`],
    ["memory at most", bytesText(r.peakRssBytes)],
  ]);
}

function kernels(trace: readonly TracedCommand[]): string {
  const all = trace.reduce((sum, c) => sum + c.end - c.start, 0);
  return table(
    timeByKernel(trace).map(({ kernel, calls, ms }) => [
      kernel,
      String(calls),
      ms.toFixed(2),
      `${((100 * ms) / all).toFixed(1)} %`,
    ]),
    { head: ["kernel", "calls", "ms", "share"], right: [1, 2, 3] },
  );
}
