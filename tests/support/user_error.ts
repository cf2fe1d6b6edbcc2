/** What a failing call says to the user, and files with a header that is overwritten many times. */
import { closeSync, openSync, writeSync } from "node:fs";
import { onTestFinished } from "vitest";
import { UserError } from "../../compiler/support/diagnostic.ts";

/** The user's error that `work` throws, as "CODE title", or "no error". Any other error is passed on. */
export function userError(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [first] = error.diagnostics;
    return `${first?.code} ${first?.title}`;
  }
  return "no error";
}

/** Overwrites the first bytes of a file that is there, again and again, until the test ends. */
export function headerWriter(path: string): (head: Uint8Array) => void {
  const file = openSync(path, "r+");
  onTestFinished(() => closeSync(file));
  return (head) => {
    writeSync(file, head, 0, head.length, 0);
  };
}
