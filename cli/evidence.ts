/** Probe reports that stand in the tree: docs/evidence/*.json, measured evidence for facts. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Evidence, Fact } from "../compiler/target/facts/define.ts";
import { measuredBy, parseReport, withMeasured } from "../compiler/target/probes/report.ts";
import { packageRoot } from "../dsl/index.ts";
import { readTextBytes } from "../formats/files.ts";

const FOLDER = join("docs", "evidence");

/**
 * What the reports of `folder` measured, by fact, in the order of their names. Throws a `UserError` (E0520,
 * E0521) for a file that is no evidence.
 */
export function measuredEvidence(
  folder = join(packageRoot(), FOLDER),
): ReadonlyMap<string, readonly Evidence[]> {
  const all = new Map<string, Evidence[]>();
  if (!existsSync(folder)) return all;
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith(".json")) continue;
    const path = `docs/evidence/${name}`;
    const report = parseReport(path, new TextDecoder().decode(readTextBytes(join(folder, name))));
    for (const [fact, evidence] of measuredBy(path, report)) {
      all.set(fact, [...(all.get(fact) ?? []), ...evidence]);
    }
  }
  return all;
}

/** The facts with what was measured of them. */
export function withEvidence(facts: readonly Fact[], folder?: string): readonly Fact[] {
  const measured = measuredEvidence(folder);
  return measured.size === 0 ? facts : facts.map((fact) => withMeasured(fact, measured));
}
