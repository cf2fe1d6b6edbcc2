/** What elements inputs and outputs may have. */
import type { ElementType } from "../../mil/tree.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { ports, tensorOf } from "./walk.ts";

const REFUSED: readonly ElementType[] = [
  "int32",
  "uint32",
  "int64",
  "uint64",
  "fp64",
  "bf16",
  "int4",
  "uint1",
  "uint2",
  "uint3",
  "uint4",
  "uint6",
];

export const portTypes = defineFact({
  id: "port_types",
  statement:
    "Inputs and outputs hold fp16, fp32 or bool; 32-bit integers, bf16 and elements below a byte are refused.",
  kind: "reject",
  evidence: [
    reported("jafreck/ironmill docs/design/ane", "dtype probe, M3 Pro"),
    reported("sbryngelson/ANEForge op catalog", "int32 ports refused, M1 to M5"),
    reported(
      "751K M6 study, dispatch notes",
      "any int32 tensor keeps an op off the engine, M4, macOS 27",
    ),
  ],
  *check(c): Generator<Finding> {
    for (const { binding, role, span } of ports(c)) {
      const element = tensorOf(binding.type)?.element;
      if (element === undefined || !REFUSED.includes(element)) continue;
      yield {
        title: `${role} \`${binding.name}\` has elements of type ${element}`,
        span,
        label: element,
        apple: `Unsupported tensor data type: ${element}`,
      };
    }
  },
  apple: "Unsupported tensor data type: int32",
  workaround:
    "pass integers as fp16 (exact up to 2,048), or do the lookup that needs them on the host",
  emulator: "refuses the program with Apple's text, and bools too",
  examples: {
    fires: program(
      "tensor<int32, [1, 8, 1, 32]> x",
      "tensor<int32, [1, 8, 1, 32]> y = add(x = x, y = x);",
    ),
    silent: program(fp16("x", [1, 8, 1, 32]), line("y", [1, 8, 1, 32], "add(x = x, y = x)")),
  },
});
