/** E0979 and E0996 to E0998: what a program that uses anec as a library gave to a session, and unknown options. */
import { didYouMean, listOf, message } from "./message.ts";

const quoted = (names: readonly string[]): string => listOf(names.map((n) => `\`${n}\``));

export const sessionInput = message(
  "E0996",
  {
    summary: "a value that a session cannot take",
    explain:
      "`session.run` and `session.step` take one array of numbers for each input of the model, row by row, as " +
      "long as its shape says. Token ids are whole numbers from 0 to 2^31 - 1.",
  },
  (name: string, type: string, why: string) => ({
    title: `the value \`${name}\` is ${type}, ${why}`,
  }),
);

export const sessionName = message(
  "E0997",
  {
    summary: "a name that a session does not have",
    explain:
      "Inputs are called as in the model, parameters by the path of the calls that own them: " +
      "`block.3.attn.wq`. `session.inputs` and `session.params` list them.",
  },
  (what: "input" | "parameter", name: string, names: readonly string[]) => ({
    title: `the session has no ${what} \`${name}\``,
    why: names.length === 0 ? `It has no ${what}s.` : `It has ${quoted(names)}.`,
    help: didYouMean(name, names),
  }),
);

export const sessionCannotLearn = message(
  "E0998",
  {
    summary: "a session that cannot train",
    explain:
      "A session trains when it is opened with `learn`, and on a model whose only output is a scalar loss: a " +
      '`train` of the language, or a graph made with `{ output: "loss" }`.',
  },
  (why: string) => ({ title: `the session cannot train: ${why}` }),
);

export const unknownOption = message(
  "E0979",
  {
    summary: "an option that a function of the library does not have",
    explain:
      "Each function that takes options has its own (docs/api); any other name is an error, so that a misspelt " +
      "option is never ignored.",
  },
  (call: string, name: string, known: readonly string[], meant: string | undefined) => ({
    title: `\`${call}\` has no option \`${name}\``,
    why: `It has ${quoted(known)}.`,
    help: meant === undefined ? didYouMean(name, known) : [{ text: `it is called \`${meant}\`` }],
  }),
);
