/** `anec bench generate`: tokens per second against what the memory allows. */
import type { Command } from "commander";
import { measureGeneration } from "../bench/generation.ts";
import { trainingWorkload } from "../bench/workload.ts";
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
import { bytesText, jsonLine, pairs } from "../output.ts";
import { withProgress } from "../progress.ts";

interface Flags extends DefineFlag, DeviceFlags, JsonFlag {
  readonly model: string;
  readonly rounds: number;
}

export const command = {
  examples: ["anec bench generate --model stories110m --json"],

  define(c: Command): void {
    c.option("--model <name>", "the name of a model, or an .ane file", "autoresearch").option(
      "--rounds <n>",
      "rounds of 32 tokens",
      whole("--rounds", 1, 1000),
      4,
    );
    deviceFlags(c);
    defineFlag(c);
    jsonFlag(c);
  },

  run({ io, flags }: Call<Flags>): number {
    const model = trainingWorkload({
      source: openSource(flags.model),
      overrides: overridesOf(flags),
    });
    const r = withProgress(
      io.err,
      (done, all) => `round ${done} of ${all}`,
      (onProgress) => measureGeneration(model, flags.rounds, deviceOptions(flags), onProgress),
    );
    io.out.write(
      flags.json === true
        ? jsonLine({ model: flags.model, device: flags.device, ...r })
        : pairs([
            ["model", `${flags.model}, ${bytesText(r.weightBytes)} of weights`],
            ["device", `cpu, ${r.threads} threads, ${r.simd}, ${r.blas} products`],
            ["token", `${r.msPerToken.toFixed(2)} ms`],
            ["tokens/s", r.tokensPerSecond.toFixed(1)],
            ["memory read", `${r.readGigabytesPerSecond.toFixed(1)} GB/s`],
            ["tokens/s at most", r.boundTokensPerSecond.toFixed(1)],
            ["share of the most", r.fractionOfBound.toFixed(3)],
          ]),
    );
    return EXIT.ok;
  },
};
