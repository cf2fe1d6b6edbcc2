/**
 * A byte-level byte-pair encoding as GGUF holds it, to and from the text of a `tokenizer.json`.
 *
 *     tokenizer.ggml.tokens       the text of every id      token_type   normal, control, …
 *     tokenizer.ggml.merges       pairs, the first first    pre          how text is split before that
 *     tokenizer.chat_template     how conversations are written; .NAME for those named in chat_templates
 *
 * `pre` is a name; what it stands for is built into llama.cpp. A tokenizer that splits text in a way that
 * has no name there would be used wrongly, so it is left out, and the reason is said.
 */
import type { GgufValue } from "./gguf_types.ts";
import { isObject } from "./json_keys.ts";
import { DEFAULT_TEMPLATE } from "./tokenizer_config.ts";
import type { TokenizerData } from "./weights.ts";

type Json = Readonly<Record<string, unknown>>;

/** Kinds of tokens, by their numbers in the file. */
const TOKEN = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;

/** A way to split text, as llama.cpp names it and as `tokenizer.json` says it. */
interface Splitting {
  /** The first is written. */
  readonly names: readonly string[];
  readonly normalizer: Json | null;
  readonly steps: readonly Json[];
  /** Words that are tokens as a whole are not merged. */
  readonly ignoresMerges: boolean;
}

const byteLevel = (use_regex: boolean): Json => ({
  ...{ type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex },
});

const split = (Regex: string): Json => ({
  ...{ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false },
});

/** Of Llama 3; Qwen2 takes digits one by one, Llama 3 up to three. */
const words = (digits: string): string =>
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
  `${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const SPLITTINGS: readonly Splitting[] = [
  { names: ["gpt-2"], normalizer: null, steps: [byteLevel(true)], ignoresMerges: false },
  {
    names: ["smollm"],
    normalizer: null,
    steps: [{ type: "Digits", individual_digits: true }, byteLevel(true)],
    ignoresMerges: false,
  },
  {
    names: ["llama-bpe", "llama3", "llama-v3"],
    normalizer: null,
    steps: [split(words("\\p{N}{1,3}")), byteLevel(false)],
    ignoresMerges: true,
  },
  {
    names: ["qwen2", "deepseek-r1-qwen"],
    normalizer: { type: "NFC" },
    steps: [split(words("\\p{N}")), byteLevel(false)],
    ignoresMerges: false,
  },
];

/** Why a tokenizer is left out. */
export interface Refused {
  readonly refused: string;
}

/** The values that hold a tokenizer, for an embedding of `rows`. */
export function tokenizerValues(
  { json, bos, eos, unknown, padding, chatTemplates = {} }: TokenizerData,
  rows: number,
): ReadonlyMap<string, GgufValue> | Refused {
  let all: unknown;
  try {
    all = JSON.parse(json);
  } catch {
    return { refused: "it is not JSON" };
  }
  const { model, added_tokens: added = [] } = isObject(all) ? all : {};
  if (!isObject(all) || !isObject(model) || !isObject(model["vocab"]) || !Array.isArray(added)) {
    return { refused: "it has no vocabulary" };
  }
  const splitting = splittingOf(all, model);
  if ("refused" in splitting) return splitting;

  const tokens: (string | undefined)[] = new Array(rows).fill(undefined);
  const types: number[] = new Array(rows).fill(TOKEN.unused);
  const entries: (readonly [string, unknown, number])[] = [
    ...Object.entries(model["vocab"]).map(([text, id]) => [text, id, TOKEN.normal] as const),
    ...added.map((token: unknown) => {
      const { content, id, special } = isObject(token) ? token : {};
      const type = special === true ? TOKEN.control : TOKEN.userDefined;
      return [String(content), id, type] as const;
    }),
  ];
  for (const [text, id, type] of entries) {
    if (!isWhole(id)) return { refused: `the id of \`${text}\` is no whole number` };
    if (id >= rows) return { refused: `the id ${id} is beyond the ${rows} rows of the embedding` };
    tokens[id] = text;
    types[id] = type;
  }
  const merges = mergesOf(model["merges"]);
  if (merges === undefined) return { refused: "its merges are no list of pairs" };

  const values = new Map<string, GgufValue>();
  const key = (name: string, value: GgufValue): void => {
    values.set(`tokenizer.ggml.${name}`, value);
  };
  const texts = tokens.map((text, id) => text ?? paddingText(id));
  key("model", { type: "string", value: "gpt2" });
  key("pre", { type: "string", value: splitting.names[0]! });
  key("tokens", { type: "array", of: "string", items: texts });
  key("token_type", { type: "array", of: "i32", items: types });
  key("merges", { type: "array", of: "string", items: merges });
  for (const [name, id] of Object.entries({ bos, eos, unknown, padding })) {
    if (id != null && id < rows) key(`${name}_token_id`, { type: "u32", value: id });
  }
  const starts = bos !== null && startsWith(all["post_processor"], texts[bos]);
  key("add_bos_token", { type: "bool", value: starts });
  for (const [name, value] of templateValues(chatTemplates)) values.set(name, value);
  return values;
}

const TEMPLATE = "tokenizer.chat_template";
const TEMPLATES = "tokenizer.chat_templates";

/** Templates under their keys. Those beside the default one are listed by name. */
function templateValues(
  templates: Readonly<Record<string, string>>,
): (readonly [string, GgufValue])[] {
  const others = Object.keys(templates).filter((name) => name !== DEFAULT_TEMPLATE);
  const values = Object.entries(templates).map(([name, value]) => {
    const key = name === DEFAULT_TEMPLATE ? TEMPLATE : `${TEMPLATE}.${name}`;
    return [key, { type: "string", value }] as const;
  });
  if (others.length === 0) return values;
  return [...values, [TEMPLATES, { type: "array", of: "string", items: others }]];
}

/** The templates of a file, by name. */
function templatesIn(values: ReadonlyMap<string, GgufValue>): Record<string, string> {
  const templates: Record<string, string> = {};
  for (const [key, value] of values) {
    if (value.type !== "string") continue;
    const text = String(value.value);
    if (key === TEMPLATE) templates[DEFAULT_TEMPLATE] = text;
    else if (key.startsWith(`${TEMPLATE}.`)) templates[key.slice(TEMPLATE.length + 1)] = text;
  }
  return templates;
}

function splittingOf(all: Json, model: Json): Splitting | Refused {
  const type = model["type"] ?? "BPE";
  if (type !== "BPE") return { refused: `it is of type ${String(type)}` };
  if (model["byte_fallback"] === true) return { refused: "it falls back to bytes" };
  for (const name of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    const value = model[name] ?? "";
    if (value !== "") return { refused: `it has a \`${name}\`` };
  }
  const pre = all["pre_tokenizer"];
  const list = isObject(pre) && pre["type"] === "Sequence" ? pre["pretokenizers"] : [pre];
  const steps = Array.isArray(list) ? list.map(withDefaults) : [];
  const ignores = model["ignore_merges"] === true;
  const found = SPLITTINGS.find(
    (s) =>
      s.ignoresMerges === ignores &&
      isEqual(s.normalizer, all["normalizer"] ?? null) &&
      isEqual(s.steps, steps),
  );
  return found ?? { refused: "llama.cpp has no name for the way it splits text" };
}

/** A step with what it leaves to defaults, and without what plays no part in encoding. */
function withDefaults(step: unknown): unknown {
  if (!isObject(step) || step["type"] !== "ByteLevel") return step;
  return { ...byteLevel(true), ...step, trim_offsets: true };
}

/** "a b" for each pair, which newer files write as ["a", "b"]. */
function mergesOf(merges: unknown): string[] | undefined {
  if (!Array.isArray(merges)) return undefined;
  const texts = merges.map((pair: unknown) => (Array.isArray(pair) ? pair.join(" ") : pair));
  return texts.every(isPair) ? texts : undefined;
}

const isPair = (pair: unknown): pair is string =>
  typeof pair === "string" && /^[^ ]+ [^ ]+$/.test(pair);

/** Whether a post-processor, or one of a sequence, puts the token before every text. */
function startsWith(processor: unknown, token: string | undefined): boolean {
  if (!isObject(processor)) return false;
  const { processors } = processor;
  const steps = Array.isArray(processors) ? processors : [processor];
  return steps.some((step: unknown) => {
    const single = isObject(step) ? step["single"] : undefined;
    const first: unknown = Array.isArray(single) ? single[0] : undefined;
    const special = isObject(first) ? first["SpecialToken"] : undefined;
    return isObject(special) && special["id"] === token;
  });
}

const paddingText = (id: number): string => `[PAD${id}]`;

/** The tokenizer of a file, or why it is none that can be read. Null: the file has none. */
export function tokenizerOf(
  values: ReadonlyMap<string, GgufValue>,
): TokenizerData | Refused | null {
  const get = (name: string): GgufValue | undefined => values.get(`tokenizer.ggml.${name}`);
  const text = (name: string): unknown => {
    const found = get(name);
    return found?.type === "string" ? found.value : undefined;
  };
  const model = text("model");
  if (model === undefined || model === "none" || model === "no_vocab") return null;
  if (model !== "gpt2") return { refused: `it is of type \`${String(model)}\`` };
  const pre = String(text("pre") ?? "");
  const splitting = SPLITTINGS.find((s) => s.names.includes(pre));
  if (splitting === undefined) {
    return { refused: pre === "" ? "it has no `pre`" : `its \`pre\` is \`${pre}\`` };
  }
  const tokens = listOf<string>(get("tokens"), "string");
  const merges = listOf<string>(get("merges"), "string");
  const types = listOf<number>(get("token_type"), "i32") ?? tokens?.map(() => TOKEN.normal);
  if (tokens === undefined || types === undefined || types.length !== tokens.length) {
    return { refused: "its tokens and their types do not fit together" };
  }
  if (merges === undefined || !merges.every(isPair)) {
    return { refused: "its merges are no list of pairs" };
  }
  const idOf = (name: string): number | null => {
    const found = get(name);
    const id = found?.type === "u32" ? Number(found.value) : tokens.length;
    return id < tokens.length ? id : null;
  };
  const [bos, eos] = [idOf("bos_token_id"), idOf("eos_token_id")];
  const [unknown, padding] = [idOf("unknown_token_id"), idOf("padding_token_id")];
  const chatTemplates = templatesIn(values);
  const used = tokens.map((_, id) => id).filter((id) => !isPadding(tokens[id]!, types[id]!, id));
  if (new Set(used.map((id) => tokens[id])).size !== used.length) {
    return { refused: "two of its tokens have the same text" };
  }
  // llama.cpp starts every text of these with the token for it unless told otherwise.
  const adds = get("add_bos_token")?.type === "bool" ? get("add_bos_token") : undefined;
  const starts = adds?.type === "bool" ? adds.value === true : splitting.ignoresMerges;
  const start = starts && bos !== null ? { token: tokens[bos]!, id: bos } : undefined;
  const added = used
    .filter((id) => types[id] === TOKEN.control || types[id] === TOKEN.userDefined)
    .map((id) => addedToken(id, tokens[id]!, types[id] === TOKEN.control));
  const vocab = Object.fromEntries(used.map((id) => [tokens[id], id]));
  return {
    ...{ json: JSON.stringify(jsonOf(splitting, vocab, merges, added, start)), bos, eos },
    ...(unknown === null ? {} : { unknown }),
    ...(padding === null ? {} : { padding }),
    ...(Object.keys(chatTemplates).length === 0 ? {} : { chatTemplates }),
  };
}

/** The items of a list of one type. */
function listOf<T>(value: GgufValue | undefined, of: "string" | "i32"): readonly T[] | undefined {
  return value?.type === "array" && value.of === of ? (value.items as readonly T[]) : undefined;
}

function isPadding(text: string, type: number, id: number): boolean {
  return type === TOKEN.unused && text === paddingText(id);
}

function addedToken(id: number, content: string, special: boolean): Json {
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return { id, content, ...plain, special };
}

function jsonOf(
  { normalizer, steps, ignoresMerges }: Splitting,
  vocab: Json,
  merges: readonly string[],
  added: readonly Json[],
  start: { readonly token: string; readonly id: number } | undefined,
): Json {
  const [only] = steps;
  return {
    ...{ version: "1.0", truncation: null, padding: null },
    ...{ added_tokens: added, normalizer },
    pre_tokenizer: steps.length === 1 ? only : { type: "Sequence", pretokenizers: steps },
    post_processor: start === undefined ? byteLevel(true) : startingWith(start.token, start.id),
    decoder: { ...byteLevel(true), add_prefix_space: true },
    model: {
      ...{ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null },
      ...{ end_of_word_suffix: null, fuse_unk: false, byte_fallback: false },
      ...{ ignore_merges: ignoresMerges, vocab, merges },
    },
  };
}

/** The post-processor that puts one token before a text. */
function startingWith(token: string, id: number): Json {
  const special = { SpecialToken: { id: token, type_id: 0 } };
  const sequence = (name: "A" | "B"): Json => ({ Sequence: { id: name, type_id: 0 } });
  return {
    type: "TemplateProcessing",
    single: [special, sequence("A")],
    pair: [special, sequence("A"), special, sequence("B")],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isEqual(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => isEqual(item, b[i]));
  }
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => isEqual(a[key], b[key]));
}
