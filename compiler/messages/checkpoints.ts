/** E0721 to E0739: checkpoints. What is wrong with the file itself is said by the safetensors reader. */
import { grouped } from "./files.ts";
import { listOf, message } from "./message.ts";

export const foreignCheckpoint = message(
  "E0721",
  {
    summary: "a file is no checkpoint of anec",
    explain:
      "The file is a safetensors file, but another program made it: it lacks the description of the model " +
      "and of the training that `anec train` writes.",
  },
  (path: string, tensors: number, metadata: readonly string[]) => ({
    title: `\`${path}\` is a safetensors file, but not a checkpoint of anec`,
    why:
      `It holds ${grouped(tensors)} tensors and ` +
      (metadata.length === 0
        ? "no metadata."
        : `the metadata ${listOf(metadata.slice(0, 8).map((k) => `\`${k}\``))}.`),
    help: [{ text: "give a file that `anec train` wrote" }],
  }),
);

export const checkpointVersion = message(
  "E0722",
  {
    summary: "a checkpoint is of another version",
    explain: "The file was written by a version of anec that lays checkpoints out differently.",
  },
  (path: string, version: string, ours: string) => ({
    title: `the checkpoint \`${path}\` is of version ${version}; this anec reads version ${ours}`,
    help: [{ text: "use the version of anec that wrote it" }],
  }),
);

export const checkpointDamaged = message(
  "E0723",
  {
    summary: "the description in a checkpoint is damaged",
    explain:
      "A checkpoint describes its model, its data and the state of the training in its metadata. A part of " +
      "it is missing or makes no sense. Use an older checkpoint, or train again.",
  },
  (path: string, what: string) => ({ title: `the checkpoint \`${path}\` is damaged: ${what}` }),
);

export const checkpointDigest = message(
  "E0724",
  {
    summary: "the contents of a checkpoint do not match its digest",
    explain:
      "A checkpoint holds a digest of everything in it. Some of its bytes have changed since it was written: " +
      "a faulty copy, a failing disk, or an edit.",
  },
  (path: string) => ({
    title: `the checkpoint \`${path}\` is damaged: its contents do not match its digest`,
    help: [{ text: "copy it again, or use an older checkpoint" }],
  }),
);

export const checkpointOfAnotherModel = message(
  "E0725",
  {
    summary: "a checkpoint is of another model",
    explain:
      "Training can only go on with the model that the checkpoint was made with: the same dimensions, " +
      "parameters and equations. The message lists what differs.",
  },
  (path: string, saved: string, given: string, differences: readonly string[]) => ({
    title:
      saved === given
        ? `the checkpoint \`${path}\` is of another \`${saved}\` than the one given`
        : `the checkpoint \`${path}\` is of model \`${saved}\`, not of \`${given}\``,
    ...(differences.length === 0
      ? { why: "Dimensions and parameters agree, but the equations differ." }
      : {
          notes: differences
            .slice(0, 12)
            .map((d, i) => [i === 0 ? "differs" : "", d] as const)
            .concat(differences.length > 12 ? [["", `and ${differences.length - 12} more`]] : []),
        }),
    help: [{ text: "leave out `--model`: the checkpoint holds its own" }],
  }),
);

export const missingTensor = message(
  "E0726",
  {
    summary: "a checkpoint lacks a tensor",
    explain: "The model has a parameter, or the training a state, that is not in the file.",
  },
  (path: string, tensor: string) => ({
    title: `the checkpoint \`${path}\` has no tensor \`${tensor}\``,
  }),
);

export const wrongTensor = message(
  "E0727",
  {
    summary: "a tensor of a checkpoint has the wrong shape or type",
    explain: "The shape or the type of a tensor is not that of the model in the same file.",
  },
  (path: string, tensor: string, found: string, expected: string) => ({
    title: `tensor \`${tensor}\` of \`${path}\` is ${found}; the model needs ${expected}`,
  }),
);

export const unknownTensor = message(
  "E0728",
  {
    summary: "a checkpoint holds a tensor that its model does not have",
    explain: "The tensors and the model in the file do not belong together.",
  },
  (path: string, tensor: string) => ({
    title: `the checkpoint \`${path}\` holds \`${tensor}\`, which its model does not have`,
  }),
);

export const resumeConflict = message(
  "E0729",
  {
    summary: "an option contradicts the checkpoint that is resumed",
    explain:
      "A run that is resumed goes on as if it had never stopped, so what decides its course stays: the " +
      "seed, the data, the size of a group, the optimizer, compaction and compatibility. The length of the run, " +
      "learning rates, schedule, clipping, weight decay and the betas may be changed.",
  },
  (option: string, given: string, saved: string | null) => ({
    title:
      `\`--${option} ${given}\` contradicts the checkpoint, which was made ` +
      (saved === null ? "without it" : `with ${saved}`),
    help: [{ text: `leave out \`--${option}\`, or start a new run without \`--resume\`` }],
  }),
);

export const otherData = message(
  "E0730",
  {
    summary: "the data is not what the checkpoint was trained on",
    explain:
      "The tokens of the data set differ from those of the run that wrote the checkpoint, so the run could " +
      "not go on as if it had never stopped.",
  },
  (given: string, tokens: number, saved: string, savedTokens: number) => ({
    title: `\`${given}\` is not the data of the checkpoint`,
    why:
      tokens === savedTokens
        ? `Both have ${grouped(tokens)} tokens, but not the same ones as \`${saved}\` had.`
        : `It has ${grouped(tokens)} tokens; \`${saved}\` had ${grouped(savedTokens)}.`,
    help: [{ text: "give the data of the first run, or start a new run without `--resume`" }],
  }),
);

export const alreadyPastSteps = message(
  "E0731",
  {
    summary: "a checkpoint is already past the steps that are asked for",
    explain:
      "`--steps` is the length of the whole run, not of what is added to it. The checkpoint has done more " +
      "steps than that, and a run does not go back. It was left as it is.",
  },
  (path: string, done: number, steps: number) => ({
    title:
      `the checkpoint \`${path}\` is at step ${grouped(done)}, already past ` +
      `\`--steps ${steps}\``,
    why: "`--steps` counts from the start of the run; what the checkpoint has done is part of it.",
    help: [
      { text: `give more than ${grouped(done)} steps, or generate with the checkpoint as it is` },
    ],
  }),
);

export const notResumable = message(
  "E0732",
  {
    summary: "a file that is to be resumed is no checkpoint of anec",
    explain:
      "`--resume` goes on with a run, so it needs what only `anec train` writes: the weights, the moments of the " +
      "optimizer and the position in the data. Models of other programs hold the weights alone; `--init` starts a " +
      "new run with them. What a file is is told by its contents, not by its name.",
  },
  (path: string, weights: { readonly format: string; readonly model: string } | null) => ({
    title: `\`${path}\` is no checkpoint of anec: there is no run in it to resume`,
    ...(weights === null ? {} : { notes: [["format", weights.format] as const] }),
    help: [
      weights === null
        ? { text: "give a file that `anec train` wrote; a text to train on goes to `--data`" }
        : { text: `start a new run with its weights: \`--init ${weights.model}\`` },
    ],
  }),
);

export const unseenTokens = message(
  "E0733",
  {
    summary: "a text holds tokens that the training of the model never saw",
    explain:
      "A model of a compacted vocabulary has a row for each id that its training split held, and one spare row for " +
      "all the others. Tokens of such ids look the same to it, whichever words they are, so a loss over many of " +
      "them says little, and a prompt made of them is read as if its words were blotted out. Train with text that " +
      "holds the words, or with `--no-compact`, which gives every id a row.",
  },
  (what: string, unseen: number, tokens: number) => ({
    severity: "warning",
    title:
      `${grouped(unseen)} of the ${grouped(tokens)} tokens of ${what} ` +
      `${unseen === 1 ? "is an id" : "are ids"} that training never saw`,
    why: "The model has one spare row for all such ids: it cannot tell them apart.",
    help: [{ text: "use text that is like that of the training, or train on text like this" }],
  }),
);

export const dataOfCheckpointMissing = message(
  "E0734",
  {
    summary: "the data that a checkpoint names is not there",
    explain:
      "A checkpoint holds the name of its data as it was given to `anec train`: a path is that of the folder in " +
      "which the run began. Without `--data` it is looked for under that name. Give `--data`, or run the command " +
      "in the folder of the run.",
  },
  (path: string, name: string) => ({
    title: `\`${path}\` was trained on \`${name}\`, which is not here`,
    why: "The checkpoint names its data as it was given to `anec train`; a path counts from the folder of that run.",
    help: [{ text: "say where the data is: `--data FILE`" }],
  }),
);

export const untrainedRowsOfModel = message(
  "E0736",
  {
    summary: "many rows of a model look untrained",
    explain:
      "AutoANE trains on the ids that occur in its token file, and keeps a row for every id of the tokenizer all the " +
      "same; `anec convert --expand` writes zeros for the ids that training never saw. Such rows get a part of every " +
      "softmax: a loss over all ids does not compare with that of the training, and texts hold ids that mean nothing. " +
      "`--ids FILE` takes the softmax over the ids that occur in FILE, the data of the training.",
  },
  (path: string, untrained: number, rows: number) => ({
    severity: "warning",
    title: `${grouped(untrained)} of the ${grouped(rows)} rows of \`${path}\` look untrained`,
    why: "The softmax is over all of them, so losses do not compare with those of the training.",
    help: [{ text: "take only the ids of the data that it was trained on: `--ids FILE`" }],
  }),
);

export const tokensOutsideIds = message(
  "E0737",
  {
    summary: "data holds tokens that are not among the ids of `--ids`",
    explain:
      "With `--ids FILE` the softmax is over the ids that occur in FILE. A token of any other id has no place in it: " +
      "all of them count as one id more, the spare one, as in training.",
  },
  (data: string, outside: number, tokens: number, ids: string) => ({
    severity: "warning",
    title: `${grouped(outside)} of the ${grouped(tokens)} tokens of \`${data}\` are not in \`${ids}\``,
    why: "They count as one id that stands for all others.",
    help: [{ text: "give `--ids` the data that the model was trained on" }],
  }),
);

export const dataToBind = message(
  "E0738",
  {
    summary: "a converted run does not say which data it was trained on",
    explain:
      "Checkpoints of other programs hold neither the name nor a digest of their data. The first `--resume` of one " +
      "binds it to the data of `--data`; from then on it is a run like any other, and needs no `--data`.",
  },
  (path: string) => ({
    title: `\`${path}\` was converted, and does not say which data it was trained on`,
    help: [{ text: "give the data of its training: `--data FILE`" }],
  }),
);

export const noOptimizerState = message(
  "E0739",
  {
    summary: "a converted model without the moments of an optimizer cannot be resumed",
    explain:
      "To go on as if it had never stopped, a run needs the moments of its optimizer. Of other programs only BLZT " +
      "holds them, and files that were converted or trained without gradients have zeros there, which are read as none.",
  },
  (path: string) => ({
    title: `\`${path}\` holds no moments of an optimizer: there is no run in it to resume`,
    help: [{ text: `start a new run with its weights: \`--init ${path}\`` }],
  }),
);
