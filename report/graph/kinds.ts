/** What kind of work an op is, for graphs and for MIL: the colours of a drawing. */
import type { Kind } from "./drawing.ts";

const OPS: Readonly<Record<Exclude<Kind, "input" | "port" | "other">, readonly string[]>> = {
  product: [
    ...["matmul", "linear", "conv", "conv_transpose", "einsum", "scaled_dot_product_attention"],
    ...["attention", "attention_cached", "attention_grad", "lstm", "gru", "rnn"],
  ],
  norm: [
    ...["softmax", "rms_norm", "layer_norm", "batch_norm", "instance_norm", "l2_norm", "rsqrt"],
    ...["local_response_norm", "reduce_sum", "reduce_mean", "reduce_max", "reduce_min"],
    ...["reduce_l2_norm", "reduce_argmax", "reduce_sum_square", "max_pool", "avg_pool"],
  ],
  movement: [
    ...["reshape", "transpose", "slice", "slice_by_size", "slice_by_index", "concat", "join"],
    ...["split", "pad", "tile", "expand_dims", "squeeze", "stack", "repeat_heads", "identity"],
    ...["cast", "update_rows", "broadcast", "space_to_depth", "depth_to_space", "slice_update"],
    ...["tensor_buffer_to_tensor", "tensor_to_tensor_buffer", "read_state", "write_state"],
  ],
  lookup: ["embedding", "embedding_grad", "gather", "gather_along_axis", "scatter", "rope"],
  loss: ["cross_entropy", "cross_entropy_both", "cross_entropy_grad"],
  elementwise: [
    ...["add", "sub", "mul", "div", "real_div", "pow", "maximum", "minimum", "square", "sqrt"],
    ...["exp", "log", "erf", "tanh", "sigmoid", "silu", "gelu", "relu", "neg", "abs", "swiglu"],
    ...["clip", "select", "greater", "less", "equal", "logical_and", "logical_not", "floor"],
    ...[
      "greater_equal",
      "less_equal",
      "softplus",
      "leaky_relu",
      "inverse",
      "floor_div",
      "cos",
      "sin",
    ],
  ],
};

const KIND_OF = new Map(
  Object.entries(OPS).flatMap(([kind, ops]) => ops.map((op) => [op, kind as Kind] as const)),
);

/** Gradients of a norm are of its kind: `rms_norm_grad_x`. */
export function kindOf(op: string): Kind {
  return KIND_OF.get(op) ?? KIND_OF.get(op.replace(/_grad(_\w+)?$/, "")) ?? "other";
}
