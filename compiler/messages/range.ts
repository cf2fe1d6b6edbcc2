/**
 * Messages about the range of numbers (E0590…): values that fp16 or the engine's accumulator cannot
 * hold, found before the program runs.
 */
import type { Label } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { at, type Message, type MessageBody, message } from "./message.ts";

/** One place, and what is known of it. */
export interface RangeNotice {
  readonly value: string;
  readonly op: string;
  readonly span: Span | undefined;
  /** The largest magnitude that is expected, or a relative error. */
  readonly reach: number;
  readonly limit: number;
  /** `channel 17` or `element [0, 3, 0, 5]`. */
  readonly where?: string;
  readonly mend: string;
}

/** Places of one kind in one program, the first ones with all they say. */
export interface RangePlaces {
  readonly program: string;
  readonly places: readonly RangeNotice[];
  readonly further: number;
  /** What was assumed of the inputs. */
  readonly assumed: string;
}

type RangeMessage = Message<[RangePlaces]>;

const HOW =
  "The analysis follows each value's range and typical size through the program. It starts from what is said " +
  "of the inputs: samples, ranges, or else activations of mean 0 and size 1 and weights as they are " +
  "initialised. It is a prediction for these inputs, not a proof for all.";

const number = (n: number): string => {
  if (!Number.isFinite(n)) return "infinity";
  const size = Math.abs(n);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return n.toExponential(1);
  return size >= 100 ? Math.round(n).toLocaleString("en-US") : String(Number(n.toPrecision(3)));
};

function body(
  { program, places, further, assumed }: RangePlaces,
  title: (first: RangeNotice) => string,
  label: (place: RangeNotice) => string,
  why: string,
): MessageBody {
  const first = places[0]!;
  const notes: [string, string][] = [["program", program]];
  if (first.where !== undefined) notes.push(["where", first.where]);
  notes.push(["inputs", assumed]);
  if (further > 0) notes.push(["also", `at ${further} other place${further === 1 ? "" : "s"}`]);
  return {
    severity: "warning",
    title: title(first),
    labels: places.flatMap((p): Label[] => at(p.span, label(p))),
    why,
    help: [{ text: first.mend }],
    notes,
  };
}

export const rangeStorage: RangeMessage = message(
  "E0590",
  {
    summary: "a value may be too large for fp16",
    explain: `Values between ops are stored as fp16, which ends at 65,504; beyond it they are infinite. ${HOW}`,
  },
  (places) =>
    body(
      places,
      (p) => `\`${p.value}\` may reach ${number(p.reach)}, and fp16 ends at ${number(p.limit)}`,
      (p) => `up to ${number(p.reach)}`,
      "What does not fit becomes infinity, and what is computed from it infinity or not a number.",
    ),
);

export const rangeAccumulator: RangeMessage = message(
  "E0591",
  {
    summary: "a product may pass the accumulator's limit",
    explain:
      "The engine adds up the terms of matmul, linear and conv in 32 bits with 16 of them behind the point. At " +
      `32,768 the sum is infinite and stays so, half of what fp16 could store. ${HOW}`,
  },
  (places) =>
    body(
      places,
      (p) =>
        `\`${p.op}\` may add up to ${number(p.reach)}, and the engine's accumulator ends at ${number(p.limit)}`,
      (p) => `up to ${number(p.reach)}`,
      "The sum becomes infinite as soon as a part of it passes the limit, even if later terms would bring it back.",
    ),
);

export const rangeUndefined: RangeMessage = message(
  "E0592",
  {
    summary: "a root, logarithm or quotient of what may be 0",
    explain:
      "The engine gives infinity for logarithms, reciprocal roots and inverses of values below 2^-17, and fp16 " +
      `values below 2^-24 are 0. ${HOW}`,
  },
  (places) =>
    body(
      places,
      (p) => `\`${p.op}\` may get ${number(p.reach)}, where it is not defined`,
      (p) => `down to ${number(p.reach)}`,
      "The result is infinite or not a number there.",
    ),
);

export const rangeVanishing: RangeMessage = message(
  "E0593",
  {
    summary: "values too small for fp16",
    explain: `fp16 has fewer digits below 6.1e-5 and none below 6e-8. ${HOW}`,
  },
  (places) =>
    body(
      places,
      (p) =>
        `\`${p.value}\` is typically ${number(p.reach)}, of which fp16 keeps few digits or none`,
      (p) => `typically ${number(p.reach)}`,
      "Numbers below 6.1e-5 lose digits, those below 6e-8 are stored as 0.",
    ),
);

export const rangeGrid: RangeMessage = message(
  "E0594",
  {
    summary: "a product whose terms vanish in the accumulator",
    explain:
      "The engine rounds every term of a product to a multiple of 2^-16. The relative error is about " +
      "4.4e-6 divided by the typical sizes of both operands, however long the sum. Gradients without a loss scale " +
      `are the usual case. ${HOW}`,
  },
  (places) =>
    body(
      places,
      (p) => `\`${p.op}\` loses about ${Math.round(100 * p.reach)} % of its result to rounding`,
      (p) => `error about ${Math.round(100 * p.reach)} %`,
      "Each term is rounded to a multiple of 2^-16 before it is added, and the operands are so small that their products are of that size.",
    ),
);

export const rangeSlice: RangeMessage = message(
  "E0595",
  {
    summary: "a slice of the last axis beyond what the M1 and M2 carry",
    explain:
      "On the M1 and M2 a slice of the last axis that does not start at 0 is reported to multiply by 16 inside " +
      `(sbryngelson/ANEForge): values beyond 4,094 come out infinite. ${HOW}`,
  },
  (places) =>
    body(
      places,
      (p) => `\`${p.value}\` may reach ${number(p.reach)}, and this slice carries up to 4,094`,
      (p) => `up to ${number(p.reach)}`,
      "The M1 and M2 multiply such slices by 16 on the way.",
    ),
);

export const rangeBadInput = message(
  "E0596",
  {
    summary: "a range for an input that the program does not have",
    explain:
      "A range names an input and two numbers, the lower first. The inputs of a program are listed after its " +
      "function's name.",
  },
  (input: string, problem: string, inputs: readonly string[]) => ({
    title: `the range of \`${input}\` ${problem}`,
    why: `Inputs are ${inputs.map((i) => `\`${i}\``).join(", ")}.`,
  }),
);

export const constantBeyondHalf = message(
  "E0597",
  {
    summary: "a constant that fp16 cannot hold",
    explain:
      "The engine computes in fp16, whose largest number is 65,504. A factor beyond it is split into two by " +
      "the compiler; a number that is added, subtracted or divided by cannot be.",
  },
  (value: number, span: Span | undefined) => ({
    title: `the constant ${value} does not fit fp16, which ends at 65,504`,
    labels: at(span),
    why: "Programs for the engine compute in fp16.",
    help: [{ text: "scale the values around it, or compile for the cpu (`--target cpu`)" }],
  }),
);
