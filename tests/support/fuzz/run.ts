/**
 * Runs a reader on damaged files for a while. It reads, or says what is wrong in a message of ours; it does
 * nothing else: no other exception, no endless work, no memory beyond the file's share, no file written.
 *
 * FUZZ_SECONDS is how long each target runs (default: 500 cases, for 2 at most), FUZZ_SEED where the cases begin. What fails is
 * kept in build/fuzz/TARGET, what never ends as `running`; a file moved from there to tests/cases/fuzz/TARGET is tried in
 * every run from then on.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import { packageRoot } from "../../../dsl/index.ts";
import { overwrite } from "../overwrite.ts";
import { damaged } from "./damage.ts";

export interface FuzzTarget {
  readonly name: string;
  /** What is tried. */
  readonly doc: string;
  /** Sound files. */
  readonly seeds: () => readonly Uint8Array[];
  /** Reads one. Throws a `UserError` for what is wrong with it, or answers false where it says no more. */
  readonly read: (bytes: Buffer) => unknown;
}

export interface FuzzCount {
  readonly target: string;
  readonly cases: number;
  readonly refused: number;
  readonly seconds: number;
  /** The longest case, milliseconds. */
  readonly slowest: number;
  /** The first one ends a run. */
  readonly faults: 0 | 1;
}

/** A case may take that long on a busy machine, milliseconds. */
const LONGEST = 5000;
/** Files are below 100 kB: what is read of one fits in here many times over. */
const MOST_BYTES = 512 * 2 ** 20;

const root = packageRoot();
const given = process.env["FUZZ_SECONDS"];
const seconds = Number(given ?? 2);
/** Without a time that is asked for, a run has the same cases as the one before. */
const MOST_CASES = given === undefined ? 500 : 100_000_000;

/** For `test.each`: the name, what is tried, and the target. */
export const named = (list: readonly FuzzTarget[]): (readonly [string, string, FuzzTarget])[] =>
  list.map((target) => [target.name, target.doc, target]);

/** Whether the file was refused. Throws for all that is no answer. */
function tried({ name, read }: FuzzTarget, bytes: Buffer): { refused: boolean; ms: number } {
  const [start, before] = [performance.now(), process.memoryUsage()];
  let refused = false;
  try {
    refused = read(bytes) === false;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const shown = renderDiagnostics(error.diagnostics);
    if (/\bundefined\b|\[object /.test(shown))
      throw new Error(`a message makes no sense: ${shown}`);
    refused = true;
  }
  const ms = performance.now() - start;
  if (ms > LONGEST) throw new Error(`${name}: ${ms.toFixed(0)} ms for ${bytes.length} bytes`);
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.external - before.heapUsed - before.external;
  if (grown > MOST_BYTES) throw new Error(`${name}: ${grown} bytes for a file of ${bytes.length}`);
  return { refused, ms };
}

/** Files that were a fault once. */
function keptCases(name: string): Buffer[] {
  const folder = join(root, "tests", "cases", "fuzz", name);
  return existsSync(folder) ? readdirSync(folder).map((f) => readFileSync(join(folder, f))) : [];
}

/** Tries a target; throws with the smallest file that fails, which is kept. */
export function fuzz(target: FuzzTarget): FuzzCount {
  const seeds = target.seeds().map((bytes) => Buffer.from(bytes));
  for (const seed of seeds) target.read(seed);
  for (const bytes of keptCases(target.name)) tried(target, bytes);
  const output = join(root, "build", "fuzz");
  const kept = join(output, target.name);
  const running = join(kept, "running");
  mkdirSync(kept, { recursive: true });
  let [cases, refused, slowest] = [0, 0, 0];
  const start = performance.now();
  const property = fc.property(damaged(seeds), (bytes) => {
    overwrite(running, bytes);
    cases += 1;
    const found = tried(target, bytes);
    if (found.refused) refused += 1;
    slowest = Math.max(slowest, found.ms);
  });
  const { failed, counterexample, errorInstance } = fc.check(property, {
    numRuns: MOST_CASES,
    interruptAfterTimeLimit: 1000 * seconds,
    markInterruptAsFailure: false,
  });
  rmSync(running, { force: true });
  const taken = (performance.now() - start) / 1000;
  const count: FuzzCount = {
    ...{ target: target.name, cases, refused, seconds: taken, slowest },
    faults: failed ? 1 : 0,
  };
  writeFileSync(join(output, `${target.name}.json`), JSON.stringify(count));
  if (failed) {
    const [smallest] = counterexample!;
    const name = createHash("sha256").update(smallest).digest("hex").slice(0, 12);
    writeFileSync(join(kept, name), smallest);
    throw new Error(`build/fuzz/${target.name}/${name}`, { cause: errorInstance });
  }
  return count;
}
