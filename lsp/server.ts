/**
 * The language server: `.ane` and `.mil` files over the Language Server Protocol.
 *
 * Source of the messages: the protocol's specification, version 3.17. A document is read once for each of
 * its versions, when it is first asked about.
 */
import {
  type CodeAction,
  CodeActionKind,
  CompletionItemKind,
  DiagnosticSeverity,
  DocumentHighlight,
  ErrorCodes,
  type InitializeParams,
  type InitializeResult,
  type Location,
  type Diagnostic as ProtocolDiagnostic,
  ResponseError,
  TextDocumentSyncKind,
  TextDocuments,
} from "vscode-languageserver/node.js";
import { TextDocument } from "vscode-languageserver-textdocument";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import type { SourceFile, Span } from "../compiler/support/source.ts";
import { CHIP_NAMES, type ChipName } from "../compiler/target/chip_names.ts";
import { VERSION } from "../version.ts";
import { openAne } from "./ane_language.ts";
import type { EditorConnection } from "./connection.ts";
import { type CompletionInfo, type OpenFile, packageUri, rangeOf } from "./language.ts";
import { openMil } from "./mil_language.ts";
import type { MilOptions } from "./mil_op.ts";
import { warmUp } from "./warm_up.ts";

const KINDS: Readonly<Record<CompletionInfo["kind"], CompletionItemKind>> = {
  keyword: CompletionItemKind.Keyword,
  function: CompletionItemKind.Function,
  variable: CompletionItemKind.Variable,
  constant: CompletionItemKind.Constant,
  class: CompletionItemKind.Class,
};

/** Answers the requests of one editor until it leaves. */
export function serve({ connection, whenIdle }: EditorConnection): void {
  const documents = new TextDocuments(TextDocument);
  const files = new Map<string, { readonly version: number; readonly file: OpenFile }>();
  let mil: MilOptions = {};

  const fileOf = (uri: string): OpenFile | undefined => {
    const document = documents.get(uri);
    if (document === undefined) return undefined;
    const before = files.get(uri);
    if (before?.version === document.version) return before.file;
    const source: SourceFile = { path: uri, text: document.getText() };
    const file = isMil(document) ? openMil(source, mil) : openAne(source);
    files.set(uri, { version: document.version, file });
    return file;
  };
  /** The file and the offset that a request is about. */
  const asked = <T>(
    { textDocument, position }: Asked,
    answer: (file: OpenFile, offset: number) => T,
  ): T | null => {
    if (!textDocument) throw invalid("`textDocument` is missing");
    if (!position) throw invalid("`position` is missing");
    const file = fileOf(textDocument.uri);
    const offset = documents.get(textDocument.uri)?.offsetAt(position);
    return file === undefined || offset === undefined ? null : answer(file, offset);
  };

  connection.onInitialize((params) => {
    warmUp();
    mil = milOptions(params);
    return capabilities();
  });
  const publish = async (uri: string): Promise<void> => {
    const version = documents.get(uri)?.version;
    const file = fileOf(uri);
    const found = file?.diagnostics.map((d) => protocolDiagnostic(file.source, d)) ?? [];
    const params = { uri, ...(version === undefined ? {} : { version }), diagnostics: found };
    try {
      await connection.sendDiagnostics(params);
    } catch {
      // The editor has left.
    }
  };
  // Of several changes that arrive together only the last text is read.
  const changed = new Set<string>();
  documents.onDidChangeContent(({ document: { uri } }) => {
    if (changed.has(uri)) return;
    changed.add(uri);
    whenIdle(() => {
      if (changed.delete(uri)) publish(uri).catch(logBug);
    });
  });
  documents.onDidClose(({ document: { uri } }) => {
    changed.delete(uri);
    files.delete(uri);
    void publish(uri);
  });
  connection.onHover((params) =>
    asked(params, (file, offset) => {
      const found = file.hover(offset);
      if (found === undefined) return null;
      return { contents: { kind: "markdown", value: found.text }, range: rangeOf(found.span) };
    }),
  );
  connection.onDefinition((params) =>
    asked(params, (file, offset) => locationOf(file.definition(offset))),
  );
  connection.onReferences((params) =>
    asked(params, (file, offset) => file.references(offset).flatMap((s) => locationOf(s) ?? [])),
  );
  connection.onDocumentHighlight((params) =>
    asked(params, (file, offset) =>
      file.references(offset).map((span) => DocumentHighlight.create(rangeOf(span))),
    ),
  );
  connection.onPrepareRename((params) =>
    asked(params, (file, offset) => {
      const span = file.renamable(offset);
      return span === undefined ? null : rangeOf(span);
    }),
  );
  connection.onRenameRequest((params) =>
    asked(params, (file, offset) => {
      const name: unknown = params.newName;
      if (typeof name !== "string") {
        const fault = name === undefined ? "missing" : "not a text";
        throw invalid(`\`newName\`, the name to give, is ${fault}`);
      }
      const edits = file.rename(offset, name);
      if (typeof edits === "string") throw invalid(edits);
      const changes = edits.map(({ span, text }) => ({ range: rangeOf(span), newText: text }));
      return { changes: { [params.textDocument.uri]: changes } };
    }),
  );
  connection.onCompletion((params) =>
    asked(params, (file, offset) =>
      file.completions(offset).map(({ name, kind, detail }) => ({
        ...{ label: name, kind: KINDS[kind], detail },
      })),
    ),
  );
  connection.onDocumentFormatting(({ textDocument }) => {
    const file = fileOf(textDocument.uri);
    const formatted = file?.format();
    if (file === undefined || formatted === undefined) return null;
    const { source } = file;
    const newText = formatted.replaceAll("\n", lineEndOf(source.text));
    if (newText === source.text) return [];
    return [{ range: rangeOf({ source, start: 0, end: source.text.length }), newText }];
  });
  connection.onCodeAction(({ textDocument, range }) => {
    const file = fileOf(textDocument.uri);
    if (file === undefined) return null;
    return file.diagnostics.flatMap((d) => actionsOf(textDocument.uri, file.source, d, range));
  });
  documents.listen(connection);
  connection.listen();
}

/** Of a request about a place; an editor may leave out what the protocol demands. */
interface Asked {
  readonly textDocument?: { readonly uri: string } | null;
  readonly position?: { readonly line: number; readonly character: number } | null;
}

/** Where no request is answered, a bug of ours goes to the editor's log, and the server goes on. */
function logBug(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
}

/** The answer to a request that cannot be done as it stands. */
function invalid(why: string): ResponseError {
  return new ResponseError(ErrorCodes.InvalidParams, why);
}

function isMil({ languageId, uri }: TextDocument): boolean {
  return languageId === "mil" || uri.endsWith(".mil");
}

/** `chip` and `os` of the editor's settings for MIL. */
function milOptions({ initializationOptions: options }: InitializeParams): MilOptions {
  const { chip, os } = (options ?? {}) as { readonly chip?: unknown; readonly os?: unknown };
  return {
    ...(CHIP_NAMES.includes(chip as ChipName) ? { chip: chip as ChipName } : {}),
    ...(typeof os === "string" && os !== "" ? { os } : {}),
  };
}

function capabilities(): InitializeResult {
  return {
    serverInfo: { name: "anec", version: VERSION },
    capabilities: {
      textDocumentSync: TextDocumentSyncKind.Incremental,
      hoverProvider: true,
      definitionProvider: true,
      referencesProvider: true,
      documentHighlightProvider: true,
      renameProvider: { prepareProvider: true },
      completionProvider: { triggerCharacters: ["#", "."] },
      documentFormattingProvider: true,
      codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
    },
  };
}

/** How the first line of a text ends. */
function lineEndOf(text: string): string {
  return /\r\n|\r|\n/.exec(text)?.[0] ?? "\n";
}

/** A place in the document itself, or in a file of the library. */
function locationOf(span: Span | undefined): Location | null {
  if (span === undefined) return null;
  return { uri: uriOf(span.source), range: rangeOf(span) };
}

function uriOf({ path }: SourceFile): string {
  return path.includes("://") ? path : packageUri(path);
}

function protocolDiagnostic(source: SourceFile, d: Diagnostic): ProtocolDiagnostic {
  const [first, ...others] = d.labels.filter(({ span }) => span.source === source);
  const range = rangeOf(first?.span ?? { source, start: 0, end: 0 });
  const words = [d.title, first?.text, d.why, ...d.help.map((h) => h.text)];
  return {
    range,
    severity: d.severity === "error" ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code: d.code,
    source: "anec",
    message: words.filter((text) => text !== undefined && text !== "").join("\n"),
    relatedInformation: others.map(({ span, text }) => ({
      location: { uri: source.path, range: rangeOf(span) },
      message: text,
    })),
  };
}

interface Range {
  readonly start: { readonly line: number };
  readonly end: { readonly line: number };
}

/** The edits that a message offers, where they touch the lines of `range`. */
function actionsOf(uri: string, source: SourceFile, d: Diagnostic, range: Range): CodeAction[] {
  return d.help.flatMap(({ text, edit }) => {
    if (edit === undefined || edit.span.source !== source) return [];
    const place = rangeOf(edit.span);
    if (place.start.line > range.end.line || place.end.line < range.start.line) return [];
    const changes = { [uri]: [{ range: place, newText: edit.replacement }] };
    return [
      {
        ...{ title: text, kind: CodeActionKind.QuickFix, edit: { changes } },
        diagnostics: [protocolDiagnostic(source, d)],
      },
    ];
  });
}
