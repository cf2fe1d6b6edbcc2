/** A folder for one test, and the diagnostics of a failing call. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Diagnostic, UserError } from "../../../compiler/support/diagnostic.ts";

/** A new folder that is removed when the test ends. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "anec-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The user's error that `work` throws, as "CODE title", or "no error". */
export async function errorOf(work: () => unknown): Promise<string> {
  const found = await diagnosticOf(work);
  return found === undefined ? "no error" : `${found.code} ${found.title}`;
}

/** The user's error that `work` throws. */
export async function diagnosticOf(work: () => unknown): Promise<Diagnostic | undefined> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics[0];
    throw error;
  }
  return undefined;
}
