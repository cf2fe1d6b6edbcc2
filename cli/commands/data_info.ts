/** `anec data info`: what a token file, a text or a data set of ours holds. */
import type { Command } from "commander";
import { openData } from "../../training/data/open_data.ts";
import { type Call, EXIT } from "../command.ts";
import { dataJson, dataProgress, dataText } from "../data_output.ts";
import { printDiagnostics } from "../failures.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { jsonLine } from "../output.ts";

export const command = {
  examples: ["anec data info book.bin", "anec data info builtin:stories"],

  define(c: Command): void {
    c.argument("<data>", "a token file (.bin), a text, `default` or `builtin:stories`");
    jsonFlag(c);
  },

  async run({ io, args, flags }: Call<JsonFlag>): Promise<number> {
    const progress = dataProgress(io.err);
    try {
      const data = await openData(args[0]!, {
        onProgress: progress.report,
        report: (warning) => printDiagnostics(io, [warning]),
      });
      progress.end();
      io.out.write(flags.json === true ? jsonLine(dataJson(data)) : dataText(data));
      return EXIT.ok;
    } finally {
      progress.end();
    }
  },
};
