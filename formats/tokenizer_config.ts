/**
 * `tokenizer_config.json`, which Hugging Face's AutoTokenizer asks for beside `tokenizer.json`: the class to load
 * it with, and the texts of special tokens.
 */
import { isObject } from "./json_keys.ts";
import type { TokenizerData } from "./weights.ts";

/** The text of the file, for a model of `context` tokens. */
export function printTokenizerConfig({ json, bos, eos }: TokenizerData, context: number): string {
  const keys = {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: context,
    clean_up_tokenization_spaces: false,
    bos_token: textOf(json, bos),
    eos_token: textOf(json, eos),
  };
  return `${JSON.stringify(keys, null, 2)}\n`;
}

/** The text of an id in a `tokenizer.json`; null where it has none. */
function textOf(json: string, id: number | null): string | null {
  if (id === null) return null;
  let all: unknown;
  try {
    all = JSON.parse(json);
  } catch {
    return null;
  }
  const { added_tokens: added, model } = isObject(all) ? all : {};
  for (const token of Array.isArray(added) ? added : []) {
    if (isObject(token) && token["id"] === id && typeof token["content"] === "string") {
      return token["content"];
    }
  }
  const words = isObject(model) && isObject(model["vocab"]) ? model["vocab"] : {};
  return Object.keys(words).find((word) => words[word] === id) ?? null;
}
