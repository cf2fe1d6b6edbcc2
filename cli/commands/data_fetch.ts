/** `anec data fetch`: the default text into the user's cache, so that training can start at once. */
import type { Command } from "commander";
import { openData } from "../../training/data/open_data.ts";
import { type Call, EXIT } from "../command.ts";
import { dataJson, dataProgress, dataText } from "../data_output.ts";
import { printDiagnostics } from "../failures.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { jsonLine } from "../output.ts";

export const command = {
  examples: ["anec data fetch"],

  define(c: Command): void {
    jsonFlag(c);
  },

  async run({ io, flags }: Call<JsonFlag>): Promise<number> {
    const progress = dataProgress(io.err);
    try {
      const data = await openData("default", {
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
