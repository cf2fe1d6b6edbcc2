/**
 * The connection to one editor: which messages are answered when, and when it is over.
 *
 * Messages that arrive together wait in a queue, and one is handled in each turn of the event loop. So a request
 * can be cancelled while it waits, and what is to be done once for several changes is done when none waits.
 */
import {
  type Connection,
  createConnection,
  LSPErrorCodes,
  Message,
  type MessageWriter,
  ProposedFeatures,
  type ResponseMessage,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver/node.js";

/** An editor at the other end of two streams. */
export interface EditorConnection {
  readonly connection: Connection;
  /** Does something as soon as no message waits. */
  readonly whenIdle: (task: () => void) => void;
  /** The editor has left without `exit`: whether it asked for the shutdown before, once no message waits. */
  readonly left: Promise<{ readonly isShutDown: boolean }>;
}

/** A message takes a turn to be read, one to be decoded and one to be handled. */
const TURNS = 3;

/** Speaks with an editor over `input` and `output`; who calls it serves the connection. */
export function connect(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): EditorConnection {
  let handled = 0;
  const connection = createConnection(
    ProposedFeatures.all,
    new StreamMessageReader(input),
    writerTo(output),
    {
      connectionStrategy: { cancelUndispatched: cancelled },
      messageStrategy: {
        handleMessage(message, handle) {
          handled++;
          handle(message);
        },
      },
    },
  );

  const whenIdle = (task: () => void): void => {
    const wait = (turns: number, before: number): void => {
      if (handled !== before) setImmediate(wait, TURNS, handled);
      else if (turns > 0) setImmediate(wait, turns - 1, before);
      else task();
    };
    wait(TURNS, handled);
  };

  let isShutDown = false;
  connection.onShutdown(() => {
    isShutDown = true;
  });
  const left = new Promise<{ readonly isShutDown: boolean }>((resolve) => {
    const leave = (): void => whenIdle(() => resolve({ isShutDown }));
    input.once("end", leave);
    input.once("close", leave);
    output.once("error", leave);
  });
  return { connection, whenIdle, left };
}

/** Writes messages until nobody reads them any more, which is no failure of who writes. */
function writerTo(output: NodeJS.WritableStream): MessageWriter {
  const writer = new StreamMessageWriter(output);
  return {
    onError: writer.onError,
    onClose: writer.onClose,
    write: (message) => writer.write(message).catch(() => {}),
    end: () => writer.end(),
    dispose: () => writer.dispose(),
  };
}

/** The answer to a request that is cancelled while it waits. */
function cancelled(message: Message): ResponseMessage | undefined {
  if (!Message.isRequest(message)) return undefined;
  const error = {
    code: LSPErrorCodes.RequestCancelled,
    message: `${message.method} was cancelled before its turn`,
  };
  return { jsonrpc: "2.0", id: message.id, error };
}
