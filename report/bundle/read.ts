/**
 * A bundle from disk, with everything checked that a report relies on: a stranger may have written it.
 *
 * Files are taken only from inside the folder, and only with the digest that the manifest has of them.
 */
import { MANIFEST_VERSION, type Manifest, sha256 } from "../../compiler/bundle/manifest.ts";
import { bundleDamaged, tooLargeToReport } from "../../compiler/messages/report.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { boundedBytes, insideFile, MOST_TEXT, MOST_WEIGHTS } from "../files.ts";
import type { ReadBundle } from "../model/page.ts";
import { problemOf } from "./schema.ts";

/** Steps of a schedule that are drawn. */
const MOST_STEPS = 20_000;

/** Throws a `UserError` (E0760, E0762, E0763) where the bundle is not as `anec compile` writes it. */
export function readBundle(folder: string): ReadBundle {
  const fail = (problem: string): never => {
    throw new UserError(bundleDamaged(folder, problem));
  };
  const manifest = manifestOf(textOf(folder, "manifest.json", fail), fail);
  const steps = manifest.schedule.length + manifest.staging.length;
  if (steps > MOST_STEPS) throw new UserError(tooLargeToReport(folder, "step", steps, MOST_STEPS));
  const names = new Set(manifest.programs.map((p) => p.name));
  for (const step of manifest.schedule)
    if (step.do === "dispatch" && !names.has(step.program))
      fail(`its schedule calls \`${step.program}\`, which is not among its programs`);
  const files = new Map<string, Uint8Array>();
  const read = (name: string, most: number): void => {
    if (files.has(name)) return;
    const path = insideFile(folder, name) ?? fail(`\`${name}\` is missing`);
    const bytes = boundedBytes(path, most);
    if (!Object.hasOwn(manifest.digests, name) || manifest.digests[name] !== sha256(bytes))
      fail(`\`${name}\` does not have the digest that the manifest has of it`);
    files.set(name, bytes);
  };
  for (const { file, weights } of manifest.programs) {
    read(file, MOST_TEXT);
    if (weights !== undefined) read(weights, MOST_WEIGHTS);
  }
  return { manifest, files };
}

function textOf(folder: string, name: string, fail: (problem: string) => never): string {
  const path = insideFile(folder, name) ?? fail(`\`${name}\` is missing`);
  return new TextDecoder().decode(boundedBytes(path, MOST_TEXT));
}

function manifestOf(text: string, fail: (problem: string) => never): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) fail(`its manifest is no JSON (${error.message})`);
    throw error;
  }
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === "number" && version !== MANIFEST_VERSION)
    fail(`its manifest has version ${version}, not ${MANIFEST_VERSION}`);
  const problem = problemOf(value);
  return problem === undefined ? (value as Manifest) : fail(`its manifest has ${problem}`);
}
