/** One size of matmul that Apple's compiler cannot do. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";
import { replacing, whole } from "./rewrite.ts";
import {
  argument,
  atOp,
  contraction,
  int,
  isConstant,
  operand,
  result,
  type Site,
  sites,
} from "./walk.ts";

const matches = (site: Site): boolean =>
  contraction(site) === 8192 &&
  operand(site, "x")?.shape.at(int(site, "transpose_x", 0) === 0 ? -2 : -1) === 128 &&
  isConstant(site.view, argument(site.s, "y")?.value);

export const rows128By8192 = defineFact({
  id: "rows_128_by_8192",
  statement:
    "`matmul` of 128 rows with a constant of 8,192 rows is refused; 1, 16, 32, 256 and 512 rows are not.",
  kind: "warn",
  ops: ["matmul"],
  chips: ["m1", "m2"],
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "any number of columns, raw compiler entry, for M1 and M2",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      if (matches(site))
        yield atOp(site.s, "a matmul of 128 rows over 8,192 is refused", "128 × 8192");
    }
  },
  apple: "callback_status=1",
  workaround: "pad to 256 rows and take the first 128",
  fix: replacing((site, emit) => {
    const [x, out] = [operand(site, "x"), result(site.s)];
    if (site.s.op !== "matmul" || !x || !out || !matches(site) || int(site, "transpose_x", 0) !== 0)
      return false;
    const rows = <T extends { readonly shape: readonly number[] }>(t: T) => ({
      ...t,
      shape: t.shape.map((n, i) => (i === t.shape.length - 2 ? 256 : n)),
    });
    const value = argument(site.s, "x")!.value;
    const axis = whole(x.shape.length - 2);
    const twice = emit.add("concat", rows(x), {
      values: { kind: "tuple", items: [value, value] },
      axis,
      interleave: false,
    });
    const flags = { transpose_x: false, transpose_y: int(site, "transpose_y", 0) !== 0 };
    const wide = emit.add("matmul", rows(out), {
      x: twice,
      y: argument(site.s, "y")!.value,
      ...flags,
    });
    emit.add(
      "slice_by_size",
      out,
      { x: wide, begin: out.shape.map(() => 0), size: out.shape },
      site.s.results[0]!.name,
    );
    return true;
  }),
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(
      fp16("x", [1, 1, 128, 8192]),
      `${weight("w", [32, 8192])}\n${line("y", [1, 1, 128, 32], "matmul(x = x, y = w, transpose_y = bool(true))")}`,
    ),
    silent: program(
      fp16("x", [1, 1, 256, 8192]),
      `${weight("w", [32, 8192])}\n${line("y", [1, 1, 256, 32], "matmul(x = x, y = w, transpose_y = bool(true))")}`,
    ),
  },
});
