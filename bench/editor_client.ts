/** A small client of the language server, as an editor is one. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import {
  createProtocolConnection,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver-protocol/node.js";
import { packageRoot } from "../dsl/index.ts";

/** What an editor does with the language server. */
export interface Editor {
  readonly connection: ProtocolConnection;
  /** Ends the server; its exit code. */
  close(): Promise<number | null>;
  /** Opens a document, or replaces its text; answers what the server says of it. */
  write(uri: string, text: string): Promise<PublishDiagnosticsParams>;
  ask<T>(method: string, uri: string, place: Place, more?: object): Promise<T>;
}

/** Counted from 0, in UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly character: number;
}

/** What starts the language server that is built. */
const SERVER = [process.execPath, join(packageRoot(), "bin", "anec.js"), "lsp", "--stdio"] as const;

/** Starts a language server, by default that of this package, with these initialization options. */
export async function editor(
  options: object = {},
  [command, ...args]: readonly [string, ...string[]] = SERVER,
): Promise<Editor> {
  const child = spawn(command, args);
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  await connection.sendRequest("initialize", {
    ...{ processId: process.pid, rootUri: null, capabilities: {} },
    initializationOptions: options,
  });
  await connection.sendNotification("initialized", {});
  const versions = new Map<string, number>();
  const waiting = new Map<string, (found: PublishDiagnosticsParams) => void>();
  connection.onNotification("textDocument/publishDiagnostics", (found) => {
    const params = found as PublishDiagnosticsParams;
    waiting.get(`${params.uri} ${params.version}`)?.(params);
  });
  return {
    connection,
    async close() {
      await connection.sendRequest("shutdown");
      await connection.sendNotification("exit");
      const code = await ended;
      connection.dispose();
      return code;
    },
    write(uri, text) {
      const version = (versions.get(uri) ?? 0) + 1;
      versions.set(uri, version);
      const answer = new Promise<PublishDiagnosticsParams>((resolve) => {
        waiting.set(`${uri} ${version}`, resolve);
      });
      const languageId = uri.endsWith(".mil") ? "mil" : "ane";
      void (version === 1
        ? connection.sendNotification("textDocument/didOpen", {
            textDocument: { uri, languageId, version, text },
          })
        : connection.sendNotification("textDocument/didChange", {
            ...{ textDocument: { uri, version }, contentChanges: [{ text }] },
          }));
      return answer;
    },
    ask: (method, uri, position, more = {}) =>
      connection.sendRequest(`textDocument/${method}`, {
        ...{ textDocument: { uri }, position, ...more },
      }),
  };
}
