/** E052x: reports of `anec probe`, and what is taken from them. */
import { message } from "./message.ts";

export const probeReportDamaged = message(
  "E0520",
  {
    summary: "a probe report cannot be read",
    explain:
      "`anec probe --out FILE` writes reports, and docs/evidence/ holds those that are evidence. The file is " +
      "no report, was written by another version of the format, or was changed by hand. Run the probes again.",
  },
  (path: string, problem: string) => ({
    title: `${path} is no probe report that can be used: ${problem}`,
    help: [{ text: "run `anec probe --out FILE` again on the machine it is from" }],
  }),
);

export const probeReportNotMeasured = message(
  "E0521",
  {
    summary: "a probe report is no evidence",
    explain:
      "Evidence is what a Neural Engine answered. The emulator answers what the facts say, so its reports " +
      "prove nothing about hardware; neither do those for which `--chip` or `--os` said what the machine is.",
  },
  (path: string, why: string) => ({
    title: `${path} cannot be evidence: ${why}`,
    help: [
      { text: "on a Mac, run `anec probe --device ane --out FILE` without `--chip` and `--os`" },
    ],
  }),
);

export const probeWorkerFailed = message(
  "E0630",
  {
    summary: "the process that runs probes cannot be started",
    explain:
      "Probes run in processes of their own, so that one that crashes takes no other with it. The process " +
      "ended before it reached its first probe, every time it was started.",
  },
  (words: string) => ({
    title: "the process that runs probes ended at once",
    ...(words === "" ? {} : { notes: [["system", words]] as const }),
  }),
);
