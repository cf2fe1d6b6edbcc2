/** Lines of a run's log for tests: what a run of so many micro-steps tells, from chance. */
import type { LogRecord } from "../../../training/log/record.ts";

export interface ToldOptions {
  readonly model?: string;
  /** Micro-steps that were done before. */
  readonly from?: number;
  readonly to: number;
  readonly accum?: number;
  readonly engine?: boolean;
  readonly ends?: boolean;
}

/** A number from 0 to 1 that follows from `i`. */
const chance = (i: number): number => {
  const x = Math.sin(i * 12.9898) * 43758.5453;
  return x - Math.floor(x);
};

export function recordsOfRun(options: ToldOptions): LogRecord[] {
  const { model = "tiny", from = 0, to, accum = 2, engine = false, ends = true } = options;
  const at = (step: number): number => 1_700_000_000 + step / 4;
  const settings = { optimizer: "adamw", lr: 1e-3, schedule: "cosine", accum, batch: 1, steps: to };
  const records: object[] = [
    {
      ...{ event: "start", model, dims: { S: 32 }, parameters: 1234, step: from, out: "a.ckpt" },
      data: { name: "builtin:stories", trainTokens: 9, valTokens: 3 },
      device: { threads: 2, simd: "avx2" },
      ...(engine ? { engine: { kind: "emulator", architecture: "h16g" } } : {}),
      ...{ settings, time: at(from) },
    },
  ];
  for (let step = from + 1; step <= to; step++) {
    const loss = 5 * Math.exp(-step / 200) + chance(step) / 4;
    const isUpdate = step % accum === 0;
    const update = { update: step / accum, loss, microSteps: accum, lr: 1e-3, clipped: false };
    records.push({
      ...{ event: "step", step, loss, bitsPerByte: loss / 3, lr: 1e-3, tokens: 32 },
      ...(isUpdate ? { update: { ...update, gradNorm: 1 + chance(step + 0.5) } } : {}),
      tokensPerSecond: 1000 + 100 * chance(step + 0.2),
      ms: { step: 9, ...(engine ? { engine: 6, staging: 2 } : {}), host: 3, optimizer: 1 },
      ...(engine ? { lossScale: 256, faults: 0 } : {}),
      time: at(step),
    });
    if (step % 10 === 0)
      records.push({
        ...{ event: "validation", step, loss: loss + 0.1, bitsPerByte: (loss + 0.1) / 3 },
        ...{ isBest: true, isFinal: false, time: at(step) },
      });
  }
  if (ends) records.push({ event: "end", step: to, reason: "steps", time: at(to) });
  return records as LogRecord[];
}

export const linesOfRun = (options: ToldOptions): string =>
  recordsOfRun(options)
    .map((record) => `${JSON.stringify(record)}\n`)
    .join("");
