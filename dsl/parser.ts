/**
 * Tokens to a syntax tree: items, types and statements; expressions are in `parser_expressions.ts`.
 *
 * After a mistake the parser skips to the next statement, so that one run finds several.
 */
import type { IToken } from "chevrotain";
import type { SourceFile } from "../compiler/support/source.ts";
import type * as ast from "./ast.ts";
import { EOF } from "./chevrotain.ts";
import { ExpressionParser, type Rule } from "./parser_expressions.ts";
import * as t from "./tokens.ts";

const BROKEN_TYPE = { dtype: "", open: false, dims: [] } as const;

class AneParser extends ExpressionParser {
  /** `///` comments by the offset of the item they stand above. */
  docs: ReadonlyMap<number, string> = new Map();

  constructor() {
    super();
    this.performSelfAnalysis();
  }

  // ---- the file

  readonly file: Rule<ast.Item[]> = this.RULE("file", (): ast.Item[] => {
    const items: ast.Item[] = [];
    this.OPTION(() => this.CONSUME(t.LineBreak));
    this.MANY(() => {
      const item = this.SUBRULE(this.item);
      if (item !== undefined) items.push(item);
      this.SUBRULE(this.terminator);
    });
    return items;
  });

  readonly item: Rule<ast.Item | undefined> = this.RULE(
    "item",
    (): ast.Item | undefined =>
      this.OR([
        { ALT: (): ast.Item => this.SUBRULE(this.dimsItem) },
        { ALT: (): ast.Item => this.SUBRULE(this.layerItem) },
        { ALT: (): ast.Item => this.SUBRULE(this.trainItem) },
      ]),
    { recoveryValueFunc: () => undefined },
  );

  /** A line break, or nothing before `}` and at the end of the file. */
  readonly terminator: Rule<void> = this.RULE("terminator", (): void => {
    this.OR([
      { ALT: () => this.CONSUME(t.LineBreak) },
      { GATE: () => this.nextIs(t.CloseBrace, EOF), ALT: () => undefined },
    ]);
  });

  readonly dimsItem: Rule<ast.DimsItem | ast.SetItem> = this.RULE(
    "dimsItem",
    (): ast.DimsItem | ast.SetItem => {
      const start = this.here();
      const bindings: ast.Binding[] = [];
      const isDims = this.OR([
        {
          ALT: () => {
            this.CONSUME(t.Dims);
            return true;
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.Set_);
            return false;
          },
        },
      ]);
      this.AT_LEAST_ONE_SEP({
        SEP: t.Comma,
        DEF: () => {
          const name = this.CONSUME(t.Identifier);
          this.CONSUME(t.Assign);
          const value = this.SUBRULE(this.expr);
          bindings.push({ name: this.name(name), value });
        },
      });
      return { kind: isDims ? "dims" : "set", bindings, span: this.since(start) };
    },
  );

  readonly layerItem: Rule<ast.LayerItem> = this.RULE("layerItem", (): ast.LayerItem => {
    const start = this.here();
    const kind = this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Layer);
          return "layer" as const;
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Model);
          return "model" as const;
        },
      },
    ]);
    const name = this.CONSUME(t.Identifier);
    const variables: ast.Name[] = [];
    this.OPTION(() => {
      this.CONSUME(t.Less);
      this.AT_LEAST_ONE_SEP({
        SEP: t.Comma,
        DEF: () => {
          variables.push(this.name(this.CONSUME1(t.Identifier)));
        },
      });
      this.CONSUME(t.Greater);
    });
    const args = this.SUBRULE(this.signature);
    this.CONSUME(t.Arrow);
    const result = this.SUBRULE(this.type);
    const body = this.SUBRULE(this.body);
    const doc = this.docs.get(start) ?? "";
    return {
      kind,
      doc,
      name: this.name(name),
      variables,
      args,
      result,
      body,
      span: this.since(start),
    };
  });

  readonly trainItem: Rule<ast.TrainItem> = this.RULE("trainItem", (): ast.TrainItem => {
    const start = this.here();
    this.CONSUME(t.Train);
    const name = this.CONSUME(t.Identifier);
    const args = this.SUBRULE(this.signature);
    const body = this.SUBRULE(this.body);
    const doc = this.docs.get(start) ?? "";
    return { kind: "train", doc, name: this.name(name), args, body, span: this.since(start) };
  });

  readonly signature: Rule<ast.Argument[]> = this.RULE(
    "signature",
    (): ast.Argument[] => {
      const args: ast.Argument[] = [];
      this.CONSUME(t.OpenParen);
      this.MANY_SEP({
        SEP: t.Comma,
        DEF: () => {
          const name = this.CONSUME(t.Identifier);
          this.CONSUME(t.Colon);
          args.push({ name: this.name(name), type: this.SUBRULE(this.type) });
        },
      });
      this.CONSUME(t.CloseParen);
      return args;
    },
    { recoveryValueFunc: () => [] },
  );

  // ---- types

  readonly type: Rule<ast.TypeExpr> = this.RULE(
    "type",
    (): ast.TypeExpr => {
      const start = this.here();
      const dtype = this.OPTION(() => this.CONSUME(t.Identifier));
      this.CONSUME(t.OpenBracket);
      let open = false;
      let dims: ast.DimExpr[] = [];
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.Ellipsis);
            open = true;
            this.OPTION1(() => {
              this.CONSUME(t.Comma);
              dims = this.SUBRULE(this.dimList);
            });
          },
        },
        {
          ALT: () => {
            dims = this.SUBRULE1(this.dimList);
          },
        },
      ]);
      this.CONSUME(t.CloseBracket);
      const text = (dtype as IToken | undefined)?.image ?? "";
      return { dtype: text as ast.TypeExpr["dtype"], open, dims, span: this.since(start) };
    },
    { recoveryValueFunc: () => ({ ...BROKEN_TYPE, span: this.broken().span }) },
  );

  // ---- statements

  readonly body: Rule<ast.Statement[]> = this.RULE(
    "body",
    (): ast.Statement[] => {
      const statements: ast.Statement[] = [];
      this.CONSUME(t.OpenBrace);
      this.MANY(() => {
        statements.push(this.SUBRULE(this.statement));
        this.SUBRULE(this.terminator);
      });
      this.CONSUME(t.CloseBrace);
      return statements;
    },
    { recoveryValueFunc: () => [] },
  );

  readonly statement: Rule<ast.Statement> = this.RULE(
    "statement",
    (): ast.Statement =>
      this.OR([
        { ALT: (): ast.Statement => this.SUBRULE(this.paramStatement) },
        { ALT: (): ast.Statement => this.SUBRULE(this.repeatStatement) },
        { ALT: (): ast.Statement => this.SUBRULE(this.resultStatement) },
        { ALT: (): ast.Statement => this.SUBRULE(this.assignStatement) },
      ]),
    { recoveryValueFunc: () => this.broken() },
  );

  readonly paramStatement: Rule<ast.Statement> = this.RULE("paramStatement", (): ast.Statement => {
    const start = this.here();
    this.CONSUME(t.Param);
    const name = this.CONSUME(t.Identifier);
    this.CONSUME(t.Colon);
    const type = this.SUBRULE(this.type);
    const init = this.OPTION(() => this.SUBRULE(this.initial)) as ast.InitExpr | undefined;
    return { kind: "param", name: this.name(name), type, init, span: this.since(start) };
  });

  readonly initial: Rule<ast.InitExpr> = this.RULE("initial", (): ast.InitExpr => {
    const start = this.here();
    this.CONSUME(t.Init);
    const kind = this.CONSUME(t.Identifier);
    const value = this.OPTION(() => {
      this.CONSUME(t.OpenParen);
      const inner = this.SUBRULE(this.expr);
      this.CONSUME(t.CloseParen);
      return inner;
    }) as ast.Expr | undefined;
    return { kind: this.name(kind), value, span: this.since(start) };
  });

  readonly repeatStatement: Rule<ast.Statement> = this.RULE(
    "repeatStatement",
    (): ast.Statement => {
      const start = this.here();
      this.CONSUME(t.Repeat);
      const count = this.SUBRULE(this.expr);
      const body = this.SUBRULE(this.body);
      return { kind: "repeat", count, body, span: this.since(start) };
    },
  );

  readonly resultStatement: Rule<ast.Statement> = this.RULE(
    "resultStatement",
    (): ast.Statement => {
      const start = this.here();
      const keyword = this.OR([
        { ALT: () => this.CONSUME(t.Return) },
        { ALT: () => this.CONSUME(t.Loss) },
      ]);
      const value = this.SUBRULE(this.expr);
      const kind = keyword.tokenType === t.Return ? "return" : "loss";
      return { kind, value, span: this.since(start) };
    },
  );

  readonly assignStatement: Rule<ast.Statement> = this.RULE(
    "assignStatement",
    (): ast.Statement => {
      const start = this.here();
      const target = this.CONSUME(t.Identifier);
      const op = this.OR([
        { ALT: () => this.CONSUME(t.Assign) },
        { ALT: () => this.CONSUME(t.PlusAssign) },
        { ALT: () => this.CONSUME(t.MinusAssign) },
        { ALT: () => this.CONSUME(t.TimesAssign) },
      ]);
      const value = this.SUBRULE(this.expr);
      return {
        kind: "assign",
        op: op.image as "=" | "+=" | "-=" | "*=",
        target: this.name(target),
        value,
        span: this.since(start),
      };
    },
  );
}

/** Analysing the grammar takes longer than most files, so one parser serves all; `input` resets it. */
const parser = new AneParser();

/** The grammar on tokens: items and Chevrotain's errors. */
export function parseTokens(
  source: SourceFile,
  tokens: readonly IToken[],
  docs: ReadonlyMap<number, string>,
): { readonly items: ast.Item[]; readonly errors: AneParser["errors"] } {
  parser.source = source;
  parser.docs = docs;
  parser.input = [...tokens];
  const items = parser.file() ?? [];
  return { items, errors: parser.errors };
}
