/**
 * A model with nothing but its forward pass, and steps of MeZO on it: the slow, obvious form.
 *
 *     θ += ε·z, L₊ = loss · θ −= 2ε·z, L₋ = loss · θ += ε·z
 *     g = (L₊ − L₋) / 2ε · θ −= lr · g · z
 *
 * The signs z of a step come from one seed, drawn anew each time, over the parameters in the order of the graph.
 */
import { leafName } from "../../compiler/ir/graph.ts";
import { inputStorage, lowerToHost, paramStorage } from "../../passes/lower_to_host.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";
import { finishPlan, newPlan } from "../../passes/plan_builder.ts";
import type { DeviceOptions } from "../../runtime-native/js/index.ts";
import type { TokenData } from "../data/token_file.ts";
import { copyWindow, stepWindow } from "../data/windows.ts";
import { openSession } from "../host_session.ts";
import { initialise } from "../initialise.ts";
import { addSigns, createSignStream, stepSeed } from "../mezo/random.ts";
import { type ModelChoice, readModel, withRows } from "../model.ts";
import { buffers } from "../programs.ts";
import { chooseVocabulary, rowOfId, type Vocabulary } from "../vocabulary.ts";

export interface MezoOptions extends ModelChoice {
  readonly data: TokenData;
  readonly seed: number;
  readonly device?: DeviceOptions;
}

export interface MezoStep {
  readonly plus: number;
  readonly minus: number;
}

export interface MezoProbe {
  readonly vocabulary: Vocabulary;
  /** Names of all buffers that the session holds. */
  readonly buffers: readonly string[];
  /** One step from random weights on; `step` decides the window and the signs. */
  step(step: number, options: { readonly epsilon: number; readonly lr: number }): MezoStep;
  close(): void;
}

/** Opens the model with random weights. Throws a `UserError` for mistakes of the model or the data. */
export function openMezoProbe(options: MezoOptions): MezoProbe {
  const { data, seed, device = {} } = options;
  const asWritten = readModel(options);
  const vocabulary = chooseVocabulary(asWritten, data, true);
  const model = withRows(asWritten, vocabulary.dim, vocabulary.size);
  const plan = newPlan();
  lowerToHost(plan, {
    name: "evaluate",
    graph: runPasses(model.graph, pipelines.infer).graph,
    outputStorage: () => buffers.evaluatedLoss,
  });
  const built = finishPlan(plan);
  const session = openSession(built, device);
  const values = (path: string): Float32Array => session.f32(paramStorage(path));
  initialise(model.graph, { seed, vocabulary, values });
  const paths = model.graph.params.map(leafName);
  const rowOf = rowOfId(vocabulary);

  const perturb = (step: number, scale: number): void => {
    const stream = createSignStream(stepSeed(seed, step));
    for (const path of paths) addSigns(values(path), scale, stream);
  };
  const loss = (): number => {
    session.run("evaluate");
    return session.f32(buffers.evaluatedLoss)[0]!;
  };
  return {
    vocabulary,
    buffers: built.plan.buffers.map((b) => b.name),
    step(step, { epsilon, lr }) {
      const inputs = session.i32(inputStorage(model.tokens));
      const targets = session.i32(inputStorage(model.targets));
      copyWindow(data.tokens, stepWindow(seed, step, data.trainTokens, model.S), inputs, targets);
      if (rowOf !== null) {
        for (const ids of [inputs, targets]) {
          for (const [i, id] of ids.entries()) ids[i] = rowOf(id);
        }
      }
      perturb(step, epsilon);
      const plus = loss();
      perturb(step, -2 * epsilon);
      const minus = loss();
      perturb(step, epsilon);
      perturb(step, (-lr * (plus - minus)) / (2 * epsilon));
      return { plus, minus };
    },
    close: () => session.close(),
  };
}
