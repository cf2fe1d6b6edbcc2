/** Messages about the energy of a run (E0973 to E0975). */
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

export const energyMeterStill = message(
  "E0975",
  {
    summary: "the meter of energy does not move",
    explain:
      "`anec power` read its meter for a while and it counted nothing, which no processor does that runs. Virtual " +
      "machines and containers show the folder of the RAPL counters with values that stand still, some hosts " +
      "give them away rounded or frozen because they betray what a processor computes (CVE-2020-8694), and a copy of " +
      "the folder counts nothing. Compare two readings of `energy_uj` with a second between them: where they are " +
      "equal, the energy can only be measured on the machine itself, as root, or with a meter at its socket.",
  },
  (meter: string, source: string, seconds: number) => ({
    title: `${meter} counted no energy in ${seconds.toFixed(1)} s`,
    why:
      `\`${source}\` can be read, but what it shows stands still. Counters of virtual machines and containers often do, ` +
      "and those of some hosts are frozen.",
    help: [
      {
        text: "measure on the machine itself and not on a virtual one, as root (`sudo anec power …`)",
      },
    ],
  }),
);
