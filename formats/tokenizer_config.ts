/**
 * `tokenizer_config.json`, which Hugging Face's AutoTokenizer asks for beside `tokenizer.json`: the class to load
 * it with, the texts of special tokens, and how conversations are written.
 *
 *     "eos_token": "<|im_end|>"                          or {"content": "<|im_end|>", …}
 *     "chat_template": "{% for message in messages %}…"  or [{"name": "default", "template": "…"}, …]
 *
 * Newer folders have the template in a file of its own, `chat_template.jinja`.
 */
import { configDamaged } from "../compiler/messages/formats.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { parseObject } from "./hf_config.ts";
import { isObject } from "./json_keys.ts";
import type { TokenizerData } from "./weights.ts";

/** The template that is meant where none is named. */
export const DEFAULT_TEMPLATE = "default";

/** The files of a folder that say something of a tokenizer. */
export interface TokenizerFiles {
  /** Text of `tokenizer.json`. */
  readonly json: string;
  /** Text of `tokenizer_config.json`, and where it is. */
  readonly config: { readonly text: string; readonly path: string } | null;
  /** Text of `chat_template.jinja`. */
  readonly template: string | null;
  /** Ids of the configuration of the model; those of tokens that the tokenizer names stand above them. */
  readonly bos: number | null;
  readonly eos: number | null;
}

/** The tokenizer of a folder. Throws a `UserError` (E0743) that says what is damaged. */
export function tokenizerFrom({ json, config, template, bos, eos }: TokenizerFiles): TokenizerData {
  const all = config === null ? {} : parseObject(config.text, config.path);
  const words = wordsOf(json);
  const id = (key: string): number | undefined => {
    const value = all[key];
    const text = isObject(value) ? value["content"] : value;
    return typeof text === "string" ? words.idOf(text) : undefined;
  };
  const [unknown, padding] = [id("unk_token"), id("pad_token")];
  const chatTemplates = {
    ...templatesOf(all["chat_template"], config?.path ?? ""),
    ...(template === null ? {} : { [DEFAULT_TEMPLATE]: template }),
  };
  return {
    ...{ json, bos: id("bos_token") ?? bos, eos: id("eos_token") ?? eos },
    ...(unknown === undefined ? {} : { unknown }),
    ...(padding === undefined ? {} : { padding }),
    ...(Object.keys(chatTemplates).length === 0 ? {} : { chatTemplates }),
  };
}

/** By name. */
function templatesOf(value: unknown, path: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (typeof value === "string") return { [DEFAULT_TEMPLATE]: value };
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return Object.fromEntries(
    items.map((item) => {
      const { name, template } = isObject(item) ? item : {};
      if (typeof name === "string" && typeof template === "string") return [name, template];
      throw new UserError(configDamaged(path, "`chat_template` is neither a text nor named texts"));
    }),
  );
}

/** The text of the file, for a model of `context` tokens. */
export function printTokenizerConfig(tokenizer: TokenizerData, context: number): string {
  const { json, bos, eos, unknown, padding, chatTemplates = {} } = tokenizer;
  const { textOf } = wordsOf(json);
  const names = Object.keys(chatTemplates);
  const isPlain = names.length === 1 && names[0] === DEFAULT_TEMPLATE;
  const named = names.map((name) => ({ name, template: chatTemplates[name] }));
  const keys = {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: context,
    clean_up_tokenization_spaces: false,
    bos_token: bos === null ? null : textOf(bos),
    eos_token: eos === null ? null : textOf(eos),
    ...(unknown === undefined ? {} : { unk_token: textOf(unknown) }),
    ...(padding === undefined ? {} : { pad_token: textOf(padding) }),
    ...(names.length === 0
      ? {}
      : { chat_template: isPlain ? chatTemplates[DEFAULT_TEMPLATE] : named }),
  };
  return `${JSON.stringify(keys, null, 2)}\n`;
}

interface Words {
  /** Null where an id has no text. */
  readonly textOf: (id: number) => string | null;
  readonly idOf: (text: string) => number | undefined;
}

/** The tokens of a `tokenizer.json`, added ones first. */
function wordsOf(json: string): Words {
  let all: unknown;
  try {
    all = JSON.parse(json);
  } catch {
    all = {};
  }
  const { added_tokens: added, model } = isObject(all) ? all : {};
  const tokens = (Array.isArray(added) ? added : []).filter(isObject);
  const words = isObject(model) && isObject(model["vocab"]) ? model["vocab"] : {};
  const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
  return {
    textOf: (id) =>
      text(tokens.find((token) => token["id"] === id)?.["content"]) ??
      Object.keys(words).find((word) => words[word] === id) ??
      null,
    idOf(content) {
      const found = tokens.find((token) => token["content"] === content);
      const id = found?.["id"] ?? (Object.hasOwn(words, content) ? words[content] : undefined);
      return Number.isSafeInteger(id) && (id as number) >= 0 ? (id as number) : undefined;
    },
  };
}
