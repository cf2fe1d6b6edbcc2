/** A model from one format to another, with word of everything that the other cannot hold. */
import * as fs from "node:fs";
import { resolve, sep } from "node:path";
import {
  dtypeNotWritten,
  leftOut,
  outputExists,
  residualScaleFolded,
  unknownOutputFormat,
} from "../compiler/messages/formats.ts";
import { outputIsInput } from "../compiler/messages/usage.ts";
import { bug } from "../compiler/support/bug.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import type { Format, ReadOptions, WriteDtype } from "./format.ts";
import { detectFormat, formatForOutput, writableFormats } from "./index.ts";
import { foldResidualScale } from "./residual.ts";
import { byteLengthOf, elementsOf, madeTensor, type Tensor } from "./tensor.ts";
import type { WeightSet } from "./weights.ts";

export interface ConvertOptions extends ReadOptions {
  /** Name of the format to write; unless given, the name of the output says it. */
  readonly to?: string;
  readonly dtype?: WriteDtype;
  /** Replace an output that is there. */
  readonly replace?: boolean;
  /** Is told how many bytes of how many have been taken from the input, as they are written. */
  readonly onProgress?: (done: number, all: number) => void;
  /** Reads the input in another way than its format does, such as with adapters. */
  readonly read?: Format["read"];
}

export interface Conversion {
  readonly from: Format;
  readonly to: Format;
  /** As it was read. */
  readonly weights: WeightSet;
  readonly parameters: number;
}

/**
 * Reads `input`, writes `output`, whole or not at all. Throws a `UserError`: E0740, E0741, E0749, E0758, E0967, and
 * those of the formats.
 */
export function convertModel(
  input: string,
  output: string,
  options: ConvertOptions = {},
): Conversion {
  const { replace = false, dtype, report = () => {}, onProgress = () => {} } = options;
  const to = options.to === undefined ? formatForOutput(output) : formatCalled(output, options.to);
  const from = detectFormat(input);
  checkOutput(input, output, replace);
  if (dtype !== undefined && !to.dtypes.includes(dtype)) {
    throw new UserError(dtypeNotWritten(to.name, dtype, to.dtypes));
  }
  const weights = (options.read ?? from.read)(input, {
    ...{ ...options, report, cut: to.keeps.anyVocabulary },
  });
  const write = to.write ?? bug(`the format ${to.name} is not written`);
  write(output, watched(fittingFor(weights, to, report), onProgress), {
    replace,
    report,
    ...(dtype === undefined ? {} : { dtype }),
  });
  let parameters = 0;
  for (const { shape } of weights.tensors.values()) parameters += elementsOf(shape);
  return { from, to, weights, parameters };
}

/** The same weights, which say when each of their tensors is taken for the first time. */
function watched(
  weights: WeightSet,
  onProgress: NonNullable<ConvertOptions["onProgress"]>,
): WeightSet {
  let all = 0;
  for (const tensor of weights.tensors.values()) all += byteLengthOf(tensor);
  const taken = new Set<string>();
  let done = 0;
  const tensors = [...weights.tensors].map(([name, tensor]): [string, Tensor] => {
    const made = madeTensor(tensor.dtype, tensor.shape, () => {
      if (!taken.has(name)) {
        taken.add(name);
        done += byteLengthOf(tensor);
        onProgress(done, all);
      }
      return tensor;
    });
    return [name, made];
  });
  return { ...weights, tensors: new Map(tensors) };
}

function formatCalled(output: string, name: string): Format {
  const found = writableFormats().find((format) => format.name === name);
  if (found !== undefined) return found;
  const names = writableFormats().map((format) => format.name);
  throw new UserError(unknownOutputFormat(output, name, names));
}

/** The output is new, or may be replaced, and neither is the input nor holds it. */
function checkOutput(input: string, output: string, replace: boolean): void {
  const [from, to] = [resolve(input), resolve(output)];
  if (from === to || from.startsWith(to + sep)) {
    throw new UserError(outputIsInput("OUT", output, "the model"));
  }
  const found = fs.statSync(to, { throwIfNoEntry: false });
  const isFree =
    found === undefined ||
    (found.isDirectory() ? fs.readdirSync(to).length === 0 : !found.isFile() || found.size === 0);
  if (!isFree && !replace) throw new UserError(outputExists(output));
}

/** The weights as far as a format can hold them. What is beside them is left out with a word about it. */
function fittingFor(
  weights: WeightSet,
  { name, keeps }: Format,
  report: (warning: Diagnostic) => void,
): WeightSet {
  const { residualScale } = weights.config;
  const folds = residualScale !== 1 && !keeps.residualScale;
  if (folds) report(residualScaleFolded(residualScale, name));
  const fitting = folds ? foldResidualScale(weights) : weights;
  const lost = [
    ...(weights.optimizer !== null && !keeps.optimizer ? ["the state of the optimizer"] : []),
    ...(weights.training !== null && !keeps.training ? ["how far training has come"] : []),
    ...(weights.tokenizer !== null && !keeps.tokenizer ? ["the tokenizer"] : []),
  ];
  if (lost.length > 0) report(leftOut(name, lost));
  return {
    ...fitting,
    optimizer: keeps.optimizer ? fitting.optimizer : null,
    training: keeps.training ? fitting.training : null,
    tokenizer: keeps.tokenizer ? fitting.tokenizer : null,
  };
}
