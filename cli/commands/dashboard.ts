/** `anec dashboard`: runs as they go on, in a browser. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { noLogs, portTaken } from "../../compiler/messages/logs.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { serveRuns } from "../../report/run/server.ts";
import { followRuns } from "../../report/run/sources.ts";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag, whole } from "../flags.ts";
import { jsonLine } from "../output.ts";

interface Flags extends JsonFlag {
  readonly port?: number;
}

/** Lines that are read between two answers of the server: of a long log, some at each look. */
const LINES_AT_ONCE = 20_000;
/** Where `anec train` puts what nobody named. */
const RUNS = "runs";

export const command = {
  examples: [
    "anec dashboard",
    "anec dashboard runs/first.jsonl runs/second.jsonl",
    "anec dashboard --port 6006 runs",
  ],

  define(c: Command): void {
    c.argument(
      "[run...]",
      `logs of \`anec train --log\`, or folders of them (default: ${RUNS})`,
    ).option(
      "--port <n>",
      "the port of 127.0.0.1 to listen on (default: a free one)",
      whole("--port", 1, 65_535),
    );
    jsonFlag(c, "print the address as JSON");
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    if (args.length === 0 && !existsSync(RUNS)) throw new UserError(noLogs(RUNS));
    const source = followRuns(args.length === 0 ? [RUNS] : args, { mostLines: LINES_AT_ONCE });
    source.poll();
    const server = await listen(source, flags.port ?? 0);
    const { url } = server;
    const hint = `the runs are at ${url} (Ctrl-C ends it)\n`;
    io.out.write(flags.json === true ? jsonLine({ url }) : hint);
    await new Promise<void>((resolve) => {
      const release = io.onInterrupt(() => {
        release();
        resolve();
      });
    });
    await server.close();
    return EXIT.ok;
  },
};

async function listen(source: Parameters<typeof serveRuns>[0], port: number) {
  try {
    return await serveRuns(source, { port });
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    throw new UserError(portTaken(port, error.message));
  }
}
