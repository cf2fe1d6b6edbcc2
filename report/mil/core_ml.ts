/** What stands beside the program in a compiled Core ML model. All of it may be missing. */

import { parseMil } from "../../compiler/mil/parse.ts";
import type { MilProgram } from "../../compiler/mil/tree.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { bytesText } from "../../compiler/support/numbers.ts";
import { boundedBytes, insideFile, MOST_TEXT } from "../files.ts";

export type Metadata = readonly (readonly [field: string, value: string])[];

const MOST_METADATA = 8 * 2 ** 20;
/** Rows of metadata, and letters of one. */
const MOST_ROWS = 200;
const LONGEST = 300;
const DEEPEST = 6;

/** The fields of metadata.json, nested ones by their path; empty if there is none. */
export function metadataOf(folder: string): Metadata {
  const path = insideFile(folder, "metadata.json");
  if (path === undefined) return [];
  try {
    const text = new TextDecoder().decode(boundedBytes(path, MOST_METADATA));
    const rows: (readonly [string, string])[] = [];
    flatten(JSON.parse(text), "", 0, rows);
    return rows;
  } catch (error) {
    if (error instanceof SyntaxError) return [["metadata.json", "is not JSON"]];
    throw error;
  }
}

function flatten(
  value: unknown,
  path: string,
  depth: number,
  rows: (readonly [string, string])[],
): void {
  if (rows.length >= MOST_ROWS) return;
  const isLeaf = typeof value !== "object" || value === null;
  if (isLeaf || depth === DEEPEST) {
    const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
    if (text !== "")
      rows.push([path, text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text]);
    return;
  }
  // The file is a list of one object, which says nothing.
  const isOuter = depth === 0 && Array.isArray(value) && value.length === 1;
  for (const [key, item] of Object.entries(value)) {
    const name = isOuter ? "" : path === "" ? key : `${path}.${key}`;
    flatten(item, name, isOuter ? 0 : depth + 1, rows);
    if (isOuter) return;
  }
}

export interface Analytics {
  /** With Apple's attributes on its statements, where the folder has it as text. */
  readonly program?: MilProgram;
  readonly notes: readonly string[];
}

const TEXTS = ["analytics.mil", "analytics/analytics.mil", "analytics/model.mil"];

/** The placement of Apple's segmenter, if it stands in a file of its own. */
export function analyticsOf(folder: string): Analytics {
  const notes: string[] = [];
  const data = insideFile(folder, "analytics/coremldata.bin");
  if (data !== undefined) {
    const size = boundedBytes(data, MOST_TEXT).length;
    notes.push(`analytics/coremldata.bin, ${bytesText(size)}: of a form that is not public`);
  }
  for (const name of TEXTS) {
    const path = insideFile(folder, name);
    if (path === undefined) continue;
    try {
      const text = new TextDecoder().decode(boundedBytes(path, MOST_TEXT));
      return { program: parseMil({ path, text }), notes: [...notes, `${name}, read`] };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      notes.push(`${name} is no MIL text`);
    }
  }
  return { notes };
}
