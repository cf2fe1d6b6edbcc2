/**
 * Questions about the hardware that nobody has answered, or only once, and that are no fact yet.
 *
 * Each is put to the engine by a probe (`questionClaim`), or says why no program can answer it.
 */

export interface OpenQuestion {
  readonly id: string;
  readonly asks: string;
  /** Why no probe asks it. */
  readonly notProbed?: string;
}

const NOT_OURS = "it is about calls of the private framework that anec does not make";
const A_TIME = "its answer is a time, and a time depends on what else the machine does";

export const questions: readonly OpenQuestion[] = [
  {
    id: "row_layout",
    asks: "Does every macOS honour rows of 64-byte multiples when a row's bytes are none, and does M5?",
  },
  { id: "tiled_input", asks: "Do inputs of several sizes work once they are bound by name?" },
  { id: "compile_ceiling", asks: "Is the limit of about 119 compiles gone from macOS 26 on?" },
  { id: "dialects", asks: "Which dialects of MIL does this macOS read?" },
  { id: "masked_attention", asks: "Does the attention op look at its mask on this macOS?" },
  { id: "prefix_overflow", asks: "Does the order of terms decide whether a sum overflows?" },
  { id: "computed_operands", asks: "Is the product of two computed operands that of a constant?" },
  { id: "weights_as_input", asks: "Does `conv` read weights that are an input, row by row?" },
  { id: "function_count", asks: "How many functions may a program have?" },
  { id: "missing_build_info", asks: "What does this macOS do without build information?" },
  { id: "option_keys", asks: "What do the compiler's option lists mean?", notProbed: NOT_OURS },
  {
    id: "official_validator",
    asks: "What does the framework's own validator take?",
    notProbed: NOT_OURS,
  },
  {
    id: "foreign_load",
    asks: "Can a compiled program of another Mac be loaded?",
    notProbed: NOT_OURS,
  },
  { id: "mutable_weights", asks: "Can weights change after a compile?", notProbed: NOT_OURS },
  { id: "chaining", asks: "What makes chained requests possible?", notProbed: NOT_OURS },
  {
    id: "second_engine",
    asks: "Can a process choose the second engine of an Ultra?",
    notProbed: NOT_OURS,
  },
  {
    id: "completion_handlers",
    asks: "Do completion handlers make calls asynchronous?",
    notProbed: NOT_OURS,
  },
  { id: "int8_rate", asks: "Do int8 products run at twice the rate?", notProbed: A_TIME },
  { id: "on_chip_memory", asks: "How much memory is on the chip?", notProbed: A_TIME },
];
