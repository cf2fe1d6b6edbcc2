/**
 * The report of a run of probes: a JSON file that says what a machine answered.
 *
 * A report of a Neural Engine can be added to the tree, in docs/evidence/, and is then *measured* evidence
 * for the facts that it decides (`measuredBy`).
 */
import { probeReportDamaged, probeReportNotMeasured } from "../../messages/probes.ts";
import { UserError } from "../../support/diagnostic.ts";
import { defineFact, type Evidence, type Fact } from "../facts/define.ts";
import type { ClaimResult, ProbeVerdict } from "./judge.ts";

/** Raised when a reader of older reports would misunderstand newer ones. */
export const REPORT_VERSION = 1;
const FORMAT = "anec-probe-report";

export interface ReportMachine {
  /** As anec calls chips; empty for one it does not know. */
  readonly chip: string;
  /** What the system calls the processor. */
  readonly processor: string;
  readonly os: string;
  readonly build: string;
  readonly architecture: string;
  readonly cores: number;
  /** How programs are evaluated: `direct`, `client` or `model`. */
  readonly way: string;
  /** Whether `--chip` or `--os` said so instead of the system. */
  readonly stated: boolean;
}

export interface ProbeResult {
  readonly name: string;
  readonly seconds: number;
  readonly claims: readonly ClaimResult[];
}

export interface ProbeReport {
  readonly format: typeof FORMAT;
  readonly version: typeof REPORT_VERSION;
  /** Of anec. */
  readonly anec: string;
  /** The day, as in 2026-11-21. */
  readonly date: string;
  readonly device: "ane" | "emulator";
  readonly machine: ReportMachine;
  readonly probes: readonly ProbeResult[];
}

/** A report of this version of the format. */
export function probeReport(parts: Omit<ProbeReport, "format" | "version">): ProbeReport {
  return { format: FORMAT, version: REPORT_VERSION, ...parts };
}

/** A report as the text of a file. */
export function printReport(report: ProbeReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** Reads a report. Throws a `UserError` (E0520) for anything else. */
export function parseReport(path: string, text: string): ProbeReport {
  const damaged = (problem: string): never => {
    throw new UserError(probeReportDamaged(path, problem));
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return damaged("it is no JSON");
  }
  const problem = problemOf(value);
  return problem === undefined ? (value as ProbeReport) : damaged(problem);
}

const VERDICTS: readonly ProbeVerdict[] = ["confirms", "refutes", "unclear"];

function problemOf(value: unknown): string | undefined {
  if (!isObject(value) || value["format"] !== FORMAT) return "it does not name its format";
  if (value["version"] !== REPORT_VERSION)
    return `its version is ${JSON.stringify(value["version"]) ?? "missing"}, and this is version ${REPORT_VERSION}`;
  if (!areTexts(value, ["anec", "date"])) return "it has no `anec` or no `date`";
  if (value["device"] !== "ane" && value["device"] !== "emulator") return "it names no device";
  const { machine, probes } = value;
  const texts = ["chip", "processor", "os", "build", "architecture", "way"];
  if (!isObject(machine) || !areTexts(machine, texts)) return "its machine is not described";
  if (typeof machine["cores"] !== "number" || typeof machine["stated"] !== "boolean")
    return "its machine is not described";
  if (!Array.isArray(probes)) return "it has no probes";
  for (const probe of probes) {
    if (!isObject(probe) || !areTexts(probe, ["name"]) || typeof probe["seconds"] !== "number")
      return "a probe has no name or no time";
    const { claims } = probe;
    if (!Array.isArray(claims) || !claims.every(isClaim))
      return `the results of probe ${String(probe["name"])} are not complete`;
  }
  return undefined;
}

function isClaim(value: unknown): boolean {
  if (!isObject(value) || !areTexts(value, ["expected"])) return false;
  const { fact, question, found, says, why, numbers, verdict } = value;
  const isTextOrNone = (v: unknown): boolean => v === undefined || typeof v === "string";
  return (
    (typeof fact === "string") !== (typeof question === "string") &&
    [fact, question, found, why].every(isTextOrNone) &&
    (says === undefined || says === "holds" || says === "refuted") &&
    VERDICTS.some((v) => v === verdict) &&
    (verdict === "unclear") === (found === undefined) &&
    (numbers === undefined || (isObject(numbers) && Object.values(numbers).every(isNumberOrWord)))
  );
}

const isNumberOrWord = (v: unknown): boolean => typeof v === "number" || typeof v === "string";

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function areTexts(value: Readonly<Record<string, unknown>>, keys: readonly string[]): boolean {
  return keys.every((key) => typeof value[key] === "string");
}

/**
 * What a report measured, by fact. Throws a `UserError` (E0521) for a report that is no evidence: one of
 * the emulator, or of a machine that somebody described.
 */
export function measuredBy(path: string, report: ProbeReport): ReadonlyMap<string, Evidence[]> {
  const refuse = (why: string): never => {
    throw new UserError(probeReportNotMeasured(path, why));
  };
  if (report.device !== "ane") refuse("it is a report of the emulator");
  if (report.machine.stated) refuse("its chip or macOS was given by hand");
  const { machine, date } = report;
  const where = `${machine.processor}, macOS ${machine.os}`;
  const evidence = new Map<string, Evidence[]>();
  for (const { name, claims } of report.probes) {
    for (const { fact, found, says, numbers } of claims) {
      if (fact === undefined || found === undefined || says === undefined) continue;
      const told = Object.entries(numbers ?? {}).map(([key, value]) => `${key} ${value}`);
      const note = [`probe ${name}: ${found}`, ...told, date, path].join(", ");
      const list = evidence.get(fact) ?? [];
      list.push({ source: where, confidence: "measured", says, note });
      evidence.set(fact, list);
    }
  }
  return evidence;
}

/** A fact with what was measured of it; its verdict follows from all there is. */
export function withMeasured(fact: Fact, measured: ReadonlyMap<string, readonly Evidence[]>): Fact {
  const found = measured.get(fact.id);
  if (found === undefined) return fact;
  return defineFact({ ...fact, evidence: [...found, ...fact.evidence] });
}
