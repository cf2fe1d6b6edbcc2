/** E095x and E096x: the command line, and the tensors it is given. */
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
  (flag: string, command: string, known: readonly string[]) => ({
    title: `\`${command}\` has no flag \`${flag}\``,
    help: [
      ...didYouMean(flag, known),
      ...(nearest(flag, known) === undefined
        ? [{ text: `\`${command} --help\` lists its flags` }]
        : []),
    ],
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
    summary: "a flag with a value it cannot have",
    explain: "The message says what the flag takes: a number in a range, or one of a few words.",
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
    title: `\`${path}\` has no entry \`${wish}\``,
    why:
      entries.length === 0
        ? "It has no entries at all."
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
