/** What is said of facts: one code for each way to go against one. */
import { expect, test } from "vitest";
import { parseMil } from "../../compiler/mil/parse.ts";
import type { Diagnostic } from "../../compiler/support/diagnostic.ts";
import { renderDiagnostic } from "../../compiler/support/render.ts";
import { checkForChip, checkRun, diagnosticOf } from "../../compiler/target/check_chip.ts";
import type { ChipName } from "../../compiler/target/chip_names.ts";
import {
  against,
  assumed,
  defineFact,
  type Evidence,
  type FactKind,
  reported,
} from "../../compiler/target/facts/define.ts";
import { fp16, line, program } from "../../compiler/target/facts/examples.ts";
import { facts } from "../../compiler/target/facts/index.ts";
import type { RunContext } from "../../compiler/target/facts/run_context.ts";

function said(kind: FactKind, evidence: readonly Evidence[], apple?: string) {
  const fact = defineFact({
    id: "blue_moons",
    statement: "A program with a moon is refused.",
    kind,
    evidence,
    ...(apple === undefined ? {} : { apple }),
    workaround: "leave the moon out",
    emulator: "accepts it",
    examples: { fires: "", silent: "" },
  });
  return diagnosticOf(fact, [{ title: "`x` has a moon" }]);
}

/** What `check` says of a program or a run, with Apple's words. */
function wordsOf(found: readonly Diagnostic[]): readonly string[] {
  return found.flatMap((d) => (d.notes ?? []).filter(([key]) => key === "apple").map(([, t]) => t));
}

const one = (call: string, shape = [1, 64, 1, 32]): string =>
  program(fp16("x", shape), line("y", shape, call));
const ints = "tensor<int32, [1, 64]>";

// Messages seen in Apple's own output: each is said of a program or a run for which it was seen.
test.each<[words: string, chip: ChipName, text: string]>([
  ['Unsupported MIL operation "lstm".', "m4", one("lstm(x = x)")],
  ['Unsupported MIL operation "cumsum".', "m4", one("cumsum(x = x, axis = int32(3))")],
  ["Unsupported tensor data type: int32", "m4", program(`${ints} x`, `${ints} y = relu(x = x);`)],
  [
    'Op "X__@cast_scale" is connected to an invalid live-in "x1": Unsupported tensor data type: int32',
    "m4",
    program(fp16("x", [1, 64]), `${ints} x1 = cast(x = x, dtype = string("int32"));`, "x1"),
  ],
  [
    "Tensor dimensions N1D1C1H1W65537 are not within supported range, N[1-65536]D[1-65536]C[1-65536]H[1-65536]W[1-65536].",
    "m4",
    one("relu(x = x)", [1, 1, 1, 65_537]),
  ],
  [
    "Tensor dimensions N1D1C8H1W23040 are not within supported range, N[1-65536]D[1-16384]C[1-65536]H[1-16384]W[1-16384].",
    "m1_max",
    one("relu(x = x)", [1, 8, 1, 23_040]),
  ],
  [
    "scatter MIL op is currently only supported on uANE targets (u1-u4)",
    "m4",
    one("scatter(data = x, indices = x, updates = x)"),
  ],
  ["ANECCompile() FAILED: err=()", "m4_max", one("concat(values = (x, x), axis = int32(1))")],
  ["ANECCompile() FAILED: err=(InvalidMILProgram)", "m3_pro", one("rsqrt(x = x)")],
  [
    "ANECCompile() FAILED: err=(CompilationFailure)",
    "m1_ultra",
    one("scaled_dot_product_attention(query = x, key = x, value = x)"),
  ],
])("%s", (words, chip, text) => {
  const found = checkForChip(parseMil({ path: "p.mil", text }), { chip });
  expect(wordsOf(found)).toContain(`\`${words}\``);
});

test.each<[words: string, fact: string]>([
  ["Couldn't communicate with a helper application", "compile_service"],
  [
    "ANEProgramProcessRequestDirect() Failed with status=0x1d : statusType=0x9: Program Inference error",
    "surface_size",
  ],
  ["Graph has a cycle path", "attention_cycle"],
  ["ane: Weight file size (N bytes) exceeds the maximum (2147483648 bytes)", "weight_file_size"],
])("%s is what %s says", (words, id) => {
  const fact = facts.find((f) => f.id === id)!;
  const { fires } = fact.examples;
  const found =
    typeof fires === "string"
      ? checkForChip(parseMil({ path: "p.mil", text: fires }), { chip: "m4" })
      : checkRun(fires as RunContext);
  expect(wordsOf(found)).toContain(`\`${words}\``);
});

// The ops that Apple's compiler keeps off the engine.
test.each([
  ...[
    "asin",
    "acos",
    "tan",
    "sinh",
    "cosh",
    "atanh",
    "mod",
    "reduce_prod",
    "cumsum",
    "lstm",
    "gru",
  ],
  ...["rnn", "band_part", "one_hot", "non_zero", "range_1d", "random_bernoulli", "random_normal"],
  ...["random_categorical", "random_uniform", "sliding_windows", "crop_resize", "scatter"],
  ...["scatter_nd", "scatter_along_axis"],
])("`%s` is reported on m4", (op) => {
  const program = parseMil({ path: "p.mil", text: one(`${op}(x = x)`) });
  const found = checkForChip(program, { chip: "m4" });
  expect(found.some((d) => d.title.includes(`\`${op}\``))).toBe(true);
});

const witness = reported("someone/moons", "seen on M2");

test.each([
  ["reject", "E0510", "error"],
  ["silent_wrong", "E0511", "error"],
  ["format", "E0512", "error"],
  ["runtime", "E0513", "error"],
  ["warn", "E0514", "warning"],
  ["cost", "E0515", "warning"],
  ["numerics", "E0516", "warning"],
] as const)("%s is %s, %s", (kind, code, severity) => {
  expect(said(kind, [witness])).toMatchObject({ code, severity });
  expect(said(kind, [witness, against("other/moons", "fine")])).toMatchObject({
    code: "E0517",
    severity: "warning",
  });
});

test("what is only assumed is never an error", () => {
  expect(said("reject", [assumed("fact row_stride", "it follows")])).toMatchObject({
    code: "E0518",
    severity: "warning",
  });
});

test("a fact that holds, word for word", () => {
  expect(renderDiagnostic(said("reject", [witness], "No moons."))).toBe(
    `error[E0510]: \`x\` has a moon

  A program with a moon is refused.

  fact   blue_moons: reported by someone/moons, not measured by us (docs/facts/blue_moons.md)
  apple  \`No moons.\`
  help: leave the moon out`,
  );
});

test("a contested fact, word for word", () => {
  const evidence = [
    witness,
    against("other/moons", "runs on M4"),
    against("third/moons", "runs on M5"),
  ];
  expect(renderDiagnostic(said("reject", evidence))).toBe(
    `warning[E0517]: \`x\` has a moon

  Sources disagree about this: A program with a moon is refused.

  fact   blue_moons: sources contradict each other (docs/facts/blue_moons.md)
  for    someone/moons (seen on M2)
  but    other/moons (runs on M4)
         third/moons (runs on M5)
  help: leave the moon out`,
  );
});
