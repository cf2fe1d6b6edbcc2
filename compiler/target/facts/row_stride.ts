/** Rows of a surface start at multiples of 64 bytes: most "constraints" of the folklore are this one. */
import { printType } from "../../mil/print.ts";
import type { Finding } from "./define.ts";
import { defineFact, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { padPorts } from "./pad_ports.ts";
import { surfaceLayout } from "./run_context.ts";
import { elementCount, ports, tensorOf } from "./walk.ts";

export const rowStride = defineFact({
  id: "row_stride",
  statement:
    "A surface holds one row (the last axis) after another, and each row starts at a multiple of 64 bytes. " +
    "A host that packs rows closer writes where the engine does not read.",
  kind: "silent_wrong",
  evidence: [
    reported(
      "jafreck/ironmill docs/design/ane",
      "a compiled [1, 4, 1, 4] fp16 program lists RowStride 64, M3 Pro",
    ),
    reported(
      "AmiraniLabs/libane probe_dynamic_ops",
      "S = 16 gives groups of zeros and S = 32 is right, M3 Pro",
    ),
    reported(
      "joshuaswarren/omarchy-ane receipts",
      "surface sizes agree to the byte, odd widths included, M1 Max and M2 Max",
    ),
    reported(
      "maderix/h3.c-ane",
      "fp32 rows that are no multiple of 16 fail or are reduced over a part of K, M4",
    ),
    reported(
      "skyfallsin field guide",
      "widths of 16 and 1 compile and return garbage, M3 Max, macOS 26.3",
    ),
  ],
  *check(c): Generator<Finding> {
    for (const { binding, role, span } of ports(c)) {
      const t = tensorOf(binding.type);
      if (t === undefined || t.shape.includes(0) || t.shape.length === 0) continue;
      const rows = elementCount(t.shape.slice(0, -1));
      const { rowBytes, packedRowBytes } = surfaceLayout(t.shape, t.element);
      if (rows === 1 || rowBytes === packedRowBytes) continue;
      yield {
        title: `rows of ${role} \`${binding.name}\` are ${packedRowBytes} bytes and start ${rowBytes} bytes apart`,
        span,
        label: printType(binding.type),
      };
    }
  },
  *checkRun({ surfaces = [] }): Generator<Finding> {
    for (const { port, shape, element, rowBytes } of surfaces) {
      const right = surfaceLayout(shape, element).rowBytes;
      const rows = elementCount(shape.slice(0, -1));
      if (rowBytes === right || rows === 1) continue;
      yield {
        title: `rows of \`${port}\` are written ${rowBytes} bytes apart and read ${right} bytes apart`,
      };
    }
  },
  workaround:
    "make the last axis a multiple of 32 fp16 or 16 fp32 elements, or write rows at the stride of the engine",
  fix: padPorts,
  emulator: "reads and writes rows at the 64-byte stride and leaves the bytes between them alone",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 20]), line("y", [1, 64, 1, 20], "relu(x = x)")),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)")),
  },
});
