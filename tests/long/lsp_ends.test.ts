/** When the language server ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { framed, initialize, LANGUAGES, open, SHUTDOWN, start } from "../e2e/lsp_server.ts";

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
