/**
 * The regular expressions of tokenizer.json, which are those of Rust and Oniguruma, as JavaScript's.
 *
 *     (?i:'s|'t)|\s+(?!\S)   ⇒   (?:'[sSſ]|'[tT])|\p{White_Space}+(?!\P{White_Space})
 *
 * What has no counterpart is refused, and so is repetition inside repetition: a file must not be able to
 * choose an expression that takes time without bound.
 */

/** A pattern that matches a text and nothing else. */
export function escapeRegex(text: string): string {
  return text.replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&");
}

/** Letters that differ by case only. `s` and `k` have a third form each. */
function caseless(letter: string): string {
  const [low, high] = [letter.toLowerCase(), letter.toUpperCase()];
  return low + high + (low === "s" ? "\u017f" : low === "k" ? "\u212a" : "");
}

const CLASSES: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  d: "\\p{Nd}",
  D: "\\P{Nd}",
};

const LONGEST = 10_000;

interface Group {
  readonly ignoresCase: boolean;
  repeats: boolean;
}

/** The expression, or what of it has no counterpart. */
export function translateRegex(pattern: string): RegExp | { readonly fault: string } {
  if (pattern.length > LONGEST) return { fault: `it is ${pattern.length} characters long` };
  const groups: Group[] = [{ ignoresCase: false, repeats: false }];
  /** Whether what has just been closed repeats something. */
  let closed: Group | undefined;
  let out = "";
  for (let at = 0; at < pattern.length; ) {
    const rest = pattern.slice(at);
    const group = groups.at(-1)!;
    const quantifier = /^(?:[*+?]|\{\d*,?\d*\})/.exec(rest)?.[0];
    if (quantifier !== undefined && !rest.startsWith("{}")) {
      if (closed?.repeats === true) return { fault: "it repeats what repeats already" };
      if (/^[*+?}]\+/.test(rest.slice(quantifier.length - 1))) {
        return { fault: "it has possessive quantifiers" };
      }
      const lazy = rest[quantifier.length] === "?" ? "?" : "";
      if (quantifier !== "?") for (const open of groups) open.repeats = true;
      out += quantifier.replace("{,", "{0,") + lazy;
      at += quantifier.length + lazy.length;
      closed = undefined;
      continue;
    }
    closed = undefined;
    const opening = /^\((?:\?(?:i:|:|=|!|<=|<!))?/.exec(rest)?.[0];
    if (opening !== undefined) {
      if (rest.startsWith("(?") && opening === "(")
        return { fault: `it has \`${rest.slice(0, 4)}\`` };
      const ignoresCase = opening === "(?i:" || group.ignoresCase;
      groups.push({ ignoresCase, repeats: false });
      out += opening === "(?i:" || opening === "(" ? "(?:" : opening;
      at += opening.length;
    } else if (rest[0] === ")") {
      closed = groups.pop();
      if (groups.length === 0) return { fault: "a `)` closes nothing" };
      out += ")";
      at += 1;
    } else if (rest[0] === "[") {
      const set = translateSet(rest, group.ignoresCase);
      if ("fault" in set) return set;
      out += set.text;
      at += set.length;
    } else {
      const one = translateOne(rest, group.ignoresCase, false);
      if ("fault" in one) return one;
      out += one.text;
      at += one.length;
    }
  }
  if (groups.length !== 1) return { fault: "a `(` is not closed" };
  try {
    return new RegExp(out, "gu");
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

type Piece = { readonly text: string; readonly length: number } | { readonly fault: string };

/** `[…]`, from its bracket on. */
function translateSet(rest: string, ignoresCase: boolean): Piece {
  let at = rest.startsWith("[^") ? 2 : 1;
  let out = rest.slice(0, at);
  for (;;) {
    const c = rest[at];
    if (c === undefined) return { fault: "a `[` is not closed" };
    if (c === "]" && at > (out.startsWith("[^") ? 2 : 1))
      return { text: `${out}]`, length: at + 1 };
    if (c === "[" || c === "]" || rest.startsWith("&&", at)) {
      return { fault: "it has sets inside sets" };
    }
    const one = translateOne(rest.slice(at), ignoresCase, true);
    if ("fault" in one) return one;
    out += one.text;
    at += one.length;
  }
}

/** One character or escape. */
function translateOne(rest: string, ignoresCase: boolean, isInSet: boolean): Piece {
  const wide = rest.codePointAt(0)! > 0xffff ? rest.slice(0, 2) : rest[0]!;
  if (wide !== "\\") {
    if (wide === "^" || wide === "$") {
      return isInSet ? { text: `\\${wide}`, length: 1 } : { fault: `it has \`${wide}\`` };
    }
    if ((wide === "}" || wide === "{" || wide === "]") && !isInSet) {
      return { text: `\\${wide}`, length: 1 };
    }
    if (!ignoresCase || !/[A-Za-z]/.test(wide)) return { text: wide, length: wide.length };
    return { text: isInSet ? caseless(wide) : `[${caseless(wide)}]`, length: 1 };
  }
  const property = /^\\([pP])\{(\^?)(\w+)\}/.exec(rest);
  if (property !== null) {
    const [all, p, not, name] = property as unknown as [string, string, string, string];
    const flipped = p === "p" ? "P" : "p";
    return { text: `\\${not === "" ? p : flipped}{${name}}`, length: all.length };
  }
  const code = /^\\(?:x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4}))/.exec(rest);
  if (code !== null) {
    return { text: `\\u{${code[1] ?? code[2] ?? code[3]}}`, length: code[0].length };
  }
  const c = rest[1] ?? "";
  const known = CLASSES[c];
  if (known !== undefined) return { text: known, length: 2 };
  if (/[rntfv]/.test(c) && c !== "") return { text: `\\${c}`, length: 2 };
  if (/[\^$\\.*+?()[\]{}|/]/.test(c) || (c === "-" && isInSet)) {
    return { text: `\\${c}`, length: 2 };
  }
  if (c === "" || /[A-Za-z0-9]/.test(c)) return { fault: `it has \`\\${c}\`` };
  return { text: c, length: 2 };
}
