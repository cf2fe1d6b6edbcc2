/**
 * Probes against the emulator: every fact is confirmed on every chip and system, and an engine that is
 * otherwise is found out.
 */
import { afterEach, expect, test } from "vitest";
import { carryOut } from "../../cli/probe_lab.ts";
import { chipCalled } from "../../cli/probe_machine.ts";
import { facts } from "../../compiler/target/facts/index.ts";
import type { ProbeMachine } from "../../compiler/target/probes/define.ts";
import { EXEMPT } from "../../compiler/target/probes/exempt.ts";
import { probes } from "../../compiler/target/probes/index.ts";
import { judge, type ProbeVerdict } from "../../compiler/target/probes/judge.ts";
import { questions } from "../../compiler/target/probes/questions.ts";
import {
  configureEmulator,
  emulatorLibrary,
  emulatorReport,
  openAne,
} from "../../runtime-native/js/ane.ts";

const library = emulatorLibrary();
const asked = questions.filter((q) => q.notProbed === undefined);
afterEach(() => configureEmulator(library, ""));

/** The verdicts of all claims, by what they are about; questions end in `?`. */
function verdicts(settings: string, machine?: ProbeMachine): ReadonlyMap<string, ProbeVerdict> {
  const found = new Map<string, ProbeVerdict>();
  for (const probe of probes) {
    // Each probe has an engine of its own, as if it had a process.
    configureEmulator(library, settings);
    const { chip, os } = emulatorReport(library);
    const emulated = { device: "emulator" as const, chip: chipCalled(chip)!, os };
    const retry = { attempts: 1, firstMs: 0, mostMs: 0 };
    const device = openAne({ library, compileBudget: 0, retry });
    const results = judge(probe, carryOut(probe, device), machine ?? emulated);
    device.close();
    const { violations, live } = emulatorReport(library);
    expect({ probe: probe.name, violations, live }).toEqual({
      probe: probe.name,
      violations: [],
      live: {},
    });
    for (const { fact, question, verdict } of results) found.set(fact ?? `${question}?`, verdict);
  }
  return found;
}

const not = (found: ReadonlyMap<string, ProbeVerdict>, verdict: ProbeVerdict): string[] =>
  [...found].filter(([, v]) => v !== verdict).map(([about]) => about);

test.each([
  "chip=m1,os=15.5",
  "chip=m2_pro,os=26.3",
  "chip=m3_max,os=26.3",
  "chip=m4,os=15.5",
  "chip=m4,os=26.3",
  "chip=m5,os=26.3",
])("everything is confirmed on %s", (settings) => {
  const found = verdicts(settings);
  expect(found.size).toBe(facts.length - Object.keys(EXEMPT).length + asked.length);
  expect(not(found, "confirms")).toEqual([]);
});

const usual = verdicts("chip=m4,os=15.5");
/** What another engine makes of the claims that the usual one confirms. */
function changed(settings: string, machine?: ProbeMachine) {
  const found = verdicts(settings, machine);
  const of = (verdict: ProbeVerdict): string[] =>
    [...found]
      .filter(([about, v]) => usual.get(about) === "confirms" && v === verdict)
      .map(([about]) => about)
      .sort();
  return { refutes: of("refutes"), unclear: of("unclear") };
}

/** Numbers of another engine: fp16 with fp32 sums. */
const OTHER_NUMBERS = [
  "accumulator_range",
  "error_law",
  "half_away",
  "log_sum_exp",
  "nan_in_tables",
  "prefix_overflow?",
  "product_grid",
  "small_epsilon",
  "small_factors",
  "softplus_cutoff",
  "special_values",
  "table_functions",
];

test.each<[settings: string, refutes: readonly string[], unclear: readonly string[]]>([
  ["numerics=fast", OTHER_NUMBERS, []],
  [
    "numerics=ideal",
    [...OTHER_NUMBERS, "residual_magnitude", "scale_word", "trailing_cast"].sort(),
    [],
  ],
  ["half-sums=on", ["mean_factor", "reduced_sums"], ["sum_of_squares"]],
  ["ignore-mask=off", ["attention_mask", "masked_attention?"], []],
  ["narrow-slices=on", ["slice_gain"], []],
  ["int8-ceiling=on", ["int8_ceiling"], []],
  ["compile-limit=off", ["compile_budget", "compile_ceiling?"], []],
  ["row-align=128", ["row_layout?", "row_stride"], ["dropped_dims", "packed_reads"]],
  ["binding=declared,attributes=off", ["port_order"], []],
  ["input-limit=8,attributes=off", ["input_count"], []],
  ["refuse=concat", ["concat_support"], ["joined_slices"]],
  [
    "refuse=softmax",
    [],
    ["attention_cycle", "attention_on_m1", "score_size", "softmax_channels", "split_attention"],
  ],
])("an engine with %s is found out", (settings, refutes, unclear) => {
  expect(changed(`chip=m4,os=15.5,${settings}`)).toEqual({ refutes, unclear });
});

test("a wrong chip and a wrong system are found out", () => {
  const m4 = { device: "emulator", chip: "m4", os: "15.5" } as const;
  expect(changed("chip=m1,os=15.5", m4).refutes).toEqual([
    "int8_ceiling",
    "mixed_affine",
    "rows_128_by_8192",
    "slice_gain",
    "texture_ops",
    "topk_size",
    "trigonometry",
  ]);
  expect(changed("chip=m4,os=26.3", m4).refutes).toEqual(["compile_budget", "compile_ceiling?"]);
});

test("an engine that fails every call says nothing but that", () => {
  for (const settings of ["timeout=every:1", "surface-fault=every:1"]) {
    const { refutes, unclear } = changed(`chip=m4,os=15.5,${settings}`);
    expect(refutes).toEqual(["known_answer"]);
    expect(unclear.length).toBeGreaterThan(30);
  }
});
