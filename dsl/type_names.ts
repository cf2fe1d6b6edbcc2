/** Names in declared types: element types, dimensions, `...`. */
import * as names from "../compiler/messages/names.ts";
import * as syntax from "../compiler/messages/syntax.ts";
import * as types from "../compiler/messages/types.ts";
import type { Reporter } from "../compiler/support/diagnostic.ts";
import type { DimExpr, TypeExpr } from "./ast.ts";
import type { Header } from "./header.ts";

export interface TypeChecker {
  readonly header: Header;
  readonly reporter: Reporter;
  /** Told of every name that is no dimension and no value. */
  readonly onUnknown?: (name: string) => void;
}

/** The element type and the dimensions of a declaration. */
export function checkType(
  type: TypeExpr,
  mayBeOpen: boolean,
  variables: ReadonlySet<string>,
  checker: TypeChecker,
): void {
  const { reporter } = checker;
  if (!["", "f32", "f16", "i32"].includes(type.dtype)) {
    const span = { ...type.span, end: type.span.start + type.dtype.length };
    reporter.report(names.unknownElementType(span, type.dtype));
  }
  if (type.open && !mayBeOpen) {
    const title = "`...` stands in the arguments and the result of a layer only";
    reporter.report(syntax.misplacedStatement(type.span, title, "write the dimensions out"));
  }
  checkDims(type.dims, variables, checker);
}

/** Names and numbers of dimensions. */
export function checkDims(
  dims: readonly DimExpr[],
  variables: ReadonlySet<string>,
  checker: TypeChecker,
): void {
  const { header, reporter, onUnknown } = checker;
  for (const factor of dims.flatMap((d) => d.factors)) {
    if (factor.kind === "number") {
      if (!Number.isInteger(factor.value) || factor.value < 1 || factor.value > 2 ** 31) {
        reporter.report(types.badDimension(factor.span, String(factor.value), factor.value, ""));
      }
    } else if (!variables.has(factor.name) && !header.dims.has(factor.name)) {
      onUnknown?.(factor.name);
      const known = [...variables, ...header.dims.keys()];
      reporter.report(names.unknownDimension(factor.span, factor.name, known));
    }
  }
}
