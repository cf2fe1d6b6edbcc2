/**
 * A builder that keeps matrices [C, S] as [1, C, 1, S]: the shape of surfaces and of convolutions.
 *
 * Rules and lowering go on to see [C, S]. What works on elements, or reduces one axis, is done on the
 * four axes; only an op that needs the matrix itself has it reshaped. So a chain of convolutions, norms
 * and residuals has no reshape at all.
 */
import type { BuildArgument, MilCore, MilVar, Named } from "../../compiler/mil/build.ts";
import { builderOn, type MilBuilder } from "../../compiler/mil/build_ops.ts";
import { bug } from "../../compiler/support/bug.ts";

const ELEMENTWISE = new Set([
  ...["add", "sub", "mul", "real_div", "pow", "maximum", "minimum", "equal", "less", "greater"],
  ...["identity", "cast", "select", "abs", "square", "relu", "sqrt", "rsqrt", "exp", "log", "erf"],
  ...["tanh", "sigmoid", "silu", "gelu", "clip"],
]);
const REDUCTIONS = new Set(["reduce_sum", "reduce_mean", "reduce_max", "reduce_min"]);

type Arguments = Readonly<Record<string, BuildArgument>>;

/** Axes of a matrix among those of its four. */
const WIDE_AXIS = [1, 3] as const;

const widened = ([c, s]: readonly number[]): number[] => [1, c!, 1, s!];
const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);
const isVar = (arg: BuildArgument): arg is MilVar => typeof arg === "object" && "id" in arg;
const isList = (arg: BuildArgument): arg is readonly MilVar[] =>
  Array.isArray(arg) && typeof arg[0] === "object";

/** The same functions as `given`; what it returns may only be given back to itself. */
export function wideBuilder(given: MilBuilder): MilBuilder {
  /** What stands for each matrix that callers were given. */
  const wideOf = new Map<MilVar, MilVar>();
  /** Matrices that were reshaped, in either direction. */
  const reshaped = new Map<MilVar, MilVar>();
  let count = 0;

  const matrix = (wide: MilVar): MilVar => {
    const [, c, , s] = wide.shape;
    count += 1;
    const seen: MilVar = { id: -count, element: wide.element, shape: [c!, s!] };
    wideOf.set(seen, wide);
    return seen;
  };
  const remember = (x: MilVar, make: () => MilVar): MilVar => {
    const known = reshaped.get(x) ?? make();
    reshaped.set(x, known);
    return known;
  };
  /** The value itself, for ops that know nothing of four axes. */
  const plain = (x: MilVar): MilVar => {
    const wide = wideOf.get(x);
    return wide === undefined ? x : remember(x, () => given.reshape(wide, x.shape));
  };
  const wide = (x: MilVar): MilVar => {
    if (x.shape.length === 0) return x;
    const shape = x.shape.length === 1 ? [1, 1, 1, x.shape[0]!] : widened(x.shape);
    return wideOf.get(x) ?? remember(x, () => given.reshape(x, shape));
  };
  const mapped = (args: Arguments, change: (x: MilVar) => MilVar): Arguments =>
    Object.fromEntries(
      Object.entries(args).map(([name, arg]) => [
        name,
        isList(arg) ? arg.map(change) : isVar(arg) ? change(arg) : arg,
      ]),
    );

  const reshape = (x: MilVar, shape: readonly number[], o?: Named): MilVar => {
    const from = wideOf.get(x) ?? x;
    const to = shape.length === 2 ? widened(shape) : shape;
    const result = isSame(from.shape, to) ? from : given.reshape(from, to, o);
    return shape.length === 2 ? matrix(result) : result;
  };

  /** The op's arguments on four axes, or undefined where it has to have matrices. */
  const onFourAxes = (name: string, args: Arguments): Arguments | undefined => {
    const vars = Object.values(args).filter(isVar);
    if (vars.some((x) => x.shape.length > 2) || Object.values(args).some(isList)) return undefined;
    if (ELEMENTWISE.has(name)) return mapped(args, wide);
    const axisOf = (axis: number): number => WIDE_AXIS[axis < 0 ? axis + 2 : axis]!;
    if (REDUCTIONS.has(name) && args["keep_dims"] === true) {
      const axes = args["axes"] as readonly number[];
      return { ...mapped(args, wide), axes: axes.map(axisOf).sort() };
    }
    if (name === "softmax") return { ...mapped(args, wide), axis: axisOf(args["axis"] as number) };
    return undefined;
  };

  const core: MilCore = {
    input: given.input,
    scalar: given.scalar,
    tensor: given.tensor,
    weight: (place, shape, o) =>
      shape.length === 2 && shape[1] === 1
        ? matrix(given.weight(place, widened(shape), o))
        : given.weight(place, shape, o),
    op: (name, args, o) => core.ops(name, args, o)[0] ?? bug(`\`${name}\` has no result`),
    ops(name, args, o) {
      if (name === "reshape") {
        return [reshape(args["x"] as MilVar, args["shape"] as readonly number[], o)];
      }
      const vars = Object.values(args).flatMap((a) => (isList(a) ? a : isVar(a) ? [a] : []));
      if (!vars.some((x) => wideOf.has(x))) return given.ops(name, args, o);
      const four = onFourAxes(name, args);
      return four === undefined
        ? given.ops(name, mapped(args, plain), o)
        : given.ops(name, four, o).map(matrix);
    },
  };
  return builderOn(core);
}
