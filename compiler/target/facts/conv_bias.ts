/** `bias` of a convolution. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { replacing } from "./rewrite.ts";
import { argument, atArgument, operand, result, sites } from "./walk.ts";

export const convBias = defineFact({
  id: "conv_bias",
  statement: "`conv` is refused when it has a `bias`.",
  kind: "reject",
  ops: ["conv"],
  evidence: [
    reported("mechramc/Orion README", "not supported, M4 Max, macOS 15"),
    reported("christopherkarani/Espresso ANEAttrs", "adds it separately, M3 Max"),
    reported("joshuaswarren/mil-hwx-compiler", "a bias written inline is refused, M1 and M2"),
    against(
      "joshuaswarren/mil-hwx-compiler",
      "12 of 12 programs with the bias in a weight file compile, M1 and M2",
    ),
    against("computer-graphics-tools/ane", "its schema has the argument"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      if (argument(s, "bias") !== undefined)
        yield atArgument(s, "bias", "`conv` has a `bias`", "bias");
    }
  },
  workaround:
    "add the bias, as [1, C, 1, 1], after the convolution; behind a product it costs nothing",
  fix: replacing((site, emit) => {
    const { s } = site;
    const [bias, out, size] = [argument(s, "bias"), result(s), operand(site, "bias")?.shape.at(-1)];
    if (s.op !== "conv" || bias === undefined || out === undefined || size === undefined)
      return false;
    const rest = s.args.filter((a) => a.name !== "bias");
    const product = emit.add("conv", out, Object.fromEntries(rest.map((a) => [a.name, a.value])));
    const shape = [1, size, ...out.shape.slice(2).map(() => 1)];
    const column = emit.add("reshape", { ...out, shape }, { x: bias.value, shape });
    emit.add("add", out, { x: product, y: column }, s.results[0]!.name);
    return true;
  }),
  emulator: "accepts it",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      [
        weight("w", [32, 64, 1, 1]),
        weight("b", [32], 4288),
        line("y", [1, 32, 1, 32], `conv(x = x, weight = w, bias = b, ${convArguments()})`),
      ].join("\n"),
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      [
        weight("w", [32, 64, 1, 1]),
        line("y", [1, 32, 1, 32], `conv(x = x, weight = w, ${convArguments()})`),
      ].join("\n"),
    ),
  },
});
