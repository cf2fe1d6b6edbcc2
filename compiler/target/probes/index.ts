/** The probes, one file each. The first tells whether the machine evaluates anything at all. */

import { accumulatorRange } from "./accumulator_range.ts";
import { affineLayerNorm } from "./affine_layer_norm.ts";
import { attentionCycle } from "./attention_cycle.ts";
import { attentionMask } from "./attention_mask.ts";
import { attentionOnM1 } from "./attention_on_m1.ts";
import { blobAlignment } from "./blob_alignment.ts";
import { blobCount } from "./blob_count.ts";
import { blobRecord } from "./blob_record.ts";
import { blockwiseWeights } from "./blockwise_weights.ts";
import { buildInfo } from "./build_info.ts";
import { castOnM1 } from "./cast_on_m1.ts";
import { castTruncates } from "./cast_truncates.ts";
import { compileBudget } from "./compile_budget.ts";
import { composedOps } from "./composed_ops.ts";
import { concatSupport } from "./concat_support.ts";
import { constantNames } from "./constant_names.ts";
import { constantOperand } from "./constant_operand.ts";
import { contractionLimit } from "./contraction_limit.ts";
import { convBesideMatmul } from "./conv_beside_matmul.ts";
import { convBias } from "./conv_bias.ts";
import { deadCode } from "./dead_code.ts";
import type { Probe } from "./define.ts";
import { definedTwice } from "./defined_twice.ts";
import { dequantizeScale } from "./dequantize_scale.ts";
import { dequantizeSupport } from "./dequantize_support.ts";
import { dispatchFloor } from "./dispatch_floor.ts";
import { droppedDims } from "./dropped_dims.ts";
import { dynamicGather } from "./dynamic_gather.ts";
import { dynamicSlice } from "./dynamic_slice.ts";
import { elementwiseOnly } from "./elementwise_only.ts";
import { elementwiseRange } from "./elementwise_range.ts";
import { errorLaw } from "./error_law.ts";
import { geluMode } from "./gelu_mode.ts";
import { geluSupport } from "./gelu_support.ts";
import { graphDepth } from "./graph_depth.ts";
import { halfAway } from "./half_away.ts";
import { highRankTranspose } from "./high_rank_transpose.ts";
import { inlineArguments } from "./inline_arguments.ts";
import { inlineTensors } from "./inline_tensors.ts";
import { inputCount } from "./input_count.ts";
import { int8Ceiling } from "./int8_ceiling.ts";
import { int8Sums } from "./int8_sums.ts";
import { integerParameters } from "./integer_parameters.ts";
import { integerTensors } from "./integer_tensors.ts";
import { joinedSlices } from "./joined_slices.ts";
import { kernelWidth } from "./kernel_width.ts";
import { knownAnswer } from "./known_answer.ts";
import { lateOps } from "./late_ops.ts";
import { linearOp } from "./linear_op.ts";
import { listedAsMissing } from "./listed_as_missing.ts";
import { literalStyle } from "./literal_style.ts";
import { loadedPrograms } from "./loaded_programs.ts";
import { logSumExp } from "./log_sum_exp.ts";
import { logicalOps } from "./logical_ops.ts";
import { maskConstant } from "./mask_constant.ts";
import { meanFactor } from "./mean_factor.ts";
import { minimumSurface } from "./minimum_surface.ts";
import { mixedAffine } from "./mixed_affine.ts";
import { movementOnly } from "./movement_only.ts";
import { nanInTables } from "./nan_in_tables.ts";
import { opset } from "./opset.ts";
import { paletteWeights } from "./palette_weights.ts";
import { poolWidth } from "./pool_width.ts";
import { pooling } from "./pooling.ts";
import { portOrder } from "./port_order.ts";
import { portTypes } from "./port_types.ts";
import { powerExponent } from "./power_exponent.ts";
import { procedureIndices } from "./procedure_indices.ts";
import { productGrid } from "./product_grid.ts";
import { programState } from "./program_state.ts";
import { programVersion } from "./program_version.ts";
import { reducedSums } from "./reduced_sums.ts";
import { requiredEpsilon } from "./required_epsilon.ts";
import { residualMagnitude } from "./residual_magnitude.ts";
import { returnedInput } from "./returned_input.ts";
import { rowStride } from "./row_stride.ts";
import { rows128By8192 } from "./rows_128_by_8192.ts";
import { runtimeKernel } from "./runtime_kernel.ts";
import { scaleWord } from "./scale_word.ts";
import { scatterOps } from "./scatter_ops.ts";
import { scoreSize } from "./score_size.ts";
import { selectCondition } from "./select_condition.ts";
import { severalInputs } from "./several_inputs.ts";
import { sliceGain } from "./slice_gain.ts";
import { sliceOfInput } from "./slice_of_input.ts";
import { smallEpsilon } from "./small_epsilon.ts";
import { smallFactors } from "./small_factors.ts";
import { softmaxChannels } from "./softmax_channels.ts";
import { softplusCutoff } from "./softplus_cutoff.ts";
import { specialValues } from "./special_values.ts";
import { splitAttention } from "./split_attention.ts";
import { squareFusion } from "./square_fusion.ts";
import { statementNames } from "./statement_names.ts";
import { sumOfSquares } from "./sum_of_squares.ts";
import { tableFunctions } from "./table_functions.ts";
import { tensorExtents } from "./tensor_extents.ts";
import { tensorRank } from "./tensor_rank.ts";
import { textureOps } from "./texture_ops.ts";
import { topkSize } from "./topk_size.ts";
import { trailingCast } from "./trailing_cast.ts";
import { trigonometry } from "./trigonometry.ts";
import { unpackedReshape } from "./unpacked_reshape.ts";
import { unsupportedOps } from "./unsupported_ops.ts";
import { weightBudget } from "./weight_budget.ts";
import { zeroProduct } from "./zero_product.ts";

export const probes: readonly Probe[] = [
  knownAnswer,
  accumulatorRange,
  affineLayerNorm,
  attentionCycle,
  attentionMask,
  attentionOnM1,
  blobAlignment,
  blobCount,
  blobRecord,
  blockwiseWeights,
  buildInfo,
  castOnM1,
  castTruncates,
  compileBudget,
  composedOps,
  concatSupport,
  constantNames,
  constantOperand,
  contractionLimit,
  convBesideMatmul,
  convBias,
  deadCode,
  definedTwice,
  dequantizeScale,
  dequantizeSupport,
  dispatchFloor,
  droppedDims,
  dynamicGather,
  dynamicSlice,
  elementwiseOnly,
  elementwiseRange,
  errorLaw,
  geluMode,
  geluSupport,
  graphDepth,
  halfAway,
  highRankTranspose,
  inlineArguments,
  inlineTensors,
  inputCount,
  int8Ceiling,
  int8Sums,
  integerParameters,
  integerTensors,
  joinedSlices,
  kernelWidth,
  lateOps,
  linearOp,
  listedAsMissing,
  literalStyle,
  loadedPrograms,
  logSumExp,
  logicalOps,
  maskConstant,
  meanFactor,
  minimumSurface,
  mixedAffine,
  movementOnly,
  nanInTables,
  opset,
  paletteWeights,
  poolWidth,
  pooling,
  portOrder,
  portTypes,
  powerExponent,
  procedureIndices,
  productGrid,
  programState,
  programVersion,
  reducedSums,
  requiredEpsilon,
  residualMagnitude,
  returnedInput,
  rowStride,
  rows128By8192,
  runtimeKernel,
  scaleWord,
  scatterOps,
  scoreSize,
  selectCondition,
  severalInputs,
  sliceGain,
  sliceOfInput,
  smallEpsilon,
  smallFactors,
  softmaxChannels,
  softplusCutoff,
  specialValues,
  splitAttention,
  squareFusion,
  statementNames,
  sumOfSquares,
  tableFunctions,
  tensorExtents,
  tensorRank,
  textureOps,
  topkSize,
  trailingCast,
  trigonometry,
  unpackedReshape,
  unsupportedOps,
  weightBudget,
  zeroProduct,
];

const byName: ReadonlyMap<string, Probe> = new Map(probes.map((p) => [p.name, p]));

/** The probe called `name`, if there is one. */
export function probeOf(name: string): Probe | undefined {
  return byName.get(name);
}
