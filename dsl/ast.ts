/**
 * The syntax tree of an `.ane` file: what the parser makes and the elaborator reads.
 *
 * Every node has the span it was written in. Parentheses are nodes (`group`), so that a message can
 * underline what the user sees.
 */
import type { SourceFile, Span } from "../compiler/support/source.ts";

export interface Name {
  readonly text: string;
  readonly span: Span;
}

export interface File {
  readonly source: SourceFile;
  readonly items: readonly Item[];
}

export type Item = DimsItem | SetItem | LayerItem | TrainItem;

/** `NAME = EXPR` of a `dims` or `set` statement. */
export interface Binding {
  readonly name: Name;
  readonly value: Expr;
}

/** `dims S = 128, D = 512`. */
export interface DimsItem {
  readonly kind: "dims";
  readonly bindings: readonly Binding[];
  readonly span: Span;
}

/** `set rope_theta = 100000`. */
export interface SetItem {
  readonly kind: "set";
  readonly bindings: readonly Binding[];
  readonly span: Span;
}

/** A layer or a model; a model takes no variables. */
export interface LayerItem {
  readonly kind: "layer" | "model";
  /** The `///` lines above it, without the slashes. */
  readonly doc: string;
  readonly name: Name;
  /** `<N, M>`: dimensions bound by each call. */
  readonly variables: readonly Name[];
  readonly args: readonly Argument[];
  readonly result: TypeExpr;
  readonly body: readonly Statement[];
  readonly span: Span;
}

export interface TrainItem {
  readonly kind: "train";
  readonly doc: string;
  readonly name: Name;
  readonly args: readonly Argument[];
  readonly body: readonly Statement[];
  readonly span: Span;
}

/** `x: [S, D]` in a signature. */
export interface Argument {
  readonly name: Name;
  readonly type: TypeExpr;
}

/** `f16[..., S, H*E]`. */
export interface TypeExpr {
  /** Empty when not written: f32. */
  readonly dtype: "" | "f32" | "f16" | "i32";
  /** Starts with `...`. */
  readonly open: boolean;
  readonly dims: readonly DimExpr[];
  readonly span: Span;
}

/** `H*E`, `128`. */
export interface DimExpr {
  readonly factors: readonly FactorExpr[];
  readonly span: Span;
}

export type FactorExpr =
  | { readonly kind: "name"; readonly name: string; readonly span: Span }
  | { readonly kind: "number"; readonly value: number; readonly span: Span };

export type InitKind = "uniform" | "normal" | "ones" | "zeros" | "constant";

export interface InitExpr {
  readonly kind: Name;
  /** Absent for `ones` and `zeros`. */
  readonly value: Expr | undefined;
  readonly span: Span;
}

export type Statement =
  | {
      readonly kind: "param";
      readonly name: Name;
      readonly type: TypeExpr;
      readonly init: InitExpr | undefined;
      readonly span: Span;
    }
  | {
      readonly kind: "assign";
      readonly op: "=" | "+=" | "-=" | "*=";
      readonly target: Name;
      readonly value: Expr;
      readonly span: Span;
    }
  | {
      readonly kind: "repeat";
      readonly count: Expr;
      readonly body: readonly Statement[];
      readonly span: Span;
    }
  | { readonly kind: "return"; readonly value: Expr; readonly span: Span }
  | { readonly kind: "loss"; readonly value: Expr; readonly span: Span }
  /** A statement that did not parse; an error was reported. */
  | { readonly kind: "broken"; readonly span: Span };

export type BinaryOp = "+" | "-" | "*" | "/" | "@";

export type Expr =
  | { readonly kind: "number"; readonly value: number; readonly text: string; readonly span: Span }
  /** `"split"`, the value of an attribute. */
  | { readonly kind: "string"; readonly value: string; readonly span: Span }
  | { readonly kind: "name"; readonly name: string; readonly span: Span }
  /** `embed.weight`: a parameter of an instance called in this scope. */
  | { readonly kind: "member"; readonly path: readonly Name[]; readonly span: Span }
  | CallExpr
  | { readonly kind: "negate"; readonly operand: Expr; readonly span: Span }
  | { readonly kind: "transpose"; readonly operand: Expr; readonly span: Span }
  | {
      readonly kind: "as";
      readonly operand: Expr;
      readonly dims: readonly DimExpr[];
      /** The span of `[…]`. */
      readonly dimsSpan: Span;
      readonly span: Span;
    }
  | {
      readonly kind: "binary";
      readonly op: BinaryOp;
      readonly left: Expr;
      readonly right: Expr;
      readonly opSpan: Span;
      readonly span: Span;
    }
  | { readonly kind: "group"; readonly inner: Expr; readonly span: Span }
  /** An expression that did not parse; an error was reported. */
  | { readonly kind: "broken"; readonly span: Span };

export interface CallExpr {
  readonly kind: "call";
  readonly callee: Name;
  /** `#name`. */
  readonly label: Name | undefined;
  /** `op.f(…)`: the built-in op even where a layer has its name. */
  readonly builtin: boolean;
  readonly args: readonly CallArgument[];
  readonly span: Span;
}

export interface CallArgument {
  /** Present for an attribute: `theta: 10000`. */
  readonly name: Name | undefined;
  readonly value: Expr;
}
