/** E095x to E097x: the command line, the tensors it is given, and the files it would write. */
import { nearest } from "../support/suggest.ts";
import { didYouMean, listOf, message } from "./message.ts";

const quoted = (names: readonly string[]): string => listOf(names.map((n) => `\`${n}\``));

export const unknownFlag = message(
  "E0950",
  {
    summary: "a flag that the command does not have",
    explain:
      "Each command has its own flags; `anec COMMAND --help` lists them. What is not in the list is an " +
      "error, so that a misspelt flag is never ignored.",
  },
  /** `instead`: what other systems' flag of that name is here. */
  (flag: string, command: string, known: readonly string[], instead?: string) => ({
    title: `\`${command}\` has no flag \`${flag}\``,
    help:
      instead !== undefined
        ? [{ text: `what AutoANE calls \`${flag}\` is ${instead}` }]
        : nearest(flag, known) !== undefined
          ? didYouMean(flag, known)
          : [{ text: `\`${command} --help\` lists its flags` }],
  }),
);

export const unknownCommand = message(
  "E0951",
  {
    summary: "a command that does not exist",
    explain: "The first word after `anec` is a command. `anec --help` lists them.",
  },
  (name: string, known: readonly string[]) => ({
    title: `there is no command \`anec ${name}\``,
    why: `Commands are ${listOf(known)}.`,
    help: didYouMean(name, known),
  }),
);

export const missingArgument = message(
  "E0952",
  {
    summary: "a command without an argument it needs",
    explain:
      "What stands in `<…>` in the usage of a command must be given; what stands in `[…]` may be.",
  },
  (command: string, argument: string, usage: string) => ({
    title: `\`${command}\` needs \`${argument}\``,
    why: `Usage: ${usage}`,
  }),
);

export const tooManyArguments = message(
  "E0953",
  {
    summary: "a command with more arguments than it takes",
    explain:
      "An argument too many is often a flag without its dashes, or a value with a blank in it that needs " +
      "quotes.",
  },
  (command: string, extra: readonly string[], usage: string) => ({
    title: `\`${command}\` does not take ${quoted(extra)}`,
    why: `Usage: ${usage}`,
  }),
);

export const flagNeedsValue = message(
  "E0954",
  {
    summary: "a flag without its value",
    explain:
      "A flag shown as `--name <value>` is followed by a value: `--steps 600` or `--steps=600`.",
  },
  (flag: string) => ({ title: `\`${flag}\` needs a value after it` }),
);

export const badFlagValue = message(
  "E0955",
  {
    summary: "a flag or an option with a value it cannot have",
    explain:
      "The message says what the flag, or the option of a function of the library, takes: a number in a range, " +
      "or one of a few words.",
  },
  (flag: string, value: string, needs: string, choices: readonly string[] = []) => ({
    title: `\`${flag}\` cannot be \`${value}\``,
    why: `It takes ${needs}.`,
    help: didYouMean(value, choices),
  }),
);

export const badDefinition = message(
  "E0956",
  {
    summary: "a `-D` that does not read NAME=VALUE",
    explain:
      "`-D NAME=VALUE` sets a dimension or a hyper-parameter of the model to a number: `-D L=8`, " +
      "`-D norm_eps=1e-6`.",
  },
  (text: string, what: string) => ({
    title: `\`-D ${text}\` ${what}`,
    help: [{ text: "write it as `-D NAME=VALUE`, such as `-D L=8`" }],
  }),
);

export const unknownEntry = message(
  "E0957",
  {
    summary: "an entry that the file does not have",
    explain:
      "An entry is a `layer`, `model` or `train` of the file: `--entry NAME`, or `--entry train:NAME` where " +
      "two kinds share a name. Layers with variables (`<N>`) or `...` in their types are no entries: " +
      "only a call says their shapes.",
  },
  (path: string, wish: string, entries: readonly string[]) => ({
    title:
      entries.length === 0 ? `\`${path}\` has no entries` : `\`${path}\` has no entry \`${wish}\``,
    why:
      entries.length === 0
        ? "An entry is a `layer`, `model` or `train` whose types name every dimension."
        : `Its ${entries.length === 1 ? "only entry is" : "entries are"} ${quoted(entries)}.`,
    help: didYouMean(wish, [
      ...new Set([...entries, ...entries.map((e) => e.replace(/^.*:/, ""))]),
    ]),
  }),
);

export const ambiguousEntry = message(
  "E0958",
  {
    summary: "a file with several entries, and none was chosen",
    explain: "Say which layer, model or train of the file is meant: `--entry NAME`.",
  },
  (path: string, entries: readonly string[]) => ({
    title: `\`${path}\` has several entries: say which with \`--entry\``,
    why: `They are ${quoted(entries)}.`,
  }),
);

export const flagsConflict = message(
  "E0959",
  {
    summary: "flags that do not go together",
    explain:
      "Two flags ask for things that exclude each other, or one has no effect without another.",
  },
  (flag: string, other: string, why: string) => ({
    title: `\`${flag}\` does not go with \`${other}\``,
    why,
  }),
);

export const missingTensor = message(
  "E0960",
  {
    summary: "an input tensor is missing",
    explain:
      "`anec run` needs a tensor for every argument of the entry, by the argument's name, and for every " +
      "parameter, by its path. `anec compile FILE --print params` lists the paths.",
  },
  (
    file: string,
    entry: string,
    what: string,
    name: string,
    type: string,
    present: readonly string[],
  ) => ({
    title: `\`${file}\` has no tensor \`${name}\``,
    why: `It is ${what} of \`${entry}\`, ${type}.`,
    help: didYouMean(name, present),
  }),
);

export const extraTensor = message(
  "E0961",
  {
    summary: "a tensor that nothing reads",
    explain:
      "Every tensor of the input file must be an argument or a parameter of the entry, so that a " +
      "misspelt name is never ignored.",
  },
  (file: string, entry: string, name: string, missing: readonly string[]) => ({
    title: `\`${file}\` has a tensor \`${name}\`, which \`${entry}\` does not read`,
    help: didYouMean(name, missing),
  }),
);

export const wrongTensorShape = message(
  "E0962",
  {
    summary: "a tensor of another shape than declared",
    explain:
      "Shapes are those the file declares, weights in the orientation in which it declares them.",
  },
  (file: string, entry: string, name: string, found: string, declared: string) => ({
    title: `\`${file}\`: tensor \`${name}\` is ${found}, but \`${entry}\` declares ${declared}`,
  }),
);

export const idOutOfRange = message(
  "E0963",
  {
    summary: "an index beyond what it counts",
    explain: "Token ids and targets count from 0 and must be below the number of rows or classes.",
  },
  (file: string, name: string, position: number, id: number, limit: number, of: string) => ({
    title: `\`${file}\`: \`${name}\` has the id ${id} at position ${position}; ids are 0 to ${limit - 1}`,
    why: `The limit is ${of}.`,
  }),
);

export const unknownName = message(
  "E0964",
  {
    summary: "a name that anec does not know",
    explain:
      "`anec ops`, `anec passes`, `anec models` and `anec explain` list the names that exist.",
  },
  (what: string, name: string, known: readonly string[], list: string) => ({
    title: `there is no ${what} \`${name}\``,
    ...(known.length > 0 && known.length <= 12 ? { why: `There are ${quoted(known)}.` } : {}),
    help: [
      ...didYouMean(name, known),
      ...(nearest(name, known) === undefined && list !== ""
        ? [{ text: `\`${list}\` lists them` }]
        : []),
    ],
  }),
);

export const notEnoughMemory = message(
  "E0965",
  {
    summary: "there is not enough memory",
    explain:
      "A list of numbers was larger than the memory that is there, or than JavaScript can hold in one " +
      "piece. The `cpu` device needs less than the reference interpreter, which keeps every value in float64.",
  },
  (words: string) => ({
    title: "there is not enough memory for this",
    notes: [["system", words]],
    help: [{ text: "use a smaller model or sequence (`-D S=64`), or a machine with more memory" }],
  }),
);

export const outputIsInput = message(
  "E0967",
  {
    summary: "a command would overwrite what it reads",
    explain:
      "The file to write is one of the files that the command reads: the model, the data, the input. It " +
      "would be lost, so nothing was done. Links count as the file they lead to.",
  },
  (flag: string, path: string, what: string) => ({
    title: `\`${flag} ${path}\` would overwrite ${what}`,
    help: [{ text: `give \`${flag}\` another name` }],
  }),
);

export const outputNotCheckpoint = message(
  "E0968",
  {
    summary: "a checkpoint would replace a file of another kind",
    explain:
      "Training replaces a checkpoint that it or an earlier run wrote, and an empty file. Any other file " +
      "stays: it is more likely a slip than a wish.",
  },
  (flag: string, path: string) => ({
    title: `\`${flag} ${path}\` would replace a file that is not a checkpoint of anec`,
    help: [{ text: `give \`${flag}\` another name, or remove the file first` }],
  }),
);

export const outputFolderTaken = message(
  "E0969",
  {
    summary: "a bundle would go into a folder of other things",
    explain:
      "A bundle is a folder of its own, with a `manifest.json` of anec. It is written into a new folder, " +
      "an empty one, or one that holds a bundle already.",
  },
  (flag: string, path: string, nested: string) => ({
    title: `the folder of \`${flag} ${path}\` is not empty and holds no bundle`,
    why: "A bundle goes into a new folder, an empty one, or that of an older bundle.",
    help: [{ text: `give \`${flag}\` a new folder, such as \`${nested}\`` }],
  }),
);

export const fileInTheWay = message(
  "E0970",
  {
    summary: "a file stands where a folder is needed",
    explain:
      "The path to write to leads through a file, or the folder to make has the name of a file. Files hold " +
      "no files: choose another path, or move the file away.",
  },
  (flag: string, path: string, file: string) => ({
    title: `\`${flag} ${path}\` needs a folder, but \`${file}\` is a file`,
    help: [{ text: `give \`${flag}\` another path, or move the file away` }],
  }),
);

export const outputStreamFailed = message(
  "E0971",
  {
    summary: "standard output could not be written",
    explain:
      "What a command prints was sent to a file on a full or failing disk, so a part of it is missing. " +
      "Files that the command wrote itself are whole, and training saved its checkpoint. A reader that " +
      "has seen enough (`anec ops | head`) is no failure.",
  },
  (words: string) => ({
    title: "cannot write to standard output: a part of it is missing",
    notes: [["system", words]],
    help: [{ text: "free some space, or send the output elsewhere" }],
  }),
);

export const noSystemBlas = message(
  "E0972",
  {
    summary: "`--blas system` without a library",
    explain:
      "`--blas system` asks for a BLAS library that is installed, and none of the usual ones was found. " +
      "`--blas auto` takes one if there is one, and else the built-in matrix products.",
  },
  () => ({
    title: "`--blas system` finds no BLAS library on this machine",
    help: [
      { text: "install OpenBLAS (`apt-get install libopenblas0` or `brew install openblas`)" },
      { text: "or leave out `--blas system`: the built-in matrix products need no library" },
    ],
  }),
);

export const outputOfAnotherFormat = message(
  "E0976",
  {
    summary: "the name of a checkpoint is that of another format",
    explain:
      "`anec train` writes checkpoints of anec, whatever the file is called. A name that ends like a file of " +
      "another format would mislead its readers. Write a `.ckpt`, then turn it into the other format with " +
      "`anec convert`.",
  },
  (flag: string, path: string, own: string) => ({
    title: `\`${flag} ${path}\` has the name of another format, but training writes checkpoints of anec`,
    help: [{ text: `write \`${flag} ${own}\`, then \`anec convert ${own} ${path}\`` }],
  }),
);
