/** `anec cache verify`: reads every compiled program that is kept, and compares it with its digests. */
import type { Command } from "commander";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { count, jsonLine } from "../output.ts";
import { cachedPrograms, programCacheFolder } from "../program_cache.ts";

export const command = {
  examples: ["anec cache verify"],

  define(c: Command): void {
    jsonFlag(c);
  },

  run({ io, flags }: Call<JsonFlag>): number {
    const folder = programCacheFolder();
    const programs = cachedPrograms(folder, true);
    const damaged = programs.filter((p) => p.damage !== undefined);
    if (flags.json === true) {
      io.out.write(jsonLine({ folder, programs }));
    } else {
      for (const { key, name, damage } of damaged)
        io.out.write(`${key.slice(0, 12)}${name === "" ? "" : ` (${name})`}: ${damage}\n`);
      const rest = damaged.length === 0 ? "" : "; they will be compiled again when they are needed";
      io.out.write(`${count(programs.length, "program")}, ${damaged.length} damaged${rest}\n`);
    }
    return damaged.length === 0 ? EXIT.ok : EXIT.input;
  },
};
