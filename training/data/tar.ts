/**
 * Reads the regular files of a gzipped tar archive in memory.
 *
 * Nothing is written to the disk. An entry whose path leads out of the archive (`/etc/x`, `a/../../x`)
 * is left out, as are links and devices.
 */
import { gunzipSync } from "node:zlib";

/** An archive that unpacks to more is taken for an attack. */
const MAX_UNPACKED = 1 << 30;
const BLOCK = 512;

/** The files of an archive by path, or a few words on why it cannot be read. */
export type Unpacked =
  | { readonly files: ReadonlyMap<string, Uint8Array> }
  | { readonly damage: string };

/** Unpacks an archive in memory. */
export function readTarGz(archive: Uint8Array): Unpacked {
  let bytes: Uint8Array;
  try {
    bytes = gunzipSync(archive, { maxOutputLength: MAX_UNPACKED });
  } catch (error) {
    return { damage: (error as Error).message };
  }
  const files = new Map<string, Uint8Array>();
  let longName: string | undefined; // from the entry before, for names above 100 bytes

  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return { files };
    const size = octal(header, 124, 12);
    if (size === undefined || checksumOf(header) !== octal(header, 148, 8)) {
      return { damage: "a header is damaged" };
    }
    const start = at + BLOCK;
    if (start + size > bytes.length) break;
    const data = bytes.subarray(start, start + size);
    at = start + Math.ceil(size / BLOCK) * BLOCK;

    const kind = String.fromCharCode(header[156]!);
    if (kind === "L") longName = text(data, 0, data.length);
    else if (kind === "x") longName = paxPath(data) ?? longName;
    else {
      const path = longName ?? shortName(header);
      longName = undefined;
      if ((kind === "0" || kind === "\0") && staysInside(path)) files.set(path, data);
    }
  }
  return { damage: "it ends early" };
}

function shortName(header: Uint8Array): string {
  const name = text(header, 0, 100);
  const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function staysInside(path: string): boolean {
  return path !== "" && !/^([/\\]|[A-Za-z]:)/.test(path) && !path.split(/[/\\]/).includes("..");
}

/** The sum of the header's bytes, its own field taken as blanks. */
function checksumOf(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i]!;
  return sum;
}

/** A number in octal digits; undefined if there are none. */
function octal(bytes: Uint8Array, start: number, length: number): number | undefined {
  const digits = text(bytes, start, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** Text up to the first zero byte. */
function text(bytes: Uint8Array, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
}

/** `path` of a list of records "LENGTH key=value\n". */
function paxPath(data: Uint8Array): string | undefined {
  return /^\d+ path=(.*)$/m.exec(Buffer.from(data).toString("utf8"))?.[1];
}
