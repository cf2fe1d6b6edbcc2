/** E03xx: types, shapes and sizes of an `.ane` file. (E0350… are those of MIL.) */
import type { Dim, TensorType } from "../ir/types.ts";
import { dimName, isAnonymous, shapeName, shapeWithSizes } from "../ir/types.ts";
import type { Help } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { at, listOf, message } from "./message.ts";

/** An operand as a message needs it: where it is written, and what it is. */
export interface Operand {
  readonly span: Span | undefined;
  readonly type: TensorType;
}

/** A value in scope that would fit where another does not. */
export interface Candidate {
  readonly name: string;
  readonly type: TensorType;
}

const typeName = (t: TensorType): string => (t.dtype === "f32" ? "" : t.dtype) + shapeName(t.shape);
const sized = (t: TensorType): string =>
  (t.dtype === "f32" ? "" : t.dtype) + shapeWithSizes(t.shape);
const under = (x: Operand) => at(x.span, sized(x.type));
/** `F 2048`, `128`. */
const dimSized = (d: Dim | undefined): string =>
  d === undefined ? "none" : isAnonymous(d) ? String(d.size) : `${dimName(d)} ${d.size}`;

export const matmulOperandsDoNotFit = message(
  "E0301",
  {
    summary: "operands of `@` that do not fit",
    explain:
      "`x @ y` multiplies over the last dimension of x and the second-to-last of y, which must be the same " +
      "dimension: the same name, not only the same size. `y'` swaps the last two dimensions.",
  },
  (x: Operand, y: Operand, fits: Candidate | undefined) => ({
    title: `cannot multiply ${typeName(x.type)} by ${typeName(y.type)}`,
    labels: [...under(x), ...under(y)],
    why:
      `\`@\` needs the last dimension on the left (${dimSized(x.type.shape.at(-1))}) to equal the ` +
      `second-to-last on the right (${dimSized(y.type.shape.at(-2))}).`,
    help: replaceBy(y.span, fits),
  }),
);

function replaceBy(span: Span | undefined, fits: Candidate | undefined): Help[] {
  if (fits === undefined) return [];
  const text = `\`${fits.name}\` is ${typeName(fits.type)}, which fits`;
  return [span === undefined ? { text } : { text, edit: { span, replacement: fits.name } }];
}

export const cannotBroadcast = message(
  "E0302",
  {
    summary: "shapes that cannot be aligned",
    explain:
      "`+`, `-`, `*`, `/` and other elementwise ops align the last dimensions of their operands. Each pair " +
      "must be the same dimension (by name, where both have one), or one of them must be 1 or missing.",
  },
  (op: string, x: Operand, y: Operand) => ({
    title: `\`${op}\` cannot align ${typeName(x.type)} with ${typeName(y.type)}`,
    labels: [...under(x), ...under(y)],
    why: mismatch(x.type, y.type),
  }),
);

/** Which pair of dimensions differs, counted from the end. */
function mismatch(x: TensorType, y: TensorType): string {
  const rank = Math.min(x.shape.length, y.shape.length);
  for (let i = 1; i <= rank; i++) {
    const [a, b] = [x.shape.at(-i)!, y.shape.at(-i)!];
    const isNamed = !isAnonymous(a) && !isAnonymous(b);
    if (
      a.size === 1 ||
      b.size === 1 ||
      (a.size === b.size && !(isNamed && dimName(a) !== dimName(b)))
    )
      continue;
    const same = a.size === b.size ? " They have the same size but are different dimensions." : "";
    return `Dimensions are aligned from the last: ${dimSized(a)} stands against ${dimSized(b)}.${same}`;
  }
  return "Dimensions are aligned from the last.";
}

export const wrongRank = message(
  "E0303",
  {
    summary: "an operand of the wrong rank or shape",
    explain: "Some ops need a number of dimensions: `@` and `'` two, `softmax` and `rms_norm` one.",
  },
  (op: string, x: Operand, needs: string) => ({
    title: `\`${op}\` needs ${needs}, found ${typeName(x.type)}`,
    labels: under(x),
  }),
);

export const wrongElementType = message(
  "E0304",
  {
    summary: "an operand of the wrong element type",
    explain:
      "Arithmetic is on floating-point numbers of one type; indices (tokens, targets) are i32. Nothing is " +
      "converted silently.",
  },
  (op: string, x: Operand, needs: string) => ({
    title: `\`${op}\` needs ${needs}, found ${x.type.dtype}`,
    labels: under(x),
  }),
);

export const wrongDimension = message(
  "E0305",
  {
    summary: "an operand with another dimension than needed",
    explain: "The dimensions of the operands of an op must agree, by name where both have one.",
  },
  (op: string, x: Operand, what: string, expected: Dim, found: Dim) => ({
    title: `\`${op}\` needs ${what} to be ${dimSized(expected)}, found ${dimSized(found)}`,
    labels: under(x),
  }),
);

export const wrongAttribute = message(
  "E0306",
  {
    summary: "an attribute outside its range",
    explain:
      "Axes count from 0, or from -1 at the end; ranges are half open and lie inside the dimension.",
  },
  (span: Span | undefined, op: string, name: string, value: string, needs: string) => ({
    title: `\`${op}\`: ${name} is ${value}, needs ${needs}`,
    labels: at(span),
  }),
);

export const cannotRearrange = message(
  "E0307",
  {
    summary: "`as` with other factors than the value has",
    explain:
      "`x as [H, S, E]` puts the elements of x in another arrangement by name. Both sides list the same " +
      "factors, each as often: `[S, H*E]` can be `[H, S, E]` or `[S*H, E]`, not `[S, H]`.",
  },
  (
    x: Operand,
    target: Span | undefined,
    to: string,
    missing: readonly string[],
    extra: readonly string[],
  ) => ({
    title: `${typeName(x.type)} cannot be arranged as ${to}`,
    labels: [...under(x), ...at(target)],
    why: [
      ...(missing.length > 0
        ? [`The value has ${listOf(missing)}, which ${to} does not list.`]
        : []),
      ...(extra.length > 0 ? [`${to} lists ${listOf(extra)}, which the value does not have.`] : []),
    ].join(" "),
  }),
);

export const cannotShare = message(
  "E0308",
  {
    summary: "heads that cannot be shared evenly",
    explain: "`share(k, H)` repeats each of K heads for H/K query heads, so K must divide H.",
  },
  (x: Operand, from: Dim, to: Dim) => ({
    title: `${dimSized(from)} heads cannot be shared by ${dimSized(to)}`,
    labels: under(x),
    why: `${from.size} does not divide ${to.size}.`,
  }),
);

export const argumentDoesNotFit = message(
  "E0309",
  {
    summary: "an argument of another type than the layer declares",
    explain:
      "A layer's arguments have the declared dimensions, by name. Variables in `<…>` are bound by the " +
      "first argument that has them; `...` stands for any leading dimensions, the same for all arguments.",
  },
  (layer: string, name: string, declared: string, x: Operand, bound: string) => ({
    title: `\`${layer}\` takes ${name}: ${declared}, found ${typeName(x.type)}`,
    labels: under(x),
    ...(bound === "" ? {} : { why: bound }),
  }),
);

export const resultDoesNotFit = message(
  "E0310",
  {
    summary: "a result of another type than declared",
    explain: "What `return` gives must have the type written after `->`.",
  },
  (layer: string, x: Operand, declared: TensorType, declaredAt: Span) => ({
    title: `\`${layer}\` returns ${typeName(x.type)}, declared as ${typeName(declared)}`,
    labels: [...under(x), ...at(declaredAt, sized(declared))],
  }),
);

export const updateChangesShape = message(
  "E0311",
  {
    summary: "`+=` that would change a shape",
    explain: "`x += f` keeps the type of x. To give x another shape, assign it: `x = x + f`.",
  },
  (op: string, x: Operand, result: TensorType) => ({
    title: `\`${op}\` would change ${typeName(x.type)} to ${typeName(result)}`,
    labels: under(x),
    why: "A value that is updated keeps its type.",
  }),
);

export const lossIsNotScalar = message(
  "E0312",
  {
    summary: "a loss that is not one number",
    explain:
      "`loss` gives the number that training makes small: a scalar `[]`, such as `cross_entropy`.",
  },
  (x: Operand) => ({
    title: `the loss must be a scalar, found ${typeName(x.type)}`,
    labels: under(x),
    help: [{ text: "reduce it, for example with `mean(…)`" }],
  }),
);

export const badDimension = message(
  "E0313",
  {
    summary: "a dimension that is not a whole number from 1 to 2147483648",
    explain:
      "Dimensions are whole numbers from 1 to 2^31. A quotient such as `D / H` must be exact.",
  },
  (span: Span | undefined, name: string, value: number, text: string) => ({
    title:
      value === 0 || value < 0
        ? `dimension \`${name}\` is ${value}, but dimensions start at 1`
        : value > 2 ** 31
          ? `dimension \`${name}\` is ${value}, more than 2147483648`
          : `dimension \`${name}\` is ${value}, which is not a whole number`,
    labels: at(span, text),
  }),
);

export const tensorTooLarge = message(
  "E0314",
  {
    summary: "a value of more than 2^40 elements",
    explain: "A value may have 2^40 elements; more is surely a mistake in a dimension.",
  },
  (span: Span | undefined, type: TensorType) => ({
    title: `${typeName(type)} has more than 2^40 elements`,
    labels: at(span, sized(type)),
  }),
);

export const badRepeatCount = message(
  "E0315",
  {
    summary: "a count of `repeat` that is not a whole number from 1 to 10000",
    explain: "`repeat N` runs its body N times, 1 to 10,000; N is a number or a dimension.",
  },
  (span: Span | undefined, count: number) => ({
    title: `\`repeat\` needs a whole number from 1 to 10000, found ${count}`,
    labels: at(span),
  }),
);

export const needsNumber = message(
  "E0316",
  {
    summary: "a value where a number known to the compiler is needed",
    explain:
      "Attributes, initial values, counts, dimensions and settings are numbers: literals, dimensions, " +
      "hyper-parameters and arithmetic on them, not values of the graph.",
  },
  (span: Span | undefined, what: string, found: string) => ({
    title: `${what} must be a number known to the compiler, found ${found}`,
    labels: at(span),
  }),
);

export const needsDimension = message(
  "E0317",
  {
    summary: "a value where a dimension is needed",
    explain:
      "`share(k, H)` and `causal(S)` take dimensions: a name, a whole number, or a product of them.",
  },
  (span: Span, callee: string) => ({
    title: `\`${callee}\` needs a dimension here`,
    labels: at(span),
    help: [{ text: "write the name of a dimension, such as `S`" }],
  }),
);

export const programTooLarge = message(
  "E0318",
  {
    summary: "a model that unfolds into too much",
    explain:
      "`repeat` and calls are unfolded. A graph may take 250,000 steps to build, and calls may be 200 deep.",
  },
  (span: Span | undefined, what: string) => ({
    title: `the model unfolds into ${what}`,
    labels: at(span),
  }),
);

export const notFinite = message(
  "E0320",
  {
    summary: "a number that is infinite or does not exist",
    explain:
      "Arithmetic on numbers must have a finite result: no division by 0, no root or logarithm of a negative number.",
  },
  (span: Span | undefined, value: number) => ({
    title: `this number ${Number.isNaN(value) ? "does not exist" : "is infinite"}`,
    labels: at(span),
  }),
);

export const needsValue = message(
  "E0321",
  {
    summary: "a text or a number where a value is needed",
    explain: 'Texts in quotes are values of attributes only: `rope(x, pairing: "split")`.',
  },
  (span: Span | undefined, what: string, needs: string) => ({
    title: `${needs} is needed here, found ${what}`,
    labels: at(span),
  }),
);

export const wrongOperandCount = message(
  "E0322",
  {
    summary: "an op with operands too many or too few",
    explain: "The op takes another number of operands; `docs/ops.md` lists them.",
  },
  (span: Span | undefined, op: string, expected: string, found: number) => ({
    title: `\`${op}\` takes ${expected} operands, found ${found}`,
    labels: at(span),
  }),
);

export const sizesDiffer = message(
  "E0323",
  {
    summary: "a new shape with another number of elements",
    explain: "A value keeps its elements when it gets another shape.",
  },
  (span: Span | undefined, from: readonly Dim[], to: readonly Dim[]) => ({
    title: `${shapeName(from)} and ${shapeName(to)} do not hold the same elements`,
    labels: at(span, shapeWithSizes(from)),
  }),
);
