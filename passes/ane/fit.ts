/**
 * Halves programs that are too wide for the engine until all fit.
 *
 * A surface's last axis has at most 16,384 elements on every chip (fact `tensor_extents`). Where weights that
 * share a surface are wider, the programs that use them are halved as their scheme says.
 */
import type { Connection } from "./connect.ts";
import type { Cut } from "./cut.ts";
import { WIDEST } from "./ports.ts";
import type { ProgramPlan, Scheme } from "./schemes.ts";

/** A program that does not fit, and what it became. */
export interface Refusal {
  readonly program: string;
  /** Columns that it would need. */
  readonly columns: number;
  readonly limit: number;
  readonly fact: "tensor_extents";
  readonly into: readonly string[];
}

export interface Fitted {
  readonly cut: Cut;
  readonly connections: readonly Connection[];
}

/** Cuts with `make`, halving programs until every port is within the limit or nothing can be halved. */
export function fitScheme(
  given: Scheme,
  make: (scheme: Scheme) => Fitted,
): Fitted & { readonly refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  let scheme = given;
  for (;;) {
    const fitted = make(scheme);
    const widest = new Map<string, number>();
    for (const { call, inputs, outputs } of fitted.connections) {
      for (const { plan } of [...inputs, ...outputs]) {
        const columns = plan.shape[3];
        if (columns > WIDEST) widest.set(call.name, Math.max(columns, widest.get(call.name) ?? 0));
      }
    }
    const split = scheme.programs.filter((p) => p.halves !== undefined && widest.has(p.name));
    if (split.length === 0) return { ...fitted, refusals };
    for (const { name, halves } of split) {
      const columns = widest.get(name)!;
      const into = halves!.map((h) => h.name);
      refusals.push({ program: name, columns, limit: WIDEST, fact: "tensor_extents", into });
    }
    const replace = (p: ProgramPlan): readonly ProgramPlan[] =>
      split.includes(p) ? p.halves! : [p];
    scheme = { ...scheme, programs: scheme.programs.flatMap(replace) };
  }
}
