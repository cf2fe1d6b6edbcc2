/** `anec completion`: a script that lets a shell complete commands and flags. */
import type { Command } from "commander";
import { type Call, EXIT } from "../command.ts";
import { completionScript, type Shell, shells } from "../completion.ts";
import { oneOf } from "../flags.ts";
import { commands } from "./index.ts";

export const command = {
  examples: [
    "anec completion bash > ~/.local/share/bash-completion/completions/anec",
    "anec completion zsh > ~/.zfunc/_anec",
    "anec completion fish > ~/.config/fish/completions/anec.fish",
  ],

  define(c: Command): void {
    c.argument("<shell>", `${shells.slice(0, -1).join(", ")} or ${shells.at(-1)}`);
  },

  async run({ io, args }: Call<object>): Promise<number> {
    const shell: Shell = oneOf("SHELL", shells)(args[0]!);
    io.out.write(await completionScript(shell, commands));
    return EXIT.ok;
  },
};
