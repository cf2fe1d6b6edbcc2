/**
 * What a command may touch of the outside: two streams, standard input, the interrupt key.
 *
 * Commands get an `Io` and use nothing else, so tests run them in process and read what they print.
 */
export interface Sink {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Width in characters. */
  readonly columns: number;
}

export interface Io {
  readonly out: Sink;
  readonly err: Sink;
  /** All of standard input as text. */
  readStdin(): Promise<string>;
  /** False when the user asked for no colour. */
  readonly color: boolean;
  /** Calls `handler` on Ctrl-C until the function it returns is called. */
  onInterrupt(handler: () => void): () => void;
  /** Ends the process at once: for a second Ctrl-C. */
  abort(code: number): void;
}

function sinkOf(stream: NodeJS.WriteStream): Sink {
  // A reader that closed the pipe has seen enough (`anec ops | head`). That is no error.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns ?? 100;
    },
  };
}

/** The streams of this process. Call it once. */
export function processIo(): Io {
  return {
    out: sinkOf(process.stdout),
    err: sinkOf(process.stderr),
    async readStdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString("utf8");
    },
    color: (process.env["NO_COLOR"] ?? "") === "",
    onInterrupt(handler) {
      process.on("SIGINT", handler);
      process.on("SIGTERM", handler);
      return () => {
        process.off("SIGINT", handler);
        process.off("SIGTERM", handler);
      };
    },
    abort: (code) => process.exit(code),
  };
}
