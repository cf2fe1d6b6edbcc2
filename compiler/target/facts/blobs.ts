/** The BLOBFILEs of a program: what facts about weight files look at. */
import { blobPlace } from "../../mil/check_literal.ts";
import type { MilType, Statement, Value } from "../../mil/tree.ts";
import type { Span } from "../../support/source.ts";
import type { ProgramContext } from "./define.ts";
import { sites, type Tensor, tensorOf } from "./walk.ts";

export interface BlobUse {
  readonly s: Statement;
  readonly span: Span | undefined;
  readonly path: string;
  readonly offset: number;
  readonly tensor: Tensor | undefined;
}

/** Every BLOBFILE with a path and an offset. */
export function* blobUses(c: ProgramContext): Generator<BlobUse> {
  for (const { s } of sites(c)) {
    for (const { value, span } of [...s.args, ...s.attributes]) {
      const found = blobOf(value, undefined);
      const place = found === undefined ? undefined : blobPlace(found.blob);
      if (found === undefined || place === undefined) continue;
      yield { s, span: span ?? s.span, ...place, tensor: tensorOf(found.type) };
    }
  }
}

function blobOf(
  value: Value,
  type: MilType | undefined,
): { readonly blob: Value & { kind: "blob" }; readonly type: MilType | undefined } | undefined {
  if (value.kind === "blob") return { blob: value, type };
  return value.kind === "typed" ? blobOf(value.value, value.type) : undefined;
}
