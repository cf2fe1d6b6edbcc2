/**
 * What people write who come from PyTorch or Python, and what the language has instead.
 *
 * The parser's errors and those of names look here for their help (`habit_places.ts` finds the places in a text);
 * docs/language.md shows the table, and a test tries every entry.
 */

export interface Habit {
  /** What is written: names of calls, members or words, or one sign. */
  readonly written: readonly string[];
  /** The way on. */
  readonly help: string;
  /** A statement with the habit, for tests; of a call or a member it is the first name on `x`. */
  readonly sample?: string;
  /** A statement, or an item of a file, that says the same in the language. */
  readonly instead: string;
}

/** Names of functions, modules and methods: `view(x)`, `x.view(…)`, `nn.Linear(…)`. */
export const CALLS: readonly Habit[] = [
  {
    written: ["view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "rearrange"],
    help: "a value is arranged by the names of its dimensions: one of [S, H*E] by `x as [H, S, E]`",
    instead: "z = (q as [S, H*E]) as [H, S, E]",
  },
  {
    written: ["transpose", "permute", "t", "swapaxes", "movedim"],
    help: "`x'` swaps the last two dimensions; `x as [H, S, E]` puts them in any order",
    instead: "z = x'",
  },
  {
    written: ["matmul", "mm", "bmm", "dot", "einsum"],
    help: "the matrix product is `x @ w`",
    instead: "z = x @ w",
  },
  {
    written: ["linear", "Linear", "dense", "Dense", "fc"],
    help: "declare `param w: [D, F]` and write the product: `x @ w`",
    instead: "z = x @ w",
  },
  {
    written: ["layer_norm", "LayerNorm", "layernorm"],
    help: 'use `rms_norm(x)`; on `x - mean(x, keep: "yes")` it is a layer norm without a bias',
    instead: 'z = rms_norm(x - mean(x, keep: "yes"))',
  },
  {
    written: ["batch_norm", "BatchNorm1d", "group_norm", "GroupNorm", "normalize"],
    help: "the norm of the library is `rms_norm(x)`",
    instead: "z = rms_norm(x)",
  },
  {
    written: ["dropout", "Dropout"],
    help: "there is no dropout: leave it out, and write `x`",
    instead: "z = x",
  },
  {
    written: ["contiguous", "clone", "detach"],
    help: "values never change and have no storage of their own: leave it out, and write `x`",
    instead: "z = x",
  },
  {
    written: ["cat", "concat", "concatenate", "stack", "hstack", "vstack"],
    help: "values are put side by side with `join(x, y, axis: 0)`",
    instead: "z = join(x, y, axis: 0)",
  },
  {
    written: ["split", "chunk", "narrow", "select", "index_select", "tensor_split"],
    help: "a part of a value is `slice(x, axis: 0, from: 1, to: 3)`",
    instead: "z = slice(x, axis: 0, from: 1, to: 3)",
  },
  {
    written: ["gather", "lookup"],
    help: "rows of a table by their ids are `embedding(table, ids)`",
    instead: "z = embedding(w, ids)",
  },
  {
    written: ["expand", "repeat_interleave", "repeat_kv", "tile"],
    help: "arithmetic broadcasts by itself; `share(k, H)` gives K heads to H query heads",
    instead: "z = share(k, H)",
  },
  {
    written: ["tril", "triu", "masked_fill", "causal_mask"],
    help: "add the mask to the scores before `softmax`: `causal(S)` is 0 where a query may look, else −∞",
    instead: "z = softmax(x @ y' + causal(S))",
  },
  {
    written: ["scaled_dot_product_attention", "sdpa", "flash_attention"],
    help: "it is `op.attention(q, k, v, scale: 1 / sqrt(E))`",
    instead: "z = op.attention(q, k, k, scale: 1 / sqrt(E))",
  },
  {
    written: ["MultiheadAttention", "multi_head_attention", "self_attention", "mha"],
    help: "the layer of the library is `attention(x)`",
    instead: "z = attention(x)",
  },
  {
    written: ["mlp", "MLP", "ffn", "FeedForward", "feed_forward"],
    help: "the layer of the library is `swiglu(x)`",
    instead: "z = swiglu(x)",
  },
  {
    written: ["apply_rotary_emb", "apply_rotary_pos_emb", "rotary_embedding", "rotary"],
    help: "rotary positions of [.., S, E] are `rope(x)`",
    instead: "z = rope(q)",
  },
  {
    written: ["swish", "SiLU"],
    help: "it is called `silu(x)`",
    instead: "z = silu(x)",
  },
  {
    written: ["log_softmax", "logsoftmax", "LogSoftmax"],
    help: "write `log(softmax(x))`; `cross_entropy(logits, targets)` takes the logits themselves",
    instead: "z = log(softmax(x))",
  },
  {
    written: ["nll_loss", "NLLLoss", "CrossEntropyLoss", "softmax_cross_entropy"],
    help: "the loss of logits and ids is `cross_entropy(logits, targets)`",
    instead: "z = cross_entropy(x, ids)",
  },
  {
    written: ["mse_loss", "MSELoss"],
    help: "write it out, one mean for each dimension: `mean(mean(square(x - y)))`",
    instead: "z = mean(mean(square(x - y)))",
  },
  {
    written: ["where", "select_where"],
    help: "choose with 1 and 0: `c = greater(x, y)`, then `c * x + (1 - c) * y`",
    instead: "z = greater(x, y) * x + (1 - greater(x, y)) * y",
  },
  {
    written: ["gt", "lt", "ge", "le", "less"],
    help: "`greater(x, y)` is 1 where x > y, else 0; `greater(y, x)` is the reverse",
    instead: "z = greater(y, x)",
  },
  {
    written: ["clamp", "clip"],
    help: "bounds are `minimum(maximum(x, -1), 1)`",
    instead: "z = minimum(maximum(x, -1), 1)",
  },
  {
    written: ["softplus", "Softplus"],
    help: "write it out: `log(1 + exp(x))`",
    instead: "z = log(1 + exp(x))",
  },
  {
    written: ["var", "std", "variance"],
    help: 'write it out: `mean(square(x - mean(x, keep: "yes")))`',
    instead: 'z = mean(square(x - mean(x, keep: "yes")))',
  },
  {
    written: ["zeros", "ones", "full", "tensor", "zeros_like", "ones_like"],
    help: "a number fits any shape: `x + 1`; a parameter starts with `init zeros` or `init ones`",
    instead: "z = x + 1",
  },
  {
    written: ["multiply", "subtract", "divide", "power"],
    help: "write `x * y`, `x - y`, `x / y` or, for x > 0, `pow(x, y)`",
    instead: "z = x * y - x / pow(exp(x), y)",
  },
];

/** What is read of a value without a call: `x.T`. */
export const MEMBERS: readonly Habit[] = [
  {
    written: ["T", "mT", "H"],
    help: "`x'` swaps the last two dimensions",
    instead: "z = x'",
  },
  {
    written: ["shape", "size", "ndim"],
    help: "dimensions have names, which are numbers in expressions: write `S`",
    instead: "z = x / S",
  },
];

/** The value that methods of Python belong to: `self.w`, `self.w(x)`. */
export const SELF: Habit = {
  written: ["self", "this"],
  help: "there is no `self`: parameters and layers go by their names, `w` after `param w: [D, F]`, `f(x)` after `layer f(…)`",
  sample: "z = self.w(x)",
  instead: "z = x @ w",
};

/** Words that begin or join statements elsewhere. */
export const WORDS: readonly Habit[] = [
  {
    written: ["if", "else", "elif"],
    help: "there are no conditions: choose between values with `c * x + (1 - c) * y`, where `c = greater(x, 0)`",
    sample: "if x",
    instead: "z = greater(x, 0) * x + (1 - greater(x, 0)) * y",
  },
  {
    written: ["for", "while", "loop"],
    help: "the only loop is `repeat L { … }`",
    sample: "for i in L { z = x }",
    instead: "repeat 2 { x += y }",
  },
  {
    written: ["let", "const", "var"],
    help: "a value is named without a word before it: `z = x + y`",
    sample: "let z = x",
    instead: "z = x + y",
  },
  {
    written: ["def", "class", "fn", "function", "lambda"],
    help: "what can be called is a layer: `layer f(x: [S, D]) -> [S, D] { return x }`",
    sample: "def f(x)",
    instead: "layer g(x: [S, D]) -> [S, D] { return x }",
  },
  {
    written: ["import", "from", "include", "use"],
    help: "nothing is imported: layers of the library (`dsl/std`) and ops are there by their names",
    sample: "import torch",
    instead: "layer g(x: [S, D]) -> [S, D] { return rms_norm(x) }",
  },
];

/** Signs that the language does not have, by how they are written. */
export const SIGNS = {
  comment: {
    written: ["# …"],
    help: "comments begin with `//`",
    sample: "# the sum",
    instead: "// the sum",
  },
  method: {
    written: ["x.f(…)"],
    help: "values have no methods: ops and layers are called with them, `silu(x)`",
    sample: "z = x.foo(1)",
    instead: "z = silu(x)",
  },
  index: {
    written: ["x[…]"],
    help: "a part of a value is `slice(x, axis: 0, from: 0, to: 1)`",
    sample: "z = x[0]",
    instead: "z = slice(x, axis: 0, from: 0, to: 1)",
  },
  compare: {
    written: ["x > y", "x < y", "x >= y"],
    help: "`greater(x, y)` is 1 where x > y, else 0; `greater(y, x)` is the reverse",
    sample: "z = x > 0",
    instead: "z = greater(x, 0)",
  },
  equal: {
    written: ["x == y"],
    help: "there is no test for equal values: `1 - greater(x, y) - greater(y, x)` is 1 where they are, else 0",
    sample: "z = x == y",
    instead: "z = 1 - greater(x, y) - greater(y, x)",
  },
  power: {
    written: ["x**2"],
    help: "a square is `square(x)` or `x * x`; other powers, of x > 0, are `pow(x, 3)`",
    sample: "z = x**2",
    instead: "z = square(x) + x * x + pow(exp(x), 3)",
  },
  divideAssign: {
    written: ["x /= y"],
    help: "write it out: `x = x / y`",
    sample: "x /= 2",
    instead: "x = x / 2",
  },
  tuple: {
    written: ["a, b = …"],
    help: "a statement names one value, and a layer returns one: take parts with `slice`, put together with `join`",
    sample: "z, u = x",
    instead: "z = join(x, y, axis: 0)",
  },
  fraction: {
    written: [".5"],
    help: "a number begins with a digit: `0.5`",
    sample: "z = x * .5",
    instead: "z = x * 0.5",
  },
} as const satisfies Readonly<Record<string, Habit>>;

/** The habit of a name among `habits`. */
export function habitNamed(habits: readonly Habit[], name: string): Habit | undefined {
  return habits.find(({ written }) => written.includes(name));
}
