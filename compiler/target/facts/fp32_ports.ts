/** fp32 at the boundary costs a conversion. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { ports, tensorOf } from "./walk.ts";

export const fp32Ports = defineFact({
  id: "fp32_ports",
  statement:
    "The engine computes in fp16; fp32 inputs and outputs are converted on the way, about 37 % slower in all.",
  kind: "cost",
  evidence: [
    reported("maderix/ANE README", "37 % slower than fp16 ports, M4"),
    reported(
      "maderix/ANE pull 6",
      "`cast` is not supported on M1 and M2, macOS 26.3: use fp16 there",
    ),
  ],
  *check(c): Generator<Finding> {
    for (const { binding, role, span } of ports(c)) {
      if (tensorOf(binding.type)?.element !== "fp32") continue;
      yield { title: `${role} \`${binding.name}\` is fp32`, span, label: "fp32" };
    }
  },
  workaround: "convert to fp16 on the host, once",
  emulator: "converts at the boundary and counts the time",
  examples: {
    fires: program(
      "tensor<fp32, [1, 64, 1, 16]> x",
      line("y", [1, 64, 1, 16], 'cast(x = x, dtype = string("fp16"))'),
    ),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)")),
  },
});
