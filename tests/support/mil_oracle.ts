/**
 * One MIL op against a formula for its elements.
 *
 *     { op: "add", in: { x: "F 2,3", y: "F 3" }, y: "add(x = x, y = y)", out: "F 2,3",
 *       at: ({ x, y }, i, j) => x(i, j) + y(j) }
 *
 * Types are an element type and sizes; `F` stands for fp32 and fp16, `-` for no sizes. Behind them
 * may stand the range that values are drawn from, `0.5..3`; of integers both ends are drawn. Readers
 * give 0 outside.
 */
import { interpretMil, type Numerics } from "../../compiler/mil/interpret.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { roundToHalf } from "../../compiler/support/half.ts";

/** The element of an input at an index; 0 outside. */
export type Reader = (...index: number[]) => number;

export interface OracleCase {
  readonly op: string;
  /** What this case is about, where an op has several. */
  readonly about?: string;
  readonly in: Readonly<Record<string, string>>;
  /** The op with its arguments. */
  readonly y: string;
  /** The type of the result, or of each. */
  readonly out: string | readonly string[];
  /** The element of the result at an index, or of each. */
  readonly at: Formula | readonly Formula[];
}

export type Formula = (inputs: Readonly<Record<string, Reader>>, ...index: number[]) => number;

interface Spec {
  readonly element: string;
  readonly shape: readonly number[];
  readonly low: number;
  readonly high: number;
}

function specOf(text: string, float: string): Spec {
  const [kind = "", sizes = "-", range = ""] = text.trim().split(" ");
  const element = kind === "F" ? float : kind;
  const shape = sizes === "-" ? [] : sizes.split(",").map(Number);
  const [low, high] = (range === "" ? "-2..2" : range).split("..").map(Number);
  return { element, shape, low: low!, high: high! };
}

const typeText = ({ element, shape }: Spec): string => `tensor<${element}, [${shape.join(", ")}]>`;
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function drawn({ element, shape, low, high }: Spec, random: () => number): Float64Array {
  return Float64Array.from({ length: sizeOf(shape) }, () => {
    if (element === "bool") return random() < 0.5 ? 0 : 1;
    if (/int/.test(element)) return low + Math.floor(random() * (high - low + 1));
    return roundToHalf(low + random() * (high - low));
  });
}

function readerOf(shape: readonly number[], data: Float64Array): Reader {
  return (...index) => {
    if (index.some((n, i) => n < 0 || n >= shape[i]!)) return 0;
    return data[index.reduce((at, n, i) => at * shape[i]! + n, 0)]!;
  };
}

/** Every index of a shape, in row-major order. */
function indicesOf(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, n) => all.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  );
}

/** The text of a program with the case's one statement. */
export function oracleText(test: OracleCase, float: "fp32" | "fp16"): string {
  const outs = [test.out].flat().map((text) => typeText(specOf(text, float)));
  const names = outs.map((_, i) => (outs.length === 1 ? "out" : `out${i}`));
  const results = outs.map((type, i) => `${type} ${names[i]}`).join(", ");
  const ports = Object.entries(test.in).map(([n, t]) => `${typeText(specOf(t, float))} ${n}`);
  const statement = test.y.replaceAll(/\bF\b/g, float);
  return `program(1.3) { func main<ios18>(${ports.join(", ")}) { ${results} = ${statement}; } -> (${names.join(", ")}); }`;
}

/** What the interpreter gives and what the formula says, element by element, for each result. */
export function runOracle(
  test: OracleCase,
  float: "fp32" | "fp16",
  numerics: Numerics,
  random: () => number,
): readonly { readonly found: readonly number[]; readonly expected: readonly number[] }[] {
  const inputs = Object.entries(test.in).map(([name, text]) => {
    const spec = specOf(text, float);
    return { name, spec, data: drawn(spec, random) };
  });
  const program = parseMil({ path: `${test.op}.mil`, text: oracleText(test, float) });
  const given = Object.fromEntries(inputs.map(({ name, data }) => [name, data]));
  const found = [...interpretMil(program, given, { numerics }).values()];
  const readers = Object.fromEntries(
    inputs.map(({ name, spec, data }) => [name, readerOf(spec.shape, data)]),
  );
  const formulas = [test.at].flat();
  return [test.out].flat().map((text, k) => ({
    found: [...found[k]!.data],
    expected: indicesOf(specOf(text, float).shape).map((i) => formulas[k]!(readers, ...i)),
  }));
}

/** f(0) + … + f(n − 1) */
export function sum(n: number, f: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += f(i);
  return total;
}

/** f(0), …, f(n − 1) */
export function list(n: number, f: (i: number) => number): number[] {
  return Array.from({ length: n }, (_, i) => f(i));
}
