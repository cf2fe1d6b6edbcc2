/**
 * The grammar of expressions.
 *
 * Operators, tightest first; all binary ones group to the left:
 *
 *     f(a)  (a)      calls, parentheses
 *     a'             swap the last two dimensions
 *     -a             negate
 *     a @ b          matrix product
 *     a as [H, S]    re-arrange by name
 *     a * b  a / b   elementwise product, quotient
 *     a + b  a - b   elementwise sum, difference
 *
 * So `x @ wq as [H, S, E]` re-arranges the product, `q @ k' / sqrt(E) + m` scales the product and
 * then adds, and what follows `as [..]` with a further `@` needs parentheses around it.
 */
import type { IToken, TokenType } from "chevrotain";
import type { SourceFile, Span } from "../compiler/support/source.ts";
import type * as ast from "./ast.ts";
import { EmbeddedActionsParser } from "./chevrotain.ts";
import { factProvider } from "./syntax_errors.ts";
import * as t from "./tokens.ts";

export type Rule<T> = () => T;

/** Chevrotain takes a grammar as the methods of a class; `AneParser` adds statements and items. */
export class ExpressionParser extends EmbeddedActionsParser {
  source: SourceFile = { path: "", text: "" };

  constructor() {
    super([...t.TOKENS], {
      recoveryEnabled: true,
      maxLookahead: 2,
      errorMessageProvider: factProvider,
    });
  }

  /** Recovery may pretend to see a closing bracket, never a name. */
  protected override canTokenTypeBeInsertedInRecovery(type: TokenType): boolean {
    return type === t.CloseParen || type === t.CloseBracket;
  }

  // ---- spans

  /** While Chevrotain records the grammar, tokens are placeholders without an image. */
  protected spanOf(token: IToken): Span {
    const start = Number.isFinite(token.startOffset) ? token.startOffset : this.end();
    return { source: this.source, start, end: start + (token.image ?? "").length };
  }

  protected end(): number {
    const last = this.LA(0);
    const end = last?.endOffset;
    return end !== undefined && Number.isFinite(end) ? end + 1 : 0;
  }

  /** From `start` to the last token read. */
  protected since(start: number): Span {
    return { source: this.source, start, end: Math.max(start, this.end()) };
  }

  /** Offset of the next token. */
  protected here(): number {
    const next = this.LA(1);
    return Number.isFinite(next?.startOffset) ? next.startOffset : this.source.text.length;
  }

  protected broken(): { kind: "broken"; span: Span } {
    const at = this.here();
    return { kind: "broken", span: { source: this.source, start: at, end: at } };
  }

  protected name(token: IToken): ast.Name {
    return { text: token.image, span: this.spanOf(token) };
  }

  protected nextIs(...types: readonly TokenType[]): boolean {
    return types.includes(this.LA(1).tokenType);
  }

  // ---- dimensions

  readonly dimList: Rule<ast.DimExpr[]> = this.RULE("dimList", (): ast.DimExpr[] => {
    const dims: ast.DimExpr[] = [];
    this.MANY_SEP({ SEP: t.Comma, DEF: () => dims.push(this.SUBRULE(this.dim)) });
    return dims;
  });

  readonly dim: Rule<ast.DimExpr> = this.RULE("dim", (): ast.DimExpr => {
    const start = this.here();
    const factors: ast.FactorExpr[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: t.Times, DEF: () => factors.push(this.SUBRULE(this.factor)) });
    return { factors, span: this.since(start) };
  });

  readonly factor: Rule<ast.FactorExpr> = this.RULE(
    "factor",
    (): ast.FactorExpr =>
      this.OR([
        {
          ALT: (): ast.FactorExpr => {
            const token = this.CONSUME(t.Identifier);
            return { kind: "name", name: token.image, span: this.spanOf(token) };
          },
        },
        {
          ALT: (): ast.FactorExpr => {
            const token = this.CONSUME(t.NumberLiteral);
            return { kind: "number", value: Number(token.image), span: this.spanOf(token) };
          },
        },
      ]),
  );

  // ---- expressions

  protected binary(start: number, op: IToken, left: ast.Expr, right: ast.Expr): ast.Expr {
    const kind = op.image as ast.BinaryOp;
    return {
      kind: "binary",
      op: kind,
      left,
      right,
      opSpan: this.spanOf(op),
      span: this.since(start),
    };
  }

  readonly expr: Rule<ast.Expr> = this.RULE(
    "expr",
    (): ast.Expr => {
      const start = this.here();
      let left = this.SUBRULE(this.product);
      this.MANY(() => {
        const op = this.OR([
          { ALT: () => this.CONSUME(t.Plus) },
          { ALT: () => this.CONSUME(t.Minus) },
        ]);
        const right = this.SUBRULE1(this.product);
        left = this.binary(start, op, left, right);
      });
      return left;
    },
    { recoveryValueFunc: () => this.broken() },
  );

  readonly product: Rule<ast.Expr> = this.RULE(
    "product",
    (): ast.Expr => {
      const start = this.here();
      let left = this.SUBRULE(this.arranged);
      this.MANY(() => {
        const op = this.OR([
          { ALT: () => this.CONSUME(t.Times) },
          { ALT: () => this.CONSUME(t.Divide) },
        ]);
        const right = this.SUBRULE1(this.arranged);
        left = this.binary(start, op, left, right);
      });
      return left;
    },
    { recoveryValueFunc: () => this.broken() },
  );

  readonly arranged: Rule<ast.Expr> = this.RULE(
    "arranged",
    (): ast.Expr => {
      const start = this.here();
      let operand = this.SUBRULE(this.matmul);
      this.MANY(() => {
        this.CONSUME(t.As);
        const from = this.here();
        this.CONSUME(t.OpenBracket);
        const dims = this.SUBRULE(this.dimList);
        this.CONSUME(t.CloseBracket);
        operand = {
          kind: "as",
          operand,
          dims,
          dimsSpan: this.since(from),
          span: this.since(start),
        };
      });
      return operand;
    },
    { recoveryValueFunc: () => this.broken() },
  );

  readonly matmul: Rule<ast.Expr> = this.RULE(
    "matmul",
    (): ast.Expr => {
      const start = this.here();
      let left = this.SUBRULE(this.signed);
      this.MANY(() => {
        const op = this.CONSUME(t.MatMul);
        const right = this.SUBRULE1(this.signed);
        left = this.binary(start, op, left, right);
      });
      return left;
    },
    { recoveryValueFunc: () => this.broken() },
  );

  readonly signed: Rule<ast.Expr> = this.RULE(
    "signed",
    (): ast.Expr => {
      const starts: number[] = [];
      this.MANY(() => {
        starts.push(this.here());
        this.CONSUME(t.Minus);
      });
      let operand = this.SUBRULE(this.postfix);
      for (const start of starts.reverse()) {
        operand = { kind: "negate", operand, span: this.since(start) };
      }
      return operand;
    },
    { recoveryValueFunc: () => this.broken() },
  );

  readonly postfix: Rule<ast.Expr> = this.RULE(
    "postfix",
    (): ast.Expr => {
      const start = this.here();
      let operand = this.SUBRULE(this.primary);
      this.MANY(() => {
        this.CONSUME(t.Prime);
        operand = { kind: "transpose", operand, span: this.since(start) };
      });
      return operand;
    },
    { recoveryValueFunc: () => this.broken() },
  );

  readonly primary: Rule<ast.Expr> = this.RULE(
    "primary",
    (): ast.Expr =>
      this.OR([
        {
          ALT: (): ast.Expr => {
            const token = this.CONSUME(t.NumberLiteral);
            const span = this.spanOf(token);
            return { kind: "number", value: Number(token.image), text: token.image, span };
          },
        },
        {
          ALT: (): ast.Expr => {
            const token = this.CONSUME(t.StringLiteral);
            return { kind: "string", value: token.image.slice(1, -1), span: this.spanOf(token) };
          },
        },
        {
          ALT: (): ast.Expr => {
            const start = this.here();
            this.CONSUME(t.OpenParen);
            const inner = this.SUBRULE(this.expr);
            this.CONSUME(t.CloseParen);
            return { kind: "group", inner, span: this.since(start) };
          },
        },
        { ALT: (): ast.Expr => this.SUBRULE(this.named) },
      ]),
    { recoveryValueFunc: () => this.broken() },
  );

  /** `x`, `embed.weight`, `f(a)`, `f#name(a)`, `op.f(a)`. */
  readonly named: Rule<ast.Expr> = this.RULE(
    "named",
    (): ast.Expr => {
      const start = this.here();
      const path: ast.Name[] = [];
      this.AT_LEAST_ONE_SEP({
        SEP: t.Dot,
        DEF: () => {
          path.push(this.name(this.CONSUME(t.Identifier)));
        },
      });
      const first = path[0] ?? { text: "", span: this.since(start) };
      const last = path[path.length - 1] ?? first;
      const isPlain = path.length === 1;
      const isBuiltin = path.length === 2 && first.text === "op";
      let label: ast.Name | undefined;
      let call: ast.CallExpr | undefined;
      this.OPTION({
        GATE: () => isPlain || isBuiltin,
        DEF: () => {
          this.OPTION1(() => {
            this.CONSUME(t.Hash);
            label = this.name(this.CONSUME1(t.Identifier));
          });
          const args = this.SUBRULE(this.callArguments);
          const span = this.since(start);
          call = { kind: "call", callee: last, label, builtin: isBuiltin, args, span };
        },
      });
      if (call !== undefined) return call;
      if (isPlain) return { kind: "name", name: first.text, span: first.span };
      return { kind: "member", path, span: this.since(start) };
    },
    { recoveryValueFunc: () => this.broken() },
  );

  readonly callArguments: Rule<ast.CallArgument[]> = this.RULE(
    "callArguments",
    (): ast.CallArgument[] => {
      const args: ast.CallArgument[] = [];
      this.CONSUME(t.OpenParen);
      this.MANY_SEP({
        SEP: t.Comma,
        DEF: () => {
          const name = this.OPTION(() => {
            const token = this.CONSUME(t.Identifier);
            this.CONSUME(t.Colon);
            return this.name(token);
          }) as ast.Name | undefined;
          args.push({ name, value: this.SUBRULE(this.expr) });
        },
      });
      this.CONSUME(t.CloseParen);
      return args;
    },
    { recoveryValueFunc: () => [] },
  );
}
