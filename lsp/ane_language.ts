/** `.ane` files in an editor. */
import { reservedWord } from "../compiler/messages/syntax.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile, Span } from "../compiler/support/source.ts";
import {
  builtIns,
  dimensionFunctions,
  format,
  hyperParameters,
  type Inspection,
  inspect,
  type NameSymbol,
  type Occurrence,
  signatureOf,
} from "../dsl/index.ts";
import {
  type CompletionInfo,
  innermost,
  nameFault,
  type OpenFile,
  type TextEdit,
} from "./language.ts";

const KEYWORDS = "as dims init layer loss model param repeat return set train op i32 f16 f32".split(
  " ",
);

/** Reads an `.ane` file. */
export function openAne(source: SourceFile): OpenFile {
  const file = inspect(source);
  const at = (offset: number) => innermost(file.occurrences, offset);
  return {
    source,
    diagnostics: file.diagnostics,
    hover: (offset) => {
      const found = at(offset);
      return found && { span: found.span, text: hoverText(file, found) };
    },
    definition: (offset) => at(offset)?.symbol.definition,
    references: (offset) => placesOf(file, at(offset)?.symbol),
    renamable: (offset) => {
      const found = at(offset);
      return found !== undefined && isOwn(file, found.symbol) ? found.span : undefined;
    },
    rename: (offset, name) => rename(file, at(offset), name),
    completions: () => completions(file),
    format: () => {
      try {
        return format(source);
      } catch (error) {
        if (error instanceof UserError) return undefined;
        throw error;
      }
    },
  };
}

/** Equal for all places of one meaning. */
function keyOf({ kind, name, definition }: NameSymbol): string {
  return definition === undefined
    ? `${kind} ${name}`
    : `${definition.source.path} ${definition.start}`;
}

function placesOf(file: Inspection, symbol: NameSymbol | undefined): Span[] {
  if (symbol === undefined) return [];
  const key = keyOf(symbol);
  return file.occurrences.filter((o) => keyOf(o.symbol) === key).map((o) => o.span);
}

/** Whether the file defines it, at a place where its own name stands. */
function isOwn(file: Inspection, symbol: NameSymbol): boolean {
  const { definition } = symbol;
  if (definition?.source !== file.source) return false;
  return placesOf(file, symbol).some((span) => span.start === definition.start);
}

function hoverText(file: Inspection, { span, symbol }: Occurrence): string {
  const { kind, name, layer } = symbol;
  const lines = [...code(`${kind === "op" ? opText(name) : titleOf(file, span, symbol)}`)];
  if (layer !== undefined && layer.item.doc !== "") lines.push("", layer.item.doc);
  const hyper = hyperParameters.find((h) => kind === "hyper-parameter" && h.name === name);
  if (hyper !== undefined) lines.push("", hyper.doc);
  return lines.join("\n");
}

function code(text: string): string[] {
  return ["```ane", text, "```"];
}

function titleOf(file: Inspection, span: Span, symbol: NameSymbol): string {
  const { kind, name, layer } = symbol;
  const { dims, hyper } = file.header;
  if (kind === "dimension" || kind === "hyper-parameter") {
    const value = dims.get(name) ?? hyper.get(name);
    return value === undefined ? `${kind} ${name}` : `${kind} ${name} = ${value}`;
  }
  if (layer !== undefined) {
    const { text } = layer.item.span.source;
    const signature = text.slice(layer.item.name.span.start, layer.item.result.span.end);
    const head = `${layer.item.kind} ${signature.replace(/\s+/g, " ")}`;
    return kind === "call" && name !== layer.item.name.text ? `${name}: ${head}` : head;
  }
  const type = file.typeAt(span) ?? (symbol.definition && file.typeAt(symbol.definition));
  return `${kind} ${name}${type === undefined ? "" : `: ${type}`}`;
}

function opText(name: string): string {
  const op = builtIns.get(name);
  if (op !== undefined) return `op ${signatureOf(op)}`;
  return `op ${name}(${(dimensionFunctions.get(name) ?? []).join(", ")})`;
}

function rename(
  file: Inspection,
  found: Occurrence | undefined,
  name: string,
): readonly TextEdit[] | string {
  if (found === undefined) return "there is no name here";
  if (!isOwn(file, found.symbol)) return `\`${found.symbol.name}\` is not defined in this file`;
  const fault = nameFault(name);
  if (fault !== undefined) return fault;
  if (file.diagnostics.some((d) => d.severity === "error")) {
    return "the file has mistakes, and a renaming could change what it means";
  }
  const spans = placesOf(file, found.symbol);
  const edits = spans.map((span) => ({ span, text: name }));
  const renamed = inspect({ ...file.source, text: withEdits(file.source.text, edits) });
  const mistake = renamed.diagnostics.find((d) => d.severity === "error");
  if (mistake !== undefined) {
    return KEYWORDS.includes(name)
      ? reservedWord(found.span, name).title
      : `\`${name}\` means something else here: ${mistake.title}`;
  }
  if (!hasSameNames(file, renamed)) return `\`${name}\` means something else here`;
  return edits;
}

/** A text with spans replaced; they do not overlap. */
export function withEdits(text: string, edits: readonly TextEdit[]): string {
  const last = edits.toSorted((a, b) => b.span.start - a.span.start);
  return last.reduce(
    (before, { span, text: replacement }) =>
      before.slice(0, span.start) + replacement + before.slice(span.end),
    text,
  );
}

/** Whether the names of two files mean the same things at the same places. */
function hasSameNames(a: Inspection, b: Inspection): boolean {
  const numbers = (file: Inspection): string => {
    const seen = new Map<string, number>();
    const number = ({ symbol }: Occurrence): number => {
      const key = keyOf(symbol);
      if (!seen.has(key)) seen.set(key, seen.size);
      return seen.get(key)!;
    };
    return file.occurrences.map(number).join(" ");
  };
  return numbers(a) === numbers(b);
}

function completions({ occurrences, library, header }: Inspection): readonly CompletionInfo[] {
  const found = new Map<string, CompletionInfo>();
  const add = (name: string, kind: CompletionInfo["kind"], detail: string): void => {
    if (!found.has(name)) found.set(name, { name, kind, detail });
  };
  for (const [name, size] of header.dims) add(name, "constant", `dimension = ${size}`);
  for (const [name, value] of header.hyper) add(name, "constant", `hyper-parameter = ${value}`);
  for (const { symbol } of occurrences) {
    if (["value", "argument", "parameter"].includes(symbol.kind)) {
      add(symbol.name, "variable", symbol.kind);
    }
  }
  for (const name of library.callables) {
    const op = builtIns.get(name);
    add(name, op === undefined ? "class" : "function", op === undefined ? "layer" : opText(name));
  }
  for (const word of KEYWORDS) add(word, "keyword", "keyword");
  return [...found.values()];
}
