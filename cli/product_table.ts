/**
 * Which matrix products a BLAS library computes faster than we do, as measured on this machine.
 *
 * `anec bench gemm` measures and writes the table; `--blas auto` reads it. A table is good for one
 * processor, number of threads, build of the library and version of anec; any other is not looked at.
 */
import { statSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { makePrivateFolder, readTextBytes, writePrivateFile } from "../formats/files.ts";
import type { DeviceOptions, ProductSize } from "../runtime-native/js/index.ts";
import { digestName, userCacheFolder } from "../training/data/cache.ts";
import { VERSION } from "../version.ts";

/** GFLOP/s of one product, ours and the library's. */
export interface MeasuredProduct extends ProductSize {
  readonly own: number;
  readonly library: number;
}

interface Table {
  readonly library: string;
  /** Size and time of the library's file. */
  readonly build: string;
  readonly products: readonly MeasuredProduct[];
}

/** A library has to be this much faster: measurements vary, and it brings threads of its own. */
const WORTH = 1.05;

function tablePath(threads: number, cache: string): string {
  const processor = cpus()[0]?.model ?? "";
  const name = digestName(VERSION, process.arch, processor, String(threads));
  return join(cache, "products", `${name}.json`);
}

function buildOf(library: string): string | undefined {
  const file = statSync(library, { throwIfNoEntry: false });
  return file === undefined ? undefined : `${file.size} ${file.mtimeMs}`;
}

const sameSize = (a: ProductSize, b: ProductSize): boolean =>
  a.m === b.m && a.n === b.n && a.k === b.k && a.transA === b.transA && a.transB === b.transB;

/** The table of this machine, or undefined if there is none that still holds. */
function readTable(threads: number, cache: string): Table | undefined {
  const path = tablePath(threads, cache);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  let found: unknown;
  try {
    found = JSON.parse(Buffer.from(readTextBytes(path)).toString("utf8"));
  } catch {
    return undefined; // measured again by the next `anec bench gemm`
  }
  if (!isTable(found) || buildOf(found.library) !== found.build) return undefined;
  return found;
}

function isTable(value: unknown): value is Table {
  const table = value as Partial<Table> | null;
  return (
    typeof table?.library === "string" &&
    typeof table.build === "string" &&
    Array.isArray(table.products) &&
    table.products.every(isProduct)
  );
}

function isProduct(value: unknown): value is MeasuredProduct {
  const p = value as Partial<MeasuredProduct> | null;
  return (
    [p?.m, p?.n, p?.k, p?.own, p?.library].every((x) => typeof x === "number") &&
    [p?.transA, p?.transB].every((x) => typeof x === "boolean")
  );
}

/** Adds measurements to the table; those of another library or an older build go. */
export function keepProducts(
  library: string,
  products: readonly MeasuredProduct[],
  { threads = availableParallelism(), cache = userCacheFolder() } = {},
): void {
  const build = buildOf(library);
  if (build === undefined) return; // a library without a file, as Accelerate is
  const known = readTable(threads, cache);
  const older = known?.library === library ? known.products : [];
  const kept = older.filter((p) => !products.some((q) => sameSize(p, q)));
  const table: Table = { library, build, products: [...kept, ...products] };
  makePrivateFolder(join(cache, "products"));
  writePrivateFile(tablePath(threads, cache), Buffer.from(`${JSON.stringify(table)}\n`));
}

/** What `--blas auto` means here: the measured library for the products it is faster at, if any. */
export function fastestProducts({
  threads = availableParallelism(),
  cache = userCacheFolder(),
} = {}): Pick<DeviceOptions, "blas" | "products"> {
  const table = readTable(threads, cache);
  const faster = table?.products.filter((p) => p.library > p.own * WORTH) ?? [];
  if (table === undefined || faster.length === 0) return {};
  const products = faster.map(({ m, n, k, transA, transB }) => ({ m, n, k, transA, transB }));
  return { blas: table.library, products };
}
