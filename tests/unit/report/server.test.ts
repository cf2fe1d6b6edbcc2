/** The server of the dashboard: who may ask, and for what. */
import { type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { viewBuilder } from "../../../report/run/build_view.ts";
import { type RunSource, serveRuns } from "../../../report/run/server.ts";
import { recordsOfRun } from "./run_records.ts";

function sourceOf(names: readonly string[]): RunSource & { changed: string[] } {
  const builder = viewBuilder("a");
  for (const record of recordsOfRun({ to: 4 })) builder.add(record);
  const source = {
    changed: [] as string[],
    poll: () => source.changed.splice(0),
    names: () => names,
    view: (name: string) => (names.includes(name) ? { ...builder.view(), name } : undefined),
  };
  return source;
}

async function started(source = sourceOf(["a", "b"])) {
  const server = await serveRuns(source, { port: 0, every: 20 });
  onTestFinished(() => server.close());
  return { ...server, port: Number(new URL(server.url).port) };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(port: number, path: string, headers = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      path,
      method,
      headers,
      setHost: !("Host" in headers),
    };
    const asked = request(options, (response) => {
      let body = "";
      response.on("data", (text: Buffer) => (body += text.toString()));
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("only pages of this machine may ask, and for nothing but the page", async () => {
  const { port } = await started();
  const page = await ask(port, "/");
  expect(page).toMatchObject({ status: 200 });
  expect(page.headers).toMatchObject({
    ...{ "cache-control": "no-store", "x-content-type-options": "nosniff" },
    ...{ "x-frame-options": "DENY", "content-type": "text/html; charset=utf-8" },
  });
  expect(page.body).toContain("connect-src &#x27;self&#x27;");
  const local = `127.0.0.1:${port}`;
  const status = async (path: string, headers?: object, method?: string) =>
    (await ask(port, path, headers, method)).status;
  expect(await status("/", { Host: `localhost:${port}` })).toBe(200);
  for (const host of ["evil.test", `evil.test:${port}`, "127.0.0.1", `127.0.0.1:${port + 1}`, ""])
    for (const path of ["/", "/events"]) expect(await status(path, { Host: host })).toBe(403);
  expect(await status("/", { Host: local, Origin: "http://evil.test" })).toBe(403);
  expect(await status("/", { Host: local, Origin: `http://${local}` })).toBe(200);
  expect(await status("/", { Host: local, "Sec-Fetch-Site": "cross-site" })).toBe(403);
  expect(await status("/", {}, "HEAD")).toBe(200);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"])
    expect(await status("/", {}, method)).toBe(405);
  const paths = [
    "/a",
    "/a.jsonl",
    "/../package.json",
    "/%2e%2e/package.json",
    "//etc/passwd",
    "/?x",
  ];
  for (const path of paths) expect(await status(path)).toBe(404);
});

test("it listens on 127.0.0.1 alone", async () => {
  const { port } = await started();
  const other = await new Promise<string>((resolve) => {
    const socket = connect(port, "127.0.0.2");
    socket.on("connect", () => resolve("connected"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  });
  expect(other).toBe("ECONNREFUSED");
});

test("pages are told of all runs, and then of those that change", async () => {
  const source = sourceOf(["a", "b"]);
  const { port } = await started(source);
  const events: string[] = [];
  const wait = async (count: number): Promise<void> => {
    while (events.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const asked = request({ host: "127.0.0.1", port, path: "/events" }, (response) => {
    let text = "";
    response.on("data", (more: Buffer) => {
      text += more.toString();
      const parts = text.split("\n\n");
      text = parts.pop()!;
      for (const part of parts) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part)!;
        const value = JSON.parse(data!) as string[] | { name: string };
        events.push(`${event} ${Array.isArray(value) ? value.join(",") : value.name}`);
      }
    });
    response.on("error", () => {});
  });
  asked.on("error", () => {});
  asked.end();
  await wait(3);
  expect(events.sort()).toEqual(["run a", "run b", "runs a,b"]);
  source.changed.push("b");
  await wait(4);
  expect(events.at(-1)).toBe("run b");
});

/** Resolves when the server has begun to answer `asked` on a connection of its own. */
function begunConnection(port: number, asked: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(asked));
    socket.once("data", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** The status of a stream that is asked for, and left once it has answered. */
function streamStatus(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path: "/events" }, (response) => {
      resolve(response.statusCode!);
      response.on("error", () => {});
      asked.destroy();
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("a connection has one stream, whatever it asks for, and none when it has ended", async () => {
  const { port } = await started();
  const get = `GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const socket = await begunConnection(port, get.repeat(40));
  expect(await streamStatus(port)).toBe(200);
  socket.destroy();
  const many = await Promise.all(Array.from({ length: 31 }, () => begunConnection(port, get)));
  await expect.poll(() => streamStatus(port)).toBe(200);
  for (const other of many) other.destroy();
});

test("more pages than there is room for are refused until one is closed", async () => {
  const { port } = await started();
  const get = `GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const many = await Promise.all(Array.from({ length: 32 }, () => begunConnection(port, get)));
  expect(await streamStatus(port)).toBe(503);
  many[0]!.destroy();
  await expect.poll(() => streamStatus(port)).toBe(200);
  for (const other of many) other.destroy();
});

test("a stream without news gives a sign of life", async () => {
  const server = await serveRuns(sourceOf([]), { port: 0, every: 20, sign: 20 });
  onTestFinished(() => server.close());
  const port = Number(new URL(server.url).port);
  const socket = await begunConnection(
    port,
    `GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
  );
  let text = "";
  socket.on("data", (more: Buffer) => (text += more.toString()));
  await expect.poll(() => text.split(":\n\n").length).toBeGreaterThan(3);
  socket.destroy();
});

test("a port that is taken is an error of the system", async () => {
  const { port } = await started();
  await expect(serveRuns(sourceOf([]), { port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});
