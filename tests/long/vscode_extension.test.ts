/** The extension for VS Code, run as the editor runs it, with a client that speaks to the real server. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileFunction } from "node:vm";
import { afterEach, expect, test } from "vitest";
import type { Hover } from "vscode-languageserver-protocol/node.js";
import { type Editor, editor } from "../../bench/editor_client.ts";
import { CHIP_NAMES } from "../../compiler/target/chip_names.ts";
import { fp16, line, program } from "../../compiler/target/facts/examples.ts";
import { packageRoot } from "../../dsl/index.ts";

const FOLDER = join(packageRoot(), "editors", "vscode");
const BUILT = join(packageRoot(), "bin", "anec.js");

interface Language {
  readonly id: string;
  readonly extensions: readonly string[];
  readonly configuration: string;
}

interface Manifest {
  readonly version: string;
  readonly main: string;
  readonly engines: { readonly vscode: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly contributes: {
    readonly languages: readonly Language[];
    readonly grammars: readonly {
      readonly language: string;
      readonly scopeName: string;
      readonly path: string;
    }[];
    readonly configuration: {
      readonly properties: Readonly<Record<string, { default: string; enum?: string[] }>>;
    };
  };
}

const jsonIn = (path: string): object => JSON.parse(readFileSync(path, "utf8")) as object;
const manifest = jsonIn(join(FOLDER, "package.json")) as Manifest;
const { languages, grammars, configuration } = manifest.contributes;
const own = jsonIn(join(packageRoot(), "package.json")) as {
  readonly version: string;
  readonly bin: object;
  readonly dependencies: Readonly<Record<string, string>>;
};

/** What an extension gives to the editor. */
interface Extension {
  activate(): Promise<void>;
  deactivate(): Promise<void> | undefined;
}

/** A client as the extension made it. */
interface Client {
  readonly command: readonly [string, ...string[]];
  readonly languages: readonly string[];
  readonly options: object;
  /** While it runs. */
  server?: Editor;
  /** The exit code of the server, when it has stopped. */
  code?: number | null;
}

const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.server?.close();
});

/** `vscode-languageclient/node`, as far as the extension uses it. */
class LanguageClient {
  readonly client: Client;

  constructor(
    _id: string,
    _name: string,
    { command, args }: { readonly command: string; readonly args: readonly string[] },
    given: {
      readonly documentSelector: readonly { readonly language: string }[];
      readonly initializationOptions: object;
    },
  ) {
    this.client = {
      command: [command, ...args],
      languages: given.documentSelector.map(({ language }) => language),
      options: given.initializationOptions,
    };
    clients.push(this.client);
  }

  async start(): Promise<void> {
    this.client.server = await editor(this.client.options, this.client.command);
  }

  async stop(): Promise<void> {
    const { server } = this.client;
    delete this.client.server;
    this.client.code = await server!.close();
  }
}

/** The extension's module, with settings that a user changed; it can reach nothing else. */
function load(settings: Readonly<Record<string, string>>): Extension {
  const get = (name: string): string => {
    const property = configuration.properties[`anec.${name}`];
    if (property === undefined) throw new Error(`package.json has no setting anec.${name}`);
    return settings[name] ?? property.default;
  };
  const getConfiguration = (section: string) => (section === "anec" ? { get } : undefined);
  const modules: Readonly<Record<string, object>> = {
    vscode: { workspace: { getConfiguration } },
    "vscode-languageclient/node": { LanguageClient },
  };
  const require = (name: string): object => {
    const found = modules[name];
    if (found === undefined) throw new Error(`the extension asks for ${name}`);
    return found;
  };
  const exports = {};
  const filename = join(FOLDER, manifest.main);
  const text = readFileSync(filename, "utf8");
  compileFunction(text, ["exports", "require"], { filename })(exports, require);
  return exports as Extension;
}

const port = fp16("x", [1, 8, 1, 32]);
const SINE = program(port, line("y", [1, 8, 1, 32], "sin(x = x)"));
const PLACE = { line: 4, character: SINE.split("\n")[4]!.indexOf("sin(") + 1 };

/** What the server says of a program with `sin`: whether it may be refused, and its hover. */
async function saidOfSine(server: Editor): Promise<{ codes: string; hover: string }> {
  const { diagnostics } = await server.write("file:///work/my.mil", SINE);
  const { contents } = await server.ask<Hover>("hover", "file:///work/my.mil", PLACE);
  return { codes: diagnostics.map((d) => d.code).join(" "), hover: JSON.stringify(contents) };
}

test("activation starts the server for both languages with the chip of the settings", async () => {
  const extension = load({ command: BUILT, chip: "m1", os: "15.7" });
  await extension.activate();
  const [client] = clients;
  expect(client!.command).toEqual([BUILT, "lsp", "--stdio"]);
  expect(client!.languages).toEqual(languages.map(({ id }) => id));
  expect(client!.options).toEqual({ chip: "m1", os: "15.7" });

  const server = client!.server!;
  const { codes, hover } = await saidOfSine(server);
  expect(codes).toContain("E0510");
  expect(hover).toContain("trigonometry");
  const { diagnostics } = await server.write("file:///work/my.ane", "layer");
  expect(diagnostics[0]!.code).toMatch(/^E01/);

  await extension.deactivate();
  expect(client).toMatchObject({ code: 0 });
});

test("without settings the server is the installed command and speaks of no chip", async () => {
  expect(Object.keys(own.bin)).toContain(configuration.properties["anec.command"]!.default);
  const extension = load({ command: BUILT });
  await extension.activate();
  const { codes, hover } = await saidOfSine(clients[0]!.server!);
  expect(codes).toBe("");
  expect(hover).toContain("trigonometry");
  await extension.deactivate();
  expect(clients[0]).toMatchObject({ code: 0 });
});

test("deactivation without a server does nothing", async () => {
  expect(await load({}).deactivate()).toBeUndefined();
  expect(clients).toEqual([]);
});

test("each language has its files, its grammar and what brackets and comments are", () => {
  expect(languages.map(({ id, extensions }) => [id, extensions])).toEqual([
    ["ane", [".ane"]],
    ["mil", [".mil"]],
  ]);
  for (const { id, configuration: path } of languages) {
    expect(jsonIn(join(FOLDER, path))).toHaveProperty("comments.lineComment", "//");
    const [grammar, ...others] = grammars.filter((g) => g.language === id);
    expect(others).toEqual([]);
    expect(jsonIn(join(FOLDER, grammar!.path))).toHaveProperty("scopeName", grammar!.scopeName);
  }
  expect(grammars.length).toBe(languages.length);
});

test("it is of the version of the package, and its client of that of the server", () => {
  expect(manifest.version).toBe(own.version);
  expect(manifest.dependencies).toEqual({
    "vscode-languageclient": own.dependencies["vscode-languageserver"],
  });
  // From 1.74 on, a language that an extension contributes activates it.
  const [, major, minor] = /^\^(\d+)\.(\d+)\./.exec(manifest.engines.vscode)!;
  expect(Number(major) * 1000 + Number(minor)).toBeGreaterThanOrEqual(1074);
  expect(configuration.properties["anec.chip"]!.enum).toEqual(["", ...CHIP_NAMES]);
});

test("the npm package has all of it, and nothing that was installed there", () => {
  const made = spawnSync("npm", ["pack", "--dry-run", "--ignore-scripts", "--json"], {
    ...{ cwd: packageRoot(), encoding: "utf8" },
  });
  const [{ files }] = Object.values(JSON.parse(made.stdout) as object) as [
    { readonly files: readonly { readonly path: string }[] },
  ];
  const packed = files.map(({ path }) => path).filter((path) => path.startsWith("editors/"));
  const parts = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(packageRoot().length + 1))
    .filter((path) => !/node_modules|\.vsix$/.test(path));
  expect(packed.sort()).toEqual(parts.sort());
});
