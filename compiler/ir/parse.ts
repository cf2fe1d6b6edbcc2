/**
 * Reads the text that `printGraph` writes.
 *
 * Types of results are recomputed by the ops and compared with what the text says, so a dump that
 * was edited by hand cannot smuggle in a wrong shape. No command takes such text: a fault in it is a `bug`.
 */
import { bug } from "../support/bug.ts";
import { positionAt, type SourceFile } from "../support/source.ts";
import { type Graph, makeGraph, type Output } from "./graph.ts";
import {
  type AttrValue,
  makeNode,
  type Node,
  newScope,
  type OpSignature,
  type Scope,
} from "./node.ts";
import { ShapeProblem } from "./problem.ts";
import { type Dim, type DType, type Factor, type TensorType, typeText } from "./types.ts";

export interface OpRegistry {
  /** The op of a name, or undefined. */
  get(name: string): OpSignature | undefined;
}

const TOKEN =
  /\s+|\/\/[^\n]*|"(?:[^"\\]|\\.)*"|[%@][\w.#/-]+|-?(?:inf|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w])|->|[A-Za-z_][\w.#/-]*|[()[\]{}:,=*]/gy;

interface Token {
  readonly text: string;
  readonly start: number;
}

class GraphReader {
  readonly #source: SourceFile;
  readonly #tokens: Token[] = [];
  readonly #ops: OpRegistry;
  readonly #scope: Scope = newScope();
  readonly #values = new Map<string, Node>();
  #next = 0;

  constructor(source: SourceFile, ops: OpRegistry) {
    this.#source = source;
    this.#ops = ops;
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < source.text.length) {
      const start = TOKEN.lastIndex;
      const match = TOKEN.exec(source.text);
      if (match === null) this.#fail(start, `unexpected \`${source.text[start]}\``);
      if (!/^(\s|\/\/)/.test(match[0])) this.#tokens.push({ text: match[0], start });
    }
  }

  #fail(offset: number, what: string): never {
    const { line, column } = positionAt(this.#source, offset);
    return bug(`${this.#source.path}:${line}:${column}: graph text: ${what}`);
  }

  get #here(): number {
    return this.#tokens[this.#next]?.start ?? Math.max(0, this.#source.text.length - 1);
  }

  #peek(): string {
    return this.#tokens[this.#next]?.text ?? "end of text";
  }

  #take(): string {
    const text = this.#peek();
    this.#next += 1;
    return text;
  }

  #eat(text: string): boolean {
    if (this.#peek() !== text) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#eat(text)) this.#fail(this.#here, `expected \`${text}\`, found \`${this.#peek()}\``);
  }

  #list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    if (this.#eat(close)) return items;
    do items.push(item());
    while (this.#eat(","));
    this.#expect(close);
    return items;
  }

  #number(): number {
    const text = this.#take();
    if (text === "inf") return Number.POSITIVE_INFINITY;
    if (text === "-inf") return Number.NEGATIVE_INFINITY;
    const value = Number(text);
    if (Number.isNaN(value) && text !== "nan")
      this.#fail(this.#here, `expected a number, found \`${text}\``);
    return value;
  }

  #dim(): Dim {
    const factors: Factor[] = [];
    do {
      const first = this.#take();
      if (/^\d+$/.test(first)) {
        factors.push({ name: null, size: Number(first) });
      } else {
        this.#expect(":");
        factors.push({ name: first, size: this.#number() });
      }
    } while (this.#eat("*"));
    const size = factors.reduce((n, f) => n * f.size, 1);
    if (!Number.isSafeInteger(size) || size < 1) this.#fail(this.#here, "dimension out of range");
    return { factors, size };
  }

  #type(): TensorType {
    const dtype = this.#take();
    if (dtype !== "f32" && dtype !== "f16" && dtype !== "i32") {
      this.#fail(this.#here, `unknown element type \`${dtype}\``);
    }
    this.#expect("[");
    return { dtype: dtype as DType, shape: this.#list("]", () => this.#dim()) };
  }

  #attrValue(): AttrValue {
    const text = this.#peek();
    if (text === "[") {
      this.#take();
      const mark = this.#next;
      // A list with a `:` or `*` in it is a list of dimensions.
      let isShape = false;
      for (let i = mark; i < this.#tokens.length && this.#tokens[i]!.text !== "]"; i++) {
        if (this.#tokens[i]!.text === ":" || this.#tokens[i]!.text === "*") isShape = true;
      }
      return isShape ? this.#list("]", () => this.#dim()) : this.#list("]", () => this.#number());
    }
    if (text.startsWith('"')) return JSON.parse(this.#take()) as string;
    if (text === "true" || text === "false") return this.#take() === "true";
    return this.#number();
  }

  #attrs(): Record<string, AttrValue> {
    const attrs: Record<string, AttrValue> = {};
    if (!this.#eat("{")) return attrs;
    this.#list("}", () => {
      const key = this.#take();
      this.#expect(":");
      attrs[key] = this.#attrValue();
    });
    // A list of bare numbers is a shape where the op calls it one.
    const shape = attrs["shape"];
    if (Array.isArray(shape)) {
      attrs["shape"] = shape.map((d: number | Dim) =>
        typeof d === "number" ? { factors: [{ name: null, size: d }], size: d } : d,
      );
    }
    return attrs;
  }

  #op(name: string, at: number): OpSignature {
    const op = this.#ops.get(name);
    if (op === undefined) this.#fail(at, `unknown op \`${name}\``);
    return op;
  }

  #leaf(
    kind: "input" | "param",
    name: string,
    type: TensorType,
    extra: Record<string, AttrValue>,
  ): Node {
    const attrs = { name, dtype: type.dtype, shape: type.shape, ...extra };
    const node = makeNode(this.#scope, this.#op(kind, this.#here), [], attrs);
    this.#values.set(`${kind === "input" ? "%" : "@"}${name}`, node);
    return node;
  }

  #operand(): Node {
    const at = this.#here;
    const text = this.#peek();
    if (/^[%@]/.test(text)) {
      this.#take();
      const node = this.#values.get(text);
      if (node === undefined) this.#fail(at, `\`${text}\` is not defined`);
      return node;
    }
    return makeNode(this.#scope, this.#op("constant", at), [], {
      value: this.#number(),
      dtype: "f32",
    });
  }

  read(): Graph {
    this.#expect("graph");
    const name = this.#take();
    this.#expect("(");
    const inputs = this.#list(")", () => {
      const id = this.#take().slice(1);
      this.#expect(":");
      return this.#leaf("input", id, this.#type(), {});
    });
    this.#expect("->");
    do this.#type();
    while (this.#eat(","));
    this.#expect("{");

    const params: Node[] = [];
    while (this.#eat("param")) {
      const id = this.#take().slice(1);
      this.#expect(":");
      const type = this.#type();
      params.push(this.#leaf("param", id, type, this.#attrs()));
    }
    while (this.#peek().startsWith("%")) this.#statement();
    this.#expect("return");
    const outputs: Output[] = [];
    do {
      const isNamed = this.#tokens[this.#next + 1]?.text === "=";
      const outputName = isNamed ? this.#take() : String(outputs.length);
      if (isNamed) this.#expect("=");
      outputs.push({ name: outputName, node: this.#operand() });
    } while (this.#eat(","));
    this.#expect("}");
    if (this.#next < this.#tokens.length) this.#fail(this.#here, `unexpected \`${this.#peek()}\``);
    return makeGraph({ name, inputs, params, outputs, scope: this.#scope });
  }

  #statement(): void {
    const at = this.#here;
    const id = this.#take();
    this.#expect("=");
    const op = this.#op(this.#take(), at);
    this.#expect("(");
    const operands = this.#list(")", () => this.#operand());
    const attrs = this.#attrs();
    this.#expect(":");
    const type = this.#type();
    let node: Node;
    try {
      node = makeNode(this.#scope, op, operands, attrs);
    } catch (error) {
      if (!(error instanceof ShapeProblem)) throw error;
      this.#fail(at, `the operands of \`${op.name}\` do not fit (${error.fault.kind})`);
    }
    if (typeText(node.type) !== typeText(type)) {
      this.#fail(at, `\`${id}\` is ${typeText(node.type)}, the text says ${typeText(type)}`);
    }
    if (this.#values.has(id)) this.#fail(at, `\`${id}\` is defined twice`);
    this.#values.set(id, node);
  }
}

/** The graph of a text. Throws a `Bug` with the place of the first fault. */
export function parseGraph(source: SourceFile, ops: OpRegistry): Graph {
  return new GraphReader(source, ops).read();
}
