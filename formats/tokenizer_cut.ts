/**
 * A tokenizer with fewer ids: those in use, and what leads to them.
 *
 *     in use  "the", " cat"      kept  the 256 bytes, "th", "the", " c", " ca", " cat", special tokens
 *
 * Of byte-level byte-pair encodings. All bytes are kept, so that any text can be spelled, and the parts of what is
 * kept. A pair is kept where it, and what it makes, is made of kept tokens. A text that all is in use of has the same
 * tokens as before: every pair that is joined on the way is a part of one of them, and is the first of those that are
 * left as it was the first of all. Other texts are spelled in smaller pieces. Ids are numbered anew, in their order.
 */
import { isObject } from "./json_keys.ts";
import { byteCharacters } from "./tokenizer_alphabet.ts";
import type { TokenizerData } from "./weights.ts";

export interface CutTokenizer {
  readonly tokenizer: TokenizerData;
  /** The id before, of each id; rising. */
  readonly ids: Int32Array;
}

type Json = Readonly<Record<string, unknown>>;
type Pair = readonly [left: string, right: string];

/** Null where the tokenizer is of another kind, or lacks one of the ids. */
export function cutTokenizer(data: TokenizerData, used: Iterable<number>): CutTokenizer | null {
  const all = parsed(data.json);
  const model = all?.["model"];
  if (all === undefined || !isObject(model) || !isObject(model["vocab"])) return null;
  const vocab = new Map(Object.entries(model["vocab"]));
  const added = objectsIn(all["added_tokens"]);
  const pairs = pairsIn(model["merges"]);
  const spells = byteCharacters.every((c) => vocab.has(c));
  if ((model["type"] ?? "BPE") !== "BPE" || !spells || pairs === null || added === null)
    return null;

  const textOf = new Map([...vocab].map(([text, id]) => [id, text]));
  const specials = new Set(added.map((token) => token["id"]));
  const kept = new Set<string>(byteCharacters);
  for (const id of used) {
    const text = textOf.get(id);
    if (text !== undefined) kept.add(text);
    else if (!specials.has(id)) return null;
  }
  addParts(kept, pairs);

  const ids = [...kept].map((text) => vocab.get(text) as number);
  const { bos, eos, unknown, padding, ...rest } = data;
  const named = [bos, eos, unknown, padding].filter((id) => id != null);
  const before = [...new Set([...ids, ...(specials as Set<number>), ...named])].sort(
    (a, b) => a - b,
  );
  const after = new Map(before.map((id, i) => [id, i]));
  const words = before.flatMap((id, i) => {
    const text = textOf.get(id);
    return text === undefined ? [] : [[text, i] as const];
  });
  const inVocab = new Set(words.map(([text]) => text));
  const merges = pairs.filter((pair) => [...pair, pair.join("")].every((t) => inVocab.has(t)));
  const json = {
    ...all,
    added_tokens: added.map((token) => ({ ...token, id: after.get(token["id"] as number) })),
    post_processor: renumbered(all["post_processor"], after),
    model: { ...model, vocab: Object.fromEntries(words), merges: merges.map((p) => p.join(" ")) },
  };
  const renamed = (id: number | null): number | null => (id === null ? null : after.get(id)!);
  return {
    ids: Int32Array.from(before),
    tokenizer: {
      ...{ ...rest, json: JSON.stringify(json), bos: renamed(bos), eos: renamed(eos) },
      ...(unknown === undefined ? {} : { unknown: after.get(unknown)! }),
      ...(padding === undefined ? {} : { padding: after.get(padding)! }),
    },
  };
}

function parsed(json: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function objectsIn(list: unknown): Json[] | null {
  if (!Array.isArray(list)) return list == null ? [] : null;
  return list.every(isObject) ? list : null;
}

/** Each is "left right" or ["left", "right"]. */
function pairsIn(list: unknown): Pair[] | null {
  if (!Array.isArray(list)) return null;
  const pairs = list.map((pair: unknown) => (typeof pair === "string" ? pair.split(" ") : pair));
  const isPair = (p: unknown): p is Pair =>
    Array.isArray(p) && p.length === 2 && p.every((text) => typeof text === "string");
  return pairs.every(isPair) ? pairs : null;
}

/** Adds what the tokens of a set are joined from, down to bytes. */
function addParts(kept: Set<string>, pairs: readonly Pair[]): void {
  const making = new Map<string, Pair[]>();
  for (const pair of pairs) {
    const made = pair.join("");
    const known = making.get(made);
    if (known === undefined) making.set(made, [pair]);
    else known.push(pair);
  }
  // A set that grows while it is walked is walked to its end.
  for (const text of kept)
    for (const pair of making.get(text) ?? []) for (const t of pair) kept.add(t);
}

/** A post-processor whose templates name ids, and those in a sequence. */
function renumbered(processor: unknown, after: ReadonlyMap<number, number>): unknown {
  if (!isObject(processor)) return processor;
  const { processors, special_tokens: tokens } = processor;
  if (Array.isArray(processors)) {
    return { ...processor, processors: processors.map((p) => renumbered(p, after)) };
  }
  if (!isObject(tokens)) return processor;
  const entries = Object.entries(tokens).map(([text, token]) => {
    const ids: unknown = isObject(token) ? token["ids"] : undefined;
    if (!isObject(token) || !Array.isArray(ids)) return [text, token];
    return [text, { ...token, ids: ids.map((id) => after.get(id as number) ?? id) }];
  });
  return { ...processor, special_tokens: Object.fromEntries(entries) };
}
