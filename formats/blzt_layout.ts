/**
 * The bytes of BLZT checkpoints: a header of fixed size, then fp32 tensors without names.
 *
 *    0 i32 magic · 4 version · 8 step · 12 total_steps · 16 n_layers · 20 vocab_size · 24 dim
 *   28 hidden_dim · 32 n_heads · 36 seq_len · 40 f32 lr · 44 loss · 48 f64 cum_compile · 56 cum_train
 *   64 cum_wall · 72 i32 cum_steps · 76 cum_batches · 80 adam_t · 84 kv_heads · 88 head_dim · 92 q_dim
 *
 * Several programs write the format:
 *
 *   autoane    version 4; also the dynamic trainer of maderix/ANE, and ncdrone/autoresearch-ANE
 *   maderix    version 2, train_large: every head its own keys; offset 84 is unused or the size of a group
 *   fiale      version 2, fiale-plus/autoresearch-ane: offset 84 is kv_heads
 *   orion      version 2, mechramc/Orion: the header ends at 88, tensors in another order
 *
 * In the first three, each layer has its weights and then two moments of Adam for each; in Orion's, all
 * layers have their weights first. All tie the classifier to the embedding.
 */
import {
  blztField,
  blztOrigin,
  blztSize,
  blztVersion,
  notBlzt,
} from "../compiler/messages/blzt.ts";
import { grouped } from "../compiler/messages/files.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { elementsOf } from "./tensor.ts";

export const BLZT_MAGIC = 0x424c5a54;

/** Bytes of the header; Orion's is 8 shorter. */
export const BLZT_HEADER = 96;
const ORION_HEADER = 88;

export const blztOrigins = ["autoane", "maderix", "fiale", "orion"] as const;

export type BlztOrigin = (typeof blztOrigins)[number];

/** The header, by the names of its fields. */
export interface BlztHeader {
  readonly version: number;
  readonly step: number;
  readonly totalSteps: number;
  readonly layers: number;
  readonly vocabulary: number;
  readonly width: number;
  readonly hidden: number;
  readonly heads: number;
  readonly sequence: number;
  readonly lr: number;
  readonly loss: number;
  readonly cumCompile: number;
  readonly cumTrain: number;
  readonly cumWall: number;
  readonly cumSteps: number;
  readonly cumBatches: number;
  readonly adamT: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** heads · headSize. */
  readonly qWidth: number;
}

/** The fields in the order of the file, with their types. */
const FIELDS = [
  ...(["version", "step", "totalSteps", "layers", "vocabulary", "width"] as const).map(i32),
  ...(["hidden", "heads", "sequence"] as const).map(i32),
  ...(["lr", "loss"] as const).map((name) => ({ name, type: "f32" }) as const),
  ...(["cumCompile", "cumTrain", "cumWall"] as const).map(
    (name) => ({ name, type: "f64" }) as const,
  ),
  ...(["cumSteps", "cumBatches", "adamT", "kvHeads", "headSize", "qWidth"] as const).map(i32),
];

function i32<T extends keyof BlztHeader>(name: T) {
  return { name, type: "i32" } as const;
}

/** Whether a file that begins with `head` is BLZT. */
export function isBlzt(head: Uint8Array): boolean {
  return head.length >= 4 && viewOf(head).getInt32(0, true) === BLZT_MAGIC;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The bytes of a header of version 4. */
export function encodeBlztHeader(header: BlztHeader): Uint8Array {
  const bytes = new Uint8Array(BLZT_HEADER);
  const view = viewOf(bytes);
  view.setInt32(0, BLZT_MAGIC, true);
  let at = 4;
  for (const { name, type } of FIELDS) {
    if (type === "i32") view.setInt32(at, header[name], true);
    else if (type === "f32") view.setFloat32(at, header[name], true);
    else view.setFloat64(at, header[name], true);
    at += type === "f64" ? 8 : 4;
  }
  return bytes;
}

/** What stands at the places of the header; nothing is checked. */
function decode(head: Uint8Array): BlztHeader {
  const view = viewOf(head);
  const header: Record<string, number> = {};
  let at = 4;
  for (const { name, type } of FIELDS) {
    if (type === "i32") header[name] = view.getInt32(at, true);
    else if (type === "f32") header[name] = view.getFloat32(at, true);
    else header[name] = view.getFloat64(at, true);
    at += type === "f64" ? 8 : 4;
  }
  return header as unknown as BlztHeader;
}

/** A header that was understood: who wrote the file, and where each tensor is. */
export interface BlztLayout {
  readonly header: BlztHeader;
  readonly origin: BlztOrigin;
  readonly sections: readonly BlztSection[];
  /** Whether the moments of the embedding are in the file; some converters leave them out. */
  readonly complete: boolean;
}

/** A tensor of the file: the weight of a name of formats/weights.ts, or one of its moments. */
export interface BlztSection {
  readonly name: string;
  readonly part: "weight" | "first" | "second";
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** Ranges that are possible at all, so that sizes stay exact numbers. */
const RANGES: readonly (readonly [keyof BlztHeader, field: string, min: number, max: number])[] = [
  ["layers", "n_layers", 1, 256],
  ["vocabulary", "vocab_size", 1, 500_000],
  ["width", "dim", 1, 16_384],
  ["hidden", "hidden_dim", 1, 65_536],
  ["heads", "n_heads", 1, 256],
  ["sequence", "seq_len", 1, 1 << 20],
  ["step", "step", 0, 1e7],
  ["totalSteps", "total_steps", 0, 2 ** 31 - 1],
  ["cumSteps", "cum_steps", 0, 2 ** 31 - 1],
  ["cumBatches", "cum_batches", 0, 2 ** 31 - 1],
  ["adamT", "adam_t", 0, 1e7],
];
const FRACTIONS = [
  ["lr", "lr"],
  ["loss", "loss"],
  ["cumCompile", "cum_compile"],
  ["cumTrain", "cum_train"],
  ["cumWall", "cum_wall"],
] as const;

/**
 * Reads the first bytes of a file of `size` bytes, and checks them against the size. `origin` decides where a
 * file of version 2 could be of two programs. Throws a `UserError` (E0770 to E0774).
 */
export function readBlztLayout(
  path: string,
  head: Uint8Array,
  size: number,
  origin?: BlztOrigin,
): BlztLayout {
  if (!isBlzt(head)) fail(notBlzt(path, "it does not begin with `TZLB`"));
  if (size < ORION_HEADER || head.length < Math.min(size, BLZT_HEADER)) {
    fail(notBlzt(path, `${size} bytes are no header`));
  }
  // Orion's header and the fields that its version 2 lacks are read as zeros.
  const padded = new Uint8Array(BLZT_HEADER);
  padded.set(head.subarray(0, BLZT_HEADER));
  const raw = decode(padded);
  if (raw.version !== 4 && raw.version !== 2) fail(blztVersion(path, raw.version));
  if (raw.version === 4 && size < BLZT_HEADER) fail(notBlzt(path, `${size} bytes are no header`));
  for (const [name, field, min, max] of RANGES) {
    if (raw[name] < min || raw[name] > max) {
      fail(blztField(path, field, raw[name], `from ${grouped(min)} to ${grouped(max)}`));
    }
  }
  for (const [name, field] of FRACTIONS) {
    if (!Number.isFinite(raw[name])) fail(blztField(path, field, raw[name], "a finite number"));
  }
  const header = raw.version === 4 ? checkHeads(path, raw) : raw;
  const candidates = raw.version === 4 ? [found("autoane", header)] : versionTwo(path, raw, origin);
  const fitting = candidates.filter((c) => c.sizes.includes(size));
  const [first] = fitting;
  if (first === undefined) {
    fail(blztSize(path, size, [...new Set(candidates.flatMap((c) => c.sizes))], modelText(header)));
  }
  if (fitting.length > 1) fail(blztOrigin(path, ["maderix/ANE", "fiale-plus"], "--blzt-origin"));
  const complete = size === first.sizes[0];
  const sections = sectionsOf(first.header, first.origin).filter((s) => s.offset + s.bytes <= size);
  return { header: first.header, origin: first.origin, sections, complete };
}

function fail(diagnostic: ConstructorParameters<typeof UserError>[0]): never {
  throw new UserError(diagnostic);
}

/** The three fields that only version 4 has. */
function checkHeads(path: string, header: BlztHeader): BlztHeader {
  const { heads, kvHeads, headSize, qWidth } = header;
  if (kvHeads < 1 || kvHeads > heads || heads % kvHeads !== 0) {
    fail(blztField(path, "kv_heads", kvHeads, `a divisor of n_heads ${heads}`));
  }
  if (headSize < 2 || headSize > 1024 || headSize % 2 !== 0) {
    fail(blztField(path, "head_dim", headSize, "an even number from 2 to 1,024"));
  }
  if (qWidth !== heads * headSize) {
    fail(blztField(path, "q_dim", qWidth, `n_heads · head_dim, ${heads * headSize}`));
  }
  return header;
}

interface Candidate {
  readonly origin: BlztOrigin;
  readonly header: BlztHeader;
  /** The whole size, and the one without the moments of the embedding. */
  readonly sizes: readonly number[];
}

function found(origin: BlztOrigin, header: BlztHeader): Candidate {
  const whole = headerBytes(origin) + 12 * parametersOf(header);
  const short = origin === "autoane" ? [whole - 8 * header.vocabulary * header.width] : [];
  return { origin, header, sizes: [whole, ...short] };
}

/** What a header of version 2 can mean. The file's size decides among them. */
function versionTwo(path: string, raw: BlztHeader, origin: BlztOrigin | undefined): Candidate[] {
  const { width, heads } = raw;
  const headSize = width / heads;
  if (!Number.isInteger(headSize) || headSize % 2 !== 0 || headSize > 1024) {
    fail(blztField(path, "n_heads", heads, `such that dim ${width} makes heads of an even size`));
  }
  const withKeys = (kvHeads: number): BlztHeader => ({
    ...{ ...raw, kvHeads, headSize, qWidth: width },
  });
  const own = withKeys(heads);
  const field = raw.kvHeads;
  const candidates = [found("orion", own)];
  if (field > 0 && field < heads && heads % field === 0) {
    candidates.push(found("fiale", withKeys(field)));
  }
  // fiale writes its heads here; maderix nothing, or the size of a group, which may happen to be that number.
  candidates.push(found("maderix", own));
  if (field === heads) candidates.push(found("fiale", own));
  const chosen = candidates.filter((c) => c.origin === origin);
  return chosen.length === 0 ? candidates : chosen;
}

function headerBytes(origin: BlztOrigin): number {
  return origin === "orion" ? ORION_HEADER : BLZT_HEADER;
}

/** Parameters of the model of a header. */
export function parametersOf(header: BlztHeader): number {
  const { layers, width, vocabulary } = header;
  const layer = layerTensors(header, 0).reduce((n, [, shape]) => n + elementsOf(shape), 0);
  return layers * layer + width + vocabulary * width;
}

type Named = readonly [name: string, shape: readonly number[]];

const NORM = "model.norm.weight";
const EMBEDDING = "model.embed_tokens.weight";

/** In the order of version 4. */
function layerTensors(
  { width, hidden, kvHeads, headSize, qWidth }: BlztHeader,
  i: number,
): Named[] {
  const kv = kvHeads * headSize;
  const at = (name: string) => `model.layers.${i}.${name}.weight`;
  return [
    [at("self_attn.q_proj"), [qWidth, width]],
    [at("self_attn.k_proj"), [kv, width]],
    [at("self_attn.v_proj"), [kv, width]],
    [at("self_attn.o_proj"), [width, qWidth]],
    [at("mlp.gate_proj"), [hidden, width]],
    [at("mlp.down_proj"), [width, hidden]],
    [at("mlp.up_proj"), [hidden, width]],
    [at("input_layernorm"), [width]],
    [at("post_attention_layernorm"), [width]],
  ];
}

/** Places of `layerTensors` in Orion's order: norm, q, k, v, o, norm, gate, up, down. */
const ORION_ORDER = [7, 0, 1, 2, 3, 8, 4, 6, 5] as const;

/** Every tensor of a whole file, in its order. */
export function sectionsOf(header: BlztHeader, origin: BlztOrigin): BlztSection[] {
  const sections: BlztSection[] = [];
  let offset = headerBytes(origin);
  const add = (list: readonly Named[], ...parts: BlztSection["part"][]): void => {
    for (const [name, shape] of list) {
      for (const part of parts) {
        const bytes = 4 * elementsOf(shape);
        sections.push({ name, part, shape, offset, bytes });
        offset += bytes;
      }
    }
  };
  const layers = Array.from({ length: header.layers }, (_, i) => layerTensors(header, i));
  const norm: Named = [NORM, [header.width]];
  const embedding: Named = [EMBEDDING, [header.vocabulary, header.width]];
  if (origin === "orion") {
    const ordered = layers.map((layer) => ORION_ORDER.map((i) => layer[i]!));
    for (const layer of ordered) add(layer, "weight");
    for (const layer of ordered) {
      add(layer, "first");
      add(layer, "second");
    }
    add([embedding, norm], "weight");
    add([embedding, norm], "first", "second");
    return sections;
  }
  for (const layer of layers) {
    add(layer, "weight");
    add(layer, "first", "second");
  }
  add([norm, embedding], "weight", "first", "second");
  return sections;
}

function modelText(h: BlztHeader): string {
  return (
    `${h.layers} layers of width ${h.width} and ${h.hidden}, ${h.heads} heads` +
    (h.version === 4 ? ` of ${h.headSize} with ${h.kvHeads} for keys` : "") +
    `, a vocabulary of ${grouped(h.vocabulary)}`
  );
}
