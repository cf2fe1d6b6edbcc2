/**
 * Messages about MIL text (E0150…) and MIL programs (E0350…).
 *
 * Types, shapes and values come as the text that MIL spells them with.
 */
import type { Span } from "../support/source.ts";
import { at, didYouMean, listOf, message } from "./message.ts";

const quoted = (names: readonly string[]): string => listOf(names.map((n) => `\`${n}\``));

// --- Text -------------------------------------------------------------------------------------

export const milExpected = message(
  "E0150",
  {
    summary: "something else was expected in MIL text",
    explain:
      "The text does not follow the grammar of MIL at this place. Programs written by Apple's tools " +
      "always do; in a hand-written kernel, look for a missing comma, bracket or semicolon just before.",
  },
  (span: Span, expected: string, found: string) => ({
    title: `expected ${expected}, found ${found}`,
    labels: at(span, `expected ${expected}`),
  }),
);

export const milIsSsaPrint = message(
  "E0151",
  {
    summary: "the file is coremltools' print of a program, not MIL text",
    explain:
      "`print(prog)` in coremltools writes a listing for people (`main[CoreML8](%x: (1, 2, fp16)(Tensor)) {`). " +
      "It leaves out what a compiler needs. The MIL text of a model is in its compiled form: " +
      "`xcrun coremlcompiler compile model.mlpackage .`, then `model.mlmodelc/model.mil`.",
  },
  (span: Span) => ({
    title: "this is coremltools' listing of a program, not MIL text",
    labels: at(span, "MIL text starts with `program(…)`"),
    why: "The listing is for reading and leaves out constants, so it cannot be compiled.",
    help: [
      { text: "compile the model with `coremlcompiler` and read `model.mil` from its result" },
    ],
  }),
);

export const milBadCharacter = message(
  "E0152",
  {
    summary: "a character that MIL text does not have",
    explain:
      "Outside strings and comments, MIL text consists of names, numbers and `()[]{}<>,;=?`.",
  },
  (span: Span, character: string) => ({ title: `MIL text has no ${character}`, labels: at(span) }),
);

export const milUnterminatedString = message(
  "E0153",
  {
    summary: "a string does not end on its line",
    explain:
      'A string ends with `"` on the line on which it starts. A quote inside is written `\\"`.',
  },
  (span: Span) => ({
    title: "this string does not end",
    labels: at(span, 'no `"` until the end of the line'),
  }),
);

export const milBadNumber = message(
  "E0154",
  {
    summary: "a malformed number",
    explain:
      "Numbers are decimal (`12`, `0.125`, `1e-5`), hexadecimal (`0x1.8p-3`), `inf` or `nan`.",
  },
  (span: Span, text: string) => ({ title: `\`${text}\` is not a number`, labels: at(span) }),
);

export const milUnknownType = message(
  "E0155",
  {
    summary: "no type has this name",
    explain:
      "Types are the elements (`fp16`, `int32`, `bool`, `string`, …) and `tensor`, `list`, `tuple`, `dict`, " +
      "`state` and `tensor_buffer` with their parameters in `<…>`.",
  },
  (span: Span, name: string, known: readonly string[]) => ({
    title: `there is no type named \`${name}\``,
    labels: at(span),
    help: didYouMean(name, known, span),
  }),
);

export const milTooDeep = message(
  "E0156",
  {
    summary: "values or types are nested too deeply",
    explain:
      "No program of Apple's tools nests more than about ten levels; anec reads up to the named limit.",
  },
  (span: Span, limit: number) => ({
    title: `nested more than ${limit} levels deep`,
    labels: at(span, `level ${limit + 1}`),
  }),
);

export const milNestedBlock = message(
  "E0157",
  {
    summary: "nested blocks (`cond`, `while_loop`) are not supported",
    explain:
      "Control flow with nested blocks does not run on the Neural Engine, and no text of a compiled model " +
      "that we have seen contains it.",
  },
  (span: Span, op: string) => ({
    title: `\`${op}\` has a nested block, which anec does not read`,
    labels: at(span, "the block starts here"),
  }),
);

export const milNotText = message(
  "E0158",
  {
    summary: "the file is not MIL text",
    explain:
      "MIL text starts with `program(VERSION)`. Model packages and protocol buffers are other formats.",
  },
  (span: Span, found: string) => ({
    title: `MIL text starts with \`program(…)\`, this starts with ${found}`,
    labels: at(span),
  }),
);

export const milCommentsLost = message(
  "E0159",
  {
    summary: "comments are no part of a MIL program",
    explain:
      "A program is printed again from its meaning, and `//` comments have none. `anec mil fmt --write` and " +
      "`anec mil check --fix` rewrite files: the first leaves a file with comments alone.",
  },
  (span: Span, count: number, isLoss: boolean) => ({
    title: `${count === 1 ? "a comment is" : `${count} comments are`} not in the canonical text`,
    labels: at(span),
    severity: isLoss ? "error" : "warning",
    help: isLoss
      ? [{ text: "print to another file (`anec mil fmt FILE > NEW`), or take the comments out" }]
      : [],
  }),
);

// --- Programs ---------------------------------------------------------------------------------

export const milUndefinedName = message(
  "E0350",
  {
    summary: "a value that no earlier statement defines",
    explain: "An argument names an input of the function or the result of an earlier statement.",
  },
  (span: Span | undefined, name: string, known: readonly string[], definedLater: boolean) => ({
    title: definedLater ? `\`${name}\` is used before it is defined` : `\`${name}\` is not defined`,
    labels: at(span),
    help: definedLater ? [] : didYouMean(name, known, span),
  }),
);

export const milDefinedTwice = message(
  "E0351",
  {
    summary: "a name is defined twice in a function",
    explain:
      "Compiled models in the wild contain such programs, so it is a warning; the later value is the one " +
      "that later statements read. The Neural Engine's compiler is reported to refuse them.",
  },
  (span: Span | undefined, name: string, first: Span | undefined) => ({
    severity: "warning",
    title: `\`${name}\` is defined twice`,
    labels: [...at(span, "again here"), ...at(first, "first here")],
  }),
);

export const milOutputUndefined = message(
  "E0352",
  {
    summary: "a function returns a name that it does not define",
    explain: "`-> (a, b);` lists names of values of the function.",
  },
  (span: Span | undefined, func: string, name: string, known: readonly string[]) => ({
    title: `function \`${func}\` returns \`${name}\`, which it does not define`,
    labels: at(span),
    help: didYouMean(name, known, span),
  }),
);

export const milMissingArgument = message(
  "E0353",
  {
    summary: "an op lacks an argument",
    explain:
      "`docs/ops.md` lists the arguments of each op. Some that look optional are required by the engine.",
  },
  (span: Span | undefined, op: string, missing: readonly string[]) => ({
    title: `\`${op}\` needs ${quoted(missing)}`,
    labels: at(span),
  }),
);

export const milUnknownArgument = message(
  "E0354",
  {
    summary: "an op has no argument of this name",
    explain: "The compiler refuses a program with an argument that the op does not have.",
  },
  (span: Span | undefined, op: string, name: string, known: readonly string[]) => ({
    title: `\`${op}\` has no argument \`${name}\``,
    labels: at(span),
    why: `Its arguments are ${quoted(known)}.`,
    help: didYouMean(name, known, span),
  }),
);

export const milWrongResult = message(
  "E0355",
  {
    summary: "a result's type is not the one its op computes",
    explain:
      "The type on the left of `=` must be the one that follows from the op and its arguments.",
  },
  (span: Span | undefined, op: string, name: string, declared: string, computed: string) => ({
    title: `\`${name}\` is declared ${declared}, but \`${op}\` gives ${computed}`,
    labels: at(span, computed),
  }),
);

export const milDoesNotFit = message(
  "E0356",
  {
    summary: "the shapes or parameters of an op do not fit each other",
    explain: "The message names the argument and what was expected of it.",
  },
  (
    op: string,
    argument: string,
    expected: string,
    /** The place of the argument first, then those of the operands, with their types. */
    places: readonly { readonly span: Span | undefined; readonly types: string }[],
  ) => ({
    title: `\`${argument}\` of \`${op}\` ${expected}`,
    labels: places.flatMap((p) => at(p.span, p.types)),
  }),
);

export const milWrongElement = message(
  "E0357",
  {
    summary: "an argument has elements that the op does not take",
    explain:
      "Ops do not convert: both operands of `add` have one element type, and `cast` changes it.",
  },
  (span: Span | undefined, op: string, argument: string, expected: string, given: string) => ({
    title: `\`${argument}\` of \`${op}\` must be ${expected}, not ${given}`,
    labels: at(span, given),
  }),
);

export const milResultCount = message(
  "E0359",
  {
    summary: "a statement binds more or fewer results than its op has",
    explain: "Most ops have one result. `split` and `topk` have several, `write_state` has none.",
  },
  (span: Span | undefined, op: string, expected: number, given: number) => ({
    title: `\`${op}\` has ${expected} result${expected === 1 ? "" : "s"}, not ${given}`,
    labels: at(span),
  }),
);

export const milBadLiteral = message(
  "E0360",
  {
    summary: "a literal does not have the type written before it",
    explain:
      "`tensor<int32, [2]>([1, 2])` holds as many values as its shape says, each of the element type. " +
      "A tensor of one value may be written without brackets.",
  },
  (span: Span | undefined, type: string, problem: string) => ({
    title: `a literal of type ${type} ${problem}`,
    labels: at(span),
  }),
);

export const milBadAttribute = message(
  "E0361",
  {
    summary: "an attribute is missing or has the wrong kind of value",
    explain: "`name` is a string, and `const` needs `val`, whose type is that of the constant.",
  },
  (span: Span | undefined, op: string, attribute: string, problem: string) => ({
    title: `attribute \`${attribute}\` of \`${op}\` ${problem}`,
    labels: at(span),
  }),
);

export const milGivenTwice = message(
  "E0362",
  {
    summary: "an argument, attribute or function is given twice",
    explain:
      "Each name may appear once in a list of arguments or attributes, and once among the functions.",
  },
  (span: Span | undefined, kind: string, name: string) => ({
    title: `${kind} \`${name}\` is given twice`,
    labels: at(span),
  }),
);
