/** What of a trainer goes into a checkpoint. */
import { fromFloat32, type Tensor } from "../formats/tensor.ts";
import { type CheckpointContents, hasGradients, type TrainState } from "./checkpoint.ts";
import { stateTensors } from "./checkpoint_model.ts";
import type { TokenData } from "./data/token_file.ts";
import type { TrainingModel } from "./model.ts";
import { momentsOf } from "./optimizers/index.ts";
import type { TrainSettings } from "./options.ts";
import type { Vocabulary } from "./vocabulary.ts";

interface Kept {
  readonly model: TrainingModel;
  readonly vocabulary: Vocabulary;
  readonly settings: TrainSettings;
  readonly state: TrainState;
  readonly data: TokenData;
  readonly dataName: string;
  /** Sha256 of the tokens, in hex. */
  readonly digest: string;
  /** Factor of the gradients of the open group. */
  readonly lossScale: number;
  /** The values of a tensor of the state; they are not copied. */
  readonly values: (name: string) => Float32Array;
}

export function contentsOf(kept: Kept): CheckpointContents {
  const { model, vocabulary, settings, state, data, dataName, digest } = kept;
  const { source, entry, overrides, lora } = model;
  const { tokens, tokenizer = null, bytesPerToken = null } = data;
  const tensors = new Map<string, Tensor>();
  const moments = momentsOf(settings);
  for (const [name, shape] of stateTensors(model.graph.params, moments, hasGradients(state))) {
    tensors.set(name, fromFloat32(shape, kept.values(name)));
  }
  return {
    model: {
      ...{ source: { path: source.path, text: source.text }, entry, overrides },
      ...(lora === undefined ? {} : { lora }),
    },
    vocabulary,
    data: { name: dataName, tokens: tokens.length, digest, tokenizer, bytesPerToken },
    settings,
    state: withScale(kept),
    tensors,
    ...(model.origin === undefined ? {} : { origin: model.origin }),
  };
}

function withScale({ state, lossScale }: Kept): TrainState {
  const { scale: _, ...group } = state.group;
  const isScaled = lossScale !== 1 && hasGradients(state);
  return { ...state, group: isScaled ? { ...group, scale: lossScale } : group };
}
