/**
 * Weights where a text is wanted: what the file is, by its contents, and the command that takes it.
 *
 * Texts have no zero byte, and files of weights have one in their first bytes.
 */
import { statSync } from "node:fs";
import { textExpected, valuesExpected } from "../compiler/messages/misplaced.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Probe } from "../formats/format.ts";
import { formatAt } from "../formats/index.ts";
import { anecFormat } from "../training/anec_format.ts";

const SAFETENSORS = "safetensors: tensors by name, without a model";

/** What a path holds: the line of its format, and whether `--values` and `anec report` take it. */
interface Weights {
  readonly doc: string;
  readonly isForValues: boolean;
  readonly isModel: boolean;
}

/** Throws a `UserError` (E0835) if there are weights at `path`; `wanted` is the text that belongs there. */
export function refuseWeights(path: string, wanted: string): void {
  const found = weightsAt(path);
  if (found !== undefined) throw new UserError(textExpected({ path, wanted, ...found }));
}

/** Throws a `UserError` (E0836) if `--values` names a model of another program. */
export function checkValuesFile(path: string): void {
  const found = weightsAt(path);
  if (found?.isForValues === false) throw new UserError(valuesExpected(path, found.doc));
}

/** Undefined for what is no file of weights, or is not there. Pipes are left alone: reading would empty them. */
function weightsAt(path: string): Weights | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true && found?.isDirectory() !== true) return undefined;
  const { seen, format } = formatAt(path);
  if (seen.folder === null && !seen.head.includes(0)) return undefined;
  if (format !== undefined)
    return { doc: format.doc, isForValues: format === anecFormat, isModel: true };
  return isSafetensors(seen) ? { doc: SAFETENSORS, isForValues: true, isModel: false } : undefined;
}

/** Whether a file, whole or cut off, begins as safetensors: eight bytes of a length, then a bracket. */
export function beginsAsSafetensors({ head }: Probe): boolean {
  return head[8] === "{".charCodeAt(0);
}

/** A header that is no longer than its file. */
function isSafetensors(seen: Probe): boolean {
  if (!beginsAsSafetensors(seen)) return false;
  const { head, size } = seen;
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  return length <= BigInt(size - 8);
}
