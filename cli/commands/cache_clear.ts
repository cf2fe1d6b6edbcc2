/** `anec cache clear`: removes the compiled programs that are kept for the Neural Engine. */
import type { Command } from "commander";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { bytesText, count, jsonLine } from "../output.ts";
import { cachedPrograms, programCacheFolder, removeProgram } from "../program_cache.ts";

export const command = {
  examples: ["anec cache clear"],

  define(c: Command): void {
    jsonFlag(c);
  },

  run({ io, flags }: Call<JsonFlag>): number {
    const folder = programCacheFolder();
    const programs = cachedPrograms(folder, false);
    for (const { key } of programs) removeProgram(folder, key);
    const bytes = programs.reduce((sum, p) => sum + p.bytes, 0);
    io.out.write(
      flags.json === true
        ? jsonLine({ folder, removed: programs.length, bytes })
        : `removed ${count(programs.length, "program")}, ${bytesText(bytes)}, from ${folder}\n`,
    );
    return EXIT.ok;
  },
};
