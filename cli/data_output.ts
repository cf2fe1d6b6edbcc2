/** Opening data with its progress and warnings shown, and what a token file holds, as text. */
import { existsSync } from "node:fs";
import { dataOfCheckpointMissing } from "../compiler/messages/checkpoints.ts";
import { noTokenizer } from "../compiler/messages/training.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Checkpoint } from "../training/checkpoint.ts";
import { dataNames, isTokenFile, openData } from "../training/data/open_data.ts";
import type { PrepareProgress } from "../training/data/prepare.ts";
import type { TokenData } from "../training/data/token_file.ts";
import { loadTokenizer, type Tokenizer, tokenizerNames } from "../training/data/tokenizers.ts";
import { tokenizerOf } from "../training/open_model.ts";
import { printDiagnostics } from "./failures.ts";
import type { TextModelFlags } from "./flags.ts";
import type { Io, Sink } from "./io.ts";
import { bytesText, grouped, pairs } from "./output.ts";
import { progressLine } from "./progress.ts";

const STAGES: Readonly<Record<PrepareProgress["stage"], string>> = {
  download: "fetching the text",
  tokenize: "turning text into tokens",
  finish: "counting",
};

export interface DataProgress {
  readonly report: (progress: PrepareProgress) => void;
  readonly end: () => void;
}

/** A live line on a terminal; in a pipe, one line for each stage. */
export function dataProgress(sink: Sink): DataProgress {
  const line = progressLine(sink);
  let stage: string | undefined;
  return {
    report(progress) {
      if (progress.stage !== stage && !sink.isTerminal) line.print(`${STAGES[progress.stage]} …`);
      stage = progress.stage;
      const { bytes, total, tokens } = progress;
      const size = total > 0 ? `${bytesText(bytes)} of ${bytesText(total)}` : bytesText(bytes);
      const ids = tokens > 0 ? `, ${grouped(tokens)} tokens` : "";
      line.update(`${STAGES[progress.stage]}: ${size}${ids}`, bytes, total);
    },
    end: line.end,
  };
}

/**
 * Opens data by what the user calls it; progress and warnings go to the error stream. `tokenizer` is for texts.
 * Throws the `UserError` of `openData`.
 */
export async function openShown(io: Io, name: string, tokenizer?: Tokenizer): Promise<TokenData> {
  const progress = dataProgress(io.err);
  try {
    return await openData(name, {
      ...(tokenizer === undefined ? {} : { tokenizer }),
      onProgress: progress.report,
      report: (warning) => {
        progress.end();
        printDiagnostics(io, [warning]);
      },
    });
  } finally {
    progress.end();
  }
}

/**
 * The tokenizer of `--tokenizer`, or that of the model; undefined if it has none. Throws a `UserError`: those of
 * `loadTokenizer` and `tokenizerOf`.
 */
export async function tokenizerFor(
  { tokenizer }: Pick<TextModelFlags, "tokenizer">,
  model: Checkpoint,
): Promise<Tokenizer | undefined> {
  return tokenizer === undefined ? tokenizerOf(model) : loadTokenizer(tokenizer);
}

/**
 * Data for a model: token files are taken as they are, texts need its tokenizer. Throws a `UserError`: E0911 for a
 * text without a tokenizer, those of `openData`.
 */
export async function openForModel(
  io: Io,
  name: string,
  model: Checkpoint,
  tokenizer: Tokenizer | undefined,
): Promise<TokenData> {
  if (tokenizer === undefined && !isTokenFile(name)) {
    throw new UserError(noTokenizer(model.path, model.data.tokenizer, tokenizerNames));
  }
  return openShown(io, name, tokenizer);
}

/**
 * Data that a checkpoint names, and nobody else, is there: its path counts from the folder of the run. Throws a
 * `UserError` (E0734).
 */
export function checkNamedData(checkpoint: string, name: string): void {
  if ((dataNames as readonly string[]).includes(name) || existsSync(name)) return;
  throw new UserError(dataOfCheckpointMissing(checkpoint, name));
}

/** Ids that occur in the training split. */
export function distinctIds({ tokens, valStart }: TokenData): number {
  return new Set(tokens.subarray(0, valStart)).size;
}

export function dataJson(data: TokenData) {
  return {
    path: data.path,
    tokens: data.tokens.length,
    trainTokens: data.trainTokens,
    valTokens: data.valTokens,
    vocabulary: data.vocabulary,
    activeIds: distinctIds(data),
    tokenizer: data.tokenizer ?? null,
    bytesPerToken: data.bytesPerToken ?? null,
  };
}

export function dataText(data: TokenData): string {
  const { path, tokens, trainTokens, valTokens, vocabulary, tokenizer, bytesPerToken } = data;
  const mean = bytesPerToken === undefined ? "" : `, ${bytesPerToken.toFixed(2)} bytes a token`;
  return pairs([
    ["data", path],
    [
      "tokens",
      `${grouped(tokens.length)} (${grouped(trainTokens)} to train on, ${grouped(valTokens)} to validate)`,
    ],
    [
      "vocabulary",
      `${grouped(vocabulary)} ids, of which the training part uses ${grouped(distinctIds(data))}`,
    ],
    ["tokenizer", `${tokenizer ?? "unknown (there is no .json beside the file)"}${mean}`],
  ]);
}
