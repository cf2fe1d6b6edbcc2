/** `anec lsp`: the language server for editors, over standard input and output. */
import type { Command } from "commander";
import { type Call, EXIT } from "../command.ts";

export const command = {
  examples: ["anec lsp --stdio"],

  define(c: Command): void {
    c.option("--stdio", "speak over standard input and output, which it does anyway");
  },

  async run({ io }: Call<unknown>): Promise<number> {
    const { connect } = await import("../../lsp/connection.ts");
    const { serve } = await import("../../lsp/server.ts");
    const editor = connect(process.stdin, process.stdout);
    serve(editor);
    const { isShutDown } = await editor.left;
    // The protocol's codes, which `exit` has too.
    const code = isShutDown ? EXIT.ok : EXIT.input;
    // A timer that looks whether the editor's process is alive would keep this one.
    io.abort(code);
    return code;
  },
};
