/** Valid MIL programs, and random damage to their text. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { checkMil } from "../../compiler/mil/check.ts";
import { lexMil, TOKEN, type Tokens } from "../../compiler/mil/lex.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { RESERVED_NAMES } from "../../compiler/mil/tree.ts";
import { Reporter } from "../../compiler/support/diagnostic.ts";
import { facts } from "../../compiler/target/facts/index.ts";
import { ORACLE } from "../unit/mil/oracle/index.ts";
import { oracleText } from "./mil_oracle.ts";

const cases = ["examples", "styles"].flatMap((file) => {
  const page = readFileSync(new URL(`../cases/mil/${file}.md`, import.meta.url), "utf8");
  return [...page.matchAll(/```mil in\n([\s\S]*?)```/g)].map((m) => m[1]!);
});

const examplesOfFacts = facts
  .flatMap(({ examples: { fires, silent } }) => [fires, silent])
  .filter((e) => typeof e === "string");

/** Whether the checker passes a program; what some facts forbid, it forbids already. */
function isValid(text: string): boolean {
  return checkMil(parseMil({ path: "valid.mil", text })).every((d) => d.severity !== "error");
}

/** Programs of every op, of both literal styles, and of what the hardware facts are about. */
export const validPrograms: readonly string[] = [
  ...cases,
  ...ORACLE.map((c) => oracleText(c, "fp16")),
  ...examplesOfFacts,
].filter(isValid);

/** Numbers at the edges of what types, indices and the machine hold. */
const EXTREMES = [
  ...["0", "-1", "1", "2", "3", "127", "-128", "255", "32768", "65504", "65535", "65537", "?"],
  ...["2147483647", "-2147483648", "4294967296", "9007199254740991", "9007199254740993"],
  ...["18446744073709551616", "-9223372036854775809", "1e308", "1e999", "-1e999", "0x1p+9999999"],
  ...["0x1p-9999999", "inf", "-inf", "nan", "0x1p-24", "0.5", "1.", `1${"0".repeat(400)}`],
];

const PIECES = [
  ...'()[]{}<>,;=?"\\/-.%0',
  ...[
    "\n",
    "\u0000",
    "é",
    "🙂",
    "\ud800",
    "\u2028",
    "->",
    "//",
    "tensor<",
    "func",
    "const",
    "0x",
    "1e",
  ],
  ...["relu(x = x)", "BLOBFILE(", "program(1.3)", "}} -> (", "list<", "state<", "(".repeat(40)],
];

const KINDS = [
  ...["flip byte", "cut bytes", "put bytes", "copy bytes", "reverse bytes", "truncate"],
  ...["delete token", "double token", "swap tokens", "replace token", "splice", "drop head"],
  ...["extreme number", "other name"],
] as const;

/** Damage that leaves the grammar alone is drawn more often, so that the checkers have their share. */
const WEIGHTS: Partial<Record<(typeof KINDS)[number], number>> = {
  "extreme number": 8,
  "other name": 4,
};

interface Damage {
  readonly kind: (typeof KINDS)[number];
  /** Where, and where else; taken modulo what there is. */
  readonly at: number;
  readonly to: number;
  readonly length: number;
  readonly piece: string;
  readonly number: string;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.oneof(
    ...KINDS.map((kind) => ({ weight: WEIGHTS[kind] ?? 1, arbitrary: fc.constant(kind) })),
  ),
  at: fc.nat(),
  to: fc.nat(),
  length: fc.nat(30),
  piece: fc.constantFrom(...PIECES),
  number: fc.constantFrom(...EXTREMES),
});

/** Programs with one to four wounds. */
export function damagedPrograms(programs: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.constantFrom(...programs),
      fc.constantFrom(...programs),
      fc.oneof(
        fc.array(damage, { minLength: 1, maxLength: 1 }),
        fc.array(damage, { minLength: 2, maxLength: 4 }),
      ),
    )
    .map(([text, other, list]) => list.reduce((now, d) => damaged(now, other, d), text));
}

/** The places of tokens; the mistakes of a damaged text do not matter here. */
function tokensOf(text: string): Tokens {
  return lexMil({ path: "damaged.mil", text }, new Reporter());
}

function damaged(text: string, other: string, d: Damage): string {
  const start = d.at % (text.length + 1);
  const end = Math.min(text.length, start + d.length);
  const put = (from: number, to: number, piece: string): string =>
    text.slice(0, from) + piece + text.slice(to);
  switch (d.kind) {
    case "flip byte": {
      const flipped = text.charCodeAt(start) ^ (1 << (d.length % 8));
      return put(start, start + 1, String.fromCharCode(flipped));
    }
    case "cut bytes":
      return put(start, end, "");
    case "put bytes":
      return put(start, start, d.piece);
    case "copy bytes": {
      const target = d.to % (text.length + 1);
      return put(target, target, text.slice(start, end));
    }
    case "reverse bytes":
      return put(start, end, text.slice(start, end).split("").reverse().join(""));
    case "truncate":
      return text.slice(0, start);
    case "drop head":
      return text.slice(start);
    case "splice":
      return text.slice(0, start) + other.slice(placeOf(other, d.to));
    default:
      return damagedToken(text, d);
  }
}

/** Where token `at` starts. */
function placeOf(text: string, at: number): number {
  const { starts } = tokensOf(text);
  return starts[at % starts.length]!;
}

function damagedToken(text: string, d: Damage): string {
  const { kinds, starts, ends } = tokensOf(text);
  const all = [...kinds.keys()];
  const token = (k: number): string => text.slice(starts[k]!, ends[k]!);
  const isWounded = (k: number): boolean => {
    if (d.kind === "extreme number") return kinds[k] === TOKEN.number;
    if (d.kind !== "other name") return true;
    return kinds[k] === TOKEN.name && !RESERVED_NAMES.includes(token(k));
  };
  const list = all.filter(isWounded);
  if (list.length === 0) return text;
  const [a, b] = [list[d.at % list.length]!, list[d.to % list.length]!];
  const [i, j] = a < b ? [a, b] : [b, a];
  const put = (k: number, piece: string): string =>
    text.slice(0, starts[k]!) + piece + text.slice(ends[k]!);
  switch (d.kind) {
    case "delete token":
      return put(a, "");
    case "double token":
      return put(a, `${token(a)} ${token(a)}`);
    case "replace token":
    case "other name":
      return put(a, token(b));
    case "extreme number":
      return put(a, d.number);
    default:
      return (
        text.slice(0, starts[i]!) +
        (i === j ? token(i) : token(j) + text.slice(ends[i]!, starts[j]!) + token(i)) +
        text.slice(ends[j]!)
      );
  }
}
