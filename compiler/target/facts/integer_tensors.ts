/** Values computed while the program runs cannot be 32-bit integers. */
import { defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { result, sites } from "./walk.ts";

export const integerTensors = defineFact({
  id: "integer_tensors",
  statement:
    "No value that is computed while the program runs may have elements of 32 or 64-bit integers.",
  kind: "reject",
  evidence: [
    reported("751K M6 study, dispatch notes", "any int32 tensor, Apple's own text, M4, macOS 27"),
    reported("jafreck/ironmill op support matrix", "casts to and from int32 refused, M3 Pro"),
    reported("sbryngelson/ANEForge op catalog", "cast to int32 refused, M1"),
  ],
  *check(c): Generator<Finding> {
    for (const { s } of sites(c)) {
      const element = result(s)?.element ?? "fp16";
      if (s.op === "const" || s.op.startsWith("constexpr_") || !/^u?int(32|64)$/.test(element))
        continue;
      const name = s.results[0]!.name;
      yield {
        title: `\`${name}\` is computed in ${element}`,
        span: s.results[0]!.span,
        label: element,
      };
    }
  },
  apple:
    'Op "X__@cast_scale" is connected to an invalid live-in "x1": Unsupported tensor data type: int32',
  workaround:
    "compute in fp16, which holds whole numbers up to 2,048 exactly, or use uint16 indices",
  emulator: "refuses the program with Apple's text",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      `tensor<int32, [1, 64, 1, 32]> n = cast(x = x, dtype = string("int32"));
       ${line("y", [1, 64, 1, 32], 'cast(x = n, dtype = string("fp16"))')}`,
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${constant("tensor<int32, [2]>", "shape", "[64, 32]")}\n${line("y", [64, 32], "reshape(x = x, shape = shape)")}`,
    ),
  },
});
