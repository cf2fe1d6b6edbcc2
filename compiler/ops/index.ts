/** The ops, in one list. Being here is enough to be printed, parsed, differentiated and tested. */
import { abs } from "./abs.ts";
import { add } from "./add.ts";
import { attentionGradKOp, attentionGradQOp, attentionGradVOp, attentionOp } from "./attention.ts";
import { attentionCachedOp } from "./attention_cached.ts";
import { broadcastOp } from "./broadcast.ts";
import { causalMaskOp } from "./causal_mask.ts";
import { crossEntropyGradOp, crossEntropyOp } from "./cross_entropy.ts";
import { constantOp, type OpDef } from "./define.ts";
import { div } from "./div.ts";
import { embeddingGradOp, embeddingOp } from "./embedding.ts";
import { erf } from "./erf.ts";
import { exp } from "./exp.ts";
import { gelu } from "./gelu.ts";
import { greater } from "./greater.ts";
import { inputOp, paramOp } from "./input.ts";
import { joinOp } from "./join.ts";
import { log } from "./log.ts";
import { matmulOp } from "./matmul.ts";
import { maximum } from "./maximum.ts";
import { minimum } from "./minimum.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";
import { padOp } from "./pad.ts";
import { pow } from "./pow.ts";
import { reduceMax } from "./reduce_max.ts";
import { reduceMean } from "./reduce_mean.ts";
import { reduceSum } from "./reduce_sum.ts";
import { relu } from "./relu.ts";
import { repeatHeadsOp, sumHeadsOp } from "./repeat_heads.ts";
import { reshapeOp } from "./reshape.ts";
import { rmsNormGradWOp, rmsNormGradXOp, rmsNormOp } from "./rms_norm.ts";
import { ropeOp } from "./rope.ts";
import { rsqrt } from "./rsqrt.ts";
import { sigmoid } from "./sigmoid.ts";
import { silu } from "./silu.ts";
import { sliceOp } from "./slice.ts";
import { softmaxGradOp, softmaxOp } from "./softmax.ts";
import { sqrt } from "./sqrt.ts";
import { square } from "./square.ts";
import { sub } from "./sub.ts";
import { swigluOp } from "./swiglu.ts";
import { tanh } from "./tanh.ts";
import { transposeOp } from "./transpose.ts";
import { updateRowsOp } from "./update_rows.ts";

export const ops: readonly OpDef[] = [
  // leaves
  constantOp,
  inputOp,
  paramOp,
  causalMaskOp,
  // one operand, element by element
  abs.op,
  erf.op,
  exp.op,
  gelu.op,
  log.op,
  neg.op,
  relu.op,
  rsqrt.op,
  sigmoid.op,
  silu.op,
  sqrt.op,
  square.op,
  tanh.op,
  // two operands, element by element
  add.op,
  div.op,
  greater.op,
  maximum.op,
  minimum.op,
  mul.op,
  pow.op,
  sub.op,
  // arrangement
  broadcastOp,
  joinOp,
  padOp,
  repeatHeadsOp,
  reshapeOp,
  sliceOp,
  transposeOp,
  updateRowsOp,
  // sums and products
  matmulOp,
  reduceMax.op,
  reduceMean.op,
  reduceSum.op,
  sumHeadsOp,
  // composites a target may have a kernel for
  attentionOp,
  attentionGradQOp,
  attentionGradKOp,
  attentionGradVOp,
  attentionCachedOp,
  crossEntropyOp,
  crossEntropyGradOp,
  embeddingOp,
  embeddingGradOp,
  rmsNormOp,
  rmsNormGradXOp,
  rmsNormGradWOp,
  ropeOp,
  softmaxOp,
  softmaxGradOp,
  swigluOp,
];

/** The ops by name. */
export const opRegistry: ReadonlyMap<string, OpDef> = new Map(ops.map((op) => [op.name, op]));
