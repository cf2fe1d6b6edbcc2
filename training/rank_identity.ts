/** What all ranks of a run have to share, in words short enough to be told where they do not. */
import { createHash } from "node:crypto";
import type { RankDifference } from "../compiler/messages/ranks.ts";
import { digestOfTokens, type TokenData } from "./data/token_file.ts";
import type { Trainer } from "./trainer.ts";

/** Name → what it is. */
export type Identity = Readonly<Record<string, string>>;

export interface IdentityOptions {
  readonly trainer: Trainer;
  readonly data: TokenData;
  readonly version: string;
  readonly saveEvery: number;
}

/** What the course of a run follows from, on this rank. */
export function identityOf({ trainer, data, version, saveEvery }: IdentityOptions): Identity {
  const { model, settings, state, device } = trainer;
  const { source, entry, overrides, lora = null } = model;
  const { zeroth: _, ...named } = settings;
  return {
    version,
    model: digest([JSON.stringify([source.text, entry, overrides, lora])]),
    data: digestOfTokens(data).slice(0, 12),
    ...Object.fromEntries(Object.entries(named).map(([k, v]) => [k, String(v)])),
    saveEvery: String(saveEvery),
    state: digest([JSON.stringify(state)]),
    weights: digest(model.graph.params.map((param) => trainer.param(String(param.attrs["name"])))),
    processor: `${device.simd}, ${device.blas?.name ?? "built-in products"}`,
  };
}

function digest(parts: readonly (string | Float32Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts)
    hash.update(
      typeof part === "string" ? part : Buffer.from(part.buffer, part.byteOffset, part.byteLength),
    );
  return hash.digest("hex").slice(0, 12);
}

/** The first rank that differs from rank 0, and in what; undefined if none does. */
export function firstDifference(
  identities: readonly Identity[],
): { readonly rank: number; readonly differences: readonly RankDifference[] } | undefined {
  const [first = {}] = identities;
  for (const [rank, own] of identities.entries()) {
    const names = [...new Set([...Object.keys(first), ...Object.keys(own)])];
    const differences = names
      .filter((name) => own[name] !== first[name])
      .map((name) => [name, own[name] ?? "nothing", first[name] ?? "nothing"] as const);
    if (differences.length > 0) return { rank, differences };
  }
  return undefined;
}
