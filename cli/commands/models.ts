/** `anec models`: the models known by name. */
import type { Command } from "commander";
import { elaborate, loadModel, modelNames } from "../../dsl/index.ts";
import { parametersOf } from "../../training/model.ts";
import { type Call, EXIT } from "../command.ts";
import {
  type DefineFlag,
  defineFlag,
  type JsonFlag,
  jsonFlag,
  known,
  overridesOf,
} from "../flags.ts";
import { grouped, jsonLine, table } from "../output.ts";

interface Model {
  readonly name: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly parameters: number;
  readonly doc: string;
}

export const command = {
  examples: ["anec models", "anec models autoresearch -D L=8"],

  define(c: Command): void {
    c.argument("[names...]", "only these models");
    defineFlag(c);
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<DefineFlag & JsonFlag>): number {
    const all = modelNames();
    const names =
      args.length === 0 ? all : args.map((name) => known("model", name, all, "anec models"));
    const models = names.map((name) => describe(name, overridesOf(flags)));
    io.out.write(flags.json === true ? jsonLine(models) : text(models));
    return EXIT.ok;
  },
};

function describe(name: string, overrides: Readonly<Record<string, number>>): Model {
  const { source, dims, entries } = elaborate(loadModel(name), { overrides });
  const model =
    entries.find((e) => e.kind === "model" && e.name === name) ??
    entries.find((e) => e.kind === "model");
  const graph = model?.graph();
  const parameters = graph === undefined ? 0 : parametersOf(graph);
  return { name, dims: Object.fromEntries(dims), parameters, doc: docOf(source.text) };
}

/** The first paragraph of the `///` lines a file starts with. */
function docOf(text: string): string {
  const lines = /^(\/\/\/.*\n)+/.exec(text)?.[0].split("\n") ?? [];
  const words = lines.map((line) => line.replace(/^\/\/\/ ?/, ""));
  const end = words.indexOf("");
  return words.slice(0, end < 0 ? words.length : end).join(" ");
}

function text(models: readonly Model[]): string {
  const dims = [...new Set(models.flatMap((m) => Object.keys(m.dims)))];
  const rows = models.map((m) => [
    m.name,
    grouped(m.parameters),
    ...dims.map((d) => (m.dims[d] === undefined ? "–" : String(m.dims[d]))),
  ]);
  const right = dims.map((_, i) => i + 2);
  const docs = table(models.map((m) => [m.name, m.doc]));
  return `${table(rows, { head: ["model", "parameters", ...dims], right: [1, ...right] })}\n${docs}`;
}
