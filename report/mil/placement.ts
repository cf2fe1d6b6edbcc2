/**
 * Apple's own placement: what its segmenter wrote on the statements of a program.
 *
 *     BackendSupport = list<string, 2>(["ane", "cpu"])
 *     EstimatedRuntime = dict<string, fp64>({{"ane", 0x1p-3}})
 *     ValidationMessage = dict<string, string>({{"ane", "Unsupported MIL operation \"lstm\"."}})
 */
import { numberValue } from "../../compiler/mil/numbers.ts";
import { find, type MilFunction, type Statement, type Value } from "../../compiler/mil/tree.ts";
import type { PlacementRow } from "../model/data.ts";

/** Messages that are listed for one op. */
const MOST_MESSAGES = 8;

/** One row an op, by falling count; none where no statement has such attributes. */
export function placementRows(functions: readonly MilFunction[]): PlacementRow[] {
  const rows = new Map<string, Row>();
  for (const s of functions.flatMap((f) => f.body)) {
    const { supported, milliseconds, messages } = placementOf(s);
    if (supported.length + milliseconds.length + messages.length === 0) continue;
    const row = rows.get(s.op) ?? newRow(s.op);
    rows.set(s.op, row);
    row.count += 1;
    for (const device of supported) row.supported.set(device, (row.supported.get(device) ?? 0) + 1);
    for (const [device, ms] of milliseconds)
      row.milliseconds.set(device, (row.milliseconds.get(device) ?? 0) + ms);
    for (const [device, text] of messages) {
      const isNew = !row.messages.some(([d, t]) => d === device && t === text);
      if (isNew && row.messages.length < MOST_MESSAGES) row.messages.push([device, text]);
    }
  }
  return [...rows.values()]
    .sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1))
    .map(({ op, count, supported, milliseconds, messages }) => ({
      ...{ op, count, messages },
      supported: Object.fromEntries(supported),
      milliseconds: Object.fromEntries(milliseconds),
    }));
}

interface Row {
  readonly op: string;
  count: number;
  readonly supported: Map<string, number>;
  readonly milliseconds: Map<string, number>;
  readonly messages: [string, string][];
}

const newRow = (op: string): Row => ({
  ...{ op, count: 0, messages: [] },
  supported: new Map(),
  milliseconds: new Map(),
});

/** What one statement says. */
export function placementOf(s: Statement): {
  readonly supported: readonly string[];
  readonly milliseconds: readonly (readonly [string, number])[];
  readonly messages: readonly (readonly [string, string])[];
} {
  const value = (name: string): Value | undefined => bare(find(s.attributes, name)?.value);
  const support = value("BackendSupport");
  return {
    supported: support?.kind === "list" ? support.items.flatMap(textOf) : [],
    milliseconds: entriesOf(value("EstimatedRuntime")).flatMap(([k, v]) =>
      v.kind === "number" && Number.isFinite(numberValue(v.text))
        ? [[k, numberValue(v.text)] as const]
        : [],
    ),
    messages: entriesOf(value("ValidationMessage")).flatMap(([k, v]) =>
      textOf(v).map((text) => [k, text] as const),
    ),
  };
}

function bare(value: Value | undefined): Value | undefined {
  return value?.kind === "typed" ? bare(value.value) : value;
}

function entriesOf(value: Value | undefined): (readonly [string, Value])[] {
  if (value?.kind !== "dict") return [];
  return value.entries.flatMap(([k, v]) => {
    const inner = bare(v);
    return inner === undefined ? [] : textOf(k).map((key) => [key, inner] as const);
  });
}

function textOf(value: Value): string[] {
  const inner = bare(value);
  return inner?.kind === "string" ? [inner.value] : [];
}
