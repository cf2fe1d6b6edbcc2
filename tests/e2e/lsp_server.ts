/** A language server of its own process, and what is sent to it and comes back. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  type Message,
  type NotificationMessage,
  type ResponseMessage,
  StreamMessageReader,
} from "vscode-languageserver-protocol/node.js";
import { packageRoot } from "../../dsl/index.ts";

/** A message as it is sent, without its version. */
export interface Sent {
  readonly id?: number;
  readonly method: string;
  readonly params?: object;
}

export interface Server {
  readonly child: ChildProcessWithoutNullStreams;
  /** Sends messages in one piece, so that they arrive together. */
  send(...messages: readonly Sent[]): void;
  /** The answer to the request of this number. */
  answer(id: number): Promise<ResponseMessage>;
  /** What was sent of `method` so far. */
  notices(method: string): readonly NotificationMessage["params"][];
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts `anec lsp`; it is killed with the test. */
export function start(): Server {
  const child = spawn(process.execPath, [join(packageRoot(), "bin", "anec.js"), "lsp", "--stdio"]);
  onTestFinished(() => void child.kill());
  const received: Message[] = [];
  const waiting = new Map<number, (answer: ResponseMessage) => void>();
  new StreamMessageReader(child.stdout).listen((message) => {
    received.push(message);
    const { id } = message as { readonly id?: number };
    if (id !== undefined) waiting.get(id)?.(message as ResponseMessage);
  });
  const isAnswer = (id: number) => (m: Message) => "id" in m && m.id === id;
  return {
    child,
    send: (...messages) => void child.stdin.write(messages.map(framed).join("")),
    async answer(id) {
      const before = received.find(isAnswer(id)) as ResponseMessage | undefined;
      return before ?? new Promise((resolve) => waiting.set(id, resolve));
    },
    notices: (method) =>
      received
        .filter((m): m is NotificationMessage => "method" in m && m.method === method)
        .map(({ params }) => params),
    ended: once(child, "close").then(([code]) => code as number | null),
  };
}

/** A message as it travels. */
export function framed(message: Sent): string {
  const text = JSON.stringify({ jsonrpc: "2.0", ...message });
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

/** The first request, number 1, of an editor with this process. */
export const initialize = (processId: number | undefined = process.pid): Sent => ({
  ...{ id: 1, method: "initialize", params: { processId, rootUri: null, capabilities: {} } },
});
export const SHUTDOWN: Sent = { id: 2, method: "shutdown" };

/** Languages of the server, each with a small text. */
export const LANGUAGES = [
  ["ane", "model m(x: [8, 16]) -> [8, 16] {\n  h = silu(x)\n  return h\n}\n"],
  [
    "mil",
    `program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 8, 1, 32]> x) {
        tensor<fp16, [1, 8, 1, 32]> h = silu(x = x)[name = string("h")];
    } -> (h);
}
`,
  ],
] as const;

export const uriOf = (language: string): string => `file:///work/my.${language}`;

/** The notice that a text is opened. */
export function open(language: string, text: string): Sent {
  const textDocument = { uri: uriOf(language), languageId: language, version: 1, text };
  return { method: "textDocument/didOpen", params: { textDocument } };
}
