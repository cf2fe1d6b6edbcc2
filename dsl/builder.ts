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
import { type Graph, leafName, makeGraph } from "../compiler/ir/graph.ts";
import { type Node, newScope, numberText, type Scope, withOrigin } from "../compiler/ir/node.ts";
import { ShapeProblem } from "../compiler/ir/problem.ts";
import { type Dim, type DType, dim, tensorType } from "../compiler/ir/types.ts";
import * as names from "../compiler/messages/names.ts";
import * as types from "../compiler/messages/types.ts";
import { causalMask } from "../compiler/ops/causal_mask.ts";
import { input, param } from "../compiler/ops/input.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Span } from "../compiler/support/source.ts";
import {
  aFunction,
  aLayer,
  aName,
  anInit,
  aShape,
  checkArgument,
  isNode,
  oneOf,
  whole,
} from "./arguments.ts";
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

/**
 * What a layer or a model returned, if it is a value of the graph.
 * @throws UserError (E0215) for nothing, (E0955) for anything else.
 */
function resultOf(b: Builder, kind: "layer" | "model", name: string, returned: Node): Node {
  if (returned === undefined)
    throw new UserError(names.missingResult(undefined, kind, name, "return"));
  checkArgument(`return of ${name}`, returned, {
    needs: "a value of the model: an input, a parameter, or what an op gives",
    holds: (value) => isNode(value) && value.scope === b.nodes,
  });
  return returned;
}

const DTYPES: readonly DType[] = ["f32", "f16", "i32"];

/** Assembles one graph. Made by `model`. */
export class Builder {
  /** The scope of the graph's nodes, for ops that have no operand to take it from. */
  readonly nodes: Scope = newScope();
  readonly #inputs: Node[] = [];
  readonly #params = new Map<string, Node>();
  #path = "";
  /** Iterations of the repeats since the last `scope`. */
  #iterations: readonly number[] = [];
  /** Paths of the scopes that were entered. */
  readonly #entered = new Set<string>();
  /** Of the scopes around, the name of the outermost that was entered before. */
  #again: string | undefined;
  /** Paths of the parameters declared since the scope was entered. */
  #own = new Set<string>();

  /** A dimension with a name. */
  dim(name: string, size: number): Dim {
    checkArgument("b.dim(name, …)", name, aName);
    if (typeof size !== "number") checkArgument("b.dim(…, size)", size, whole(1, 2 ** 31));
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 31) {
      throw new UserError(types.badDimension(undefined, name, size, ""));
    }
    return dim(name, size);
  }

  /**
   * An input of the graph, in order of declaration.
   * @throws UserError (E0205) where there is an input or a parameter of this name.
   */
  input(name: string, shape: readonly Dim[], dtype: DType = "f32"): Node {
    this.#check("input", name, shape, dtype);
    const node = input(this.nodes, name, tensorType(dtype, shape));
    this.#inputs.push(node);
    return node;
  }

  /** Whether an input has this name. */
  hasInput(name: string): boolean {
    return this.#inputs.some((node) => leafName(node) === name);
  }

  /** Names and shapes as programs in plain JavaScript give them. */
  #check(call: "input" | "param", name: string, shape: readonly Dim[], dtype: DType): void {
    checkArgument(`b.${call}(name, …)`, name, aName);
    checkArgument(`b.${call}(…, shape)`, shape, aShape);
    checkArgument(`b.${call}(…, dtype)`, dtype, oneOf(DTYPES));
    const path = call === "input" ? name : this.pathOf(name);
    const isTaken = call === "input" ? this.#params.has(path) : this.#own.has(path);
    if (isTaken || this.hasInput(path)) {
      const what = call === "input" ? "input" : "parameter";
      throw new UserError(names.definedTwice(undefined, what, path, undefined));
    }
  }

  /** The path of something named `segment` here: `block.3.attn`. */
  pathOf(segment: string): string {
    const own = [segment, ...this.#iterations].join(".");
    return this.#path === "" ? own : `${this.#path}.${own}`;
  }

  /**
   * A parameter of the current scope.
   * @throws UserError where the scope has one of this name (E0205), or was entered before and has (E0209).
   */
  param(
    name: string,
    shape: readonly Dim[],
    init: Init = defaultInit(shape),
    dtype: DType = "f32",
  ): Node {
    this.#check("param", name, shape, dtype);
    checkArgument("b.param(…, init)", init, anInit);
    const path = this.pathOf(name);
    if (this.#params.has(path)) {
      const call = this.#again ?? path;
      throw new UserError(names.ambiguousInstance(undefined, call, undefined, call, "builder"));
    }
    this.#own.add(path);
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
    checkArgument("b.scope(segment, …)", segment, aName);
    checkArgument("b.scope(…, body)", body, aFunction);
    const [path, iterations, own, again] = [this.#path, this.#iterations, this.#own, this.#again];
    this.#path = this.pathOf(segment);
    this.#iterations = [];
    this.#own = new Set();
    if (this.#entered.has(this.#path)) this.#again ??= segment;
    this.#entered.add(this.#path);
    try {
      return withOrigin(this.nodes, { path: this.#path }, body);
    } finally {
      [this.#path, this.#iterations, this.#own, this.#again] = [path, iterations, own, again];
    }
  }

  /** Runs `body` for 0, 1, … `count` − 1; the iteration follows the next segment: `block.3`. */
  repeat(count: number, body: (iteration: number) => void): void {
    checkArgument("b.repeat(…, body)", body, aFunction);
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
    checkArgument("b.call(layer, …)", layer, aLayer);
    return this.callAs(layer.name, layer, ...args);
  }

  /** A call of a layer under another name: `rms_norm#attn(x)`. */
  callAs<A extends readonly unknown[]>(segment: string, layer: Layer<A>, ...args: A): Node {
    checkArgument("b.callAs(…, layer, …)", layer, aLayer);
    const returned = this.scope(segment, () => layer.build(this, ...args));
    return resultOf(this, "layer", layer.name, returned);
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
 * @throws UserError where operands do not fit, two inputs or parameters have one name, or nothing is returned.
 */
export function model(
  name: string,
  define: (b: Builder) => Node,
  { output = "out" }: ModelOptions = {},
): Graph {
  const builder = new Builder();
  try {
    return builder.graph(name, output, resultOf(builder, "model", name, define(builder)));
  } catch (error) {
    if (!(error instanceof ShapeProblem)) throw error;
    throw new UserError(faultDiagnostic(error, { operands: [], whole: undefined }));
  }
}
