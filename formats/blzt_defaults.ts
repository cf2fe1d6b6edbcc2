/**
 * What a BLZT checkpoint without a JSON file beside it is taken for.
 *
 *   rope base        that of the model in dsl/models with the same sizes, else 10000
 *   norm eps         1e-5, which the programs that write BLZT have built in
 *   residual scale   1 of version 2 of maderix and Orion, which train without a factor, and of a file that was
 *                    never trained: converters make those of published weights;
 *                    else that of the model in dsl/models with the same sizes;
 *                    else 1/sqrt(2·layers), which AutoANE and ncdrone train with from random weights
 */
import { elaborate, loadModel, modelNames } from "../dsl/index.ts";
import type { BlztHeader, BlztOrigin } from "./blzt_layout.ts";
import type { ReadOptions } from "./format.ts";

export interface BlztDefaults {
  /** Of the model in dsl/models, or made of the sizes. */
  readonly name: string;
  readonly ropeTheta: number;
  readonly normEps: number;
  readonly residualScale: number;
}

/** The values that the header does not hold. `given` is what the user says of them. */
export function blztDefaults(
  header: BlztHeader,
  origin: BlztOrigin,
  given: ReadOptions = {},
): BlztDefaults {
  const isGiven = given.ropeTheta !== undefined && given.residualScale !== undefined;
  const known = isGiven ? undefined : knownModel(header);
  const isUntrained = header.step === 0 && header.adamT === 0;
  const isPlain = origin === "maderix" || origin === "orion" || isUntrained;
  return {
    name: known?.name ?? `blzt-${header.layers}l-${header.width}d`,
    ropeTheta: known?.ropeTheta ?? 10_000,
    normEps: 1e-5,
    residualScale: isPlain ? 1 : (known?.residualScale ?? 1 / Math.sqrt(2 * header.layers)),
  };
}

/** The model of dsl/models with these sizes; the vocabulary and the window may be others. */
function knownModel(header: BlztHeader) {
  const { width, heads, kvHeads, headSize, hidden, layers } = header;
  const sizes = { D: width, H: heads, K: kvHeads, E: headSize, F: hidden, L: layers };
  for (const name of modelNames()) {
    const { dims, hyper } = elaborate(loadModel(name));
    const isSame = Object.entries(sizes).every(([dim, size]) => dims.get(dim) === size);
    const [ropeTheta, residualScale] = [hyper.get("rope_theta"), hyper.get("residual_scale")];
    if (isSame && ropeTheta !== undefined && residualScale !== undefined) {
      return { name, ropeTheta, residualScale };
    }
  }
  return undefined;
}
