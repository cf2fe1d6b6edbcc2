/**
 * The first `--resume` of a run that another program has written: its checkpoint is bound to data.
 *
 * Such a file holds weights, moments, the step and the highest rate. It does not say which data it was trained on,
 * nor the rest of the settings: those are given, or the defaults of a new run. Windows are drawn as if the run had
 * drawn all of its own before from the same seed, and a table gets the rows that a new run on the data would have.
 */
import { isTrained, leafName } from "../compiler/ir/graph.ts";
import { sizesOf } from "../compiler/ir/types.ts";
import { noOptimizerState, resumeConflict } from "../compiler/messages/checkpoints.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { fromFloat32, type Tensor } from "../formats/tensor.ts";
import { paramStorage } from "../passes/lower_to_host.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { modelOf } from "./checkpoint_model.ts";
import { digestOfTokens, type TokenData } from "./data/token_file.ts";
import { valuesFrom } from "./initial_weights.ts";
import { checkTokens } from "./known_ids.ts";
import { nameOf } from "./model.ts";
import { momentsOf } from "./optimizers/index.ts";
import { completeSettings, defaultSettings, type TrainSettings } from "./options.ts";
import { buffers, momentStorage } from "./programs.ts";
import { createRandom } from "./random.ts";
import { chooseVocabulary } from "./vocabulary.ts";

/** Whether a checkpoint was converted and not trained since, so that it knows no data. */
export function isUnbound({ data }: Checkpoint): boolean {
  return data.tokens === 0;
}

/** Throws a `UserError` (E0739) for a converted file that only holds weights. */
export function checkMoments({ path, tensors }: Checkpoint): void {
  const hasMoments = [...tensors.keys()].some((name) => name.startsWith(buffers.first("")));
  if (!hasMoments) throw new UserError(noOptimizerState(path));
}

/**
 * The checkpoint of the same run on `data`, with the settings that are given. Throws a `UserError`: E0729 for
 * another optimizer than theirs, E0739 without moments, E0805 and E0832 for data of another tokenizer, E0901 for
 * settings.
 */
export function boundTo(
  checkpoint: Checkpoint,
  data: TokenData,
  dataName: string,
  given: Partial<TrainSettings>,
): Checkpoint {
  checkMoments(checkpoint);
  checkTokens(checkpoint, data);
  const { origin, state, vocabulary: whole } = checkpoint;
  const { zeroth: _, ...asked } = given;
  const { optimizer } = defaultSettings;
  if (asked.optimizer !== undefined && asked.optimizer !== optimizer) {
    throw new UserError(resumeConflict("optimizer", asked.optimizer, optimizer));
  }
  const header = origin?.training ?? undefined;
  const settings = completeSettings({
    // The header has it in fp32: the digits that are kept are those that were given.
    ...(header !== undefined && header.lr > 0 ? { lr: Number(header.lr.toPrecision(7)) } : {}),
    ...(header !== undefined && header.totalSteps > 0 ? { steps: header.totalSteps } : {}),
    ...{ ...asked, optimizer },
  });
  const model = withWindow(checkpoint);
  const written = modelOf({ ...checkpoint, model });
  const vocabulary = chooseVocabulary(written, data, settings.compact && whole.active === null);
  const random = createRandom(settings.seed);
  random.skip(state.step);
  const before = { random: random.state(), lastLoss: state.lastLoss };
  const { tokens, tokenizer = null, bytesPerToken = null } = data;
  const bound: Checkpoint = {
    ...{ ...checkpoint, model, vocabulary, settings },
    data: {
      ...{ name: dataName, tokens: tokens.length, digest: digestOfTokens(data) },
      ...{ tokenizer: tokenizer ?? checkpoint.data.tokenizer, bytesPerToken },
    },
    state: { ...state, random: random.state(), group: { count: 0, loss: 0, before } },
  };
  return { ...bound, tensors: pickedTensors(checkpoint, bound) };
}

/** The model with windows as long as the run had them, and with as many ids as it has. */
function withWindow(checkpoint: Checkpoint): Checkpoint["model"] {
  const { model, vocabulary, origin } = checkpoint;
  const { dim, full } = vocabulary;
  const window = nameOf(modelOf(checkpoint).graph.inputs[0]!.type.shape[0]!);
  const sequence = origin?.training?.seqLen ?? origin?.context;
  return {
    ...model,
    overrides: {
      ...model.overrides,
      ...(dim === null ? {} : { [dim]: full }),
      ...(window === null || sequence === undefined ? {} : { [window]: sequence }),
    },
  };
}

/** Parameters and moments with the rows of `bound`. */
function pickedTensors(checkpoint: Checkpoint, bound: Checkpoint): Map<string, Tensor> {
  const moments = momentsOf(bound.settings);
  const picked = new Map<string, Tensor>();
  for (const param of modelOf(bound).graph.params) {
    const path = leafName(param);
    const own = isTrained(param) ? moments.map((moment) => momentStorage(moment, path)) : [];
    for (const name of [paramStorage(path), ...own]) {
      const tensor = checkpoint.tensors.get(name);
      // What is missing is said when the tensors are compared with the model's.
      if (tensor === undefined) continue;
      const alone = { ...checkpoint, tensors: new Map([[paramStorage(path), tensor]]) };
      const values = valuesFrom(alone, param, bound.vocabulary);
      picked.set(name, fromFloat32(sizesOf(param.type.shape), values));
    }
  }
  return picked;
}
