/** Messages about runs of several processes under `mpirun` (E0650 to E0653, E0980 to E0982). */
import { inItsWords } from "./ane.ts";
import { grouped } from "./files.ts";
import { listOf, type Message, message } from "./message.ts";

export const mpiNotBuilt = message(
  "E0650",
  {
    summary: "the addon for MPI is not there or cannot be loaded",
    explain:
      "A command that `mpirun` starts several times over needs a second addon, build/native/anec_mpi.node, which " +
      "`npm run build:native` makes where MPI's compiler `mpicxx` is installed. It works with the MPI that it " +
      "was built for only: `MPICXX=/path/to/mpicxx npm run build:native` chooses one.",
  },
  (words: string, detail: string) => ({
    title: words,
    ...(detail === "" ? {} : { notes: [["system", detail]] as const }),
    help: [
      {
        text:
          "install MPI's compiler (`apt-get install libopenmpi-dev`, `brew install open-mpi`), then " +
          "`npm run build:native`",
      },
      { text: "or run the command without `mpirun`" },
    ],
  }),
);

export const mpiFailed = message(
  "E0651",
  {
    summary: "MPI cannot do what was asked of it",
    explain:
      "The words are those of the MPI library. Where `mpirun` started several processes and each finds itself " +
      "alone, the addon was built for another MPI than the one that `mpirun` belongs to.",
  },
  inItsWords,
);

export const rankGone = message(
  "E0652",
  {
    summary: "one of the processes of a run is gone",
    explain:
      "A process that `mpirun` started ended before the others, or its machine did. What it printed last may " +
      "say why.",
  },
  (words: string, _rank: string) => ({ title: words }),
);

/** What of the runtime's failures is MPI's. */
export const rankPages: readonly Message<[words: string, detail: string]>[] = [
  mpiNotBuilt,
  mpiFailed,
  rankGone,
];

export const rankLost = message(
  "E0653",
  {
    summary: "a run of several processes lost one of them, and was saved",
    explain:
      "Without all of its ranks a group of micro-steps cannot be finished. The state after the last micro-step " +
      "that all ranks had done was saved by the first rank that is left, and any number of ranks can go on from " +
      "it. `mpirun` ends the other processes about a second after one was lost; `--mca " +
      "odls_base_sigkill_timeout 60` gives Open MPI's more time, for models that take longer to save.",
  },
  (rank: number, size: number, step: number, out: string | undefined) => ({
    title: `rank ${rank} of ${size} was lost, and the run ends after step ${grouped(step)}`,
    why: "Its process ended before the others, or its machine did.",
    help:
      out === undefined
        ? []
        : [{ text: `go on, with any number of ranks: \`anec train --resume ${out}\`` }],
  }),
);

/** A name and what it is on one rank and on rank 0. */
export type RankDifference = readonly [name: string, own: string, first: string];

export const ranksDiffer = message(
  "E0980",
  {
    summary: "two processes of a run do not do the same",
    explain:
      "All ranks of a run have one model, one text and one set of settings, and start with the same values. " +
      "`mpirun` can start processes with different flags, and a machine may hold another version of a file. " +
      "Ranks on processors with different instruction sets would round differently, and drift apart.",
  },
  (rank: number, differences: readonly RankDifference[]) => ({
    title: `rank ${rank} has another ${listOf(differences.map(([name]) => name))} than rank 0`,
    notes: differences.map(([name, own, first]) => [name, `${own}, rank 0: ${first}`] as const),
    help: [{ text: "give all ranks the same flags and files" }],
  }),
);

export const otherNumberOfRanks = message(
  "E0981",
  {
    summary: "a command was started with another number of processes than it should be",
    explain:
      "`--ranks 4` says that the command is one of four that `mpirun -n 4` starts. Without it any number is " +
      "right, and one process alone needs no `mpirun`.",
  },
  (wanted: number, started: number) => ({
    title:
      started === 1
        ? `\`--ranks ${wanted}\` needs ${wanted} processes, and this is one alone`
        : `\`--ranks ${wanted}\` needs as many processes, and \`mpirun\` started ${started}`,
    help: [{ text: `start it with \`mpirun -n ${wanted} anec …\`` }],
  }),
);

export const rankCouldNotStart = message(
  "E0982",
  {
    summary: "one of the processes of a run could not start",
    explain:
      "All ranks have to start, or none does. The words are those of the rank that could not.",
  },
  (rank: number, words: string) => ({
    title: `rank ${rank} could not start`,
    why: words,
  }),
);
