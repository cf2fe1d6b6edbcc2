/** What the language server says to requests that cannot be done, and how often it reads a text. */
import { expect, test } from "vitest";
import { ErrorCodes, LSPErrorCodes } from "vscode-languageserver-protocol/node.js";
import { initialize, LANGUAGES, open, type Sent, SHUTDOWN, start, uriOf } from "./lsp_server.ts";

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
