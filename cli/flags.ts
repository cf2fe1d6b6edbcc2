/** Flags that several commands have, and the reading of their values. */
import type { Command } from "commander";
import { badDefinition, badFlagValue, unknownName } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { tokenizerNames } from "../training/data/tokenizers.ts";
import { grouped } from "./output.ts";

/** `-D NAME=VALUE`, any number of times. */
export interface DefineFlag {
  readonly define?: readonly string[];
}

export function defineFlag(c: Command): void {
  c.option(
    "-D, --define <name=value>",
    "set a dimension or hyper-parameter; may be repeated",
    collect,
  );
}

/** Collects the values of a repeated flag. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** `--json`. */
export interface JsonFlag {
  readonly json?: boolean;
}

export function jsonFlag(c: Command, what = "print the result as JSON"): void {
  c.option("--json", what);
}

/** The overrides behind `-D` flags; of two for one name the last counts. */
export function overridesOf({ define = [] }: DefineFlag): Record<string, number> {
  // Without a prototype, so that no name means anything by itself.
  const overrides = Object.create(null) as Record<string, number>;
  for (const text of define) {
    const found = /^\s*([A-Za-z_]\w*)\s*=(.*)$/s.exec(text);
    if (found === null) throw new UserError(badDefinition(text, "does not read NAME=VALUE"));
    const value = found[2]!.trim();
    if (!NUMBER.test(value)) {
      throw new UserError(
        badDefinition(
          text,
          value === "" ? "has no value" : `gives \`${value}\`, which is not a number`,
        ),
      );
    }
    overrides[found[1]!] = Number(value.replaceAll("_", ""));
  }
  return overrides;
}

/** The device flags of commands that compute. */
export interface DeviceFlags {
  readonly device: "cpu";
  readonly threads?: number;
  readonly blas?: string;
}

export function deviceFlags(c: Command): void {
  c.option("--device <device>", "cpu is the only one so far", oneOf("--device", ["cpu"]), "cpu");
  processorFlags(c);
}

export function processorFlags(c: Command): void {
  c.option(
    "--threads <n>",
    "threads to use (default: one per processor)",
    whole("--threads", 1, 256),
  ).option(
    "--blas <library>",
    "auto, builtin, system (a BLAS that is installed), or the path of one",
  );
}

const NUMBER = /^[+-]?(\d+(_\d+)*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A reader of whole numbers from `min` to `max` for commander. */
export function whole(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const range = `a whole number from ${grouped(min)} to ${grouped(max)}`;
    throw new UserError(badFlagValue(flag, text, range));
  };
}

/** A reader of any number for commander; whoever uses it knows the range. */
export function anyNumber(flag: string, needs = "a number"): (text: string) => number {
  return (text) => {
    const value = NUMBER.test(text) ? Number(text.replaceAll("_", "")) : Number.NaN;
    if (Number.isFinite(value)) return value;
    throw new UserError(badFlagValue(flag, text, needs));
  };
}

/** A reader for commander that says which words it takes, for completion in shells. */
export type WordReader<T> = ((text: string) => T) & { readonly words: readonly string[] };

/** A reader of one of a few words for commander. */
export function oneOf<T extends string>(flag: string, words: readonly T[]): WordReader<T> {
  const read = (text: string): T => {
    const found = words.find((w) => w === text);
    if (found !== undefined) return found;
    const list = words.map((w) => `\`${w}\``);
    const needs =
      list.length === 1 ? list[0]! : `${list.slice(0, -1).join(", ")} or ${list[list.length - 1]}`;
    throw new UserError(badFlagValue(flag, text, needs, words));
  };
  return Object.assign(read, { words });
}

/** `--context` and `--tokenizer`, of commands that give text to a model. */
export interface TextModelFlags {
  readonly context?: number;
  readonly tokenizer?: string;
}

/** `context` says what is counted and what the default is. */
export function textModelFlags(c: Command, context: string): void {
  c.option("--context <n>", context, anyNumber("--context")).option(
    "--tokenizer <name>",
    "a name or a tokenizer.json, for a model that comes without one",
    tokenizerFlag,
  );
}

/** A reader of names of tokenizers, or of files of them, for commander. */
export function tokenizerFlag(text: string): string {
  if (text.endsWith(".json")) return text;
  return oneOf("--tokenizer", tokenizerNames)(text);
}

/** `name` if it is known; else a usage error with a suggestion. */
export function known(what: string, name: string, names: readonly string[], list = ""): string {
  if (names.includes(name)) return name;
  throw new UserError(unknownName(what, name, names, list));
}
