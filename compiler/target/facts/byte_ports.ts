/** Inputs and outputs of one-byte and two-byte integers. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { ports, tensorOf } from "./walk.ts";

export const bytePorts = defineFact({
  id: "byte_ports",
  statement: "Inputs of int8, uint8, int16 or uint16 compile, and the call fails with status 0x1d.",
  kind: "runtime",
  evidence: [
    reported(
      "jafreck/ironmill docs/design/ane",
      "only fp16, fp32 and bool; int8 outputs refused, M3 Pro",
    ),
    reported("ds4", "int8 inputs compile on the private path and evaluate to 0x1d"),
    against("liuliu/ccv", "int8 inputs through the public model path"),
    against("sbryngelson/ANEForge", "all four types through e5rt, M5 Pro"),
  ],
  *check(c): Generator<Finding> {
    for (const { binding, role, span } of ports(c)) {
      const element = tensorOf(binding.type)?.element ?? "fp16";
      if (!/^u?int(8|16)$/.test(element)) continue;
      yield {
        title: `${role} \`${binding.name}\` has elements of type ${element}`,
        span,
        label: element,
      };
    }
  },
  apple:
    "ANEProgramProcessRequestDirect() Failed with status=0x1d : statusType=0x9: Program Inference error",
  workaround: "pass fp16 and `quantize` inside the program",
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(
      "tensor<int8, [1, 64, 1, 64]> x",
      line("y", [1, 64, 1, 64], 'cast(x = x, dtype = string("fp16"))'),
    ),
    silent: program(fp16("x", [1, 64, 1, 64]), line("y", [1, 64, 1, 64], "relu(x = x)")),
  },
});
