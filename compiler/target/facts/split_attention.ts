/** `split` beside attention. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { replacing } from "./rewrite.ts";
import { argument, atOp, axisFrom0, int, operand, type Site, sites, tensorOf } from "./walk.ts";

const part = (name: string): string => fp16(name, [1, 1, 32, 32]);
const halves = `${part("a")}, ${part("b")} = split(x = x, num_splits = int32(2), axis = int32(1));`;
const whole = fp16("x", [1, 2, 32, 32]);

const besideAttention = ({ view }: Site): boolean =>
  ["matmul", "softmax"].every((op) => view.f.body.some((s) => s.op === op));

export const splitAttention = defineFact({
  id: "split_attention",
  statement:
    "A program with `split`, `matmul` and `softmax` together does not compile, although each of them does.",
  kind: "warn",
  ops: ["split", "matmul", "softmax"],
  evidence: [
    reported("jafreck/ironmill ANE-op-discoveries", "with `concat` and `tile` beside them, M3 Pro"),
  ],
  *check(c): Generator<Finding> {
    for (const site of sites(c, "split")) {
      if (besideAttention(site))
        yield atOp(site.s, "`split` stands beside `matmul` and `softmax`", "split");
    }
  },
  apple: "_ANECompiler : ANECCompile() FAILED",
  workaround: "cut with `slice_by_size`",
  fix: replacing((site, emit) => {
    const x = operand(site, "x");
    if (site.s.op !== "split" || x === undefined || !besideAttention(site)) return false;
    const parts = site.s.results.map((r) => tensorOf(r.type));
    if (parts.some((part) => part?.shape.length !== x.shape.length)) return false;
    const axis = axisFrom0(int(site, "axis", 0), x.shape.length);
    let from = 0;
    for (const { type, name } of site.s.results) {
      const part = tensorOf(type)!;
      const begin = x.shape.map((_, i) => (i === axis ? from : 0));
      emit.add(
        "slice_by_size",
        part,
        { x: argument(site.s, "x")!.value, begin, size: part.shape },
        name,
      );
      from += part.shape[axis]!;
    }
    return true;
  }),
  emulator: "accepts it",
  examples: {
    fires: program(
      whole,
      [
        halves,
        line("s", [1, 1, 32, 32], "matmul(x = a, y = b)"),
        line("y", [1, 1, 32, 32], "softmax(x = s, axis = int32(-1))"),
      ].join("\n"),
    ),
    silent: program(whole, `${halves}\n${line("y", [1, 1, 32, 32], "add(x = a, y = b)")}`),
  },
});
