/** `.mil` files in an editor. */

import { checkMil } from "../compiler/mil/check.ts";
import { commentsOf } from "../compiler/mil/comments.ts";
import { MIL_OPS } from "../compiler/mil/ops.ts";
import { parseMil } from "../compiler/mil/parse.ts";
import { printMil, printType } from "../compiler/mil/print.ts";
import type { Argument, Binding, MilFunction, MilProgram, Value } from "../compiler/mil/tree.ts";
import { RESERVED_NAMES } from "../compiler/mil/tree.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { type SourceFile, type Span, spanOf, textOf } from "../compiler/support/source.ts";
import { checkForChip } from "../compiler/target/check_chip.ts";
import {
  type CompletionInfo,
  type HoverInfo,
  innermost,
  nameFault,
  type OpenFile,
} from "./language.ts";
import { type MilOptions, opText } from "./mil_op.ts";

/** A name in a program and the value it stands for. */
interface Use {
  readonly span: Span;
  readonly binding: Binding;
}

interface OpPlace {
  readonly span: Span;
  readonly op: string;
}

interface Read {
  readonly program: MilProgram | undefined;
  readonly diagnostics: readonly Diagnostic[];
  readonly uses: readonly Use[];
  readonly ops: readonly OpPlace[];
}

/** Reads a `.mil` file. */
export function openMil(source: SourceFile, options: MilOptions = {}): OpenFile {
  const { program, diagnostics, uses, ops } = read(source, options);
  const at = (offset: number): Use | undefined => innermost(uses, offset);
  const placesOf = (use: Use | undefined): Span[] =>
    uses.filter((u) => use !== undefined && u.binding === use.binding).map((u) => u.span);
  return {
    source,
    diagnostics,
    hover: (offset) => {
      const use = at(offset);
      return use === undefined ? opHover(innermost(ops, offset), options) : bindingHover(use);
    },
    definition: (offset) => at(offset)?.binding.span,
    references: (offset) => placesOf(at(offset)),
    renamable: (offset) => at(offset)?.span,
    rename: (offset, name) => {
      const use = at(offset);
      if (use === undefined) return "there is no name of a value here";
      const fault = nameFault(name);
      if (fault !== undefined) return fault;
      if (RESERVED_NAMES.includes(name)) return `\`${name}\` is a word of MIL, not a name`;
      if (uses.some((u) => u.binding.name === name)) return `\`${name}\` exists already`;
      return placesOf(use).map((span) => ({ span, text: name }));
    },
    completions: (offset) => completions(uses, offset),
    // Comments would be lost.
    format: () =>
      program === undefined || commentsOf(source).length > 0 ? undefined : printMil(program),
  };
}

function read(source: SourceFile, { chip, os }: MilOptions): Read {
  let program: MilProgram;
  try {
    program = parseMil(source);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { program: undefined, diagnostics: error.diagnostics, uses: [], ops: [] };
  }
  const mistakes = checkMil(program);
  const hasErrors = mistakes.some((d) => d.severity === "error");
  const target = chip === undefined ? undefined : { chip, ...(os === undefined ? {} : { os }) };
  const found = target === undefined || hasErrors ? [] : checkForChip(program, target);
  const uses = program.functions.flatMap(usesOf);
  const ops = program.functions.flatMap((f) =>
    f.body.flatMap(({ span, op }) => (span === undefined ? [] : [{ span, op }])),
  );
  return { program, diagnostics: [...mistakes, ...found], uses, ops };
}

/** Every place of a value's name in a function, where it is made too. */
function usesOf(f: MilFunction): Use[] {
  const known = new Map<string, Binding>();
  const uses: Use[] = [];
  const add = (span: Span | undefined, binding: Binding | undefined): void => {
    if (span !== undefined && binding !== undefined) uses.push({ span, binding });
  };
  const define = (binding: Binding): void => {
    known.set(binding.name, binding);
    add(binding.span, binding);
  };
  for (const input of f.inputs) define(input);
  for (const statement of f.body) {
    for (const arg of statement.args) {
      for (const { name, span } of namesIn(arg)) add(span, known.get(name));
    }
    for (const result of statement.results) define(result);
  }
  for (const { name, span } of f.outputs) add(span, known.get(name));
  return uses;
}

/** The names of values that an argument refers to, with their places in its text. */
function namesIn({ value, span }: Argument): { readonly name: string; readonly span: Span }[] {
  const names = new Set<string>();
  const collect = (v: Value): void => {
    if (v.kind === "name") names.add(v.name);
    else if (v.kind === "list" || v.kind === "tuple") v.items.forEach(collect);
  };
  collect(value);
  if (span === undefined || names.size === 0) return [];
  return [...textOf(span).matchAll(/[A-Za-z_]\w*/g)].flatMap(({ 0: name, index }) => {
    const start = span.start + index;
    return names.has(name) ? [{ name, span: spanOf(span.source, start, start + name.length) }] : [];
  });
}

function bindingHover({ span, binding }: Use): HoverInfo {
  return { span, text: `\`\`\`mil\n${printType(binding.type)} ${binding.name}\n\`\`\`` };
}

function opHover(place: OpPlace | undefined, options: MilOptions): HoverInfo | undefined {
  if (place === undefined) return undefined;
  const text = opText(place.op, options);
  return text === undefined ? undefined : { span: place.span, text };
}

function completions(uses: readonly Use[], offset: number): readonly CompletionInfo[] {
  const values = new Map<string, Binding>();
  for (const { span, binding } of uses) {
    if (span.start < offset) values.set(binding.name, binding);
  }
  return [
    ...[...values.values()].map(({ name, type }) => ({
      ...{ name, kind: "variable" as const, detail: printType(type) },
    })),
    ...MIL_OPS.map(({ name, doc }) => ({ name, kind: "function" as const, detail: doc })),
  ];
}
