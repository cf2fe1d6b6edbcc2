/** One run of a search: what the worker's process is asked, does and answers. */

import { UserError } from "../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../compiler/support/render.ts";
import { type DeviceOptions, NativeError } from "../../runtime-native/js/index.ts";
import { openData } from "../data/open_data.ts";
import { digestOfTokens } from "../data/token_file.ts";
import type { EngineChoice } from "../engine_programs.ts";
import type { TrainSettings } from "../options.ts";
import { startRun } from "../run.ts";
import { createTrainer } from "../trainer.ts";
import type { RunRecord, SearchSettings } from "./record.ts";

export interface WorkerTask {
  readonly model: SearchSettings["model"];
  readonly data: SearchSettings["data"];
  readonly settings: Partial<TrainSettings>;
  /** Seconds of training; null for the steps of the settings. */
  readonly seconds: number | null;
  readonly protocol: SearchSettings["protocol"];
  readonly device: DeviceOptions;
  readonly engine: EngineChoice | null;
  readonly fallback: boolean;
}

/** What becomes of a run; `seed` is known to whoever asked. */
export type WorkerAnswer =
  | ({ readonly kind: "done" } & Omit<RunRecord, "seed" | "error" | "totalSeconds">)
  /** The run failed in a way that says something of its configuration. */
  | { readonly kind: "failed"; readonly error: string }
  /** The data are not those that the search began with. */
  | { readonly kind: "changed" };

/** Trains and validates. The clock of the budget starts when everything is compiled and in place. */
export async function work(task: WorkerTask): Promise<WorkerAnswer> {
  try {
    return await train(task);
  } catch (error) {
    if (error instanceof UserError) {
      return { kind: "failed", error: wordsOf(error) };
    }
    if (error instanceof NativeError) return { kind: "failed", error: error.message };
    throw error;
  }
}

function wordsOf({ diagnostics }: UserError): string {
  const [first] = diagnostics;
  return first === undefined ? "" : renderDiagnostics([first]).split("\n")[0]!;
}

async function train(task: WorkerTask): Promise<WorkerAnswer> {
  const { model, protocol, seconds, device, engine, fallback } = task;
  const data = await openData(task.data.name);
  if (digestOfTokens(data) !== task.data.digest) return { kind: "changed" };
  const trainer = createTrainer({
    source: { path: model.path, text: model.text },
    ...{ entry: model.entry, overrides: model.overrides },
    ...{ data, dataName: task.data.name, settings: task.settings, device, fallback },
    ...(engine === null ? {} : { engine }),
  });
  try {
    let trained = performance.now();
    const began = trained;
    const run = startRun({
      trainer,
      ...(seconds === null ? {} : { time: seconds }),
      onEvent: (event) => {
        if (event.kind === "step") trained = performance.now();
      },
    });
    const { validationLoss, steps } = await run.finished;
    return {
      kind: "done",
      loss: protocol === "karpathy" ? trainer.bitsPerByte(validationLoss)! : validationLoss,
      steps,
      trainingSeconds: (trained - began) / 1000,
      parameters: trainer.parameters,
      peakBytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    trainer.close();
  }
}
