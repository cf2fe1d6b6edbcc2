/**
 * The parts of a GGUF file, read without trusting it: values by key, tensors by name.
 *
 *     "GGUF" | u32 version | u64 tensors | u64 values
 *     values:    text key, u32 type, the value
 *     tensors:   text name, u32 rank, u64 sizes (the fastest first), u32 type, u64 offset
 *     padding, then the data; offsets count from its start
 *
 * Little endian. A text is a u64 length and UTF-8. Nothing is allocated by a number in the file before
 * the bytes that it announces are known to be there.
 */
import {
  ggufCutOff,
  ggufHeader,
  ggufMagic,
  ggufTensorPlace,
  ggufTensorType,
  ggufVersion,
} from "../compiler/messages/gguf.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import {
  alignUp,
  DEFAULT_ALIGNMENT,
  type GgufValue,
  type Scalar,
  type ScalarType,
  TENSOR_TYPES,
  type TensorType,
  tensorBytes,
  tensorTypeName,
  tensorTypes,
  VALUE_BYTES,
  valueTypes,
} from "./gguf_types.ts";
import { elementsOf } from "./tensor.ts";

/** A tensor where it lies. */
export interface GgufTensor {
  readonly type: TensorType;
  /** Row-major: the reverse of the order in the file. */
  readonly shape: readonly number[];
  /** A view of the file's bytes. */
  readonly data: Uint8Array;
}

export interface GgufParts {
  /** In the order of the file. */
  readonly values: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const MAGIC = "GGUF";
const MAX_RANK = 4;

/** Fewest bytes of an entry: a value of one byte with an empty key, a tensor of rank 0 with no name. */
const ENTRY_BYTES = { value: 8 + 4 + 1, tensor: 8 + 4 + 4 + 8 } as const;

/** Whether bytes begin as a GGUF file does. */
export function isGguf(bytes: Uint8Array): boolean {
  return [...MAGIC].every((c, i) => bytes[i] === c.charCodeAt(0));
}

/** Reads the bytes of a file called `name`. Throws a `UserError` (E0788 to E0793). */
export function parseGgufParts(bytes: Uint8Array, name: string): GgufParts {
  if (!isGguf(bytes)) fail(ggufMagic(name, bytes.length));
  const cursor = createCursor(bytes, name);
  cursor.skip(MAGIC.length);
  const version = Number(cursor.scalar("u32", "its version"));
  if (version !== 2 && version !== 3) fail(ggufVersion(name, version));
  const tensorCount = cursor.count("tensors", ENTRY_BYTES.tensor);
  const valueCount = cursor.count("values", ENTRY_BYTES.value);

  const values = new Map<string, GgufValue>();
  for (let i = 0; i < valueCount; i++) {
    const key = cursor.text(`the key of value ${i}`);
    if (values.has(key)) cursor.wrong(`the key \`${key}\` occurs twice`);
    values.set(key, readValue(cursor, key));
  }
  const entries: Entry[] = [];
  const names = new Set<string>();
  for (let i = 0; i < tensorCount; i++) {
    const entry = readEntry(cursor, i, name);
    if (names.has(entry.key)) cursor.wrong(`the tensor \`${entry.key}\` occurs twice`);
    names.add(entry.key);
    entries.push(entry);
  }
  const alignment = alignmentOf(values, cursor);
  const data = bytes.subarray(Math.min(bytes.length, alignUp(cursor.at(), alignment)));
  checkPlaces(entries, data.length, alignment, name);

  const tensors = new Map<string, GgufTensor>();
  for (const { key, type, shape, begin, end } of entries) {
    tensors.set(key, { type, shape, data: data.subarray(begin, end) });
  }
  return { values, tensors };
}

function fail(diagnostic: Diagnostic): never {
  throw new UserError(diagnostic);
}

/** Reads a file from front to back; `what` is for the message if it ends. */
interface Cursor {
  at(): number;
  skip(bytes: number): void;
  scalar(type: ScalarType, what: string): Scalar;
  text(what: string): string;
  /** A u64 that counts `what`, each of `least` bytes or more. */
  count(what: string, least: number): number;
  wrong(what: string): never;
}

function createCursor(bytes: Uint8Array, name: string): Cursor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let at = 0;
  const take = (size: number, what: string): number => {
    if (size > bytes.length - at) fail(ggufCutOff(name, what, at, bytes.length));
    at += size;
    return at - size;
  };
  const wrong = (what: string): never => fail(ggufHeader(name, what, at));
  const count = (what: string, least: number): number => {
    const announced = view.getBigUint64(take(8, `the number of ${what}`), true);
    const room = Math.floor((bytes.length - at) / least);
    if (announced > BigInt(room)) {
      const number = announced.toLocaleString("en");
      return wrong(`it announces ${number} ${what}, and there is room for at most ${room}`);
    }
    return Number(announced);
  };
  const text = (what: string): string => {
    const length = count(`bytes of ${what}`, 1);
    const from = take(length, what);
    try {
      return decoder.decode(bytes.subarray(from, from + length));
    } catch {
      return wrong(`${what} is not UTF-8`);
    }
  };
  const scalar = (type: ScalarType, what: string): Scalar => {
    if (type === "string") return text(what);
    const from = take(VALUE_BYTES[type], what);
    switch (type) {
      case "u8":
        return view.getUint8(from);
      case "i8":
        return view.getInt8(from);
      case "u16":
        return view.getUint16(from, true);
      case "i16":
        return view.getInt16(from, true);
      case "u32":
        return view.getUint32(from, true);
      case "i32":
        return view.getInt32(from, true);
      case "f32":
        return view.getFloat32(from, true);
      case "f64":
        return view.getFloat64(from, true);
      case "u64":
        return view.getBigUint64(from, true);
      case "i64":
        return view.getBigInt64(from, true);
      case "bool": {
        const byte = view.getUint8(from);
        return byte > 1 ? wrong(`${what} is neither true nor false but ${byte}`) : byte === 1;
      }
      default:
        return type satisfies never;
    }
  };
  return { at: () => at, skip: (size) => void take(size, "its start"), scalar, text, count, wrong };
}

function readValue(cursor: Cursor, key: string): GgufValue {
  const what = `\`${key}\``;
  const type = readType(cursor, what);
  if (type !== "array") return { type, value: cursor.scalar(type, what) };
  const of = readType(cursor, what);
  if (of === "array") return cursor.wrong(`${what} is a list of lists`);
  const length = cursor.count(`items of ${what}`, VALUE_BYTES[of]);
  const items: Scalar[] = [];
  for (let i = 0; i < length; i++) items.push(cursor.scalar(of, what));
  return { type, of, items };
}

function readType(cursor: Cursor, what: string) {
  const id = Number(cursor.scalar("u32", `the type of ${what}`));
  return valueTypes[id] ?? cursor.wrong(`${what} is of the unknown type ${id}`);
}

interface Entry {
  readonly key: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readEntry(cursor: Cursor, index: number, name: string): Entry {
  const key = cursor.text(`the name of tensor ${index}`);
  const what = `tensor \`${key}\``;
  const rank = Number(cursor.scalar("u32", what));
  if (rank > MAX_RANK) cursor.wrong(`${what} has ${rank} dimensions`);
  const sizes = Array.from({ length: rank }, () => Number(cursor.scalar("u64", what)));
  const shape = sizes.reverse();
  const id = Number(cursor.scalar("u32", what));
  const type = tensorTypes.find((t) => TENSOR_TYPES[t].id === id);
  if (type === undefined) fail(ggufTensorType(name, key, tensorTypeName(id), tensorTypes));
  const begin = Number(cursor.scalar("u64", what));
  const elements = elementsOf(shape);
  const isWhole = (shape[rank - 1] ?? 1) % TENSOR_TYPES[type].block === 0;
  const end = begin + tensorBytes(type, elements);
  if (!isWhole || !Number.isSafeInteger(elements) || !Number.isSafeInteger(end)) {
    cursor.wrong(`${what} is ${type} [${shape.join(", ")}], which no file can hold`);
  }
  return { key, type, shape, begin, end };
}

/** As in llama.cpp, any power of two. */
function alignmentOf(values: ReadonlyMap<string, GgufValue>, cursor: Cursor): number {
  const given = values.get("general.alignment");
  if (given === undefined) return DEFAULT_ALIGNMENT;
  const alignment = given.type === "u32" ? Number(given.value) : 0;
  const isPower = alignment > 0 && Number.isInteger(Math.log2(alignment));
  return isPower
    ? alignment
    : cursor.wrong("`general.alignment` is not a u32 that is a power of 2");
}

/** Tensors lie inside the data, aligned, apart, and with nothing but padding between and behind them. */
function checkPlaces(
  entries: readonly Entry[],
  dataBytes: number,
  alignment: number,
  name: string,
): void {
  let covered = 0;
  let previous = "";
  const wrong = (what: string): never => fail(ggufTensorPlace(name, what));
  for (const { key, begin, end } of entries.toSorted(
    (a, b) => a.begin - b.begin || a.end - b.end,
  )) {
    const place = `tensor \`${key}\` takes bytes ${begin} to ${end} of ${dataBytes} bytes of data`;
    if (end > dataBytes) wrong(place);
    if (begin % alignment !== 0) wrong(`${place}, which is not aligned to ${alignment}`);
    if (begin < covered) wrong(`tensors \`${previous}\` and \`${key}\` overlap at byte ${begin}`);
    if (begin > alignUp(covered, alignment)) {
      wrong(`data bytes ${covered} to ${begin} belong to no tensor`);
    }
    covered = end;
    previous = key;
  }
  if (dataBytes > alignUp(covered, alignment)) {
    wrong(`data bytes ${covered} to ${dataBytes} belong to no tensor`);
  }
}
