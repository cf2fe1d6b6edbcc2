/**
 * The groupings and layouts that `--fusion auto` weighs, made of the pieces of the fixed schemes.
 *
 * Two families. Chained ones are `LAYER` with each of its programs whole or in halves. In the others what
 * passes from program to program goes through the host: the forward part of `NONE` or `PAIRS`, their
 * gradients of attention, and the feed-forward gradients in two programs or in one.
 */
import { type ChipName, familyOf } from "../../compiler/target/chip_names.ts";
import type { Weights } from "./ports.ts";
import {
  LAYER,
  MATMUL,
  NONE,
  PAIRS,
  type ProgramPlan,
  type Scheme,
  WHOLE_BACKWARD,
} from "./schemes.ts";
import type { SplitK } from "./split_k.ts";

/** A scheme with its layout: what a compilation for the engine needs to know of the choice. */
export interface AneLayout {
  readonly scheme: Scheme;
  readonly weights: Weights;
  /** Whether and how reductions over weights are cut. */
  readonly splitK?: SplitK;
}

export interface Candidate extends AneLayout {
  /** `layer`, or `chained 2+3`: programs of the forward and the backward part. */
  readonly name: string;
  /** Whether `--fusion` or `--ane` names it. */
  readonly isFixed: boolean;
}

/** A layout in a table, and in checkpoints: `layer, params, K/8`. */
export function layoutName({ name, weights, splitK }: Candidate): string {
  return [name, weights, ...(splitK === undefined ? [] : [`K/${splitK.parts}`])].join(", ");
}

/** Parts into which reductions are cut. */
const PARTS = [4, 8];

/** All candidates, fixed schemes first. `weights` narrows them to one layout. */
export function candidatesFor(
  chip: ChipName,
  { training, weights }: { readonly training: boolean; readonly weights?: Weights },
): readonly Candidate[] {
  const fixed = [NONE, PAIRS, MATMUL, LAYER].map((scheme) => ({
    scheme,
    name: scheme.name,
    isFixed: true,
  }));
  const others = training ? [...chained(), ...exchanged()] : chained().filter(isForwardOnly);
  const known = new Set(fixed.map((c) => namesOf(c.scheme)));
  const grouped = numbered([...fixed, ...others.filter((c) => !known.has(namesOf(c.scheme)))]);
  const layouts: readonly Weights[] = weights === undefined ? ["packed", "params"] : [weights];
  return grouped.flatMap((c) =>
    layouts.flatMap((w) => [
      { ...c, weights: w },
      ...(w === "params" && c.scheme.exchange === "chained" ? splits(c, chip) : []),
    ]),
  );
}

/** Names that several groupings have are told apart: `chained 2+3`, `chained 2+3 (2)`. */
function numbered(list: readonly Grouping[]): Grouping[] {
  const times = new Map<string, number>();
  return list.map((c) => {
    const time = (times.get(c.name) ?? 0) + 1;
    times.set(c.name, time);
    return time === 1 ? c : { ...c, name: `${c.name} (${time})` };
  });
}

type Grouping = Omit<Candidate, "weights" | "splitK">;

/** Slices of the last axis are left out where they overflow (fact `slice_gain`). */
function splits(c: Grouping, chip: ChipName): Candidate[] {
  const family = familyOf(chip);
  const lastAxis = family !== "m1" && family !== "m2";
  return PARTS.map((parts) => ({
    ...c,
    name: c.name,
    isFixed: false,
    weights: "params",
    splitK: { parts, lastAxis },
  }));
}

const namesOf = ({ programs }: Scheme): string => programs.map((p) => p.name).join();

/** A program whole, in halves, and in halves of those. */
function variants(plan: ProgramPlan): readonly (readonly ProgramPlan[])[] {
  if (plan.halves === undefined) return [[plan]];
  const parts = plan.halves.map(variants);
  const combined = parts.reduce<readonly (readonly ProgramPlan[])[]>(
    (made, list) => made.flatMap((before) => list.map((after) => [...before, ...after])),
    [[]],
  );
  return [[plan], ...combined];
}

function chained(): readonly Grouping[] {
  const [forward, ...backward] = LAYER.programs as readonly [ProgramPlan, ...ProgramPlan[]];
  const backwards = [
    ...backward.reduce<readonly (readonly ProgramPlan[])[]>(
      (made, plan) => made.flatMap((list) => variants(plan).map((v) => [...list, ...v])),
      [[]],
    ),
    [WHOLE_BACKWARD],
  ];
  return variants(forward).flatMap((front) =>
    backwards.map((back) => ({
      name: `chained ${front.length}+${back.length}`,
      isFixed: false,
      scheme: { ...LAYER, name: "auto", programs: [...front, ...back] },
    })),
  );
}

/** Without gradients only the forward part counts. */
function isForwardOnly({ scheme }: Grouping): boolean {
  const backward = LAYER.programs.slice(1).map((p) => p.name);
  return backward.every((name) => scheme.programs.some((p) => p.name === name));
}

const isForward = (p: ProgramPlan): boolean => p.name.endsWith("_fwd");
const isFeedForwardGradient = (p: ProgramPlan): boolean => p.name.startsWith("ffn_bwd");

function exchanged(): readonly Grouping[] {
  const merged: ProgramPlan = { name: "ffn_bwd", roles: ["d_out", "d_activation", "d_in"] };
  const found: Grouping[] = [];
  for (const front of [NONE, PAIRS]) {
    for (const back of [NONE, PAIRS]) {
      for (const isMerged of [false, true]) {
        const gradients = back.programs.filter((p) => !isForward(p));
        const programs = [
          ...front.programs.filter(isForward),
          ...(isMerged ? [merged] : gradients.filter(isFeedForwardGradient)),
          ...gradients.filter((p) => !isFeedForwardGradient(p)),
        ];
        const forward = programs.filter(isForward).length;
        found.push({
          name: `exchanged ${forward}+${programs.length - forward}`,
          isFixed: false,
          scheme: { ...back, name: "auto", programs },
        });
      }
    }
  }
  return found;
}
