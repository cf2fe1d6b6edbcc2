/** How long each axis of a tensor may be. */
import { familyOf } from "../chip_names.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { ports, sites, type Tensor, tensorOf } from "./walk.ts";

const AXES = ["N", "D", "C", "H", "W"] as const;

/** Sizes in the order N, D, C, H, W; missing leading axes are 1. */
function extents({ shape }: Tensor): readonly number[] | undefined {
  if (shape.length > 5 || shape.includes(0)) return undefined;
  if (shape.length === 5) {
    const [n, c, d, h, w] = shape as [number, number, number, number, number];
    return [n, d, c, h, w];
  }
  const [n, c, h, w] = [1, 1, 1, 1, ...shape].slice(-4) as [number, number, number, number];
  return [n, 1, c, h, w];
}

export const tensorExtents = defineFact({
  id: "tensor_extents",
  statement:
    "Batch and channels reach to 65,536. Depth, height and width reach to 16,384 on M1 to M3 and to 65,536 from M4 on.",
  kind: "reject",
  evidence: [
    reported("ane-guide chapter 17", "swept on M1, one more is refused"),
    reported(
      "AUTOMATIC1111/stable-diffusion-webui issue 13527",
      "Apple's text of the limits, M1 Max, macOS 14",
    ),
    reported("751K M6 study, dispatch notes", "65,536 for every axis, M4, macOS 27"),
    reported("maderix/ANE pull 26", "151,936 outputs had to be cut into 16, M4 Pro"),
  ],
  *check(c): Generator<Finding> {
    const wide = ["m4", "m5"].includes(familyOf(c.chip)) ? 65_536 : 16_384;
    const limits = [65_536, wide, 65_536, wide, wide];
    const range = AXES.map((a, i) => `${a}[1-${limits[i]}]`).join("");
    const inputs = [...ports(c)].filter((p) => p.role === "input").map((p) => p.binding);
    const results = [...sites(c)].filter(
      ({ s }) => s.op !== "const" && !s.op.startsWith("constexpr_"),
    );
    for (const { type, name, span } of [...inputs, ...results.flatMap(({ s }) => s.results)]) {
      const t = tensorOf(type);
      const sizes = t === undefined ? undefined : extents(t);
      if (sizes === undefined || sizes.every((n, i) => n <= limits[i]!)) continue;
      const dims = AXES.map((a, i) => `${a}${sizes[i]}`).join("");
      yield {
        title: `\`${name}\` is too long for the engine: ${dims} is not within ${range}`,
        span,
        label: dims,
        apple: `Tensor dimensions ${dims} are not within supported range, ${range}.`,
      };
    }
  },
  apple:
    "Tensor dimensions N1D1C8H1W23040 are not within supported range, N[1-65536]D[1-16384]C[1-65536]H[1-16384]W[1-16384].",
  workaround: "cut the tensor into tiles, or move the long axis to the channels",
  emulator: "refuses the program with Apple's text",
  examples: {
    fires: program(fp16("x", [1, 8, 1, 65_568]), line("y", [1, 8, 1, 65_568], "relu(x = x)")),
    silent: program(fp16("x", [1, 8, 1, 16_384]), line("y", [1, 8, 1, 16_384], "relu(x = x)")),
  },
});
