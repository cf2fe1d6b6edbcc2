/**
 * Names: everything a file says that can be judged without a shape. Run once over every layer, called
 * or not, before anything is elaborated; elaboration then knows that names exist.
 */
import * as names from "../compiler/messages/names.ts";
import * as syntax from "../compiler/messages/syntax.ts";
import * as types from "../compiler/messages/types.ts";
import type { Diagnostic, Reporter } from "../compiler/support/diagnostic.ts";
import type { Span } from "../compiler/support/source.ts";
import type { DimExpr, File, LayerItem, TrainItem } from "./ast.ts";
import { type BodyChecker, checkBody } from "./body_names.ts";
import type { Header } from "./header.ts";
import { calledLayers } from "./instances.ts";
import type { LayerRef, Library } from "./library.ts";
import { checkType } from "./type_names.ts";

const CALL_DEPTH = 200;

type BodyItem = LayerItem | TrainItem;

/** Reports every mistake of names in a file, and what is never used. */
export function checkNames(file: File, header: Header, library: Library, reporter: Reporter): void {
  duplicates(file, reporter);
  const bodies = file.items.filter((i): i is BodyItem => i.kind !== "dims" && i.kind !== "set");
  const missingInStd = missingDimensions(header, library);
  const unused: Diagnostic[] = [];
  for (const item of bodies) {
    checkItem(item, { header, library, reporter, isStd: false, missingInStd, unused });
  }
  if (!reporter.hasErrors) {
    checkCalls(bodies, library, reporter);
    unusedLayers(bodies, library, reporter);
  }
  if (!reporter.hasErrors) for (const warning of unused) reporter.report(warning);
}

function duplicates(file: File, reporter: Reporter): void {
  const layers = new Map<string, Span>();
  const trains = new Map<string, Span>();
  for (const item of file.items) {
    if (item.kind === "dims" || item.kind === "set") continue;
    const seen = item.kind === "train" ? trains : layers;
    const before = seen.get(item.name.text);
    if (before !== undefined) {
      reporter.report(names.definedTwice(item.name.span, item.kind, item.name.text, before));
    }
    seen.set(item.name.text, before ?? item.name.span);
  }
}

/** Dimensions a layer of the library needs and the file does not define; it, or what it calls. */
function missingDimensions(
  header: Header,
  library: Library,
): (layer: LayerRef) => readonly string[] {
  const known = new Map<LayerItem, readonly string[]>();
  const missing = (layer: LayerRef): readonly string[] => {
    const before = known.get(layer.item);
    if (before !== undefined) return before;
    const found = new Set<string>();
    known.set(layer.item, []);
    const reporter = { report: () => undefined } as unknown as Reporter;
    const onUnknown = (name: string) => found.add(name);
    checkItem(layer.item, {
      header,
      library,
      reporter,
      isStd: true,
      missingInStd: () => [],
      unused: [],
      onUnknown,
    });
    for (const { layer: callee } of calledLayers(library, layer.item.body, true)) {
      for (const name of missing(callee)) found.add(name);
    }
    known.set(layer.item, [...found]);
    return [...found];
  };
  return missing;
}

function checkItem(item: BodyItem, checker: BodyChecker): void {
  const { header, reporter } = checker;
  const variables = item.kind === "train" ? [] : item.variables;
  const variableNames = new Set<string>();
  for (const { text, span } of variables) {
    if (header.dims.has(text) && !checker.isStd) {
      reporter.report(names.definedTwice(span, "dimension", text, undefined));
    } else if (variableNames.has(text)) {
      reporter.report(names.definedTwice(span, "variable", text, undefined));
    }
    variableNames.add(text);
    if (!item.args.some((a) => a.type.dims.some((d) => isJust(d, text)))) {
      const help = `name it in an argument: \`x: [..., ${text}]\``;
      reporter.report(syntax.misplacedStatement(span, `\`${text}\` is bound by no argument`, help));
    }
  }
  if (item.kind === "model" && item.variables.length > 0) {
    const title = "a model takes no variables: nothing would bind them";
    const span = item.variables[0]!.span;
    reporter.report(syntax.misplacedStatement(span, title, "name dimensions of the file instead"));
  }
  const mayBeOpen = item.kind === "layer";
  const declared = item.args.map((a) => a.type);
  for (const type of item.kind === "train" ? declared : [...declared, item.result]) {
    checkType(type, mayBeOpen, variableNames, checker);
  }
  checkBody(item, variableNames, checker);
}

const isJust = (d: DimExpr, name: string): boolean =>
  d.factors.length === 1 && d.factors[0]!.kind === "name" && d.factors[0]!.name === name;

/** Calls that go round, or too deep. */
function checkCalls(bodies: readonly BodyItem[], library: Library, reporter: Reporter): void {
  const heights = new Map<LayerItem, number>();
  const path: string[] = [];
  let isStopped = false;

  const height = (layer: LayerRef): number => {
    const before = heights.get(layer.item);
    if (before !== undefined) return before;
    path.push(layer.item.name.text);
    let most = 0;
    for (const { call, layer: callee } of calledLayers(library, layer.item.body, layer.isStd)) {
      if (isStopped) break;
      const name = callee.item.name.text;
      if (!callee.isStd && path.includes(name)) {
        isStopped = true;
        reporter.report(names.recursion(call.span, [...path.slice(path.indexOf(name)), name]));
      } else if (
        path.length >= CALL_DEPTH ||
        path.length + (heights.get(callee.item) ?? 0) >= CALL_DEPTH
      ) {
        isStopped = true;
        reporter.report(types.programTooLarge(call.span, `calls more than ${CALL_DEPTH} deep`));
      } else {
        most = Math.max(most, height(callee));
      }
    }
    path.pop();
    heights.set(layer.item, most + 1);
    return most + 1;
  };
  for (const item of bodies) {
    if (item.kind !== "train" && !isStopped) height({ item, isStd: false });
  }
}

/** Layers of the file that no model and no train reaches; not said of a file of layers only. */
function unusedLayers(bodies: readonly BodyItem[], library: Library, reporter: Reporter): void {
  if (reporter.hasErrors || bodies.every((item) => item.kind === "layer")) return;
  const reached = new Set<BodyItem>();
  const pending = bodies.filter((item) => item.kind !== "layer");
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (reached.has(item)) continue;
    reached.add(item);
    for (const { layer } of calledLayers(library, item.body, false)) {
      if (!layer.isStd) pending.push(layer.item);
    }
  }
  for (const item of bodies) {
    if (!reached.has(item)) reporter.report(names.unused(item.name.span, "layer", item.name.text));
  }
}
