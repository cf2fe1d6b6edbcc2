/** Constants as spreads, and which channel of a constant matrix reaches furthest. */
import { blobValues } from "../../bundle/blob.ts";
import { blobPlace } from "../../mil/check_literal.ts";
import type { WeightResolver } from "../../mil/interpret.ts";
import { numberValue } from "../../mil/numbers.ts";
import { flatten, type Statement, type Value } from "../../mil/tree.ts";
import { argument, definition, int, type MilView, result, tensorOf } from "../facts/walk.ts";
import { observed, type Spread } from "./spread.ts";

/** Elements of a constant that are looked at one by one; the rest of a larger one is sampled. */
const MOST = 2 ** 20;

/** The elements behind a constant, as far as they are known; compressed ones are not. */
export function constantData(
  s: Statement | undefined,
  weights: WeightResolver | undefined,
): ArrayLike<number> | undefined {
  if (s?.op !== "const") return undefined;
  return elementsOf(argument(s, "val")?.value, weights);
}

/** The elements of a literal. */
export function elementsOf(
  value: Value | undefined,
  weights?: WeightResolver,
): ArrayLike<number> | undefined {
  let found = value;
  while (found?.kind === "typed") found = found.value;
  if (found === undefined || found.kind === "string") return undefined;
  if (found.kind !== "blob") {
    const items = flatten(found);
    return items.map((i) => (i.kind === "number" ? numberValue(i.text) : 0));
  }
  const place = blobPlace(found);
  const record = place === undefined ? undefined : weights?.(place.path, place.offset);
  return record === undefined ? undefined : blobValues(record);
}

/** The spread of a constant's elements, or undefined if they are not known or no numbers. */
export function constantSpread(
  s: Statement,
  weights: WeightResolver | undefined,
): Spread | undefined {
  const element = result(s)?.element ?? "";
  if (element === "string" || element === "bool" || element.includes("int")) return undefined;
  const data = constantData(s, weights);
  if (data === undefined || data.length === 0) return undefined;
  return observed(sampled(data));
}

function sampled(data: ArrayLike<number>): ArrayLike<number> {
  const step = Math.floor(data.length / MOST);
  if (step <= 1) return data;
  return Float64Array.from({ length: Math.ceil(data.length / step) }, (_, i) => data[i * step]!);
}

/** `channel 17`: the output of a product with constant weights whose weights are the longest vector. */
export function largestChannel(
  view: MilView,
  s: Statement,
  weights: WeightResolver | undefined,
): string | undefined {
  const value = argument(s, s.op === "matmul" ? "y" : "weight")?.value;
  const made = definition(view, value);
  const data = constantData(made, weights);
  const shape = tensorOf(value?.kind === "name" ? view.types.get(value.name) : undefined)?.shape;
  if (data === undefined || shape === undefined || shape.length < 2) return undefined;
  const flipped = s.op !== "matmul" || int({ view, s }, "transpose_y", 0) !== 0;
  const channels = s.op === "matmul" ? (flipped ? shape.at(-2)! : shape.at(-1)!) : shape[0]!;
  const inner = s.op === "matmul" ? (flipped ? shape.at(-1)! : 1) : data.length / channels;
  const squares = new Float64Array(channels);
  for (let i = 0; i < data.length; i++) {
    squares[Math.floor(i / inner) % channels]! += data[i]! * data[i]!;
  }
  return `channel ${squares.indexOf(Math.max(...squares))}`;
}
