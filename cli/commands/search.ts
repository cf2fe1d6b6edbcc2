/** `anec search`: looks for a better configuration by itself, and keeps what is better beyond noise. */
import { join } from "node:path";
import type { Command } from "commander";
import { flagsConflict, missingArgument } from "../../compiler/messages/usage.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { outputInside, writeFileBytes } from "../../formats/files.ts";
import type { TokenData } from "../../training/data/token_file.ts";
import { readModel, type TrainingModel } from "../../training/model.ts";
import { files, readRecords, readSettings } from "../../training/search/ledger.ts";
import type { SearchSettings } from "../../training/search/record.ts";
import { checkNewFolder, runSearch } from "../../training/search/search.ts";
import { baselineOf } from "../../training/search/setup.ts";
import { checkSpace } from "../../training/search/space.ts";
import { summaryPage } from "../../training/search/summary_page.ts";
import { type Call, EXIT } from "../command.ts";
import { openShown } from "../data_output.ts";
import { printDiagnostics } from "../failures.ts";
import { overridesOf } from "../flags.ts";
import type { Io } from "../io.ts";
import { openSource } from "../models.ts";
import { jsonLine } from "../output.ts";
import { underRanks } from "../ranks.ts";
import {
  checkResumeFlags,
  conflict,
  defineSearchFlags,
  givenOf,
  newSettings,
  type SearchFlags,
  spaceOf,
} from "../search_flags.ts";
import { searchReporter, summaryText } from "../search_output.ts";
import { openPool, serveSearch } from "../search_ranks.ts";

export const command = {
  examples: [
    "anec search --model tiny --budget 20s --experiments 12",
    "anec search --model tiny --space lr=1e-4..1e-2:log --space L=2,3,4 --workers 2 --out runs/wide",
    "anec search --resume --out runs/wide --try lr=5e-4,L=3",
    "mpirun -n 4 anec search --model tiny --out runs/wide",
    "anec search --summary runs/wide",
  ],

  define: (c: Command): void => defineSearchFlags(c),

  async run({ io, flags }: Call<SearchFlags>): Promise<number> {
    if (flags.summary !== undefined) return summarize(io, flags.summary, flags.json === true);
    return underRanks(io, flags, (own, joined) => {
      if (joined !== undefined && joined.ranks.rank > 0) return serveSearch(own, joined);
      const shared = joined === undefined ? flags : { ...flags, joined };
      return flags.resume === true ? resume(own, shared) : begin(own, shared);
    });
  },
};

function summarize(io: Io, folder: string, json: boolean): number {
  const settings = readSettings(folder);
  const records = readRecords(folder);
  const page = outputInside(folder, files.summary);
  writeFileBytes(page, Buffer.from(summaryPage(settings, records)));
  io.out.write(json ? jsonLine({ settings, records, page }) : summaryText(settings, records, page));
  return EXIT.ok;
}

function modelOf(flags: SearchFlags, name: string): TrainingModel {
  const { entry } = flags;
  return readModel({
    ...{ source: openSource(name), overrides: overridesOf(flags) },
    ...(entry === undefined ? {} : { entry }),
  });
}

async function begin(io: Io, flags: SearchFlags): Promise<number> {
  if (flags.model === undefined) {
    const usage = "anec search --model <name> [options]";
    throw new UserError(missingArgument("anec search", "--model <name>", usage));
  }
  if (flags.try !== undefined) {
    const why = "What is tried is a change of the best configuration of a search.";
    throw new UserError(flagsConflict("--try", "a new search", why));
  }
  const model = modelOf(flags, flags.model);
  // What is wrong with the command line is said before a long download.
  baselineOf(spaceOf(flags.space), model);
  const folder = flags.out ?? join("runs", `${model.entry}.search`);
  checkNewFolder(folder);
  const dataName = flags.data ?? "default";
  const data = await openShown(io, dataName);
  return search(io, flags, folder, newSettings(flags, model, dataName, data), data, true);
}

async function resume(io: Io, flags: SearchFlags): Promise<number> {
  const model = flags.model === undefined ? undefined : modelOf(flags, flags.model);
  const { out: folder = model === undefined ? undefined : join("runs", `${model.entry}.search`) } =
    flags;
  if (folder === undefined) {
    const usage = "anec search --resume --out <folder>";
    throw new UserError(missingArgument("anec search --resume", "--out <folder>", usage));
  }
  const stored = readSettings(folder);
  checkResumeFlags(flags, stored);
  if (model !== undefined) {
    if (model.source.text !== stored.model.text) throw conflict(`--model ${flags.model}`);
    const [given, kept] = [model.overrides, stored.model.overrides].map((o) => JSON.stringify(o));
    if (given !== kept) throw conflict("-D");
  }
  const settings = { ...stored, experiments: flags.experiments ?? stored.experiments };
  return search(io, flags, folder, settings, await openShown(io, settings.data.name), false);
}

async function search(
  io: Io,
  flags: SearchFlags,
  folder: string,
  settings: SearchSettings,
  data: TokenData,
  isNew: boolean,
): Promise<number> {
  const { workers = 1, joined } = flags;
  const given = givenOf(flags.try);
  checkGiven(given, settings);
  const before = isNew ? 0 : readRecords(folder).length;
  const reporter = searchReporter({
    ...{ io, json: flags.json === true, settings, folder, before },
    workers: workers * (joined?.ranks.size ?? 1),
  });
  const stop = new AbortController();
  const release = io.onInterrupt(() => {
    if (stop.signal.aborted) io.abort(EXIT.interrupted);
    stop.abort();
  });
  const pool = openPool(joined, settings, workers);
  reporter.start();
  try {
    const records = await runSearch({
      ...{ folder, settings, isNew, data, workers, given, signal: stop.signal },
      ...(pool === undefined ? {} : { others: pool.runners }),
      onRecord: reporter.record,
      onRun: reporter.run,
      warn: (diagnostic) => printDiagnostics(io, [diagnostic]),
    });
    reporter.finish(records);
    return EXIT.ok;
  } catch (error) {
    if (!stop.signal.aborted || error instanceof UserError) throw error;
    reporter.stopping();
    return EXIT.interrupted;
  } finally {
    pool?.end();
    reporter.end();
    release();
  }
}

/** Names of `--try` mean something. Throws a `UserError` (E0964, E0985). */
function checkGiven(given: ReturnType<typeof givenOf>, { model }: SearchSettings): void {
  if (given.length === 0) return;
  const { path, text, entry, overrides } = model;
  const { dims, hyper } = readModel({ source: { path, text }, entry, overrides }).elaborated;
  for (const config of given) {
    const space = Object.entries(config).map(([name, value]) => ({
      ...{ kind: "list" as const, name, values: [value] },
    }));
    checkSpace(space, [...dims.keys(), ...hyper.keys()]);
  }
}
