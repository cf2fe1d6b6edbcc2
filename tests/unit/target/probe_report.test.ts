/** Reports of probes: written, read, and taken as evidence or not. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { measuredEvidence, withEvidence } from "../../../cli/evidence.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { howKnown } from "../../../compiler/target/check_chip.ts";
import { factOf } from "../../../compiler/target/facts/index.ts";
import type { ClaimResult } from "../../../compiler/target/probes/judge.ts";
import {
  measuredBy,
  type ProbeReport,
  parseReport,
  printReport,
  probeReport,
  withMeasured,
} from "../../../compiler/target/probes/report.ts";

const claim = fc
  .record({
    isFact: fc.boolean(),
    about: fc.constantFrom("row_stride", "slice_gain", "half_away"),
    expected: fc.string(),
    found: fc.string(),
    verdict: fc.constantFrom("confirms" as const, "refutes" as const, "unclear" as const),
    says: fc.constantFrom("holds" as const, "refuted" as const),
    why: fc.string(),
    numbers: fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.constantFrom("Infinity", "NaN"))),
  })
  .map(({ isFact, about, found, says, why, numbers, ...rest }): ClaimResult => {
    const isClear = rest.verdict !== "unclear";
    return {
      ...(isFact ? { fact: about } : { question: about }),
      ...rest,
      ...(isClear ? { found } : { why }),
      ...(isClear && isFact ? { says } : {}),
      numbers,
    };
  });

const report = fc
  .record({
    anec: fc.string(),
    date: fc.constant("2026-01-02"),
    device: fc.constantFrom("ane" as const, "emulator" as const),
    machine: fc.record({
      chip: fc.constantFrom("m4", ""),
      processor: fc.string(),
      os: fc.string(),
      build: fc.string(),
      architecture: fc.string(),
      cores: fc.nat(),
      way: fc.string(),
      stated: fc.boolean(),
    }),
    probes: fc.array(fc.record({ name: fc.string(), seconds: fc.nat(), claims: fc.array(claim) })),
  })
  .map(probeReport);

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics[0]!.code;
    throw error;
  }
  return undefined;
}

test("a report is read as it was written", () => {
  fc.assert(
    fc.property(report, (r) => {
      expect(parseReport("r.json", printReport(r))).toEqual(JSON.parse(JSON.stringify(r)));
    }),
  );
});

test("only reports of an engine that describes itself are evidence", () => {
  fc.assert(
    fc.property(report, (r) => {
      const isEvidence = r.device === "ane" && !r.machine.stated;
      expect(codeOf(() => measuredBy("r.json", r))).toBe(isEvidence ? undefined : "E0521");
    }),
  );
});

/** A report of an M4 that answers one fact. */
const measured = (fact: string, says: "holds" | "refuted"): ProbeReport =>
  probeReport({
    anec: "0.1.0",
    date: "2026-01-02",
    device: "ane",
    machine: {
      chip: "m4",
      processor: "Apple M4",
      os: "26.3",
      build: "25D125",
      architecture: "h16g",
      cores: 16,
      way: "direct",
      stated: false,
    },
    probes: [
      {
        name: fact,
        seconds: 1,
        claims: [
          { fact, expected: "a", found: "b", verdict: "refutes", says, numbers: { stride: 128 } },
        ],
      },
    ],
  });

test("a damaged report is refused, whatever is missing", () => {
  const good = measured("row_stride", "holds");
  const text = printReport(good);
  expect(codeOf(() => parseReport("r.json", text))).toBeUndefined();
  expect(codeOf(() => parseReport("r.json", text.slice(0, -3)))).toBe("E0520");
  expect(codeOf(() => parseReport("r.json", "[]"))).toBe("E0520");
  const first = good.probes[0]!;
  const damaged: object[] = [
    ...Object.keys(good).map((key) => ({ ...good, [key]: undefined })),
    ...Object.keys(good.machine).map((key) => ({
      ...good,
      machine: { ...good.machine, [key]: undefined },
    })),
    { ...good, version: 2 },
    { ...good, probes: [null] },
    { ...good, probes: [{ ...first, claims: [{ ...first.claims[0], verdict: "maybe" }] }] },
    { ...good, probes: [{ ...first, claims: [{ ...first.claims[0], found: undefined }] }] },
    { ...good, probes: [{ ...first, claims: [{ ...first.claims[0], fact: undefined }] }] },
    { ...good, probes: [{ ...first, claims: [{ ...first.claims[0], numbers: { a: null } }] }] },
  ];
  for (const d of damaged)
    expect(codeOf(() => parseReport("r.json", JSON.stringify(d)))).toBe("E0520");
});

test("what was measured comes first, and can contest a fact", () => {
  const fact = factOf("row_stride")!;
  expect(fact.verdict).toBe("holds");
  const held = withMeasured(fact, measuredBy("r.json", measured("row_stride", "holds")));
  expect(howKnown(held)).toBe("measured on Apple M4, macOS 26.3");
  expect(held.evidence[0]).toMatchObject({ confidence: "measured", says: "holds" });
  expect(held.evidence[0]!.note).toBe("probe row_stride: b, stride 128, 2026-01-02, r.json");
  const refuted = withMeasured(fact, measuredBy("r.json", measured("row_stride", "refuted")));
  expect(refuted.verdict).toBe("depends");
  expect(
    withMeasured(factOf("half_away")!, measuredBy("r.json", measured("row_stride", "holds"))),
  ).toBe(factOf("half_away"));
});

test("a folder of reports, and one that does not belong there", () => {
  const folder = mkdtempSync(join(tmpdir(), "anec_evidence_"));
  try {
    expect(measuredEvidence(join(folder, "none")).size).toBe(0);
    writeFileSync(join(folder, "a.json"), printReport(measured("row_stride", "holds")));
    writeFileSync(join(folder, "b.json"), printReport(measured("row_stride", "refuted")));
    writeFileSync(join(folder, "README.md"), "no report");
    const [fact] = withEvidence([factOf("row_stride")!], folder);
    const said = fact!.evidence.filter((e) => e.confidence === "measured").map((e) => e.says);
    expect(said).toEqual(["holds", "refuted"]);
    const emulated = { ...measured("row_stride", "holds"), device: "emulator" as const };
    writeFileSync(join(folder, "c.json"), printReport(emulated));
    expect(codeOf(() => measuredEvidence(folder))).toBe("E0521");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
