/**
 * Where layers and models are found: the library (`dsl/std/NAME.ane` defines the layer NAME) and the
 * models known by name (`dsl/models/NAME.ane`).
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import * as names from "../compiler/messages/names.ts";
import { bug } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import type { File, LayerItem } from "./ast.ts";
import { type BuiltIn, builtIns, dimensionFunctions } from "./functions.ts";
import { parseFile } from "./syntax.ts";

/** The folder of this package: the sources and what is built from them share it. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, "utf8")) as { name?: string };
      if (name === "anec") return folder;
    }
    const parent = dirname(folder);
    if (parent === folder) bug("the package's own folder was not found");
    folder = parent;
  }
}

function namesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ane"))
    .map((file) => file.slice(0, -".ane".length))
    .sort();
}

/** Names of the models in `dsl/models`. */
export function modelNames(): string[] {
  return namesIn(join(packageRoot(), "dsl", "models"));
}

/**
 * The source of a model: a path to an `.ane` file, or a name known in `dsl/models`.
 * @throws UserError where there is neither.
 */
export function loadModel(pathOrName: string): SourceFile {
  const isPath =
    pathOrName.endsWith(".ane") || pathOrName.includes("/") || pathOrName.includes(sep);
  if (isPath) {
    if (existsSync(pathOrName) && statSync(pathOrName).isFile()) {
      return { path: pathOrName, text: readFileSync(pathOrName, "utf8") };
    }
    throw new UserError(names.unknownModel(pathOrName, modelNames(), true));
  }
  if (!modelNames().includes(pathOrName)) {
    throw new UserError(names.unknownModel(pathOrName, modelNames(), false));
  }
  const path = `dsl/models/${pathOrName}.ane`;
  return { path, text: readFileSync(join(packageRoot(), path), "utf8") };
}

/** A layer and where its own calls are looked up. */
export interface LayerRef {
  readonly item: LayerItem;
  readonly isStd: boolean;
}

export type Callee =
  | { readonly kind: "layer"; readonly layer: LayerRef }
  | { readonly kind: "op"; readonly op: BuiltIn }
  /** `share` or `causal`. */
  | { readonly kind: "dimensions"; readonly name: string; readonly operands: readonly string[] };

/** What the names of calls mean in a file. */
export interface Library {
  /** The meaning of a call: a layer of the file, a layer of the library, an op, in that order. */
  resolve(
    name: string,
    options: { readonly builtin: boolean; readonly isStd: boolean },
  ): Callee | undefined;
  /** Names a call may have, for suggestions. */
  readonly callables: readonly string[];
}

export function makeLibrary(file: File): Library {
  const own = new Map<string, LayerRef>();
  for (const item of file.items) {
    const isLayer = item.kind === "layer" || item.kind === "model";
    if (isLayer && !own.has(item.name.text)) own.set(item.name.text, { item, isStd: false });
  }
  const folder = join(packageRoot(), "dsl", "std");
  const stdNames = namesIn(folder);
  const std = new Map<string, LayerRef>();

  const stdLayer = (name: string): LayerRef | undefined => {
    if (!stdNames.includes(name)) return undefined;
    const known = std.get(name);
    if (known !== undefined) return known;
    const source = {
      path: `dsl/std/${name}.ane`,
      text: readFileSync(join(folder, `${name}.ane`), "utf8"),
    };
    const { ast, diagnostics } = parseFile(source);
    if (diagnostics.length > 0) throw new UserError(diagnostics);
    const item = ast.items.find((i): i is LayerItem => i.kind === "layer" && i.name.text === name);
    if (item === undefined) bug(`dsl/std/${name}.ane defines no layer ${name}`);
    const ref = { item, isStd: true };
    std.set(name, ref);
    return ref;
  };

  return {
    callables: [...own.keys(), ...stdNames, ...builtIns.keys(), ...dimensionFunctions.keys()],
    resolve(name, { builtin, isStd }) {
      const layer = builtin ? undefined : ((isStd ? undefined : own.get(name)) ?? stdLayer(name));
      if (layer !== undefined) return { kind: "layer", layer };
      const op = builtIns.get(name);
      if (op !== undefined) return { kind: "op", op };
      const operands = dimensionFunctions.get(name);
      return operands === undefined ? undefined : { kind: "dimensions", name, operands };
    },
  };
}
