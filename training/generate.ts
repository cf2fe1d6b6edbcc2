/**
 * Writes text with a trained model.
 *
 *     const generator = await createGenerator(readCheckpoint("model.ckpt"));
 *     const { text } = await generator.text("Once upon", { tokens: 50, onText: write });
 *
 * Ids here are those of the tokenizer; the model's rows are looked up on the way in and out. An id that
 * the model never saw reads the spare row, which itself is never written. With `ids` only those are written that occur
 * in them.
 */
import { emptyPrompt, noTokenizer, promptBeyondVocabulary } from "../compiler/messages/training.ts";
import { bug, invariant } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { TokenData } from "./data/token_file.ts";
import { createStreamDecoder, type Tokenizer, tokenizerNames } from "./data/tokenizers.ts";
import { createDecoder, type Decoder, type DecoderOptions } from "./decoder.ts";
import { idsIn } from "./known_ids.ts";
import { tokenizerOf } from "./open_model.ts";
import { needWhole } from "./options.ts";
import { createRandom } from "./random.ts";
import { checkSampling, defaultSampling, pickToken, type SamplingOptions } from "./sampling.ts";
import { rowOfId, unseenBy, type Vocabulary } from "./vocabulary.ts";

export interface IdOptions extends Partial<SamplingOptions> {
  /** Most tokens to write. */
  readonly tokens: number;
  readonly seed?: number;
  /** Ids that end the text; they are not part of it. */
  readonly stopIds?: readonly number[];
}

export interface TextOptions extends IdOptions {
  /** Texts that end the text; they are not part of it. */
  readonly stop?: readonly string[];
  /** Receives the text as it is written, never half a character or half a stop. */
  readonly onText?: (text: string) => void;
  /** Ends it from outside. */
  readonly signal?: AbortSignal;
}

export type GenerateEnd = "tokens" | "stop" | "end of text" | "interrupted";

export interface Generated {
  /** What was written, without the prompt. */
  readonly text: string;
  readonly ids: readonly number[];
  readonly end: GenerateEnd;
  /** Tokens of the prompt, and how many are ids that training never saw; undefined if nobody knows. */
  readonly prompt: { readonly tokens: number; readonly unseen: number | undefined };
}

export interface GeneratorOptions extends DecoderOptions {
  /** Unless given, that of the checkpoint. */
  readonly tokenizer?: Tokenizer;
  /** Only ids that occur in it are written; unless given, all that the model has. */
  readonly ids?: TokenData | undefined;
}

export interface TextGenerator {
  readonly decoder: Decoder;
  /** Undefined when the checkpoint does not say which, or does not have it. */
  readonly tokenizer: Tokenizer | undefined;
  /** Ids one by one. Throws a `UserError` (E0901, E0913). */
  ids(prompt: readonly number[], options: IdOptions): Generator<number, GenerateEnd, void>;
  /** Throws a `UserError` (E0901, E0911 to E0913). */
  text(prompt: string, options: TextOptions): Promise<Generated>;
  close(): void;
}

/** Throws a `UserError` (E0805, E0830 to E0832, E0910, E0914, those of checkpoints). */
export async function createGenerator(
  checkpoint: Checkpoint,
  options: GeneratorOptions = {},
): Promise<TextGenerator> {
  const name = checkpoint.data.tokenizer;
  const tokenizer = options.tokenizer ?? (await tokenizerOf(checkpoint));
  const known = options.ids === undefined ? undefined : idsIn(checkpoint, options.ids);
  const decoder = createDecoder(checkpoint, options);
  const rows = rowsForIds(checkpoint.vocabulary, tokenizer, decoder.rows, known);

  const ids: TextGenerator["ids"] = (prompt, given) => {
    const all = { ...defaultSampling, ...given };
    checkSampling(all);
    needWhole("tokens", all.tokens, 0);
    needWhole("seed", all.seed ?? 0, 0, 2 ** 32 - 1);
    return generateIds({ decoder, rows, prompt, options: all, endOfText: tokenizer?.endOfText });
  };
  return {
    decoder,
    tokenizer,
    ids,
    close: () => decoder.close(),
    text: async (prompt, given) => {
      if (tokenizer === undefined) {
        throw new UserError(noTokenizer(checkpoint.path, name, tokenizerNames));
      }
      const isUnseen = unseenBy(checkpoint);
      return generateText({ tokenizer, ids, isUnseen }, prompt, given);
    },
  };
}

/** How ids and rows of the model translate. */
interface Rows {
  /** The row of an id. Throws a `UserError` (E0913). */
  readonly ofId: (id: number) => number;
  /** The id of every row, or −1 for a row that no text may hold. */
  readonly ids: Int32Array;
}

function rowsForIds(
  vocabulary: Vocabulary,
  tokenizer: Tokenizer | undefined,
  rows: number,
  known: ReadonlySet<number> | undefined,
): Rows {
  const rowOf = rowOfId(vocabulary);
  const ids = Int32Array.from({ length: rows }, (_, row) =>
    vocabulary.active === null ? row : (vocabulary.active[row] ?? -1),
  );
  const limit = tokenizer?.vocabulary ?? Infinity;
  for (let row = 0; row < rows; row++) {
    const isNone = ids[row]! >= limit || known?.has(ids[row]!) === false;
    if (isNone) ids[row] = -1;
  }
  return {
    ids,
    ofId(id) {
      if (rowOf !== null) return rowOf(id);
      if (id < vocabulary.full && id < rows) return id;
      throw new UserError(promptBeyondVocabulary(id, vocabulary.full));
    },
  };
}

interface Request {
  readonly decoder: Decoder;
  readonly rows: Rows;
  readonly prompt: readonly number[];
  readonly options: IdOptions & SamplingOptions;
  readonly endOfText: number | undefined;
}

function* generateIds(request: Request): Generator<number, GenerateEnd, void> {
  const { decoder, rows, prompt, options, endOfText } = request;
  invariant(prompt.length > 0, "generating starts with at least one token");
  const random = createRandom(options.seed ?? 42);
  const stops = new Set(options.stopIds ?? []);
  const history = prompt.map(rows.ofId);
  decoder.reset();
  let fresh = [...history];
  let held = 0;
  for (let count = 0; count < options.tokens; count++) {
    if (held + fresh.length > decoder.context) {
      // A full context keeps its last half, so that refilling stays rare.
      fresh = history.slice(-Math.max(1, Math.floor(decoder.context / 2)));
      decoder.reset();
      held = 0;
    }
    const logits = decoder.feed(fresh).slice();
    held += fresh.length;
    for (let row = 0; row < logits.length; row++) if (rows.ids[row]! < 0) logits[row] = -Infinity;
    const row = pickToken(logits, options, random);
    const id = rows.ids[row] ?? bug(`there is no row ${row}`);
    if (id === endOfText) return "end of text";
    if (stops.has(id)) return "stop";
    yield id;
    history.push(row);
    fresh = [row];
  }
  return "tokens";
}

interface Writer {
  readonly tokenizer: Tokenizer;
  readonly ids: TextGenerator["ids"];
  readonly isUnseen: ((id: number) => boolean) | undefined;
}

/** The tokens of a prompt, without those that only begin or end a text. */
function countsOf({ tokenizer, isUnseen }: Writer, encoded: readonly number[]) {
  const { startOfText = [], endOfText } = tokenizer;
  const words = encoded.filter((id) => id !== endOfText && !startOfText.includes(id));
  return { tokens: words.length, unseen: isUnseen && words.filter(isUnseen).length };
}

async function generateText(
  writer: Writer,
  prompt: string,
  options: TextOptions,
): Promise<Generated> {
  const { tokenizer } = writer;
  const encoded = tokenizer.encodePrompt?.(prompt) ?? tokenizer.encode(prompt);
  const counts = countsOf(writer, encoded);
  if (encoded.length === 0) {
    if (tokenizer.endOfText === undefined) throw new UserError(emptyPrompt(tokenizer.name));
    encoded.push(tokenizer.endOfText);
  }
  const decoder = createStreamDecoder(tokenizer);
  const written = stopAt(
    (options.stop ?? []).filter((s) => s !== ""),
    options.onText,
  );
  const ids: number[] = [];
  const result = (end: GenerateEnd): Generated => ({
    ...{ text: written.text(), ids, end },
    prompt: counts,
  });
  const steps = writer.ids(encoded, options);
  for (;;) {
    const next = steps.next();
    if (next.done === true) {
      const stopped = written.push(decoder.end()) || written.finish();
      return result(stopped ? "stop" : next.value);
    }
    ids.push(next.value);
    if (written.push(decoder.push(next.value))) return result("stop");
    await new Promise((resolve) => setImmediate(resolve));
    if (options.signal?.aborted === true) {
      written.finish();
      return result("interrupted");
    }
  }
}

/** Passes text on until one of `stops` appears, and holds back what may be the start of one. */
function stopAt(stops: readonly string[], onText: (text: string) => void = () => {}) {
  let all = "";
  let pending = "";
  const release = (length: number): void => {
    if (length === 0) return;
    all += pending.slice(0, length);
    onText(pending.slice(0, length));
    pending = pending.slice(length);
  };
  return {
    text: () => all,
    /** True when a stop has come; what is behind it is dropped. */
    push(text: string): boolean {
      pending += text;
      const found = stops.map((stop) => pending.indexOf(stop)).filter((at) => at >= 0);
      if (found.length > 0) {
        release(Math.min(...found));
        return true;
      }
      const mayEnd = (from: number) => stops.some((stop) => stop.startsWith(pending.slice(from)));
      let keep = pending.length;
      for (let from = 0; from < pending.length && keep === pending.length; from++) {
        if (mayEnd(from)) keep = from;
      }
      release(keep);
      return false;
    },
    finish(): false {
      release(pending.length);
      return false;
    },
  };
}
