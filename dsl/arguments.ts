/**
 * What arguments of the library's functions may be, for programs whose types nobody checked: plain JavaScript.
 *
 *     checkArgument("parse(text)", given, text);   // E0955: `parse(text)` cannot be `3`. It takes a text.
 */
import { inspect } from "node:util";
import type { Node } from "../compiler/ir/node.ts";
import { badFlagValue } from "../compiler/messages/usage.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";

/** What a value may be. */
export interface Rule {
  /** For "It takes …". */
  readonly needs: string;
  readonly holds: (value: unknown) => boolean;
  /** The words it may be, for a suggestion. */
  readonly choices?: readonly string[];
}

/** Whether a value is an object, but no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const text: Rule = { needs: "a text", holds: (value) => typeof value === "string" };
export const aName: Rule = {
  needs: "a name, as a text",
  holds: (value) => typeof value === "string" && value !== "",
};
export const aNumber: Rule = { needs: "a number", holds: Number.isFinite };
export const aFlag: Rule = {
  needs: "true or false",
  holds: (value) => typeof value === "boolean",
};
export const aFunction: Rule = {
  needs: "a function",
  holds: (value) => typeof value === "function",
};
export const anObject: Rule = { needs: "an object", holds: isObject };

const isDim = (value: unknown): boolean => isObject(value) && Array.isArray(value["factors"]);

export const aShape: Rule = {
  needs: 'a list of dimensions, each made with `b.dim("N", 4)`',
  holds: (value) => Array.isArray(value) && value.every(isDim),
};

const INITS = ["uniform", "normal", "constant", "ones", "zeros"];
const BARE_INITS = ["ones", "zeros"];

export const anInit: Rule = {
  needs: `{ kind, value }, where kind is one of ${INITS.join(", ")}, and the last two have no value`,
  holds: (init) =>
    isObject(init) &&
    INITS.includes(String(init["kind"])) &&
    (BARE_INITS.includes(String(init["kind"])) || Number.isFinite(init["value"])),
};

export const aLayer: Rule = {
  needs: "a layer, made with `layer(name, build)`",
  holds: (value) =>
    isObject(value) && typeof value["name"] === "string" && typeof value["build"] === "function",
};

/** Whether a value is a node of a graph. */
export function isNode(value: unknown): value is Node {
  return isObject(value) && "op" in value && "type" in value && "scope" in value;
}

/** A whole number in a range. */
export function whole(from: number, to: number): Rule {
  return {
    needs: `a whole number from ${from} to ${to}`,
    holds: (value) => Number.isInteger(value) && Number(value) >= from && Number(value) <= to,
  };
}

/** One of a few words. */
export function oneOf(choices: readonly string[]): Rule {
  return {
    needs: `one of ${choices.join(", ")}`,
    holds: (value) => typeof value === "string" && choices.includes(value),
    choices,
  };
}

const LONGEST = 60;

/** The error of a value that is not what `rule` says. */
export function argumentFault(what: string, value: unknown, rule: Rule): Diagnostic {
  const { needs, choices = [] } = rule;
  const isWord = typeof value === "string" && choices.length > 0;
  const shown = isWord ? value : inspect(value, { depth: 0, breakLength: Number.MAX_VALUE });
  const cut = shown.length > LONGEST ? `${shown.slice(0, LONGEST)}…` : shown;
  return badFlagValue(what, cut, needs, choices);
}

/**
 * Checks an argument.
 * @throws UserError (E0955) where it is not what `rule` says.
 */
export function checkArgument(what: string, value: unknown, rule: Rule): void {
  if (!rule.holds(value)) throw new UserError(argumentFault(what, value, rule));
}
