/** What happens in a run of training as records: for `--json`, and for its logs (training/log/record.ts). */
import { laneOf } from "../compiler/bundle/effects.ts";
import type { RunRecord, StartRecord, StepRecord, StepTimes } from "../training/log/record.ts";
import type { RunResult, TrainEvent } from "../training/run.ts";
import type { TracedCommand } from "../training/trace.ts";
import type { Trainer } from "../training/trainer.ts";
import { clockOf } from "./train_clock.ts";
import type { ReporterOptions } from "./train_output.ts";

export interface Recorder {
  start(): StartRecord;
  event(event: TrainEvent): RunRecord;
  finish(result: RunResult): RunRecord;
}

export function recorderOf(options: ReporterOptions): Recorder {
  const { trainer, data, dataName, out } = options;
  const clock = clockOf(options);
  let faults = 0;
  /** The commands that the last step was measured by: those of a batch are of all its micro-steps. */
  let measured: { readonly trace: readonly TracedCommand[]; readonly times: StepTimes } | undefined;

  const timesOf = (windows: number): StepTimes | undefined => {
    const { trace } = trainer;
    if (trace.length === 0) return undefined;
    if (measured?.trace !== trace) measured = { trace, times: stepTimes(trace, windows, trainer) };
    return measured.times;
  };

  const step = ({ kind, windows, ...rest }: TrainEvent & { kind: "step" }): StepRecord => {
    clock.step(rest.tokens);
    const tokensPerSecond = clock.tokensPerSecond();
    const secondsLeft = clock.left(tokensPerSecond);
    const ms = timesOf(windows);
    const lossScale = trainer.engine === undefined ? undefined : trainer.state.engine?.lossScale;
    return {
      ...{ event: kind, ...rest },
      ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
      ...(secondsLeft === undefined ? {} : { secondsLeft }),
      ...(ms === undefined ? {} : { ms }),
      ...(lossScale === undefined ? {} : { lossScale }),
      ...(trainer.engineCounts === undefined ? {} : { faults }),
    };
  };

  return {
    start: () => ({
      event: "start",
      model: trainer.model.entry,
      dims: Object.fromEntries(trainer.model.elaborated.dims),
      parameters: trainer.parameters,
      vocabulary: trainer.vocabulary.size,
      data: { name: dataName, trainTokens: data.trainTokens, valTokens: data.valTokens },
      device: trainer.device,
      ...(trainer.engine === undefined ? {} : { engine: trainer.engine }),
      settings: trainer.settings,
      step: trainer.state.step,
      out,
    }),
    event(e) {
      if (e.kind === "engine") faults += 1;
      if (e.kind === "step") return step(e);
      const { kind: event, ...rest } = e;
      return { event, ...rest } as RunRecord;
    },
    finish(result) {
      const { engineCounts } = trainer;
      return {
        ...{ event: "result", ...result, out },
        ...(engineCounts === undefined ? {} : { engine: engineCounts }),
      };
    },
  };
}

/** The milliseconds of a call by lane, as the part of one of its micro-steps. */
function stepTimes(
  trace: readonly TracedCommand[],
  windows: number,
  { engine }: Pick<Trainer, "engine">,
): StepTimes {
  const sum = { engine: 0, staging: 0, host: 0, network: 0, optimizer: 0 };
  let end = 0;
  for (const command of trace) {
    const lane = laneOf(command.kernel);
    const isUpdate = lane === "host" && OF_UPDATE.has(command.program);
    sum[isUpdate ? "optimizer" : lane] += command.end - command.start;
    end = Math.max(end, command.end);
  }
  const of = (ms: number): number => Math.round((1e3 * ms) / windows) / 1e3;
  const begin = Math.min(...trace.map((c) => c.start));
  return {
    step: of(end - begin),
    ...(engine === undefined ? {} : { engine: of(sum.engine), staging: of(sum.staging) }),
    ...(sum.network > 0 ? { network: of(sum.network) } : {}),
    ...{ host: of(sum.host), optimizer: of(sum.optimizer) },
  };
}

/** Programs that run once for an update rather than for a window. */
const OF_UPDATE: ReadonlySet<string> = new Set(["norm", "sanitize", "update"]);
