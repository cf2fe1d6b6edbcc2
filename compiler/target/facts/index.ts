/** The facts about the hardware, one file each. The first explains most of the folklore. */

import { accumulatorRange } from "./accumulator_range.ts";
import { affineLayerNorm } from "./affine_layer_norm.ts";
import { attentionCycle } from "./attention_cycle.ts";
import { attentionMask } from "./attention_mask.ts";
import { attentionOnM1 } from "./attention_on_m1.ts";
import { bareMatmul } from "./bare_matmul.ts";
import { blobAlignment } from "./blob_alignment.ts";
import { blobCount } from "./blob_count.ts";
import { blobDivisor } from "./blob_divisor.ts";
import { blobOffset } from "./blob_offset.ts";
import { blobPath } from "./blob_path.ts";
import { blobRecord } from "./blob_record.ts";
import { blockwiseWeights } from "./blockwise_weights.ts";
import { buildInfo } from "./build_info.ts";
import { buildInfoLine } from "./build_info_line.ts";
import { bytePorts } from "./byte_ports.ts";
import { castOnM1 } from "./cast_on_m1.ts";
import { castTruncates } from "./cast_truncates.ts";
import { chainedRequests } from "./chained_requests.ts";
import { channelMultiple } from "./channel_multiple.ts";
import { compileBudget } from "./compile_budget.ts";
import { compileDisk } from "./compile_disk.ts";
import { compileService } from "./compile_service.ts";
import { composedOps } from "./composed_ops.ts";
import { concatSupport } from "./concat_support.ts";
import { constantNames } from "./constant_names.ts";
import { constantOperand } from "./constant_operand.ts";
import { contractionLimit } from "./contraction_limit.ts";
import { convBesideMatmul } from "./conv_beside_matmul.ts";
import { convBias } from "./conv_bias.ts";
import { cropResizeSupport } from "./crop_resize_support.ts";
import { crossChipBits } from "./cross_chip_bits.ts";
import { deadCode } from "./dead_code.ts";
import type { Fact } from "./define.ts";
import { definedTwice } from "./defined_twice.ts";
import { dequantizeScale } from "./dequantize_scale.ts";
import { dequantizeSupport } from "./dequantize_support.ts";
import { dispatchFloor } from "./dispatch_floor.ts";
import { droppedDims } from "./dropped_dims.ts";
import { dynamicGather } from "./dynamic_gather.ts";
import { dynamicSlice } from "./dynamic_slice.ts";
import { elementwiseChains } from "./elementwise_chains.ts";
import { elementwiseOnly } from "./elementwise_only.ts";
import { elementwiseRange } from "./elementwise_range.ts";
import { engineClock } from "./engine_clock.ts";
import { equalSurfaces } from "./equal_surfaces.ts";
import { errorLaw } from "./error_law.ts";
import { evaluationTimeout } from "./evaluation_timeout.ts";
import { foreignObjects } from "./foreign_objects.ts";
import { fp32Ports } from "./fp32_ports.ts";
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
import { int8WeightsOnly } from "./int8_weights_only.ts";
import { integerParameters } from "./integer_parameters.ts";
import { integerTensors } from "./integer_tensors.ts";
import { joinedSlices } from "./joined_slices.ts";
import { kernelWidth } from "./kernel_width.ts";
import { knownAnswer } from "./known_answer.ts";
import { labelNames } from "./label_names.ts";
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
import { oneDie } from "./one_die.ts";
import { opset } from "./opset.ts";
import { outputTasks } from "./output_tasks.ts";
import { packedReads } from "./packed_reads.ts";
import { paletteWeights } from "./palette_weights.ts";
import { poolWidth } from "./pool_width.ts";
import { pooling } from "./pooling.ts";
import { portOrder } from "./port_order.ts";
import { portTypes } from "./port_types.ts";
import { powerExponent } from "./power_exponent.ts";
import { procedureIndices } from "./procedure_indices.ts";
import { productGrid } from "./product_grid.ts";
import { programFolder } from "./program_folder.ts";
import { programState } from "./program_state.ts";
import { programVersion } from "./program_version.ts";
import { queueDepth } from "./queue_depth.ts";
import { reducedRowShape } from "./reduced_row_shape.ts";
import { reducedSums } from "./reduced_sums.ts";
import { requiredEpsilon } from "./required_epsilon.ts";
import { residualMagnitude } from "./residual_magnitude.ts";
import { returnedInput } from "./returned_input.ts";
import { roundingScale } from "./rounding_scale.ts";
import { rowStride } from "./row_stride.ts";
import { rows128By8192 } from "./rows_128_by_8192.ts";
import { runtimeKernel } from "./runtime_kernel.ts";
import { scaleBeforeProduct } from "./scale_before_product.ts";
import { scaleWord } from "./scale_word.ts";
import { scatterOps } from "./scatter_ops.ts";
import { scoreSize } from "./score_size.ts";
import { selectCondition } from "./select_condition.ts";
import { severalInputs } from "./several_inputs.ts";
import { singleLane } from "./single_lane.ts";
import { sliceGain } from "./slice_gain.ts";
import { sliceOfInput } from "./slice_of_input.ts";
import { smallEpsilon } from "./small_epsilon.ts";
import { smallFactors } from "./small_factors.ts";
import { softmaxChannels } from "./softmax_channels.ts";
import { softplusCutoff } from "./softplus_cutoff.ts";
import { specialValues } from "./special_values.ts";
import { splitAttention } from "./split_attention.ts";
import { squareFusion } from "./square_fusion.ts";
import { stagedBytes } from "./staged_bytes.ts";
import { staleWeights } from "./stale_weights.ts";
import { statementNames } from "./statement_names.ts";
import { stridedConv } from "./strided_conv.ts";
import { sumOfSquares } from "./sum_of_squares.ts";
import { surfaceAlignment } from "./surface_alignment.ts";
import { surfaceMapping } from "./surface_mapping.ts";
import { surfacePages } from "./surface_pages.ts";
import { surfaceSize } from "./surface_size.ts";
import { tableFunctions } from "./table_functions.ts";
import { tensorExtents } from "./tensor_extents.ts";
import { tensorRank } from "./tensor_rank.ts";
import { textClass } from "./text_class.ts";
import { textureOps } from "./texture_ops.ts";
import { thermalLimit } from "./thermal_limit.ts";
import { topkSize } from "./topk_size.ts";
import { trailingCast } from "./trailing_cast.ts";
import { transientCompiles } from "./transient_compiles.ts";
import { transposedOperand } from "./transposed_operand.ts";
import { trigonometry } from "./trigonometry.ts";
import { unpackedReshape } from "./unpacked_reshape.ts";
import { unsupportedOps } from "./unsupported_ops.ts";
import { weightBudget } from "./weight_budget.ts";
import { weightDictionary } from "./weight_dictionary.ts";
import { weightFileSize } from "./weight_file_size.ts";
import { weightTraffic } from "./weight_traffic.ts";
import { wideReduction } from "./wide_reduction.ts";
import { width5120 } from "./width_5120.ts";
import { workingSet } from "./working_set.ts";
import { zeroProduct } from "./zero_product.ts";

export const facts: readonly Fact[] = [
  // Layout and ports
  rowStride,
  packedReads,
  portOrder,
  severalInputs,
  inputCount,
  portTypes,
  bytePorts,
  fp32Ports,
  returnedInput,
  definedTwice,
  labelNames,
  deadCode,
  // Sizes
  tensorExtents,
  tensorRank,
  contractionLimit,
  droppedDims,
  // Ops
  unsupportedOps,
  lateOps,
  composedOps,
  scatterOps,
  integerTensors,
  castOnM1,
  castTruncates,
  trailingCast,
  dynamicSlice,
  sliceOfInput,
  dynamicGather,
  requiredEpsilon,
  smallEpsilon,
  geluMode,
  geluSupport,
  listedAsMissing,
  convBias,
  inlineArguments,
  inlineTensors,
  convBesideMatmul,
  attentionMask,
  attentionOnM1,
  attentionCycle,
  constantOperand,
  rows128By8192,
  linearOp,
  affineLayerNorm,
  mixedAffine,
  kernelWidth,
  runtimeKernel,
  pooling,
  poolWidth,
  trigonometry,
  textureOps,
  cropResizeSupport,
  topkSize,
  softmaxChannels,
  joinedSlices,
  sliceGain,
  concatSupport,
  splitAttention,
  squareFusion,
  powerExponent,
  roundingScale,
  zeroProduct,
  blobDivisor,
  selectCondition,
  logicalOps,
  highRankTranspose,
  paletteWeights,
  blockwiseWeights,
  dequantizeScale,
  dequantizeSupport,
  unpackedReshape,
  integerParameters,
  programState,
  movementOnly,
  elementwiseOnly,
  meanFactor,
  maskConstant,
  logSumExp,
  softplusCutoff,
  sumOfSquares,
  scoreSize,
  // Weight files
  blobCount,
  weightBudget,
  blobPath,
  blobOffset,
  blobAlignment,
  blobRecord,
  // Text
  buildInfoLine,
  buildInfo,
  statementNames,
  programVersion,
  opset,
  literalStyle,
  // Whole programs and speed
  graphDepth,
  constantNames,
  workingSet,
  elementwiseChains,
  outputTasks,
  transposedOperand,
  scaleBeforeProduct,
  wideReduction,
  stridedConv,
  channelMultiple,
  int8WeightsOnly,
  width5120,
  bareMatmul,
  reducedRowShape,
  // Surfaces
  surfaceSize,
  surfacePages,
  surfaceAlignment,
  minimumSurface,
  equalSurfaces,
  // Processes
  compileBudget,
  loadedPrograms,
  queueDepth,
  singleLane,
  oneDie,
  transientCompiles,
  compileService,
  compileDisk,
  // Handing a program over
  textClass,
  weightDictionary,
  programFolder,
  staleWeights,
  weightFileSize,
  foreignObjects,
  chainedRequests,
  procedureIndices,
  surfaceMapping,
  knownAnswer,
  // Calls
  stagedBytes,
  thermalLimit,
  evaluationTimeout,
  engineClock,
  dispatchFloor,
  weightTraffic,
  // Arithmetic
  accumulatorRange,
  productGrid,
  errorLaw,
  halfAway,
  specialValues,
  nanInTables,
  tableFunctions,
  smallFactors,
  reducedSums,
  int8Ceiling,
  residualMagnitude,
  crossChipBits,
  int8Sums,
  scaleWord,
  elementwiseRange,
];

const byId: ReadonlyMap<string, Fact> = new Map(facts.map((f) => [f.id, f]));

/** The fact called `id`, if there is one. */
export function factOf(id: string): Fact | undefined {
  return byId.get(id);
}
