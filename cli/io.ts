/**
 * What a command may touch of the outside: two streams, standard input, the interrupt key.
 *
 * Commands get an `Io` and use nothing else, so tests run them in process and read what they print.
 */
import { processRelay, type Relay } from "./relay.ts";

export interface Sink {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Width in characters. */
  readonly columns: number;
}

export interface Io {
  readonly out: Sink;
  readonly err: Sink;
  /** Why standard output is not whole, once all of it was written; undefined if it is. */
  outFailure?(): Promise<Error | undefined>;
  /** All of standard input as text. */
  readStdin(): Promise<string>;
  /** False when the user asked for no colour. */
  readonly color: boolean;
  /** Calls `handler` on Ctrl-C until the function it returns is called. */
  onInterrupt(handler: () => void): () => void;
  /** Ends the process at once: for a second Ctrl-C. */
  abort(code: number): void;
  /** Lets a fresh process go on with this command line; absent where none can be started. */
  readonly relay?: Relay;
}

interface StreamSink extends Sink {
  /** The error that ended the stream, once all that was written is out. */
  failure(): Promise<Error | undefined>;
}

/**
 * After an error nothing more is written and the command goes on: what it computes and its exit code
 * do not depend on who listens. A reader that closed the pipe has seen enough (`anec ops | head`);
 * that is no failure.
 */
function sinkOf(stream: NodeJS.WriteStream): StreamSink {
  let isOpen = true;
  let failure: Error | undefined;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    isOpen = false;
    if (error.code !== "EPIPE") failure ??= error;
  });
  return {
    write(text) {
      if (isOpen) stream.write(text);
    },
    isTerminal: stream.isTTY === true,
    get columns() {
      // A terminal that was not told its size says 0.
      return stream.columns || 100;
    },
    async failure() {
      if (isOpen) await new Promise<void>((resolve) => stream.write("", () => resolve()));
      // Node tells of the error after it has called back.
      await new Promise((resolve) => setImmediate(resolve));
      return failure;
    },
  };
}

/** The streams of this process. Call it once. */
export function processIo(
  streams: { readonly stdout: NodeJS.WriteStream; readonly stderr: NodeJS.WriteStream } = process,
): Io {
  const out = sinkOf(streams.stdout);
  const relay = processRelay();
  return {
    relay,
    out,
    err: sinkOf(streams.stderr),
    outFailure: out.failure,
    async readStdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString("utf8");
    },
    color: (process.env["NO_COLOR"] ?? "") === "",
    onInterrupt: relay.onInterrupt,
    abort: (code) => process.exit(code),
  };
}
