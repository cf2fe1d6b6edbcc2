/**
 * E062x: what the Neural Engine, or the emulator in its place, could not do.
 *
 * The runtime says it in its own words and adds the framework's; these are the pages behind its codes.
 */
import { type Message, message } from "./message.ts";

/** The runtime's sentence, and below it the words of the system, line by line. */
export function inItsWords(words: string, detail: string) {
  const lines = detail.split("\n").filter((line) => line.trim() !== "");
  return {
    title: words,
    ...(lines.length > 0 ? { notes: lines.map((l) => ["system", l] as const) } : {}),
  };
}

export const aneFramework = message(
  "E0620",
  {
    summary: "there is no Neural Engine here, or its framework is not the one anec knows",
    explain:
      "The engine is reached through a private framework of macOS. What anec needs of it is looked up by " +
      "name when a device is opened, and the message names what is missing: a macOS that is too old or too " +
      "new, or not a Mac at all. `--device emulator` runs the same programs anywhere.",
  },
  inItsWords,
);

export const aneRefused = message(
  "E0621",
  {
    summary: "the engine's compiler refused a program",
    explain:
      "`InvalidMILProgram` means that it did not understand the text: an op this macOS does not have, or one " +
      "written in another way. `CompilationFailure` may pass, and was tried several times. `anec mil check` " +
      "says what is known of each chip's limits.",
  },
  inItsWords,
);

export const aneNotLoaded = message(
  "E0622",
  {
    summary: "a compiled program could not be loaded or unloaded",
    explain:
      "The system's service owns what is loaded and has room for a limited number of programs. It was asked " +
      "twice. If this stays, `sudo killall aned` restarts the service.",
  },
  inItsWords,
);

export const aneFailed = message(
  "E0623",
  {
    summary: "the engine failed to run a program",
    explain:
      "`status=0x1d` means that a surface is too small or bound to the wrong port, `status=0xf` that the " +
      "program took too long, `status=0x16` a general fault. Faults that may pass were tried again, after " +
      "loading the program anew where that can help.",
  },
  inItsWords,
);

export const aneBudget = message(
  "E0624",
  {
    summary: "this process has used up its compiles",
    explain:
      "Before macOS 26 a process is reported to fail after about 119 compiles, so anec stops at 100. A new " +
      "process has as many again, and finds what is compiled already in the cache. A training run that comes to " +
      "this end goes on in a fresh process by itself. It hardly can at its start: the models that come with anec " +
      "have at most ten programs, whatever their size, and none is tried more than five times.",
  },
  inItsWords,
);

export const aneSurface = message(
  "E0625",
  {
    summary: "memory that is shared with the engine cannot be had or used",
    explain:
      "Surfaces live in memory that the processor and the engine share. The number is IOKit's: 0xe00002bd, " +
      "written as -536870211, means that there is no memory left.",
  },
  inItsWords,
);

export const aneMisuse = message(
  "E0626",
  {
    summary: "a program or surface was used in a way it does not allow",
    explain:
      "The wrong number of surfaces, a surface that does not fit its port, or values that do not fill it. " +
      "From the command line this is a bug of ours.",
  },
  inItsWords,
);

export const aneFiles = message(
  "E0627",
  {
    summary: "the files of a program cannot be written",
    explain:
      "The engine's compiler reads a program from a folder in the temporary files of the user, so that " +
      "folder must be writable and the disk must have room. TMPDIR names another one.",
  },
  inItsWords,
);

export const aneCache = message(
  "E0628",
  {
    summary: "a compiled program cannot be kept",
    explain:
      "Programs are kept so that the next run need not compile them. Without that a run takes longer to " +
      "start and is otherwise the same. `anec cache ls` says where they are kept.",
  },
  inItsWords,
);

export const aneEmulator = message(
  "E0629",
  {
    summary: "the emulator does not know a setting",
    explain:
      "ANEC_EMULATOR holds `name=value` pairs with commas between them, such as `chip=m1,os=15.5," +
      "timeout=every:50`.",
  },
  inItsWords,
);

/** The messages of this file, for the runtime's failures. */
export const anePages: readonly Message<[words: string, detail: string]>[] = [
  aneFramework,
  aneRefused,
  aneNotLoaded,
  aneFailed,
  aneBudget,
  aneSurface,
  aneMisuse,
  aneFiles,
  aneCache,
  aneEmulator,
];
