/**
 * A mistake of ours, as the user reports it: a few lines to read, and a file with what repeats it.
 *
 *     anec-bug-20260102-030405-4711.json      command line, versions, ANEC_ settings, stack, small input files
 *
 * The file is written into the current folder, or into the system's for temporary files where that cannot be
 * written. It is for the user's eyes first: it says what it holds.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { diskFileSystem, FileFault, writeFileAtomic } from "../compiler/support/atomic_write.ts";
import { VERSION } from "../version.ts";

export interface BugReport {
  readonly message: string;
  readonly version: string;
  readonly command: string;
  /** Our own functions it went through, innermost first. */
  readonly where: readonly string[];
  /** The reproduction file; absent where none could be written. */
  readonly reproduction?: string;
}

/** An input file as the reproduction file has it: with its bytes where they are few. */
interface InputFile {
  readonly path: string;
  readonly bytes: number;
  readonly text?: string;
  readonly base64?: string;
}

/** Of one file, and of all of them. */
const FILE_MOST = 64 * 1024;
const ALL_MOST = 512 * 1024;

/** The report of an error, with a reproduction file written for it. Never throws. */
export function bugReport(error: unknown, argv: readonly string[]): BugReport {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const frames = stack.split("\n").flatMap((line) => {
    const found =
      /^\s+at (?:async )?(\S+).*?\/((?:api|cli|compiler|dsl|formats|lsp|passes|report|runtime-native|training)\/[^:)]+:\d+)/.exec(
        line,
      );
    return found === null ? [] : [`${found[2]} (${found[1]})`];
  });
  const report = {
    message: message.replace(/^bug in anec: /, ""),
    version: `anec ${VERSION}, node ${process.version}, ${process.platform} ${process.arch}`,
    command: ["anec", ...argv].join(" "),
    where: frames.filter((f) => !f.includes("support/bug.")).slice(0, 4),
  };
  const reproduction = writeReproduction({ ...report, argv, stack, ...surroundings(argv) });
  return reproduction === undefined ? report : { ...report, reproduction };
}

/** What else the outcome may depend on. */
function surroundings(argv: readonly string[]) {
  const settings = Object.entries(process.env).filter(([name]) => name.startsWith("ANEC_"));
  return { folder: process.cwd(), settings: Object.fromEntries(settings), files: inputFiles(argv) };
}

/** Files that the command line names, `--flag=path` included. */
function inputFiles(argv: readonly string[]): readonly InputFile[] {
  const found: InputFile[] = [];
  let room = ALL_MOST;
  for (const word of new Set(
    argv.map((w) => (w.startsWith("--") ? w.replace(/^[^=]*=/, "") : w)),
  )) {
    const file = inputFile(word, Math.min(room, FILE_MOST));
    if (file === undefined) continue;
    if (file.text !== undefined || file.base64 !== undefined) room -= file.bytes;
    found.push(file);
  }
  return found;
}

function inputFile(path: string, most: number): InputFile | undefined {
  try {
    if (!existsSync(path)) return undefined;
    const info = statSync(path);
    if (!info.isFile()) return undefined;
    if (info.size > most) return { path, bytes: info.size };
    const bytes = Buffer.alloc(info.size);
    const file = openSync(path, "r");
    const length = readSync(file, bytes, 0, bytes.length, 0);
    closeSync(file);
    const read = bytes.subarray(0, length);
    const text = read.toString("utf8");
    const isText = Buffer.from(text, "utf8").equals(read);
    return { path, bytes: length, ...(isText ? { text } : { base64: read.toString("base64") }) };
  } catch {
    return undefined;
  }
}

/** The path of the file, or undefined if neither folder takes it. */
function writeReproduction(contents: object): string | undefined {
  const time = new Date().toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  const name = `anec-bug-${time}-${process.pid}.json`;
  const bytes = Buffer.from(`${JSON.stringify(contents, undefined, 2)}\n`);
  for (const path of [name, join(tmpdir(), name)]) {
    try {
      // Models and texts may be in it, and the folder everybody's.
      writeFileAtomic(path, bytes, diskFileSystem, 0o600);
      return resolve(path);
    } catch (error) {
      if (!(error instanceof FileFault)) return undefined;
    }
  }
  return undefined;
}

/** The report as lines to read. */
export function bugText({ message, version, command, where, reproduction }: BugReport): string {
  const lines = [
    `bug in anec: ${message}`,
    "",
    "  This is a mistake of ours, not yours. Please report it with the lines below, and with the",
    reproduction === undefined ? "  model file if there is one." : "  file named last.",
    "",
    `  version    ${version}`,
    `  command    ${command}`,
    ...where.map((place, i) => `  ${i === 0 ? "where    " : "         "}  ${place}`),
    ...(reproduction === undefined
      ? []
      : [
          `  reproduce  ${reproduction}`,
          "             It holds the command line, the versions, the stack and small input files: look into it first.",
        ]),
  ];
  return `${lines.join("\n")}\n`;
}
