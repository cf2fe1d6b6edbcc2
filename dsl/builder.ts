/**
 * The embedded language: models in TypeScript. The elaborator of `.ane` files calls it too, so a model
 * means the same both ways.
 *
 *     const llama = model("llama", (b) => {
 *       const [S, D, V] = [b.dim("S", 128), b.dim("D", 512), b.dim("V", 49152)];
 *       const tokens = b.input("tokens", [S], "i32");
 *       const x = b.scope("embed", () => embedding(b.param("weight", [V, D]), tokens));
 *       …
 *       return x;
 *     });
 *
 * Operations are the functions of `compiler/ops` on nodes. A parameter's path is the scopes around it:
 * `block.3.attn.wq` is `b.repeat(L, () => b.scope("block", () => b.scope("attn", …)))`.
 */
import { type Graph, makeGraph } from "../compiler/ir/graph.ts";
import { type Node, newScope, numberText, type Scope, withOrigin } from "../compiler/ir/node.ts";
import { ShapeProblem } from "../compiler/ir/problem.ts";
import { type Dim, type DType, dim, tensorType } from "../compiler/ir/types.ts";
import * as names from "../compiler/messages/names.ts";
import * as types from "../compiler/messages/types.ts";
import { causalMask } from "../compiler/ops/causal_mask.ts";
import { input, param } from "../compiler/ops/input.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Span } from "../compiler/support/source.ts";
import { faultDiagnostic } from "./faults.ts";

export { rearrange, share } from "./rearrange.ts";

/** How training starts a parameter. */
export type Init =
  /** U(−bound, bound). */
  | { readonly kind: "uniform"; readonly value: number }
  /** Normal with mean 0 and this standard deviation. */
  | { readonly kind: "normal"; readonly value: number }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "ones" }
  | { readonly kind: "zeros" };

/** A part of a model with a name; a call of it owns parameters under that name. */
export interface Layer<A extends readonly unknown[]> {
  readonly name: string;
  readonly build: (b: Builder, ...args: A) => Node;
}

/** A layer for models in TypeScript: `b.call(gated, x)` calls it, and its parameters are named after it. */
export function layer<A extends readonly unknown[]>(
  name: string,
  build: (b: Builder, ...args: A) => Node,
): Layer<A> {
  return { name, build };
}

/** Matrices start uniform in ±1/sqrt(rows), vectors and scalars with ones. */
export function defaultInit(shape: readonly Dim[]): Init {
  return shape.length < 2
    ? { kind: "ones" }
    : { kind: "uniform", value: 1 / Math.sqrt(shape[0]!.size) };
}

function initText(init: Init): string {
  return init.kind === "ones" || init.kind === "zeros"
    ? init.kind
    : `${init.kind} ${numberText(init.value)}`;
}

/** Assembles one graph. Made by `model`. */
export class Builder {
  /** The scope of the graph's nodes, for ops that have no operand to take it from. */
  readonly nodes: Scope = newScope();
  readonly #inputs: Node[] = [];
  readonly #params = new Map<string, Node>();
  #path = "";
  /** Iterations of the repeats since the last `scope`. */
  #iterations: readonly number[] = [];

  /** A dimension with a name. */
  dim(name: string, size: number): Dim {
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 31) {
      throw new UserError(types.badDimension(undefined, name, size, ""));
    }
    return dim(name, size);
  }

  /** An input of the graph, in order of declaration. */
  input(name: string, shape: readonly Dim[], dtype: DType = "f32"): Node {
    const node = input(this.nodes, name, tensorType(dtype, shape));
    this.#inputs.push(node);
    return node;
  }

  /** The path of something named `segment` here: `block.3.attn`. */
  pathOf(segment: string): string {
    const own = [segment, ...this.#iterations].join(".");
    return this.#path === "" ? own : `${this.#path}.${own}`;
  }

  /**
   * A parameter of the current scope.
   * @throws UserError where the scope has one of this name.
   */
  param(
    name: string,
    shape: readonly Dim[],
    init: Init = defaultInit(shape),
    dtype: DType = "f32",
  ): Node {
    const path = this.pathOf(name);
    if (this.#params.has(path))
      throw new UserError(names.ambiguousInstance(undefined, path, undefined));
    const node = param(this.nodes, path, tensorType(dtype, shape), initText(init));
    this.#params.set(path, node);
    return node;
  }

  /** The parameter of a full path, such as `embed.weight`, declared before. */
  parameter(path: string): Node | undefined {
    return this.#params.get(path);
  }

  /** Runs `body`; parameters it declares are named below `segment`. */
  scope<T>(segment: string, body: () => T): T {
    const [path, iterations] = [this.#path, this.#iterations];
    this.#path = this.pathOf(segment);
    this.#iterations = [];
    try {
      return withOrigin(this.nodes, { path: this.#path }, body);
    } finally {
      [this.#path, this.#iterations] = [path, iterations];
    }
  }

  /** Runs `body` for 0, 1, … `count` − 1; the iteration follows the next segment: `block.3`. */
  repeat(count: number, body: (iteration: number) => void): void {
    if (!Number.isInteger(count) || count < 1 || count > 10_000) {
      throw new UserError(types.badRepeatCount(undefined, count));
    }
    const iterations = this.#iterations;
    try {
      for (let i = 0; i < count; i++) {
        this.#iterations = [...iterations, i];
        body(i);
      }
    } finally {
      this.#iterations = iterations;
    }
  }

  /** A call of a layer, whose parameters are named after it. */
  call<A extends readonly unknown[]>(layer: Layer<A>, ...args: A): Node {
    return this.callAs(layer.name, layer, ...args);
  }

  /** A call of a layer under another name: `rms_norm#attn(x)`. */
  callAs<A extends readonly unknown[]>(segment: string, layer: Layer<A>, ...args: A): Node {
    return this.scope(segment, () => layer.build(this, ...args));
  }

  /** The causal mask [rows, columns], added to attention scores. */
  causal(rows: Dim, columns: Dim = rows): Node {
    return causalMask(this.nodes, rows, columns);
  }

  /** Runs `body`; the nodes it makes come from `span`. */
  at<T>(span: Span, body: () => T): T {
    return withOrigin(this.nodes, { span }, body);
  }

  /** The graph of what was built. */
  graph(name: string, output: string, node: Node): Graph {
    const params = [...this.#params.values()];
    return makeGraph({
      name,
      inputs: this.#inputs,
      params,
      outputs: [{ name: output, node }],
      scope: this.nodes,
    });
  }
}

export interface ModelOptions {
  /** Name of the output: `loss` for what is trained. */
  readonly output?: string;
}

/**
 * The graph of a model written in TypeScript.
 * @throws UserError where operands do not fit or two parameters have one path.
 */
export function model(
  name: string,
  define: (b: Builder) => Node,
  { output = "out" }: ModelOptions = {},
): Graph {
  const builder = new Builder();
  try {
    return builder.graph(name, output, define(builder));
  } catch (error) {
    if (!(error instanceof ShapeProblem)) throw error;
    throw new UserError(faultDiagnostic(error, { operands: [], whole: undefined }));
  }
}
