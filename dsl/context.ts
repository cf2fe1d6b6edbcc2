/** What elaboration carries: one `Context` per graph, one `Frame` per call. */
import type { Node } from "../compiler/ir/node.ts";
import { ShapeProblem } from "../compiler/ir/problem.ts";
import { elementCount } from "../compiler/ir/types.ts";
import * as types from "../compiler/messages/types.ts";
import { type Diagnostic, Reporter, UserError } from "../compiler/support/diagnostic.ts";
import { type Span, textOf } from "../compiler/support/source.ts";
import type { Expr } from "./ast.ts";
import type { Builder } from "./builder.ts";
import { faultDiagnostic } from "./faults.ts";
import type { Header } from "./header.ts";
import type { LayerRef, Library } from "./library.ts";
import { type Dimensions, lookupDim } from "./signatures.ts";

/** What an expression stands for: a value of the graph, a number known now, or a text. */
export type Value =
  | { readonly kind: "node"; readonly node: Node }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string };

/** A value, or nothing after a mistake that was reported: what depends on it says no more. */
export type Maybe<T> = T | undefined;

export type Watch = (span: Span, value: Value) => void;

export interface Context {
  readonly builder: Builder;
  readonly header: Header;
  readonly library: Library;
  readonly reporter: Reporter;
  readonly owns: (layer: LayerRef) => boolean;
  /** Where the call that owns a path was written. */
  readonly owners: Map<string, Span>;
  /** Told of the value that each expression, target, argument and parameter of the text stands for. */
  readonly watch: Watch | undefined;
  steps: number;
}

export interface Frame {
  readonly kind: "layer" | "model" | "train";
  readonly isStd: boolean;
  readonly dimensions: Dimensions;
  /** Values by name, innermost `repeat` last. */
  readonly scopes: Map<string, Maybe<Value>>[];
  /** Paths of the calls made so far, by the name they are known under; innermost last. */
  readonly instances: Map<string, string>[];
  /** Parameters, for suggestions. */
  readonly params: Map<string, Node>;
}

/** Expressions evaluated for one graph: a block of a transformer takes about 100. */
export const STEP_LIMIT = 250_000;

/** Collects diagnostics, each once however often its place is visited. */
export function makeReporter(): Reporter {
  const reporter = new Reporter();
  const seen = new Set<string>();
  const report = reporter.report.bind(reporter);
  reporter.report = (diagnostic: Diagnostic): void => {
    const span = diagnostic.labels[0]?.span;
    const key = `${diagnostic.code} ${span?.source.path} ${span?.start} ${span?.end} ${span === undefined ? diagnostic.title : ""}`;
    if (seen.has(key)) return;
    seen.add(key);
    report(diagnostic);
  };
  return reporter;
}

export function makeFrame(kind: Frame["kind"], isStd: boolean, dimensions: Dimensions): Frame {
  return {
    kind,
    isStd,
    dimensions,
    scopes: [new Map()],
    instances: [new Map()],
    params: new Map(),
  };
}

/** Counts a step of unfolding; a model that unfolds without end is stopped here. */
export function countStep(context: Context, span: Span): void {
  context.steps += 1;
  if (context.steps <= STEP_LIMIT) return;
  context.reporter.report(types.programTooLarge(span, `more than ${STEP_LIMIT} steps`));
  throw new UserError(context.reporter.diagnostics);
}

/** The innermost scope that has the name, or undefined. */
export function scopeWith(frame: Frame, name: string): Map<string, Maybe<Value>> | undefined {
  return frame.scopes.findLast((scope) => scope.has(name));
}

/** Runs what makes nodes; a fault of shapes becomes a message about `operands` and gives nothing. */
export function making(
  context: Context,
  frame: Frame,
  whole: Expr,
  operands: readonly Expr[],
  make: () => Node,
  target?: Span,
): Maybe<Value> {
  try {
    const node = context.builder.at(whole.span, make);
    if (elementCount(node.type.shape) > 2 ** 40) {
      context.reporter.report(types.tensorTooLarge(whole.span, node.type));
      return undefined;
    }
    return { kind: "node", node };
  } catch (error) {
    if (!(error instanceof ShapeProblem)) throw error;
    context.reporter.report(
      faultDiagnostic(error, {
        operands: operands.map((e) => e.span),
        texts: operands.map((e) => textOf(e.span)),
        whole: whole.span,
        ...(target === undefined ? {} : { target }),
        candidates: [...frame.params].map(([name, node]) => ({ name, type: node.type })),
      }),
    );
    return undefined;
  }
}

/** A number of this name: a dimension or a hyper-parameter. */
export function numberNamed(context: Context, frame: Frame, name: string): number | undefined {
  return lookupDim(frame.dimensions, name)?.size ?? context.header.hyper.get(name);
}
