/**
 * What the header of a BLZT checkpoint cannot hold: `NAME.bin.json` beside `NAME.bin`.
 *
 *     {"format": "anec blzt sidecar", "version": 1, "sha256": "…", "name": "smollm2_135m",
 *      "rope": {"theta": 100000, "pairing": "interleaved"}, "norm_eps": 0.00001, "residual_scale": 1,
 *      "context": 256, "dtypes": {"model.norm.weight": "BF16"}, "tokenizer": null}
 *
 * `sha256` is that of the whole checkpoint, so that a file which another program has written anew is noticed.
 * `dtypes` are the types of tensors before they became fp32, where they were others.
 */
import * as fs from "node:fs";
import { blztSidecarDamaged } from "../compiler/messages/blzt.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { readTextBytes, writeFileBytes } from "./files.ts";
import { isObject } from "./json_keys.ts";
import { isTokenizerData } from "./tokenizer_data.ts";
import type { TokenizerData } from "./weights.ts";

export interface BlztSidecar {
  /** Of the checkpoint, in hex. */
  readonly sha256: string;
  readonly name: string;
  readonly ropeTheta: number;
  readonly normEps: number;
  readonly residualScale: number;
  readonly context: number;
  readonly dtypes: Readonly<Record<string, "F16" | "BF16">>;
  readonly tokenizer: TokenizerData | null;
}

const FORMAT = "anec blzt sidecar";
const VERSION = 1;
/** Tokenizers of 150,000 ids take about 12 MB. */
const MOST_BYTES = 64 << 20;

/** `NAME.bin.json`. */
export function sidecarPath(path: string): string {
  return `${path}.json`;
}

/** Writes the file beside `path`. Throws a `UserError` (E0701 to E0707). */
export function writeBlztSidecar(path: string, sidecar: BlztSidecar): void {
  const { sha256, name, ropeTheta, normEps, residualScale, context, dtypes, tokenizer } = sidecar;
  const json = {
    ...{ format: FORMAT, version: VERSION, sha256, name },
    rope: { theta: ropeTheta, pairing: "interleaved" },
    ...{ norm_eps: normEps, residual_scale: residualScale, context, dtypes, tokenizer },
  };
  writeFileBytes(sidecarPath(path), Buffer.from(`${JSON.stringify(json, null, 2)}\n`));
}

/** The file beside `path`, or undefined when there is none. Throws a `UserError` (E0777, E0702 to E0707). */
export function readBlztSidecar(path: string): BlztSidecar | undefined {
  const own = sidecarPath(path);
  const found = fs.statSync(own, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  return parse(
    readJsonFile(own, found.size, (what) => blztSidecarDamaged(own, what)),
    own,
  );
}

/** A JSON object from a file of a sane size. `damaged` makes the message. */
export function readJsonFile(
  path: string,
  size: number,
  damaged: (what: string) => Diagnostic,
): Record<string, unknown> {
  if (size > MOST_BYTES) throw new UserError(damaged(`it has ${size} bytes`));
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(readTextBytes(path)).toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(damaged("it is not JSON"));
    throw error;
  }
  if (!isObject(value)) throw new UserError(damaged("it is not a JSON object"));
  return value;
}

function parse(json: Record<string, unknown>, path: string): BlztSidecar {
  const need = (isRight: boolean, what: string): void => {
    if (!isRight) throw new UserError(blztSidecarDamaged(path, what));
  };
  const { format, version, sha256, name, rope, context, dtypes, tokenizer } = json;
  const { norm_eps: normEps, residual_scale: residualScale } = json;
  need(format === FORMAT, `its \`format\` is not "${FORMAT}"`);
  need(version === VERSION, `its \`version\` is not ${VERSION}`);
  need(typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256), "its `sha256` is no digest");
  need(typeof name === "string", "its `name` is not a text");
  need(isObject(rope) && isAboveZero(rope["theta"]), "`rope.theta` is not a number above 0");
  need(
    isObject(rope) && rope["pairing"] === "interleaved",
    '`rope.pairing` is not "interleaved", which is the order of BLZT',
  );
  need(isAboveZero(normEps), "its `norm_eps` is not a number above 0");
  need(isAboveZero(residualScale), "its `residual_scale` is not a number above 0");
  need(
    Number.isSafeInteger(context) && (context as number) > 0,
    "its `context` is no whole number",
  );
  need(
    isObject(dtypes) && Object.values(dtypes).every((d) => d === "F16" || d === "BF16"),
    "its `dtypes` are not F16 or BF16 by name",
  );
  need(tokenizer === null || isTokenizerData(tokenizer), "its `tokenizer` makes no sense");
  return {
    sha256: sha256 as string,
    name: name as string,
    ropeTheta: (rope as { theta: number }).theta,
    normEps: normEps as number,
    residualScale: residualScale as number,
    context: context as number,
    dtypes: dtypes as BlztSidecar["dtypes"],
    tokenizer: tokenizer as TokenizerData | null,
  };
}

function isAboveZero(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}
