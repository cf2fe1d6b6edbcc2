/** What is said of runs of several processes, word by word, and how they know of one another. */
import { expect, test } from "vitest";
import { startedBy } from "../../cli/ranks.ts";
import {
  mpiNotBuilt,
  otherNumberOfRanks,
  rankCouldNotStart,
  rankLost,
  ranksDiffer,
} from "../../compiler/messages/ranks.ts";
import { runtimeDiagnostic } from "../../compiler/messages/runtime.ts";
import { renderDiagnostic } from "../../compiler/support/render.ts";

test("a process knows of others by what mpirun has set, and is alone with a size of 1", () => {
  expect(startedBy({})).toBeUndefined();
  expect(startedBy({ OMPI_COMM_WORLD_SIZE: "1", OMPI_COMM_WORLD_RANK: "0" })).toBeUndefined();
  const open = { OMPI_COMM_WORLD_SIZE: "4", OMPI_COMM_WORLD_RANK: "3" };
  expect(startedBy(open)).toEqual({ size: 4, rank: 3 });
  expect(startedBy({ PMI_SIZE: "2", PMI_RANK: "1" })).toEqual({ size: 2, rank: 1 });
});

test("the words", () => {
  const words = [
    mpiNotBuilt("the addon for MPI is not built", "there is no x"),
    runtimeDiagnostic({ code: "E0651", message: "MPI cannot sum", detail: "no" })!,
    runtimeDiagnostic({ code: "E0652", message: "rank 2 is gone", detail: "2" })!,
    rankLost(2, 4, 1280, "runs/a.ckpt"),
    rankLost(2, 4, 1280, undefined),
    ranksDiffer(1, [["lr", "0.1", "0.2"]]),
    otherNumberOfRanks(4, 1),
    otherNumberOfRanks(4, 2),
    rankCouldNotStart(3, "error[E0706]: there is no file `x`"),
  ].map((diagnostic) => renderDiagnostic(diagnostic));
  expect(words).toEqual([
    "error[E0650]: the addon for MPI is not built\n\n  system there is no x\n" +
      "  help: install MPI's compiler (`apt-get install libopenmpi-dev`, `brew install open-mpi`), then `npm run build:native`\n" +
      "  help: or run the command without `mpirun`",
    "error[E0651]: MPI cannot sum\n\n  system no",
    "error[E0652]: rank 2 is gone",
    "error[E0653]: rank 2 of 4 was lost, and the run ends after step 1,280\n\n" +
      "  Its process ended before the others, or its machine did.\n\n" +
      "  help: go on, with any number of ranks: `anec train --resume runs/a.ckpt`",
    "error[E0653]: rank 2 of 4 was lost, and the run ends after step 1,280\n\n" +
      "  Its process ended before the others, or its machine did.",
    "error[E0980]: rank 1 has another lr than rank 0\n\n  lr     0.1, rank 0: 0.2\n" +
      "  help: give all ranks the same flags and files",
    "error[E0981]: `--ranks 4` needs 4 processes, and this is one alone\n\n" +
      "  help: start it with `mpirun -n 4 anec …`",
    "error[E0981]: `--ranks 4` needs as many processes, and `mpirun` started 2\n\n" +
      "  help: start it with `mpirun -n 4 anec …`",
    "error[E0982]: rank 3 could not start\n\n  error[E0706]: there is no file `x`",
  ]);
});
