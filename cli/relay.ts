/**
 * A command line that goes on in a fresh process, where the one it runs in can do no more.
 *
 * The first process stays, does nothing but wait, and ends with the exit code of the last one. Those that
 * follow it have its streams. Ctrl-C reaches all of them at once, so they leave signals to the first one, which
 * passes each on. When it is gone, they end.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { isatty } from "node:tty";

export interface Relay {
  /** What the process before handed over; undefined in the first one. */
  readonly received: string | undefined;
  /**
   * Hands over, and answers the exit code to end with. `interrupted`: Ctrl-C was pressed meanwhile. Rejects
   * with the system's error if no process can be started.
   */
  handOver(left: string, interrupted: boolean): Promise<number>;
  /** Calls `handler` on Ctrl-C, on SIGTERM, and when the terminal is closed, until the function it returns is called. */
  onInterrupt(handler: () => void): () => void;
}

/** Holds what is handed over. */
const VARIABLE = "ANEC_HANDED_OVER";
const INTERRUPT = "interrupt";
/** SIGHUP comes when the terminal of a run is closed. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const hasTerminal = [0, 1, 2].some((stream) => isatty(stream));

/** The relay of this process. Call it once. */
export function processRelay(): Relay {
  const received = process.env[VARIABLE];
  const isFirst = received === undefined || process.send === undefined;
  return isFirst
    ? { received: undefined, handOver: supervise, onInterrupt: onSignal }
    : follow(received);
}

/** Calls `handler` on each of the signals until the function it returns is called. */
function onSignal(handler: () => void): () => void {
  const handle = (signal: NodeJS.Signals): void => {
    if (signal === "SIGHUP" && hasTerminal) process.once("exit", endByHangUp);
    handler();
  };
  for (const signal of SIGNALS) process.on(signal, handle);
  return () => {
    for (const signal of SIGNALS) process.off(signal, handle);
  };
}

/**
 * Ends the process as the signal does, once its work is done. Node puts its terminal back as it was when it ends, and
 * aborts where that is gone.
 */
function endByHangUp(): void {
  process.removeAllListeners("SIGHUP");
  process.kill(process.pid, "SIGHUP");
}

/** One process after another, until one hands nothing over. */
async function supervise(left: string, interrupted: boolean): Promise<number> {
  let running: ChildProcess | undefined;
  let isInterrupted = interrupted;
  const release = onSignal(() => {
    isInterrupted = true;
    running?.send(INTERRUPT, () => {});
  });
  try {
    for (let next = left; ; ) {
      running = start(next);
      if (isInterrupted) running.send(INTERRUPT, () => {});
      const { code, handedOver } = await endOf(running);
      if (handedOver === undefined) return code;
      next = handedOver;
    }
  } finally {
    release();
  }
}

/** The same command line in another process. */
function start(left: string): ChildProcess {
  const [, script = "", ...argv] = process.argv;
  return spawn(process.execPath, [...process.execArgv, script, ...argv], {
    env: { ...process.env, [VARIABLE]: left },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

interface Ended {
  readonly code: number;
  readonly handedOver: string | undefined;
}

function endOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve, reject) => {
    let handedOver: string | undefined;
    child.on("message", (left) => {
      handedOver = String(left);
    });
    child.on("error", reject);
    // It comes after the last message.
    child.on("close", (code, signal) => {
      const killed = signal === null ? 0 : 128 + constants.signals[signal];
      resolve({ code: code ?? killed, handedOver });
    });
  });
}

/** In a process that goes on for another one. */
function follow(received: string): Relay {
  let interrupts = 0;
  const handlers = new Set<() => void>();
  process.on("message", (message) => {
    if (message !== INTERRUPT) return;
    interrupts += 1;
    for (const handler of handlers) handler();
  });
  process.once("disconnect", () => process.exit(1));
  // Whether there is work left does not depend on who may still interrupt it.
  process.channel?.unref();
  onSignal(() => {});
  return {
    received,
    handOver: (left) =>
      new Promise((resolve, reject) => {
        process.send!(left, (error: Error | null) => (error === null ? resolve(0) : reject(error)));
      }),
    onInterrupt(handler) {
      handlers.add(handler);
      for (let i = 0; i < interrupts; i++) handler();
      return () => handlers.delete(handler);
    },
  };
}
