/**
 * The operations of graphs, as functions on nodes: what models in TypeScript are written with. docs/ops.md says
 * what each one means.
 */
export { abs } from "../compiler/ops/abs.ts";
export { add } from "../compiler/ops/add.ts";
export { attention } from "../compiler/ops/attention.ts";
export { crossEntropy } from "../compiler/ops/cross_entropy.ts";
export { div } from "../compiler/ops/div.ts";
export { embedding } from "../compiler/ops/embedding.ts";
export { erf } from "../compiler/ops/erf.ts";
export { exp } from "../compiler/ops/exp.ts";
export { gelu } from "../compiler/ops/gelu.ts";
export { join } from "../compiler/ops/join.ts";
export { log } from "../compiler/ops/log.ts";
export { matmul } from "../compiler/ops/matmul.ts";
export { maximum } from "../compiler/ops/maximum.ts";
export { minimum } from "../compiler/ops/minimum.ts";
export { mul } from "../compiler/ops/mul.ts";
export { neg } from "../compiler/ops/neg.ts";
export { pow } from "../compiler/ops/pow.ts";
export { reduceMax } from "../compiler/ops/reduce_max.ts";
export { reduceMean } from "../compiler/ops/reduce_mean.ts";
export { reduceSum } from "../compiler/ops/reduce_sum.ts";
export { relu } from "../compiler/ops/relu.ts";
export { reshape } from "../compiler/ops/reshape.ts";
export { rmsNorm } from "../compiler/ops/rms_norm.ts";
export { rope } from "../compiler/ops/rope.ts";
export { rsqrt } from "../compiler/ops/rsqrt.ts";
export { sigmoid } from "../compiler/ops/sigmoid.ts";
export { silu } from "../compiler/ops/silu.ts";
export { slice } from "../compiler/ops/slice.ts";
export { softmax } from "../compiler/ops/softmax.ts";
export { sqrt } from "../compiler/ops/sqrt.ts";
export { square } from "../compiler/ops/square.ts";
export { sub } from "../compiler/ops/sub.ts";
export { swiglu } from "../compiler/ops/swiglu.ts";
export { tanh } from "../compiler/ops/tanh.ts";
export { swapLastTwo, transpose } from "../compiler/ops/transpose.ts";
export { rearrange, share } from "../dsl/rearrange.ts";
