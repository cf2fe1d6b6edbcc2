/** Messages about `anec search` (E0985 to E0995). */
import { count, grouped } from "./files.ts";
import { message } from "./message.ts";

export const badSpace = message(
  "E0985",
  {
    summary: "a part of a search space that cannot be read",
    explain:
      "A part of a space names a flag of `anec train` without its dashes, a dimension or a hyper-parameter, " +
      "and says what it may be: `lr=1e-4..1e-3:log`, `accum=5..20:int`, `D=256..768:64` (multiples of 64), " +
      "`S=64,128,256`. One value alone is fixed for all experiments. A file holds the same as JSON.",
  },
  (where: string, what: string) => ({
    title: `\`${where}\` is no part of a search space: ${what}`,
    help: [{ text: "write it as `lr=1e-4..1e-3:log`, `accum=5..20:int` or `S=64,128`" }],
  }),
);

export const searchThere = message(
  "E0986",
  {
    summary: "the folder holds a search already",
    explain:
      "A search writes its experiments into a folder of its own and never over those of another. Go on " +
      "with the one that is there, or give a new folder.",
  },
  (folder: string) => ({
    title: `\`${folder}\` is not empty`,
    help: [
      { text: `go on with the search in it: \`anec search --resume --out ${folder}\`` },
      { text: "or give `--out` another folder" },
    ],
  }),
);

export const noSearchThere = message(
  "E0987",
  {
    summary: "the folder holds no search",
    explain:
      "`--resume` and `--summary` need the folder of an earlier search, with its `search.json` and " +
      "`experiments.jsonl`.",
  },
  (folder: string) => ({ title: `there is no search in \`${folder}\`` }),
);

export const searchLocked = message(
  "E0988",
  {
    summary: "another process is at work on this search",
    explain:
      "Two processes would write experiments over one another, so the first one leaves a file `lock` in the " +
      "folder. That of a process that is gone is noticed and replaced, if it ran on this machine.",
  },
  (lock: string, process: number, host: string) => ({
    title: `process ${process} on ${host} is at work on this search`,
    help: [{ text: `wait for it, or stop it; if it is gone, remove \`${lock}\`` }],
  }),
);

export const searchDamaged = message(
  "E0989",
  {
    summary: "a file of a search is damaged",
    explain:
      "Each line of `experiments.jsonl` is one experiment, in order. A last line that was cut off is " +
      "dropped and its experiment is run again; anything else that does not fit was changed from outside.",
  },
  (path: string, line: number, what: string) => ({
    title: `line ${grouped(line)} of \`${path}\` ${what}`,
    help: [{ text: "restore the file, or begin a new search" }],
  }),
);

export const gateNeedsSeeds = message(
  "E0990",
  {
    summary: "too few seeds for the confidence that is asked for",
    explain:
      "Of K seeds, all K favour a change that has no effect in one of 2^K cases. So K seeds alone cannot be " +
      "surer than 1 − 1/2^K, whatever the losses are: 5 seeds are needed for 95 %, 7 for 99 %.",
  },
  (seeds: number, confidence: number, needed: number) => ({
    title: `${count(seeds, "seed")} cannot show an improvement with a confidence of ${confidence}`,
    why: `Chance alone makes all of them better in 1 of ${grouped(2 ** seeds)} cases.`,
    help: [
      { text: `give \`--seeds ${needed}\`` },
      {
        text: `or \`--confidence ${1 - 2 ** -seeds}\`, the most that ${count(seeds, "seed")} can give`,
      },
    ],
  }),
);

export const baselineFailed = message(
  "E0991",
  {
    summary: "the first experiment of a search failed",
    explain:
      "The first experiment is the model as it is. Where that cannot be trained there is nothing to compare " +
      "changes with.",
  },
  (why: string) => ({
    title: "the model as it is cannot be trained, so there is nothing to improve",
    why,
    help: [{ text: "`anec train` with the same flags says more" }],
  }),
);

export const searchBranch = message(
  "E0992",
  {
    summary: "a branch that kept configurations cannot be committed to",
    explain:
      "`--branch` commits each kept configuration to a branch of its own, and touches neither files nor " +
      "index. The branch must be new, or that of the search that is resumed; it may not be checked out, for " +
      "it would move under whoever works there.",
  },
  (branch: string, why: string) => ({
    title: `cannot commit to the branch \`${branch}\``,
    why: `${why}.`,
    help: [{ text: "give `--branch` another name, or leave it out" }],
  }),
);

export const branchLost = message(
  "E0993",
  {
    summary: "the branch of a search was moved by somebody else",
    explain:
      "The branch no longer ends where the search left it. Nothing of it was changed, and the search goes on " +
      "without commits; its configurations are in `experiments.jsonl`.",
  },
  (branch: string, words: string) => ({
    severity: "warning" as const,
    title: `the branch \`${branch}\` was moved by somebody else: kept configurations are no longer committed`,
    ...(words === "" ? {} : { notes: [["git", words]] as const }),
  }),
);

export const noBitsPerByte = message(
  "E0994",
  {
    summary: "bits per byte of a text whose length in bytes is not known",
    explain:
      "The karpathy protocol compares bits per byte. A token file without its description does not say how " +
      "many bytes of text its tokens stand for.",
  },
  (data: string) => ({
    title: `\`${data}\` does not say how long its tokens are, so there are no bits per byte`,
    help: [{ text: "use `--protocol autoane`, which compares losses in nats per token" }],
  }),
);

export const searchDataChanged = message(
  "E0995",
  {
    summary: "the data of a search has changed",
    explain:
      "Losses on other text say nothing about each other, so a search goes on with the tokens it began with " +
      "only.",
  },
  (data: string) => ({
    title: `\`${data}\` holds other tokens than when the search began`,
    help: [{ text: "restore the data, or begin a new search" }],
  }),
);
