/** Whether what a file says of a tokenizer is what `TokenizerData` can be: ids of special tokens, templates of chats. */
import { isObject } from "./json_keys.ts";
import type { TokenizerData } from "./weights.ts";

/** All but the text of `tokenizer.json`. */
export function isTokenizerIds(value: unknown): value is Omit<TokenizerData, "json"> {
  if (!isObject(value)) return false;
  const { bos, eos, unknown = null, padding = null, chatTemplates = {} } = value;
  return (
    [bos, eos, unknown, padding].every((id) => id === null || isId(id)) &&
    isObject(chatTemplates) &&
    Object.values(chatTemplates).every((template) => typeof template === "string")
  );
}

export function isTokenizerData(value: unknown): value is TokenizerData {
  return isTokenizerIds(value) && typeof (value as Partial<TokenizerData>).json === "string";
}

function isId(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
