/** A file to its entries: what `anec compile`, `anec train` and `anec check` begin with. */
import type { Graph } from "../compiler/ir/graph.ts";
import { bug } from "../compiler/support/bug.ts";
import type { Diagnostic, Reporter } from "../compiler/support/diagnostic.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import type { LayerItem, TrainItem } from "./ast.ts";
import { elaborateItem } from "./bodies.ts";
import { makeReporter } from "./context.ts";
import { type Header, type Overrides, readHeader } from "./header.ts";
import { inspect } from "./inspect.ts";
import { type Library, makeLibrary } from "./library.ts";
import { checkNames } from "./names.ts";
import { parseFile } from "./syntax.ts";

export interface ElaborateOptions {
  /** `-D NAME=VALUE`: dimensions and hyper-parameters to set from outside. */
  readonly overrides?: Overrides;
}

/** A layer, model or train that stands on its own. */
export interface Entry {
  readonly kind: "layer" | "model" | "train";
  readonly name: string;
  /** Its `///` lines. */
  readonly doc: string;
  /**
   * Its graph, built on first use: inputs are its arguments; the output is `out`, or `loss` for a
   * train. Parameters of the entry itself, and of a model that a train calls, are at the root.
   * @throws UserError with every mistake of shapes in it.
   */
  graph(): Graph;
}

export interface Elaborated {
  readonly source: SourceFile;
  readonly dims: ReadonlyMap<string, number>;
  readonly hyper: ReadonlyMap<string, number>;
  /** In order of the file. Layers with variables or `...` are none: only a call says their shapes. */
  readonly entries: readonly Entry[];
  /** Warnings. */
  readonly diagnostics: readonly Diagnostic[];
}

interface Prepared {
  readonly items: readonly (LayerItem | TrainItem)[];
  readonly header: Header;
  readonly library: Library;
}

/** Syntax, header and names; a stage with errors is the last. */
function prepare(source: SourceFile, overrides: Overrides, reporter: Reporter): Prepared {
  const { ast, diagnostics } = parseFile(source);
  for (const d of diagnostics) reporter.report(d);
  reporter.stopOnErrors();
  const header = readHeader(ast, overrides, reporter);
  const library = makeLibrary(ast);
  checkNames(ast, header, library, reporter);
  reporter.stopOnErrors();
  const items = ast.items.filter((i) => i.kind !== "dims" && i.kind !== "set");
  return { items, header, library };
}

function isEntry(item: LayerItem | TrainItem): boolean {
  return (
    item.kind === "train" || (item.variables.length === 0 && !item.args.some((a) => a.type.open))
  );
}

/**
 * Elaborates a file: parses it, sets its dimensions, checks its names, and offers its entries.
 * @throws UserError with every mistake of syntax, or else of names; mistakes of shapes come with the
 * graph of an entry, or all at once from `check`.
 */
export function elaborate(
  source: SourceFile,
  { overrides = {} }: ElaborateOptions = {},
): Elaborated {
  const reporter = makeReporter();
  const { items, header, library } = prepare(source, overrides, reporter);
  const entries = items.filter(isEntry).map((item): Entry => {
    let graph: Graph | undefined;
    const build = (): Graph => {
      const found = makeReporter();
      const made = elaborateItem(item, header, library, found);
      found.stopOnErrors();
      return made ?? bug(`${item.kind} ${item.name.text} has no graph and no error`);
    };
    return {
      kind: item.kind,
      name: item.name.text,
      doc: item.doc,
      graph: () => {
        graph ??= build();
        return graph;
      },
    };
  });
  return { source, ...header, entries, diagnostics: reporter.diagnostics };
}

/** Every error and warning of a file, in order: all entries and all layers are looked at. */
export function check(source: SourceFile, options: ElaborateOptions = {}): readonly Diagnostic[] {
  return inspect(source, options).diagnostics;
}
