/** Softmax over channels. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { replacing, whole } from "./rewrite.ts";
import { argument, atOp, axisFrom0, int, operand, result, type Site, sites } from "./walk.ts";

function channels(site: Site): number | undefined {
  const x = operand(site, "x");
  if (x?.shape.length !== 4 || axisFrom0(int(site, "axis", -1), 4) !== 1) return undefined;
  const n = x.shape[1]!;
  return n > 0 && (n & (n - 1)) !== 0 ? n : undefined;
}

export const softmaxChannels = defineFact({
  id: "softmax_channels",
  statement: "`softmax` over channels is refused unless their number is a power of two.",
  kind: "reject",
  ops: ["softmax"],
  evidence: [
    reported(
      "christopherkarani/Espresso ANEValidationPass.swift",
      "257 fails and 256 does not, M3 Max, macOS 15",
    ),
    against("maderix/ANE classifier", "32,000 channels, M4"),
    against("751K M6 study, dispatch notes", "any axis, M4, macOS 27"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const n = channels(site);
      if (n !== undefined)
        yield atOp(site.s, `softmax over ${n} channels may be refused`, `${n} channels`);
    }
  },
  apple: "ANECCompile() FAILED: err=(InvalidMILProgram)",
  workaround: "swap the channels with the last axis, take the softmax there, and swap back",
  fix: replacing((site, emit) => {
    const out = result(site.s);
    if (site.s.op !== "softmax" || out === undefined || channels(site) === undefined) return false;
    const [n, ch, h, w] = out.shape as [number, number, number, number];
    const turned = { ...out, shape: [n, w, h, ch] };
    const perm = [0, 3, 2, 1];
    const last = emit.add("transpose", turned, { x: argument(site.s, "x")!.value, perm });
    const p = emit.add("softmax", turned, { x: last, axis: whole(-1) });
    emit.add("transpose", out, { x: p, perm }, site.s.results[0]!.name);
    return true;
  }),
  emulator: "accepts it",
  examples: {
    fires: program(
      fp16("x", [1, 24, 1, 32]),
      line("y", [1, 24, 1, 32], "softmax(x = x, axis = int32(1))"),
    ),
    silent: program(
      fp16("x", [1, 32, 1, 32]),
      line("y", [1, 32, 1, 32], "softmax(x = x, axis = int32(1))"),
    ),
  },
});
