/**
 * Hyper-parameters: numbers with a default that `set` and `-D NAME=VALUE` change.
 *
 * They are read by name in expressions, and ops take their attributes from them: `rope` its theta.
 */

export interface HyperParameter {
  readonly name: string;
  readonly doc: string;
  readonly default: (dims: ReadonlyMap<string, number>) => number;
}

export const hyperParameters: readonly HyperParameter[] = [
  {
    name: "rope_theta",
    doc: "base of the angles of `rope`",
    default: () => 10000,
  },
  {
    name: "rope_split",
    doc: "whether `rope` pairs elements (i, i + E/2), 1, or (2i, 2i + 1), 0",
    default: () => 0,
  },
  {
    name: "norm_eps",
    doc: "added to the mean square by `rms_norm`",
    default: () => 1e-5,
  },
  {
    name: "residual_scale",
    doc: "factor of what a block adds to the residual stream: 1/sqrt(2·L), or 1 without a dimension L",
    default: (dims) => {
      const L = dims.get("L");
      return L === undefined ? 1 : 1 / Math.sqrt(2 * L);
    },
  },
  {
    name: "embed_scale",
    doc: "bound of the uniform initial values of the embedding table",
    default: () => 0.02,
  },
];
