/**
 * An optimizer step on the `cpu` device against what the processor can do at most.
 *
 * A step is a group of micro-steps, the norm of the gradients, and the update. Between steps, the rate
 * of multiply-adds on registers is measured in the same process, so that both see the same machine.
 */
import type { BuiltPlan } from "../../passes/plan_builder.ts";
import {
  type DeviceInfo,
  type DeviceOptions,
  measureBound,
  measureGemm,
  type Session,
} from "../../runtime-native/js/index.ts";
import { openSession } from "../../training/host_session.ts";
import type { TrainingModel } from "../../training/model.ts";
import { updateScalars } from "../../training/optimizers/groups.ts";
import { defaultSettings } from "../../training/options.ts";
import { buffers, type ProcessorChoice, trainingPlan } from "../../training/programs.ts";
import { runTraced, type TracedCommand } from "../../training/trace.ts";
import { grouped } from "../output.ts";
import { fillTokens, fillWorkload, gflopOfMicroStep, median } from "./workload.ts";

export interface StepOptions {
  readonly model: TrainingModel;
  readonly device?: DeviceOptions;
  /** Micro-steps of an optimizer step. */
  readonly accum: number;
  /** Optimizer steps to measure. */
  readonly steps: number;
  /** How micro-steps are computed. */
  readonly choice?: ProcessorChoice;
  /** Called between optimizer steps, when nothing is measured. */
  readonly onProgress?: (done: number, all: number) => void;
}

export interface StepReport {
  readonly threads: number;
  readonly simd: string;
  /** "built-in", or the library that computes matrix products. */
  readonly blas: string;
  readonly parameters: number;
  readonly tokensPerMicroStep: number;
  /** Micro-steps of one call. */
  readonly batch: number;
  readonly gflopPerMicroStep: number;
  readonly msPerMicroStep: number;
  /** All of it: micro-steps, norm and update. */
  readonly msPerOptimizerStep: number;
  /** Norm, clipping and AdamW alone. */
  readonly msPerUpdate: number;
  readonly tokensPerSecond: number;
  /** Over the whole optimizer step. */
  readonly gflops: number;
  /** Multiply-adds on registers, measured in this process before, between and after the steps. */
  readonly fmaPeakGflops: number;
  /** A product of 2048 cubed, measured before the steps. */
  readonly sgemmPeakGflops: number;
  readonly fractionOfFmaPeak: number;
  /** Of a line of memory from one processor's cache to another's, the median before, between and after the steps. */
  readonly handoverNs: number;
  /** Share of the time in which no matrix product runs. */
  readonly otherThanProducts: number;
  readonly peakRssBytes: number;
  /** State and scratch of the session. */
  readonly planBytes: number;
  /** The process before it had a session. */
  readonly baseRssBytes: number;
}

/** What a line of progress says of `measureStep`. */
export const stepText = (done: number, all: number): string =>
  `optimizer step ${grouped(done)} of ${grouped(all)}`;

const PEAK_SECONDS = 0.1;
const HANDOVER_SECONDS = 0.02;
const TRACES = 3;
const SGEMM = { m: 2048, n: 2048, k: 2048, seconds: 0.3 };
/** Numbers of an update in the middle of a run. */
const UPDATE = updateScalars(defaultSettings, { lr: 3e-4, t: 1, scale: 0.1 });

/** Measures; the trace is of one step more. Up to three are traced, for the share of the products. */
export function measureStep(options: StepOptions): {
  readonly report: StepReport;
  readonly trace: readonly TracedCommand[];
} {
  const { model, device = {}, accum, steps, choice = {}, onProgress } = options;
  const { batch = 1 } = choice;
  const traces = Math.min(steps, TRACES);
  // The first step warms caches up.
  const all = 1 + steps + traces;
  let done = 0;
  const stepDone = (): void => onProgress?.(++done, all);
  onProgress?.(done, all);
  const sgemmPeakGflops = measureGemm({ ...SGEMM, ...device });
  const built = trainingPlan(model.graph, undefined, choice);
  const calls = callsOf(accum, batch);
  const baseRssBytes = process.memoryUsage.rss();
  const session = openSession(built, device);
  try {
    fillWorkload(session, model.graph, model.table.rows);
    for (const x of batch > 1 ? [model.tokens, model.targets] : [])
      fillTokens(session.i32(buffers.windows(x)), model.table.rows, 42);
    session.f32(buffers.scalars).set(UPDATE);
    runStep(session, calls);
    stepDone();
    const peaks = [measureBound("multiplyAdd", PEAK_SECONDS, device)];
    const handovers = [measureBound("handover", HANDOVER_SECONDS, device)];
    const times: StepTimes[] = [];
    for (let step = 0; step < steps; step++) {
      times.push(runStep(session, calls));
      handovers.push(measureBound("handover", HANDOVER_SECONDS, device));
      peaks.push(measureBound("multiplyAdd", PEAK_SECONDS, device));
      stepDone();
    }
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    const [trace, ...more] = Array.from({ length: traces }, () => {
      const traced = traceStep(session, built, calls);
      stepDone();
      return traced;
    }) as [TracedCommand[], ...TracedCommand[][]];

    const gflop = gflopOfMicroStep(model);
    const whole = median(times.map((t) => t.whole));
    const gflops = (gflop * accum) / (whole / 1e3);
    const fmaPeakGflops = median(peaks);
    const report: StepReport = {
      ...described(session.info),
      parameters: built.plan.buffers.reduce(
        (n, b) => n + (b.name.startsWith("param.") ? b.bytes / 4 : 0),
        0,
      ),
      tokensPerMicroStep: model.S,
      batch,
      gflopPerMicroStep: gflop,
      msPerMicroStep: median(times.flatMap((t) => t.microSteps)),
      msPerOptimizerStep: whole,
      msPerUpdate: median(times.map((t) => t.update)),
      tokensPerSecond: (model.S * accum) / (whole / 1e3),
      ...{ gflops, fmaPeakGflops, sgemmPeakGflops },
      fractionOfFmaPeak: gflops / fmaPeakGflops,
      handoverNs: median(handovers),
      otherThanProducts: median([trace, ...more].map(shareWithoutProducts)),
      peakRssBytes,
      planBytes: built.plan.stateBytes + built.plan.scratchBytes,
      baseRssBytes,
    };
    return { report, trace };
  } finally {
    session.close();
  }
}

function described({ threads, simd, blas }: DeviceInfo) {
  return { threads, simd, blas: blas === null ? "built-in" : blas.name };
}

interface StepTimes {
  readonly microSteps: readonly number[];
  readonly update: number;
  readonly whole: number;
}

/** A call of the device: the program, and how many micro-steps it is. */
interface DeviceCall {
  readonly program: string;
  readonly count: number;
}

/** The calls of a group: as many batches as it holds, then one micro-step at a time. */
function callsOf(accum: number, batch: number): DeviceCall[] {
  const batches = batch > 1 ? Math.floor(accum / batch) : 0;
  return [
    ...Array.from({ length: batches }, () => ({ program: "batch", count: batch })),
    ...Array.from({ length: accum - batches * batch }, () => ({ program: "micro_step", count: 1 })),
  ];
}

function runStep(session: Session, calls: readonly DeviceCall[]): StepTimes {
  const microSteps: number[] = [];
  const start = performance.now();
  let last = start;
  for (const [i, { program, count }] of calls.entries()) {
    session.run(program, { first: i === 0 });
    const now = performance.now();
    for (let step = 0; step < count; step++) microSteps.push((now - last) / count);
    last = now;
  }
  session.run("norm");
  session.run("update");
  const end = performance.now();
  return { microSteps, update: end - last, whole: end - start };
}

function traceStep(
  session: Session,
  built: BuiltPlan,
  calls: readonly DeviceCall[],
): TracedCommand[] {
  const run = (name: string, first = false) => runTraced(session, built, name, { first });
  const microSteps = calls.map(({ program }, i) => run(program, i === 0));
  return [...microSteps.flat(), ...run("norm"), ...run("update")];
}

function shareWithoutProducts(trace: readonly TracedCommand[]): number {
  let [products, all] = [0, 0];
  for (const { kernel, start, end } of trace) {
    all += end - start;
    if (kernel === "matmul") products += end - start;
  }
  return 1 - products / all;
}

/** Milliseconds and calls of each kernel, the longest first. */
export function timeByKernel(
  trace: readonly TracedCommand[],
): { readonly kernel: string; readonly calls: number; readonly ms: number }[] {
  const sums = new Map<string, { calls: number; ms: number }>();
  for (const { kernel, start, end } of trace) {
    const sum = sums.get(kernel) ?? { calls: 0, ms: 0 };
    sums.set(kernel, { calls: sum.calls + 1, ms: sum.ms + end - start });
  }
  return [...sums].map(([kernel, s]) => ({ kernel, ...s })).sort((a, b) => b.ms - a.ms);
}
