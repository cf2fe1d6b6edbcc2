/** Configurations drawn from a space: at random, near another one, and in order. */
import { createHash } from "node:crypto";
import { createRandom, type Random } from "../random.ts";
import type { Axis, Config, RangeAxis, Space, Value } from "./space.ts";

/** The random numbers of draw `at` of a search; neighbours have nothing in common. */
export function randomOf(seed: number, at: number): Random {
  const bytes = createHash("sha256").update(`${seed}:${at}`).digest();
  return createRandom(bytes.readUInt32LE(0));
}

/** Points of a range without a step in a grid. */
const GRID_POINTS = 5;

/** The value at part `t` of a range, from 0 to 1. */
function valueAt(axis: RangeAxis, t: number): number {
  const { from, to, scale, step } = axis;
  const part = Math.min(1, Math.max(0, t));
  const x = scale === "log" ? from * (to / from) ** part : from + (to - from) * part;
  if (step === null) return Math.min(to, Math.max(from, Number(x.toPrecision(6))));
  const [low, high] = [Math.ceil(from / step), Math.floor(to / step)];
  return Math.min(high, Math.max(low, Math.round(x / step))) * step;
}

/** Where a value lies in a range, from 0 to 1; undefined for what is no number. */
function partOf({ from, to, scale }: RangeAxis, value: Value | undefined): number | undefined {
  if (typeof value !== "number") return undefined;
  const x = Math.min(to, Math.max(from, value));
  return scale === "log" ? Math.log(x / from) / Math.log(to / from) : (x - from) / (to - from);
}

function anyValue(axis: Axis, random: Random): Value {
  if (axis.kind === "list") return axis.values[random.uniformIndex(axis.values.length)]!;
  return valueAt(axis, random.drand48());
}

/** A number of the normal distribution of mean 0 and variance 1 (Box and Muller). */
function gauss(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.drand48()));
  return radius * Math.cos(2 * Math.PI * random.drand48());
}

/** Every name anew. */
export function drawAnywhere(space: Space, random: Random): Config {
  return Object.fromEntries(space.map((axis) => [axis.name, anyValue(axis, random)]));
}

/** Width of a step, as a part of the range. */
const STEP_WIDTH = 0.15;

/**
 * One name changed, or two in one case of four. A number of a range moves by a normal step of 0.15 of the range,
 * or in one case of four to any place in it; a value of a list becomes another one.
 */
export function drawNear(space: Space, center: Config, random: Random): Config {
  const open = space.filter((axis) => axis.kind === "range" || axis.values.length > 1);
  const config: Record<string, Value> = { ...center };
  for (let left = random.drand48() < 0.25 ? 2 : 1; left > 0 && open.length > 0; left--) {
    const [axis] = open.splice(random.uniformIndex(open.length), 1);
    config[axis!.name] = moved(axis!, center[axis!.name], random);
  }
  return config;
}

function moved(axis: Axis, value: Value | undefined, random: Random): Value {
  if (axis.kind === "list") {
    const others = axis.values.filter((v) => v !== value);
    return others[random.uniformIndex(others.length)]!;
  }
  const part = partOf(axis, value);
  if (part === undefined || random.drand48() < 0.25) return anyValue(axis, random);
  return valueAt(axis, part + STEP_WIDTH * gauss(random));
}

/** The values of an axis in a grid, in order. */
function gridValues(axis: Axis): readonly Value[] {
  if (axis.kind === "list") return axis.values;
  const { from, to, step } = axis;
  if (step === null) {
    return Array.from({ length: GRID_POINTS }, (_, i) => valueAt(axis, i / (GRID_POINTS - 1)));
  }
  const low = Math.ceil(from / step);
  const points = Math.floor(to / step) - low + 1;
  return Array.from({ length: points }, (_, i) => (low + i) * step);
}

/** How many configurations the grid of a space has. */
export function gridSize(space: Space): number {
  return space.reduce((n, axis) => n * gridValues(axis).length, 1);
}

/** Configuration `at` of the grid, from 0; the last name changes the fastest. Undefined behind its end. */
export function gridConfig(space: Space, at: number): Config | undefined {
  if (at >= gridSize(space)) return undefined;
  const config: [string, Value][] = [];
  let rest = at;
  for (const axis of space.toReversed()) {
    const values = gridValues(axis);
    config.unshift([axis.name, values[rest % values.length]!]);
    rest = Math.floor(rest / values.length);
  }
  return Object.fromEntries(config);
}
