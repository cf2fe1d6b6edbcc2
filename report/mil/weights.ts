/** The weights of a MIL function, and what their values are as far as the weight file is there. */
import {
  type BlobRecord,
  blobBytes,
  blobValues,
  readBlobRecord,
} from "../../compiler/bundle/blob.ts";
import { blobPlace } from "../../compiler/mil/check_literal.ts";
import { printType } from "../../compiler/mil/print.ts";
import { bytesOf } from "../../compiler/mil/stats.ts";
import type { MilFunction, MilType, Value } from "../../compiler/mil/tree.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import type { ValueStats, WeightRow } from "../model/data.ts";

/** The bytes of a weight file as a program names it, or why there are none. */
export type WeightBytes = (name: string) => Uint8Array | { readonly problem: string };

/** Weights that are listed, and values of each one that are looked at. */
const MOST_ROWS = 5000;
const MOST_VALUES = 2 ** 20;
const MOST_IN_ALL = 2 ** 26;
const BINS = 32;

/** One row for each place of a weight file that the function names, in the order of the text. */
export function weightRows(f: MilFunction, bytesOfFile: WeightBytes): WeightRow[] {
  const rows: WeightRow[] = [];
  let budget = MOST_IN_ALL;
  for (const s of f.body) {
    const name = s.results[0]?.name ?? s.op;
    for (const a of [...s.args, ...s.attributes]) {
      const type = s.op === "const" ? s.results[0]?.type : undefined;
      for (const { blob, of } of blobsIn(a.value, type)) {
        if (rows.length === MOST_ROWS) return rows;
        const place = blobPlace(blob);
        if (place === undefined) continue;
        const label = s.op === "const" ? name : `${name}.${a.name}`;
        const read =
          budget > 0 ? look(bytesOfFile, place) : { problem: "not looked at: there are many" };
        if ("stats" in read) budget -= read.stats.looked;
        rows.push({
          ...{ name: label, op: s.op, type: of === undefined ? "" : printType(of) },
          bytes: (of === undefined ? undefined : bytesOf(of)) ?? 0,
          place: `${place.path} at ${place.offset}`,
          ...read,
        });
      }
    }
  }
  return rows;
}

type Blob = Value & { readonly kind: "blob" };

function blobsIn(
  value: Value,
  type: MilType | undefined,
): { readonly blob: Blob; readonly of: MilType | undefined }[] {
  switch (value.kind) {
    case "blob":
      return [{ blob: value, of: type }];
    case "typed":
      return blobsIn(value.value, value.type);
    case "tuple":
      return value.items.flatMap((item) => blobsIn(item, undefined));
    default:
      return [];
  }
}

function look(
  bytesOfFile: WeightBytes,
  { path, offset }: { readonly path: string; readonly offset: number },
): { readonly stats: ValueStats } | { readonly problem: string } {
  try {
    const bytes = bytesOfFile(path);
    if (!(bytes instanceof Uint8Array)) return bytes;
    return { stats: statsOf(readBlobRecord(bytes, offset, path)) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problem: error.diagnostics[0]?.title ?? error.message };
  }
}

/** Of the first 2²⁰ values: a distribution shows by then. */
export function statsOf(record: BlobRecord): ValueStats {
  const most = blobBytes(record.dtype, MOST_VALUES);
  const isCut = record.data.length > most;
  const part: BlobRecord = isCut
    ? { dtype: record.dtype, data: record.data.subarray(0, most) }
    : record;
  const values = blobValues(part);
  let [least, largest, sum, zeros, finite] = [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0,
    0,
    0,
  ];
  for (const v of values) {
    if (!Number.isFinite(v)) continue;
    finite += 1;
    sum += v;
    if (v === 0) zeros += 1;
    if (v < least) least = v;
    if (v > largest) largest = v;
  }
  if (finite === 0) [least, largest] = [0, 0];
  const histogram = new Array<number>(BINS).fill(0);
  const width = (largest - least) / BINS;
  for (const v of values) {
    if (!Number.isFinite(v)) continue;
    const bin = width > 0 ? Math.min(BINS - 1, Math.floor((v - least) / width)) : 0;
    histogram[bin]! += 1;
  }
  return {
    ...{ looked: values.length, least, most: largest, histogram },
    mean: finite === 0 ? 0 : sum / finite,
    zeros: values.length === 0 ? 0 : zeros / values.length,
    notFinite: values.length - finite,
  };
}
