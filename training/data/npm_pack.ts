/**
 * Fetches packages with the user's own npm, so that its registry, proxy, certificates and credentials
 * hold, and its cache is used.
 */
import { spawn } from "node:child_process";
import { downloadFailed } from "../../compiler/messages/data.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";

/** Puts the archives of packages ("NAME@VERSION") into a folder; see `archiveName`. */
export type FetchPackages = (packages: readonly string[], folder: string) => Promise<void>;

/** Slow lines need time for 9 MB; a line that is dead must not hang for ever. */
const TIME_LIMIT_MS = 300_000;

/** The file that `npm pack` makes of a package: `@a/b` 1.0.0 → `a-b-1.0.0.tgz`. */
export function archiveName(name: string, version: string): string {
  return `${name.replace(/^@/, "").replace("/", "-")}-${version}.tgz`;
}

/** Fetches with `npm pack`. Throws a `UserError` (E0820) with npm's words. */
export const npmPack: FetchPackages = async (packages, folder) => {
  const windows = process.platform === "win32";
  const child = spawn(
    "npm",
    [
      "pack",
      ...packages,
      "--pack-destination",
      windows ? `"${folder}"` : folder,
      "--ignore-scripts",
      "--prefer-offline",
      "--fetch-retries=1",
      "--loglevel=error",
    ],
    // On Windows npm is a script, which only a shell can start.
    { stdio: ["ignore", "ignore", "pipe"], shell: windows, timeout: TIME_LIMIT_MS },
  );
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words += text;
  });
  const failure = await new Promise<string | undefined>((resolve) => {
    child.on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "ENOENT" ? "npm was not found on this machine" : error.message),
    );
    child.on("close", (code, signal) => {
      if (code === 0) resolve(undefined);
      else if (signal !== null)
        resolve(`${words}\nno answer within ${TIME_LIMIT_MS / 1000} seconds`);
      else resolve(words.trim() === "" ? `npm ended with code ${code}` : words);
    });
  });
  if (failure !== undefined) throw new UserError(downloadFailed(packages, cleaned(failure)));
};

/** npm's words without its prefix and without the place of its log. */
function cleaned(words: string): string {
  return words
    .split("\n")
    .map((line) => line.replace(/^npm (error|ERR!) ?/, "").trimEnd())
    .filter((line) => line !== "" && !/complete log|_logs/.test(line))
    .join("\n");
}
