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
