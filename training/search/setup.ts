/** What a search needs to know of its model before it runs anything. */
import { noBitsPerByte, searchDataChanged } from "../../compiler/messages/search.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { memoryReport } from "../../passes/memory_report.ts";
import { checkSequence, digestOfTokens, type TokenData } from "../data/token_file.ts";
import { readModel, type TrainingModel, trainedBytes, withRows } from "../model.ts";
import { completeSettings, defaultSettings } from "../options.ts";
import { trainingPlan } from "../programs.ts";
import { chooseVocabulary } from "../vocabulary.ts";
import { digestOf, type SearchSettings } from "./record.ts";
import {
  type Config,
  checkSpace,
  type Space,
  settingFlags,
  splitConfig,
  type Value,
} from "./space.ts";

/**
 * The model as it is: fixed values of the space, and defaults for all other names of it. Throws a `UserError` (E0964,
 * E0985) for names that mean nothing.
 */
export function baselineOf(space: Space, model: TrainingModel): Config {
  const { dims, hyper } = model.elaborated;
  checkSpace(space, [...dims.keys(), ...hyper.keys()]);
  const config: Record<string, Value> = {};
  for (const axis of space) {
    const { name } = axis;
    const setting = settingFlags.get(name);
    const isFixed = axis.kind === "list" && axis.values.length === 1;
    const value = isFixed
      ? axis.values[0]
      : setting === undefined
        ? (dims.get(name) ?? hyper.get(name))
        : defaultSettings[setting];
    if (value !== undefined && value !== null) config[name] = value as Value;
  }
  return config;
}

/** Throws a `UserError`: E0994 for bits per byte of text of unknown length, E0995 for other data than before. */
export function checkData(settings: SearchSettings, data: TokenData): void {
  const { name, digest } = settings.data;
  if (digestOfTokens(data) !== digest) throw new UserError(searchDataChanged(name));
  const isKnown = (data.bytesPerToken ?? 0) > 0;
  if (settings.protocol === "karpathy" && !isKnown) throw new UserError(noBitsPerByte(name));
}

/**
 * Why a configuration cannot be run: its settings are out of range, its model is not sound, or it would take more
 * memory than is allowed. Undefined if it can. Each is looked at once.
 */
export function faultFinder(
  settings: SearchSettings,
  data: TokenData,
): (config: Config) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (config) => {
    const digest = digestOf(config);
    if (!known.has(digest)) known.set(digest, faultOf(settings, data, config));
    return known.get(digest);
  };
}

function faultOf(search: SearchSettings, data: TokenData, config: Config): string | undefined {
  try {
    const bytes = memoryOf(search, data, config);
    if (bytes <= search.memoryBytes) return undefined;
    const [needs, allowed] = [bytes, search.memoryBytes].map((n) => (n / 1e9).toPrecision(3));
    return `it needs ${needs} GB of memory, and ${allowed} GB are allowed`;
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics[0]!.title;
    throw error;
  }
}

/**
 * Bytes that a session of training holds on the processor; where weights, gradients and two moments alone are more
 * than is allowed, only those. Throws a `UserError` for what cannot be trained.
 */
export function memoryOf(
  { model, memoryBytes }: SearchSettings,
  data: TokenData,
  config: Config,
): number {
  const { settings, overrides } = splitConfig(config);
  const { batch, compact } = completeSettings(settings);
  const { path, text, entry } = model;
  const asWritten = readModel({
    ...{ source: { path, text }, entry },
    overrides: { ...model.overrides, ...overrides },
  });
  checkSequence(data, asWritten.S);
  const { dim, size } = chooseVocabulary(asWritten, data, compact);
  const { graph } = withRows(asWritten, dim, size);
  const least = trainedBytes(graph);
  if (least > memoryBytes) return least;
  return memoryReport(trainingPlan(graph, undefined, { batch }).plan).totalBytes;
}
