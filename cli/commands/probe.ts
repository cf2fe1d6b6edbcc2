/** `anec probe`: asks a Neural Engine what is known of it. */
import type { Command } from "commander";
import { aneFramework } from "../../compiler/messages/ane.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { probes } from "../../compiler/target/probes/index.ts";
import type { ClaimResult } from "../../compiler/target/probes/judge.ts";
import {
  type ProbeReport,
  type ProbeResult,
  printReport,
  probeReport,
} from "../../compiler/target/probes/report.ts";
import { writeFileBytes } from "../../formats/files.ts";
import { VERSION } from "../../version.ts";
import { type ChipFlags, chipFlags } from "../chip_flag.ts";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag, known, oneOf, whole } from "../flags.ts";
import { count, counted, jsonLine, table } from "../output.ts";
import { checkOutputFile } from "../output_paths.ts";
import { runProbes } from "../probe_process.ts";
import { progressLine } from "../progress.ts";

interface Flags extends JsonFlag, ChipFlags {
  readonly device: "ane" | "emulator";
  readonly only?: readonly string[];
  readonly list?: boolean;
  readonly out?: string;
  readonly timeout: number;
}

export const command = {
  examples: [
    "anec probe --out m4.json",
    "anec probe --device emulator --only row_stride port_order",
    "anec probe --list",
  ],

  define(c: Command): void {
    c.option(
      "--device <device>",
      "ane, or emulator (which answers what the facts say)",
      oneOf("--device", ["ane", "emulator"]),
      "ane",
    )
      .option("--only <names...>", "these probes alone")
      .option("--list", "list the probes and what they ask, and run none")
      .option("--out <file>", "write the report to this file, as JSON")
      .option(
        "--timeout <seconds>",
        "stop a probe that takes longer",
        whole("--timeout", 1, 3600),
        120,
      );
    chipFlags(c, "expect what is said of this chip (default: the machine's own)");
    jsonFlag(c, "print the report as JSON");
  },

  async run({ io, flags }: Call<Flags>): Promise<number> {
    const names = probes.map((p) => p.name);
    const only = flags.only?.map((name) => known("probe", name, names, "anec probe --list"));
    const chosen = probes.filter((p) => only === undefined || only.includes(p.name));
    if (flags.list === true) {
      const list = chosen.map(({ name, asks }) => ({ name, asks }));
      io.out.write(flags.json === true ? jsonLine(list) : table(list.map((p) => [p.name, p.asks])));
      return EXIT.ok;
    }
    const { device, chip, os, timeout: seconds } = flags;
    if (device === "ane") checkPlatform();
    if (flags.out !== undefined) checkOutputFile("--out", flags.out, []);

    const line = progressLine(io.err);
    let done = 0;
    line.update("the first probe", 0, chosen.length);
    const { machine, results } = await runProbes(chosen, {
      device,
      seconds,
      ...(chip === undefined ? {} : { chip }),
      ...(os === undefined ? {} : { os }),
      onResult: ({ name }) => {
        done += 1;
        line.update(`probe ${done} of ${chosen.length}, ${name}`, done, chosen.length);
      },
    }).finally(() => line.end());
    const date = new Date().toISOString().slice(0, 10);
    const report = probeReport({ anec: VERSION, date, device, machine, probes: results });
    if (flags.out !== undefined)
      writeFileBytes(flags.out, new TextEncoder().encode(printReport(report)));
    io.out.write(flags.json === true ? jsonLine(report) : text(report, flags.out));
    return EXIT.ok;
  },
};

/** Throws a `UserError` (E0620) where there cannot be an engine. */
function checkPlatform({ platform, arch } = process): void {
  if (platform === "darwin" && arch === "arm64") return;
  throw new UserError(
    aneFramework(
      "there is no Neural Engine here to ask",
      `an Apple Neural Engine needs a Mac with Apple silicon, this is ${platform} ${arch}; ` +
        "`--device emulator` runs the probes on the emulator",
    ),
  );
}

const VERDICT_WORDS = {
  confirms: "confirms",
  refutes: "refutes",
  unclear: "cannot tell",
} as const;

function text(report: ProbeReport, out: string | undefined): string {
  const { machine, device } = report;
  const stated = machine.stated ? ", as stated" : "";
  const what = device === "emulator" ? "emulator of " : "";
  const all = report.probes.flatMap((p) => p.claims);
  const rows = report.probes.flatMap(rowsOf);
  const head = ["about", "expected", "found", ""];
  const counts = (["confirms", "refutes", "unclear"] as const).map(
    (verdict) => all.filter((c) => c.verdict === verdict).length,
  );
  return (
    `${what}${machine.processor}, macOS ${machine.os}${stated}: ${count(report.probes.length, "probe")}\n\n` +
    table(rows, { head }) +
    notes(report.probes) +
    `\n  ${counted(all.length, "answer", "answers")}: ${counts[0]} as expected, ${counts[1]} otherwise, ${counts[2]} unclear.\n` +
    (device === "emulator"
      ? "  The emulator is no evidence: it answers what the facts say.\n"
      : "") +
    (out === undefined ? "" : `  wrote ${out}\n`)
  );
}

const aboutOf = ({ fact, question }: ClaimResult): string => fact ?? `${question ?? ""}?`;

function rowsOf({ claims }: ProbeResult): string[][] {
  return claims.map((c) => [aboutOf(c), c.expected, c.found ?? "–", VERDICT_WORDS[c.verdict]]);
}

/** Why answers are not those that were expected. */
function notes(results: readonly ProbeResult[]): string {
  const odd = results.flatMap((p) => p.claims).filter((c) => c.verdict !== "confirms");
  const lines = odd.flatMap((c) => {
    const numbers = Object.entries(c.numbers ?? {}).map(([name, value]) => `${name} ${value}`);
    const said = [c.why ?? "", numbers.join(", ")].filter((part) => part !== "");
    return said.length === 0 ? [] : [[aboutOf(c), said.join("; ")]];
  });
  return lines.length === 0 ? "" : `\n${table(lines)}`;
}
