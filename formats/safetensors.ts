/**
 * Safetensors: tensors by name in one file, read without trusting it and without copying it.
 *
 *     u64 header length | header: {"name": {"dtype", "shape", "data_offsets"}, …} | data
 *
 * Numbers are little endian, as on every machine that anec runs on. Offsets count from the start of
 * the data. Every byte of the data belongs to exactly one tensor; the reader checks that.
 */
import {
  count,
  safetensorsDtype,
  safetensorsDuplicate,
  safetensorsEntry,
  safetensorsGap,
  safetensorsHeaderLength,
  safetensorsHeaderText,
  safetensorsOverlap,
  safetensorsRange,
  safetensorsSize,
  safetensorsTooShort,
} from "../compiler/messages/files.ts";
import { invariant } from "../compiler/support/bug.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { readFileBytes, writeFileBytes } from "./files.ts";
import { duplicateKey, isObject } from "./json_keys.ts";
import {
  byteLengthOf,
  DTYPE_BYTES,
  type Dtype,
  dtypes,
  elementsOf,
  isDtype,
  type Tensor,
} from "./tensor.ts";

/** The contents of a safetensors file, in the order of the data. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit. */
const MAX_HEADER = 100_000_000;

/** Reads a file; the tensors are views of one buffer. Throws a `UserError` (E0702 to E0719). */
export function readSafetensors(path: string): Safetensors {
  return parseSafetensors(readFileBytes(path), path);
}

/** Reads the bytes of a file called `name`; the tensors are views of them. Throws a `UserError`. */
export function parseSafetensors(bytes: Uint8Array, name: string): Safetensors {
  if (bytes.length < 8) fail(safetensorsTooShort(name, bytes.length));
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER) || length > BigInt(bytes.length - 8)) {
    fail(safetensorsHeaderLength(name, length, bytes.length, MAX_HEADER));
  }
  const dataStart = 8 + Number(length);
  const header = parseHeader(bytes.subarray(8, dataStart), name);
  const data = bytes.subarray(dataStart);

  let metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [key, value] of Object.entries(header)) {
    if (key === "__metadata__") metadata = checkMetadata(value, name);
    else entries.push(checkEntry(key, value, data.length, name));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(entries, data.length, name);

  const tensors = new Map<string, Tensor>();
  for (const { key, dtype, shape, begin, end } of entries) {
    tensors.set(key, { dtype, shape, data: data.subarray(begin, end) });
  }
  return { tensors, metadata };
}

interface Entry {
  readonly key: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function fail(diagnostic: Diagnostic): never {
  throw new UserError(diagnostic);
}

function parseHeader(bytes: Uint8Array, name: string): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    fail(safetensorsHeaderText(name, (error as Error).message));
  }
  if (!isObject(header)) fail(safetensorsHeaderText(name, `it is ${kindOf(header)}`));
  const twice = duplicateKey(text);
  if (twice !== undefined) fail(safetensorsDuplicate(name, twice));
  return header;
}

function checkMetadata(value: unknown, name: string): Record<string, string> {
  if (!isObject(value)) fail(safetensorsEntry(name, "__metadata__", `expected an object as value`));
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      fail(
        safetensorsEntry(
          name,
          "__metadata__",
          `\`${key}\` is ${kindOf(text)}, not a text, in the value`,
        ),
      );
    }
  }
  return value as Record<string, string>;
}

const FIELDS: readonly string[] = ["dtype", "shape", "data_offsets"];

function checkEntry(key: string, value: unknown, dataBytes: number, name: string): Entry {
  const wrong = (what: string): never => fail(safetensorsEntry(name, key, what));
  if (!isObject(value)) return wrong("expected an object as value");
  for (const field of FIELDS) if (!Object.hasOwn(value, field)) wrong(`missing \`${field}\``);
  for (const field of Object.keys(value)) {
    if (!FIELDS.includes(field)) wrong(`unexpected field \`${field}\``);
  }

  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") return wrong("expected a text as `dtype`");
  if (!isDtype(dtype)) return fail(safetensorsDtype(name, key, dtype, dtypes));
  if (!isSizes(shape)) return wrong("expected a list of whole numbers as `shape`");
  if (!isSizes(offsets) || offsets.length !== 2) {
    return wrong("expected two whole numbers as `data_offsets`");
  }

  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataBytes) fail(safetensorsRange(name, key, begin, end, dataBytes));
  const needed = elementsOf(shape) * DTYPE_BYTES[dtype];
  if (needed !== end - begin) {
    const needs = Number.isSafeInteger(needed)
      ? count(needed, "byte")
      : "more than any file can hold";
    fail(safetensorsSize(name, key, `${dtype} [${shape.join(", ")}]`, needs, end - begin));
  }
  return { key, dtype, shape, begin, end };
}

/** `entries` are sorted by where they begin. */
function checkCover(entries: readonly Entry[], dataBytes: number, name: string): void {
  let covered = 0;
  let previous = "";
  for (const { key, begin, end } of entries) {
    if (begin < covered) fail(safetensorsOverlap(name, previous, key, begin));
    if (begin > covered) fail(safetensorsGap(name, covered, begin));
    covered = end;
    previous = key;
  }
  if (covered < dataBytes) fail(safetensorsGap(name, covered, dataBytes));
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * The bytes of a file, in chunks: its header, and each tensor when its turn comes. Wide types come first and
 * names are sorted, so that equal contents give equal bytes and every tensor is aligned to its type.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Iterable<Uint8Array> {
  const sorted = [...tensors].sort(
    ([a, x], [b, y]) => DTYPE_BYTES[y.dtype] - DTYPE_BYTES[x.dtype] || (a < b ? -1 : 1),
  );
  const header: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) {
    const keys = Object.keys(metadata).sort();
    header.push(["__metadata__", Object.fromEntries(keys.map((key) => [key, metadata[key]]))]);
  }
  let offset = 0;
  for (const [key, tensor] of sorted) {
    invariant(key !== "__metadata__", "no tensor may be called `__metadata__`");
    const { dtype, shape } = tensor;
    const end = offset + byteLengthOf(tensor);
    header.push([key, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const pairs = header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const text = new TextEncoder().encode(`{${pairs.join(",")}}`);
  const padded = Math.ceil(text.length / 8) * 8;
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(text, 8);
  return chunksOf(head, sorted);
}

function* chunksOf(
  head: Uint8Array,
  tensors: readonly (readonly [string, Tensor])[],
): Generator<Uint8Array> {
  yield head;
  for (const [key, tensor] of tensors) {
    const { data } = tensor;
    const bytes = byteLengthOf(tensor);
    invariant(data.length === bytes, `tensor ${key}: ${data.length} bytes, not ${bytes}`);
    yield data;
  }
}

/** Writes a file whole or not at all. Throws a `UserError` (E0701 to E0707). */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  writeFileBytes(path, encodeSafetensors(tensors, metadata));
}
