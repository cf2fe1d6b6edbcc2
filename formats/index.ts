/**
 * Formats of models: one entry each. Reading finds the format by the contents of a file, writing by its
 * name or `--to`.
 */
import * as fs from "node:fs";
import { extname } from "node:path";
import { unknownFormat, unknownOutputFormat } from "../compiler/messages/formats.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { anecFormat } from "../training/anec_format.ts";
import { blztFormat } from "./blzt.ts";
import { readingFile } from "./files.ts";
import { type Format, PROBE_BYTES, type Probe, type ReadOptions } from "./format.ts";
import { ggufFormat } from "./gguf.ts";
import { hfFormat } from "./hf.ts";
import { llama2cFormat } from "./llama2c.ts";
import type { WeightSet } from "./weights.ts";

/** In the order in which they are looked for. */
export const formats: readonly Format[] = [
  anecFormat,
  hfFormat,
  ggufFormat,
  blztFormat,
  llama2cFormat,
];

/** What formats are recognised by. Throws a `UserError` (E0702, E0706, E0707). */
export function probe(path: string): Probe {
  return readingFile(path, () => {
    if (fs.statSync(path).isDirectory()) {
      return { path, folder: fs.readdirSync(path).sort(), head: new Uint8Array(0), size: 0 };
    }
    const file = fs.openSync(path, "r");
    try {
      const head = new Uint8Array(PROBE_BYTES);
      const got = fs.readSync(file, head, 0, PROBE_BYTES, 0);
      return { path, folder: null, head: head.subarray(0, got), size: fs.fstatSync(file).size };
    } finally {
      fs.closeSync(file);
    }
  });
}

/** What a path begins with, and the format that this is of, if any. Throws the `UserError` of `probe`. */
export function formatAt(path: string): {
  readonly seen: Probe;
  readonly format: Format | undefined;
} {
  const seen = probe(path);
  return { seen, format: formats.find((format) => format.detect(seen)) };
}

/** The format of a path. Throws a `UserError` (E0740) if it is none of ours. */
export function detectFormat(path: string): Format {
  const { seen, format } = formatAt(path);
  if (format !== undefined) return format;
  throw new UserError(
    unknownFormat(
      path,
      seen.folder,
      formats.map((f) => f.doc),
    ),
  );
}

/** The weights at a path, whatever the format. Throws a `UserError`. */
export function readWeights(path: string, options: ReadOptions = {}): WeightSet {
  return detectFormat(path).read(path, options);
}

/** Formats that can be written. */
export function writableFormats(): readonly Format[] {
  return formats.filter((format) => format.write !== undefined);
}

/** The format that a name of a file asks for; a name without an extension is a folder. Throws E0741. */
export function formatForOutput(path: string): Format {
  const extension = extname(path).toLowerCase();
  const found = writableFormats().find((f) =>
    extension === "" ? f.extensions.length === 0 : f.extensions.includes(extension),
  );
  if (found !== undefined) return found;
  throw new UserError(
    unknownOutputFormat(
      path,
      extension,
      writableFormats().map((f) => f.name),
    ),
  );
}
