/** `anec cache ls`: the compiled programs that are kept for the Neural Engine. */
import type { Command } from "commander";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { bytesText, count, jsonLine, table } from "../output.ts";
import { cachedPrograms, programCacheFolder } from "../program_cache.ts";

export const command = {
  examples: ["anec cache ls"],

  define(c: Command): void {
    jsonFlag(c);
  },

  run({ io, flags }: Call<JsonFlag>): number {
    const folder = programCacheFolder();
    const programs = cachedPrograms(folder, false);
    if (flags.json === true) {
      io.out.write(jsonLine({ folder, programs }));
      return EXIT.ok;
    }
    const bytes = programs.reduce((sum, p) => sum + p.bytes, 0);
    io.out.write(`${count(programs.length, "program")}, ${bytesText(bytes)}, in ${folder}\n`);
    const rows = programs.map((p) => [
      p.key.slice(0, 12),
      bytesText(p.bytes),
      new Date(p.used).toISOString().slice(0, 16).replace("T", " "),
      p.name,
    ]);
    const head = ["key", "size", "last used (UTC)", "name"];
    if (rows.length > 0) io.out.write(table(rows, { head, right: [1] }));
    return EXIT.ok;
  },
};
