/** `.ane` programs, and edits that damage them. */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";

/** Programs of the language, small enough to be read often. */
export function programs(): string[] {
  const sample = readFileSync("tests/cases/language/sample.ane", "utf8").replace("L = 4", "L = 1");
  const std = readdirSync("dsl/std").map((name) => readFileSync(`dsl/std/${name}`, "utf8"));
  const dims = "dims S = 4, D = 8, H = 2, K = 1, E = 4, F = 8, V = 16\n";
  return [sample, ...std.map((text) => dims + text)];
}

const PIECES =
  "( ) [ ] { } < > , : = += - -> * / @ ' # . ... as repeat param return loss dims set layer model train init \n \n 0 -1 1e999 99999999 \" // x S D op ; é 😀".split(
    " ",
  );

/** fast-check favours small numbers; places in a text should not. */
const scattered = (n: number): number => Math.imul(n + 1, 0x9e3779b1) >>> 5;

/** A few edits: pieces removed, doubled, moved, or put in. */
export function mutated(text: string, seed: readonly number[]): string {
  let result = text;
  for (let i = 0; i + 3 < seed.length; i += 4) {
    const [kind, a, b, c] = seed.slice(i, i + 4).map(scattered) as [number, number, number, number];
    const at = a % (result.length + 1);
    const length = b % 12;
    const piece = PIECES[c % PIECES.length]!;
    const cut = result.slice(at, at + length);
    const [before, after] = [result.slice(0, at), result.slice(at)];
    if (kind % 5 === 0) result = before + after.slice(length);
    else if (kind % 5 === 1) result = before + piece + after;
    else if (kind % 5 === 2) result = before + piece + after.slice(length);
    else if (kind % 5 === 3) result = before + cut + after;
    else result = before + after.slice(length) + cut;
  }
  return result;
}

/** What `mutated` reads its edits from. */
export const edits = fc.array(fc.nat(1 << 20), { minLength: 4, maxLength: 16 });
