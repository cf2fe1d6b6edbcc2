/** What the server asks of a language, and the translation of places. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { TextDocument } from "vscode-languageserver-textdocument";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import type { SourceFile, Span } from "../compiler/support/source.ts";
import { packageRoot } from "../dsl/index.ts";

/** A place and markdown about it. */
export interface HoverInfo {
  readonly span: Span;
  readonly text: string;
}

export interface CompletionInfo {
  readonly name: string;
  readonly kind: "keyword" | "function" | "variable" | "constant" | "class";
  /** One line. */
  readonly detail: string;
}

export interface TextEdit {
  readonly span: Span;
  readonly text: string;
}

/** A document as one version of it was understood. */
export interface OpenFile {
  readonly source: SourceFile;
  readonly diagnostics: readonly Diagnostic[];
  hover(offset: number): HoverInfo | undefined;
  /** Where the name at `offset` is defined; in this file or in another. */
  definition(offset: number): Span | undefined;
  /** Every place of the meaning of the name at `offset`. */
  references(offset: number): readonly Span[];
  /** The name at `offset`, if it can be another one. */
  renamable(offset: number): Span | undefined;
  /** The edits of a renaming; a text says why it cannot be. */
  rename(offset: number, name: string): readonly TextEdit[] | string;
  completions(offset: number): readonly CompletionInfo[];
  /** The text in the one canonical layout; undefined while it has mistakes. */
  format(): string | undefined;
}

/** Reads a document. Never throws for what is in the text. */
export type Language = (source: SourceFile) => OpenFile;

/** From 0, as editors count. */
export interface Place {
  readonly line: number;
  readonly character: number;
}

/** Lines and characters from 0; characters are UTF-16 units, as in the protocol. */
export function rangeOf({ source, start, end }: Span): {
  readonly start: Place;
  readonly end: Place;
} {
  return { start: placeOf(source, start), end: placeOf(source, end) };
}

/** The URI of a file of this package, by its path from the package's folder. */
export function packageUri(path: string): string {
  return pathToFileURL(join(packageRoot(), path)).href;
}

const documents = new WeakMap<SourceFile, TextDocument>();

/** As the protocol counts: a lone carriage return ends a line too. */
function placeOf(source: SourceFile, offset: number): Place {
  let document = documents.get(source);
  if (document === undefined) {
    document = TextDocument.create(source.path, "", 0, source.text);
    documents.set(source, document);
  }
  return document.positionAt(offset);
}

/** The innermost of the spans that hold `offset`, its end included. */
export function innermost<T extends { readonly span: Span }>(
  list: readonly T[],
  offset: number,
): T | undefined {
  let best: T | undefined;
  for (const item of list) {
    const { start, end } = item.span;
    if (offset < start || offset > end) continue;
    if (best === undefined || end - start < best.span.end - best.span.start) best = item;
  }
  return best;
}

/** Why no value or layer can be called `name`; undefined if nothing is wrong with it. */
export function nameFault(name: string): string | undefined {
  if (/^[A-Za-z_]\w*$/.test(name)) return undefined;
  const given = name === "" ? "an empty text" : `\`${name}\``;
  return `${given} is not a name: names are letters, digits and \`_\`, and do not begin with a digit`;
}
