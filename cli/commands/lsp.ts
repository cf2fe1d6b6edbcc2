/** `anec lsp`: the language server for editors, over standard input and output. */
import type { Command } from "commander";
import { type Call, EXIT } from "../command.ts";

export const command = {
  examples: ["anec lsp --stdio"],

  define(c: Command): void {
    c.option("--stdio", "speak over standard input and output, which it does anyway");
  },

  async run(_call: Call<unknown>): Promise<number> {
    const { createConnection, ProposedFeatures, StreamMessageReader, StreamMessageWriter } =
      await import("vscode-languageserver/node.js");
    const { serve } = await import("../../lsp/server.ts");
    const reader = new StreamMessageReader(process.stdin);
    const writer = new StreamMessageWriter(process.stdout);
    const connection = createConnection(ProposedFeatures.all, reader, writer);
    const ended = new Promise<number>((resolve) => {
      connection.onExit(() => resolve(EXIT.ok));
      process.stdin.on("close", () => resolve(EXIT.ok));
    });
    serve(connection);
    return ended;
  },
};
