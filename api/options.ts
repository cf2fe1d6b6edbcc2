/**
 * What each option of the library may be: one table, which every function that takes options checks them with.
 *
 * Programs in plain JavaScript get here what the types say to those in TypeScript: an option that does not exist or
 * has a value it cannot have is an error of the user, with the nearest name.
 */
import { unknownOption } from "../compiler/messages/library.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import {
  aFlag,
  aNumber,
  anObject,
  argumentFault,
  checkArgument,
  oneOf,
  type Rule,
  text,
  whole,
} from "../dsl/arguments.ts";
import { FUSIONS } from "../index.ts";
import { optimizerNames } from "../training/optimizers/index.ts";
import type { OutputOptions } from "./build.ts";
import type { CompileOptions } from "./compile.ts";
import type { ModelOptions } from "./model.ts";
import type { LearnOptions, SessionOptions } from "./session.ts";

interface OptionRule extends Rule {
  /** What other libraries call the option. */
  readonly elsewhere?: readonly string[];
}

/** A rule for every option of `T`. */
export type Rules<T> = { readonly [K in keyof Required<T>]: OptionRule };

const called = (rule: Rule, ...elsewhere: readonly string[]): OptionRule => ({
  ...rule,
  elsewhere,
});

const define = called(anObject, "dims", "dimensions", "overrides");

/** Every option, by the call that takes it. */
export const OPTIONS: {
  readonly compile: Rules<CompileOptions>;
  readonly load: Rules<Pick<ModelOptions, "define">>;
  readonly parse: Rules<ModelOptions>;
  readonly model: Rules<OutputOptions>;
  readonly "Session.open": Rules<SessionOptions>;
  readonly learn: Rules<LearnOptions>;
} = {
  compile: {
    target: called(oneOf(["ane", "cpu"]), "device", "backend"),
    entry: text,
    fusion: oneOf(FUSIONS),
    ane: oneOf(["full", "matmul"]),
    gradients: called(aFlag, "grad", "backward"),
  },
  load: { define },
  parse: { define, path: text },
  model: { output: text },
  "Session.open": {
    entry: text,
    learn: called(anObject, "train", "optimizer"),
    seed: whole(0, 2 ** 32 - 1),
    threads: whole(1, 256),
  },
  // `completeSettings` knows the ranges of the numbers.
  learn: {
    optimizer: oneOf(optimizerNames),
    lr: called(aNumber, "learningRate", "learning_rate"),
    clip: called(aNumber, "gradClip", "clipNorm", "maxNorm"),
    wd: called(aNumber, "weightDecay", "weight_decay"),
    beta1: called(aNumber, "betas", "momentum"),
    beta2: aNumber,
    sanitize: aFlag,
  },
};

/**
 * The options that were given, without those that are undefined.
 * @throws UserError with every one that does not exist (E0979) or has a value it cannot have (E0955).
 */
export function checkOptions<T extends object>(call: string, given: T, rules: Rules<T>): T {
  checkArgument(`${call}(…, options)`, given, anObject);
  const known = new Map<string, OptionRule>(Object.entries(rules));
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const faults = entries.flatMap(([name, value]) => {
    const rule = known.get(name);
    if (rule !== undefined) return rule.holds(value) ? [] : [argumentFault(name, value, rule)];
    const meant = [...known].find(([, { elsewhere = [] }]) => elsewhere.includes(name))?.[0];
    return [unknownOption(call, name, [...known.keys()], meant)];
  });
  if (faults.length > 0) throw new UserError(faults);
  return Object.fromEntries(entries) as T;
}

/**
 * Checks what `define` sets.
 * @throws UserError (E0955) with every value that is no number.
 */
export function checkDefinitions(define: Readonly<Record<string, number>>): void {
  const faults = Object.entries(define)
    .filter(([, value]) => !aNumber.holds(value))
    .map(([name, value]) => argumentFault(`define.${name}`, value, aNumber));
  if (faults.length > 0) throw new UserError(faults);
}
