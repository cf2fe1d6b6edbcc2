/** `anec explain`: the page behind the code of a message. */
import type { Command } from "commander";
import { areas, pages } from "../../compiler/messages/index.ts";
import { wrap } from "../../compiler/support/render.ts";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag, known } from "../flags.ts";
import { jsonLine, table } from "../output.ts";

export const command = {
  examples: ["anec explain E0301", "anec explain"],

  define(c: Command): void {
    c.argument("[code]", "a code such as E0301; without it, all codes are listed");
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<JsonFlag>): number {
    const [wish] = args;
    if (wish === undefined) {
      io.out.write(flags.json === true ? jsonLine([...pages.values()].map(pageJson)) : list());
      return EXIT.ok;
    }
    const code = known("message", codeOf(wish), [...pages.keys()], "anec explain");
    const found = pages.get(code)!;
    io.out.write(flags.json === true ? jsonLine(pageJson(found)) : text(code));
    return EXIT.ok;
  },
};

function pageJson({ code, page }: { code: string; page: { summary: string; explain: string } }) {
  return { code, summary: page.summary, explain: page.explain };
}

/** `301` and `e301` mean E0301. */
function codeOf(wish: string): string {
  const digits = /^e?(\d+)$/i.exec(wish)?.[1];
  return digits === undefined ? wish.toUpperCase() : `E${digits.padStart(4, "0")}`;
}

function list(): string {
  return areas
    .map((a) => `${a.name}\n${table(a.messages.map((m) => [m.code, m.page.summary]))}`)
    .join("\n");
}

function text(code: string): string {
  const { page } = pages.get(code)!;
  return `${code}: ${page.summary}\n\n${wrap(page.explain).join("\n")}\n`;
}
