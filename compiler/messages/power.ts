/** Messages about the energy of a run (E0973, E0974). */
import { message } from "./message.ts";

export const energyMeterMissing = message(
  "E0973",
  {
    summary: "the energy of this machine cannot be measured",
    explain:
      "`anec power` reads powermetrics on macOS, which only root may run, and the RAPL counters of the " +
      "processor on Linux, which most virtual machines do not have and which often only root may read.",
  },
  (meter: string, why: string) => ({
    title: `${meter} does not measure energy here`,
    why: `${why}.`,
    help: [
      { text: "run it as root (`sudo anec power …`), on a machine that is not a virtual one" },
    ],
  }),
);

export const nothingTrained = message(
  "E0974",
  {
    summary: "the run whose energy was measured did not train",
    explain:
      "`anec power` measures between the beginning of the first micro-step and the end of the last one. " +
      "A run without a micro-step has no such time.",
  },
  (exitCode: number, words: string) => ({
    title: `\`anec train\` ended with exit code ${exitCode}${exitCode === 0 ? " without a step" : ""}`,
    ...(words === "" ? {} : { why: words }),
  }),
);
