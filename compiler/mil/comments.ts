/** The comments of a MIL text. A tree does not hold them, so whoever prints it again loses them. */
import { Reporter } from "../support/diagnostic.ts";
import { type SourceFile, type Span, spanOf } from "../support/source.ts";
import { lexMil } from "./lex.ts";

/** The `//` comments of `source`, in order. */
export function commentsOf(source: SourceFile): Span[] {
  const { starts, ends } = lexMil(source, new Reporter());
  const { text } = source;
  const out: Span[] = [];
  let at = text.indexOf("//");
  for (let i = 0; i < starts.length && at >= 0; i++) {
    const from = ends[i - 1] ?? 0;
    // One that starts before the token before ended stands in a string.
    if (at < from) at = text.indexOf("//", from);
    while (at >= 0 && at < starts[i]!) {
      const line = text.indexOf("\n", at);
      const end = line < 0 ? text.length : line;
      out.push(spanOf(source, at, end));
      at = text.indexOf("//", end);
    }
  }
  return out;
}
