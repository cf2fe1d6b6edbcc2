/**
 * A kernel's file: its meaning in `.ane` and its ports in the leading comment, then its steps.
 *
 *     {{!--
 *     dims S = 64, I = 128, O = 96
 *
 *     /// y = x · w …
 *     layer dyn_matmul(x: [S, I], w: [I, O]) -> [S, O] { return x @ w }
 *
 *     ports
 *     in  xw [I, S + O] = x' | w
 *     out y  [O, S]     = out'
 *     --}}
 *     {{slice_by_size "xt" x="xw" …}}
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { invariant } from "../compiler/support/bug.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import { packageRoot } from "../dsl/index.ts";

/** What fills some columns of a port: a value of the meaning, perhaps transposed, or zeros. */
export type Part =
  | {
      readonly kind: "value";
      readonly name: string;
      readonly isTransposed: boolean;
      /** The stored numbers are those of the value times 2 to this power; a sum of dimensions. */
      readonly power: string;
    }
  | { readonly kind: "zeros"; readonly columns: string };

/** A port, `[1, rows, 1, columns]` in the program, or whole numbers in the weight file. */
export interface Port {
  readonly kind: "in" | "out" | "file";
  readonly name: string;
  /** Sums of products of dimensions and numbers. */
  readonly rows: string;
  readonly columns: string;
  readonly parts: readonly Part[];
}

export interface KernelSource {
  readonly name: string;
  /** The meaning; its only entry is a layer with the output `out`. */
  readonly meaning: SourceFile;
  readonly ports: readonly Port[];
  readonly template: string;
}

const EXTENSION = ".mil.hbs";
const FILE = /^\{\{!--\n([\s\S]*?)\nports\n([\s\S]*?)--\}\}\n([\s\S]*)$/;
const PORT = /^(in|out|file)\s+(\w+)\s+\[([^,\]]+),([^\]]+)\]\s*=\s*(.+)$/;
const PART = /^(\w+)('?)(?:\s*\*\s*2\^(.+))?$/;

/** The kernels of this package, sorted. */
export function kernelNames(): string[] {
  return readdirSync(join(packageRoot(), "kernels"))
    .filter((file) => file.endsWith(EXTENSION))
    .map((file) => file.slice(0, -EXTENSION.length))
    .sort();
}

/** Reads a kernel's file. */
export function readKernel(name: string): KernelSource {
  const path = `kernels/${name}${EXTENSION}`;
  const found = FILE.exec(readFileSync(join(packageRoot(), path), "utf8"));
  invariant(found !== null, `${path} does not begin with a meaning and ports`);
  const [, text, ports, template] = found as unknown as readonly [string, string, string, string];
  const lines = ports.split("\n").filter((line) => line.trim() !== "");
  return { name, meaning: { path, text }, ports: lines.map(readPort), template };
}

function readPort(line: string): Port {
  const found = PORT.exec(line);
  invariant(found !== null, `not a port: ${line}`);
  const [, kind, name, rows, columns, parts] = found as unknown as readonly string[];
  return {
    kind: kind as Port["kind"],
    name: name!,
    rows: rows!,
    columns: columns!,
    parts: parts!.split("|").map((part) => readPart(part.trim())),
  };
}

function readPart(text: string): Part {
  const found = PART.exec(text);
  if (found === null || /^\d/.test(text)) return { kind: "zeros", columns: text };
  return { kind: "value", name: found[1]!, isTransposed: found[2] === "'", power: found[3] ?? "0" };
}

/** A sum of products of dimensions and whole numbers. */
export function sizeIn(dims: ReadonlyMap<string, number>, text: string): number {
  const factor = (word: string): number => {
    const value = dims.get(word) ?? Number(word);
    invariant(Number.isInteger(value), `no dimension \`${word}\` in \`${text}\``);
    return value;
  };
  const product = (term: string): number =>
    term.split("*").reduce((all, word) => all * factor(word.trim()), 1);
  return text.split("+").reduce((all, term) => all + product(term), 0);
}
