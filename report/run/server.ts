/**
 * The server of `anec dashboard`: one page, and a stream of the runs that it shows.
 *
 *     /         the page
 *     /events   server-sent events: `runs`, the names of all, and `run`, the view of one that has changed;
 *               one stream a connection
 *
 * It listens on this machine alone. No path leads to a file: what is readable is what was given. A page of another
 * site cannot ask it either, not even by a name that it has led to this machine: the Host header has to be that of a
 * local address, and the browser must not say that another site asks.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { livePage } from "./page.ts";
import type { RunView } from "./view.ts";

/** Where the runs come from. */
export interface RunSource {
  /** Looks for what is new; names of the runs that have changed. */
  poll(): readonly string[];
  /** All of them, in the order of the page. */
  names(): readonly string[];
  view(name: string): RunView | undefined;
}

export interface RunServer {
  readonly url: string;
  close(): Promise<void>;
}

const ADDRESS = "127.0.0.1";
/** Pages that are open at once. */
const MOST_PAGES = 32;
/** A page that is further behind than this is told later. Bytes. */
const MOST_WAITING = 2 ** 24;
/** Milliseconds from one sign of life to the next: a page that has gone without a word is noticed by it. */
const SIGN_OF_LIFE = 15_000;

const HEADERS = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
} as const;

interface Listener {
  readonly response: ServerResponse;
  /** The names that it was told last, as JSON. */
  names: string;
  /** Runs that it has not been told of yet. */
  readonly stale: Set<string>;
}

export interface ServeOptions {
  readonly port: number;
  /** Milliseconds from one look for news to the next. */
  readonly every?: number;
  /** Milliseconds from one sign of life on a stream to the next. */
  readonly sign?: number;
}

/** Serves until it is closed; rejects with the system's error if it cannot listen. `port` 0: a free one. */
export async function serveRuns(
  source: RunSource,
  { port, every = 500, sign = SIGN_OF_LIFE }: ServeOptions,
): Promise<RunServer> {
  const page = Buffer.from(livePage());
  // By connection. Requests that wait behind a stream on the same one are told of no end of it.
  const listeners = new Map<Socket, Listener>();

  const tick = (): void => {
    const changed = source.poll();
    const names = JSON.stringify(source.names());
    const views = new Map<string, string>();
    for (const listener of listeners.values()) {
      const { response, stale } = listener;
      for (const name of changed) stale.add(name);
      if (response.writableLength > MOST_WAITING) continue;
      if (names !== listener.names) send(response, "runs", names);
      listener.names = names;
      for (const name of stale) {
        const json = views.get(name) ?? JSON.stringify(source.view(name));
        views.set(name, json);
        send(response, "run", json);
      }
      stale.clear();
    }
  };

  const giveSign = (): void => {
    for (const { response } of listeners.values())
      if (response.writableLength <= MOST_WAITING) response.write(":\n\n");
  };

  const listen = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    if (listeners.has(socket)) {
      refuse(response, 409, "this connection has a stream already");
      return;
    }
    if (listeners.size >= MOST_PAGES) {
      refuse(response, 503, "too many pages are open");
      return;
    }
    response.writeHead(200, { ...HEADERS, "Content-Type": "text/event-stream" });
    const listener: Listener = { response, names: "", stale: new Set(source.names()) };
    listeners.set(socket, listener);
    socket.once("close", () => listeners.delete(socket));
    tick();
  };

  const server = createServer((request, response) => {
    response.on("error", () => {});
    const { port: own } = server.address() as AddressInfo;
    if (!isLocal(request, own)) return refuse(response, 403, "only pages of this machine may ask");
    if (request.method !== "GET" && request.method !== "HEAD")
      return refuse(response, 405, "there is nothing to change here");
    if (request.url === "/events" && request.method === "GET") return listen(request, response);
    if (request.url !== "/") return refuse(response, 404, "there is only one page");
    response.writeHead(200, {
      ...HEADERS,
      ...{ "Content-Type": "text/html; charset=utf-8", "Content-Length": page.length },
    });
    response.end(request.method === "HEAD" ? undefined : page);
  });
  await listening(server, port);
  const timers = [setInterval(tick, every), setInterval(giveSign, sign)];
  return {
    url: `http://${ADDRESS}:${(server.address() as AddressInfo).port}/`,
    close() {
      for (const timer of timers) clearInterval(timer);
      for (const { response } of listeners.values()) response.end();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, ADDRESS, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Whether the request is by a page of this server, or by somebody who typed its address. */
function isLocal({ headers }: IncomingMessage, port: number): boolean {
  const hosts = [`${ADDRESS}:${port}`, `localhost:${port}`];
  const { host, origin } = headers;
  const site = headers["sec-fetch-site"];
  if (host === undefined || !hosts.includes(host)) return false;
  if (origin !== undefined && !hosts.some((own) => origin === `http://${own}`)) return false;
  return site === undefined || site === "same-origin" || site === "none";
}

function refuse(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, { ...HEADERS, "Content-Type": "text/plain; charset=utf-8" });
  response.end(`${words}\n`);
}

/** JSON has no line breaks, so that it is one line of data. */
function send(response: ServerResponse, event: string, json: string): void {
  response.write(`event: ${event}\ndata: ${json}\n\n`);
}
