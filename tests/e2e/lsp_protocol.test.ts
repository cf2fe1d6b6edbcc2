/** When the language server ends, what it says to requests that cannot be done, and how often it reads a text. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  ErrorCodes,
  LSPErrorCodes,
  type Message,
  type NotificationMessage,
  type ResponseMessage,
  StreamMessageReader,
} from "vscode-languageserver-protocol/node.js";
import { packageRoot } from "../../dsl/index.ts";

/** A message as it is sent, without its version. */
interface Sent {
  readonly id?: number;
  readonly method: string;
  readonly params?: object;
}

interface Server {
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

function start(): Server {
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

function framed(message: Sent): string {
  const text = JSON.stringify({ jsonrpc: "2.0", ...message });
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

const initialize = (processId: number | undefined = process.pid): Sent => ({
  ...{ id: 1, method: "initialize", params: { processId, rootUri: null, capabilities: {} } },
});
const SHUTDOWN: Sent = { id: 2, method: "shutdown" };

const LANGUAGES = [
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

const uriOf = (language: string): string => `file:///work/my.${language}`;

function open(language: string, text: string): Sent {
  const textDocument = { uri: uriOf(language), languageId: language, version: 1, text };
  return { method: "textDocument/didOpen", params: { textDocument } };
}

function change(language: string, version: number, text: string): Sent {
  const textDocument = { uri: uriOf(language), version };
  return { method: "textDocument/didChange", params: { textDocument, contentChanges: [{ text }] } };
}

/** A request about the place where `h` is made. */
function ask(id: number, method: string, [language, text]: readonly string[], more: object): Sent {
  const lines = text!.split("\n");
  const line = lines.findIndex((l) => l.includes("h = silu"));
  const position = { line, character: lines[line]!.indexOf("h =") };
  const textDocument = { uri: uriOf(language!) };
  return { id, method: `textDocument/${method}`, params: { textDocument, position, ...more } };
}

test.each([
  ["without `shutdown`", [initialize()], 1],
  ["after `shutdown`", [initialize(), SHUTDOWN], 0],
  ["before anything was said", [], 1],
])("the end of standard input %s ends the server", async (_, messages, code) => {
  const server = start();
  server.send(...messages);
  server.child.stdin.end();
  expect(await server.ended).toBe(code);
  // What had arrived was answered.
  for (const { id } of messages) expect((await server.answer(id!)).error).toBeUndefined();
});

test("half a message and the end of standard input end the server", async () => {
  const server = start();
  server.child.stdin.end(framed(initialize()).slice(0, -10));
  expect(await server.ended).toBe(1);
});

test("an editor that reads no answers any more has left", async () => {
  const server = start();
  server.send(initialize());
  await server.answer(1);
  server.child.stdout.destroy();
  server.send(open(...LANGUAGES[0]), SHUTDOWN);
  expect(await server.ended).toBe(0);
});

test("the death of the process that `initialize` names ends the server", async () => {
  const named = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  onTestFinished(() => void named.kill());
  const server = start();
  server.send(initialize(named.pid));
  await server.answer(1);
  named.kill("SIGKILL");
  await once(named, "exit");
  expect(await server.ended).toBe(1);
});

test.each(LANGUAGES)("%s: a renaming that cannot be says why", async (...file) => {
  const server = start();
  const refused: readonly (readonly [more: object, why: string])[] = [
    [{}, "`newName`, the name to give, is missing"],
    [{ newName: null }, "`newName`, the name to give, is not a text"],
    [{ newName: 5 }, "`newName`, the name to give, is not a text"],
    [{ newName: "" }, "an empty text is not a name"],
    [{ newName: "2h" }, "`2h` is not a name: names are letters, digits and `_`"],
    [{ newName: "a b" }, "`a b` is not a name"],
    [{ newName: file[0] === "ane" ? "return" : "tensor" }, "is a word of"],
    [{ newName: "hidden", position: undefined }, "`position` is missing"],
    [{ newName: "hidden", position: null }, "`position` is missing"],
    [{ newName: "hidden", textDocument: undefined }, "`textDocument` is missing"],
  ];
  server.send(initialize(), open(...file));
  server.send(...refused.map(([more], i) => ask(10 + i, "rename", file, more)));
  for (const [i, [, why]] of refused.entries()) {
    const { error } = await server.answer(10 + i);
    expect(error).toMatchObject({ code: ErrorCodes.InvalidParams });
    expect(error!.message).toContain(why);
  }
  // The server is as before.
  server.send(ask(3, "rename", file, { newName: "hidden" }));
  expect((await server.answer(3)).result).toHaveProperty("changes");
  server.send(SHUTDOWN, { method: "exit" });
  expect(await server.ended).toBe(0);
});

test.each(LANGUAGES)("%s: what is cancelled while it waits is not done", async (...file) => {
  const server = start();
  server.send(
    ...[initialize(), open(...file), ask(3, "hover", file, {}), ask(4, "hover", file, {})],
    { method: "$/cancelRequest", params: { id: 4 } },
    ask(5, "hover", file, {}),
  );
  expect((await server.answer(4)).error).toMatchObject({ code: LSPErrorCodes.RequestCancelled });
  for (const id of [3, 5]) expect((await server.answer(id)).result).toHaveProperty("contents");
  // What was answered already cannot be cancelled.
  server.send({ method: "$/cancelRequest", params: { id: 5 } }, SHUTDOWN, { method: "exit" });
  expect(await server.ended).toBe(0);
});

test.each(LANGUAGES)("%s: of changes that arrive together the last is read", async (...file) => {
  const [language, text] = file;
  const server = start();
  const changes = Array.from({ length: 9 }, (_, i) =>
    change(language, 2 + i, i === 8 ? text : "wrong".repeat(i)),
  );
  server.send(initialize(), open(...file), ...changes);
  await expect
    .poll(() => server.notices("textDocument/publishDiagnostics"), { timeout: 20_000 })
    .toEqual([{ uri: uriOf(language), version: 10, diagnostics: [] }]);
  // One at a time, each is.
  server.send(change(language, 11, "wrong"));
  await expect
    .poll(() => server.notices("textDocument/publishDiagnostics").length, { timeout: 20_000 })
    .toBe(2);
  expect(server.notices("textDocument/publishDiagnostics")[1]).toMatchObject({ version: 11 });
  // A file that is closed at once has no mistakes.
  server.send(change(language, 12, "wrong"), {
    ...{ method: "textDocument/didClose", params: { textDocument: { uri: uriOf(language) } } },
  });
  server.send(SHUTDOWN, { method: "exit" });
  expect(await server.ended).toBe(0);
  expect(server.notices("textDocument/publishDiagnostics").slice(2)).toEqual([
    { uri: uriOf(language), diagnostics: [] },
  ]);
});
