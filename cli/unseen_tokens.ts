/** Tokens of a text whose ids the training of a model never saw: the model has one row for all of them. */
import { unseenTokens } from "../compiler/messages/checkpoints.ts";
import { printDiagnostics } from "./failures.ts";
import type { Io } from "./io.ts";
import { grouped } from "./output.ts";

/** The part of a text from which on a warning is due. */
const MOST_UNSEEN = 0.01;

/** Warns (E0733) if more than one in a hundred of the `tokens` of `what` are unseen. */
export function warnOfUnseen(
  io: Io,
  what: string,
  tokens: number,
  unseen: number | undefined,
): void {
  if (unseen === undefined || unseen <= MOST_UNSEEN * tokens) return;
  printDiagnostics(io, [unseenTokens(what, unseen, tokens)]);
}

/** "12 of 640 tokens (1.9 %)". */
export function unseenText(tokens: number, unseen: number): string {
  const share = tokens === 0 ? 0 : (100 * unseen) / tokens;
  return `${grouped(unseen)} of ${grouped(tokens)} tokens (${share.toFixed(1)} %)`;
}
