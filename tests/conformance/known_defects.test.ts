/**
 * The thirty defects that are known of the trainers before this one, by their numbers in `reference/training.md`
 * §12.1. Each is shown not to be here: by a test of its own below, or by the one elsewhere that is named.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { corrections } from "../../bench/published/result.ts";
import { autoaneResults } from "../../bench/published/results_autoane.ts";
import { otherResults } from "../../bench/published/results_others.ts";
import { leafName } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { elaborate, loadModel, packageRoot } from "../../dsl/index.ts";
import { compile } from "../../index.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { relativeDistance } from "../support/close.ts";
import { valuesOf } from "../support/random_model.ts";
import { runBundle } from "../support/run_bundle.ts";

/** A test elsewhere: its file below `tests`, and the words it is called by. */
type Elsewhere = readonly [file: string, title: string];

interface Defect {
  readonly what: string;
  /** Where it is shown. */
  readonly shownBy?: readonly Elsewhere[];
  /** Fails where the defect is. */
  readonly isAbsent?: () => void | Promise<void>;
}

const LOOP = "unit/training/known_defects.test.ts";
const FILES = "unit/formats/autoane_defects.test.ts";
const ENGINE = "conformance/ane_defects.test.ts";
const VERIFY = "unit/training/verify/checks.test.ts";
const LORA = "unit/training/lora/adapter_file.test.ts";

const RUN = [
  ...["train", "--data", "builtin:stories", "--model", "tiny", "-D", "D=16", "-D", "F=24"],
  ...["-D", "L=1", "--steps", "5", "--threads", "1", "--json"],
];

/** The last line of `anec train --json`. */
async function resultOf(more: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await anec([...RUN, ...more]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out.trimEnd().split("\n").at(-1)!);
}

/** Every way in which a run may be trained. */
const METHODS = [
  [],
  ["--lora", "2"],
  ["--method", "mezo"],
  ["--method", "mezo", "--lora", "2"],
  ["--method", "fzoo", "--probes", "2"],
];

const defects: Readonly<Record<number, Defect>> = {
  1: {
    what: "on the engine, query head h reads key head h mod K",
    shownBy: [[ENGINE, "B1: query head h reads key head h mod K"]],
  },
  2: {
    what: "on the engine, rotary angles have base 10000 whatever the model says",
    shownBy: [[ENGINE, "B2: rotary angles have the usual base, whatever the model says"]],
  },
  3: {
    what: "layers of convolutions leave out the residual scale",
    isAbsent: () => {
      const graphOf = (residual_scale: number) =>
        elaborate(loadModel("tiny"), { overrides: { S: 8, D: 16, F: 24, residual_scale } })
          .entries.find((e) => e.kind === "model")!
          .graph();
      const graph = graphOf(0.25);
      const values = valuesOf(graph, 3);
      const baked = { target: "ane", mode: "infer", exactTables: true } as const;
      const made = compile(graph, { ...baked, baked: (param) => values.get(leafName(param))! });
      const programs = made.bundle.manifest.programs.map((p) =>
        new TextDecoder().decode(made.bundle.files.get(p.file)!),
      );
      expect(programs.join("\n")).toContain(" = conv(");
      const meant = interpret(graph, values).get("out")!;
      const found = { shape: meant.shape, data: runBundle(made, values).get("out")! };
      expect(relativeDistance(found, meant)).toBeLessThan(1e-5);
      const without = interpret(graphOf(1), values).get("out")!;
      expect(relativeDistance(found, without)).toBeGreaterThan(1e-2);
    },
  },
  4: {
    what: "adapters are added twice on the processor",
    shownBy: [
      [
        "unit/training/lora/lora.test.ts",
        "merged weights are the weights once plus the adapter once, however often they are saved",
      ],
    ],
  },
  5: {
    what: "adapters that were trained without gradients are in no file",
    shownBy: [
      [FILES, "5: adapters are saved, and come back as they were"],
      [
        "unit/training/mezo/mezo.test.ts",
        "adapters that were trained without gradients are in the checkpoint",
      ],
    ],
  },
  6: {
    what: "adapters that lie around are put beside any checkpoint of the same sizes",
    shownBy: [
      [FILES, "6: adapters of one run are not applied to the checkpoint of another"],
      [
        LORA,
        "one bit of a frozen weight, or another hyper-parameter, and the adapters are refused",
      ],
    ],
  },
  7: {
    what: "a model from random weights loses its residual scale when it is resumed",
    shownBy: [[FILES, "7: a model that was trained from random weights keeps its residual scale"]],
  },
  8: {
    what: "a checkpoint that cannot be read is replaced by random weights, in silence",
    shownBy: [
      [FILES, "8: a checkpoint that cannot be read is an error"],
      [LOOP, "a checkpoint that cannot be read is replaced by a new run, in silence"],
    ],
  },
  9: {
    what: "queries and keys lie in the wrong order in a GGUF file of a Llama; base, length and scale are fixed",
    shownBy: [
      [
        "unit/formats/gguf_blzt.test.ts",
        "rows of queries and keys lie in a GGUF file of a Llama as in BLZT",
      ],
      [
        "unit/formats/gguf.test.ts",
        "a residual scale is multiplied into the last matrices of each block",
      ],
      [
        "unit/formats/gguf_refused.test.ts",
        "the rotary base is 10000 and heads share the width where the header does not say",
      ],
    ],
  },
  10: {
    what: "BF16 has the number of another type in a GGUF file",
    shownBy: [
      ["unit/formats/gguf.test.ts", "a file of gguf-py: values of all types, tensors of all types"],
    ],
  },
  11: {
    what: "only checkpoints of one window length are read",
    shownBy: [[FILES, "11: the window of a checkpoint may be any"]],
  },
  12: {
    what: "a checkpoint is written only if the loss of the last window is the lowest, at multiples of 100",
    shownBy: [[LOOP, "a checkpoint is written only if the loss of the last window is the lowest"]],
  },
  13: {
    what: "the group that is open when the time is up is dropped",
    shownBy: [[LOOP, "the group that is open when the time is up is dropped"]],
  },
  14: {
    what: "ids of the validation split get rows, and unused rows decay",
    shownBy: [[LOOP, "ids of the validation split get rows, and rows that training never sees"]],
  },
  15: {
    what: "validation windows change from one evaluation to the next",
    shownBy: [[LOOP, "validation windows change from one evaluation to the next"]],
  },
  16: {
    what: "hyper-parameters are accepted and never reach the optimizer",
    shownBy: [[LOOP, "hyper-parameters are accepted and never reach the optimizer"]],
  },
  17: {
    what: "a search loses lines of its log, and takes back a commit that it had kept",
    shownBy: [
      [
        "unit/search/ledger.test.ts",
        "cut off at any byte, the files are mended and nothing whole is lost",
      ],
      [
        "unit/search/git_branch.test.ts",
        "each kept configuration is a commit, and nothing else changes",
      ],
    ],
  },
  18: {
    what: "what a run prints at its end has other names after another method, and nobody can read it",
    isAbsent: async () => {
      inNewFolder();
      const names: string[][] = [];
      for (const [i, method] of METHODS.entries()) {
        const result = await resultOf([...method, "--out", `${i}.ckpt`]);
        expect(result).toMatchObject({ event: "result", reason: "steps", out: `${i}.ckpt` });
        expect(result["validationLoss"], method.join(" ")).toBeGreaterThan(1);
        names.push(Object.keys(result));
      }
      for (const list of names) expect(list).toEqual(names[0]);
    },
  },
  19: {
    what: "two checks of the suite cannot fail: that a run is resumed, and that it does not diverge",
    shownBy: [
      [VERIFY, "$name catches its damage"],
      [VERIFY, "there is a damage for every check"],
    ],
  },
  20: { what: "unknown flags are ignored", shownBy: [[LOOP, "unknown flags are ignored"]] },
  21: {
    what: "milliwatts divided by steps are called millijoules a step",
    shownBy: [
      [
        "e2e/power.test.ts",
        "a run of known power has that energy, by step and by token, net of idle",
      ],
      ["e2e/cli_published.test.ts", "the corrected energies follow from the published power"],
    ],
  },
  22: {
    what: "a result of the processor is told of the engine",
    isAbsent: () => {
      const quoted = autoaneResults.filter((r) => r.figures.valLoss === 1.7972);
      expect(quoted.map((r) => r.note)).toEqual(["ran on the cpu: see the corrections"]);
      for (const { what } of quoted) expect(what).not.toMatch(/\bANE\b/);
      expect(corrections.filter(({ says }) => says.includes("1.7972"))).toHaveLength(1);
    },
  },
  23: {
    what: "a log of one method is told of another that was never measured",
    isAbsent: () => {
      const all = JSON.stringify([...autoaneResults, ...otherResults]);
      expect(all).not.toMatch(/forward-forward|\bFF-LoRA\b/i);
    },
  },
  24: {
    what: "the directions of P-GAP are found once and never again",
    isAbsent: async () => {
      inNewFolder();
      const { code, err } = await anec([...RUN, "--method", "pgap"]);
      expect(code).toBe(2);
      // A method that is not carried out as it is described is not there.
      expect(err).toContain("`backprop`, `mezo` or `fzoo`");
    },
  },
  25: {
    what: "FZOO finds the deviation of its losses and does not divide by it",
    shownBy: [
      [
        "unit/training/mezo/estimate.test.ts",
        "a probe's weight is its difference in deviations, shared by all of them",
      ],
    ],
  },
  26: {
    what: "checkpoints are written in place, and read as far as they go",
    shownBy: [
      [FILES, "26: a write that fails leaves the old checkpoint whole, and nothing beside it"],
      [FILES, "26: a file that ends early is never read as far as it goes"],
      [LOOP, "a checkpoint that was cut off is read as if it were whole"],
    ],
  },
  27: {
    what: "weights are read into a model of other sizes",
    shownBy: [[FILES, "27: weights of a model of other sizes are not read into this one"]],
  },
  28: {
    what: "the data of a model are those of another tokenizer",
    shownBy: [[FILES, "28: tokens of another tokenizer than the model's are noticed by their ids"]],
  },
  29: {
    what: "the report of a method counts none of its steps",
    isAbsent: async () => {
      inNewFolder();
      for (const [i, method] of METHODS.entries()) {
        const { steps } = await resultOf([...method, "--out", `${i}.ckpt`]);
        expect(steps, method.join(" ")).toBe(5);
      }
    },
  },
  30: {
    what: "ids beyond 16 bits have no token file",
    shownBy: [[FILES, "30: ids beyond 16 bits have token files of 32"]],
  },
};

test("every number from 1 to 30 is here, and is shown somewhere", () => {
  expect(Object.keys(defects)).toEqual(Array.from({ length: 30 }, (_, i) => String(i + 1)));
  for (const [number, { shownBy, isAbsent }] of Object.entries(defects)) {
    expect(shownBy !== undefined || isAbsent !== undefined, number).toBe(true);
  }
});

const elsewhere = Object.entries(defects).flatMap(([number, { what, shownBy = [] }]) =>
  shownBy.map(([file, title]) => ({ number, what, file, title })),
);

test.each(elsewhere)("$number, $what: $file has “$title”", ({ file, title }) => {
  const text = readFileSync(join(packageRoot(), "tests", file), "utf8");
  // The title of a test, or what an entry of a list of tests is called.
  const at = text.indexOf(`"${title}`);
  expect(at, `${file} has no test called “${title}”`).toBeGreaterThan(0);
  expect(text.slice(0, at)).toMatch(/(\btest(\.each)?\(\s*|\)\(\s*|\bwhat:\s*)$/);
});

describe("shown here", () => {
  const own = Object.entries(defects).flatMap(([number, { what, isAbsent }]) =>
    isAbsent === undefined ? [] : [{ number, what, isAbsent }],
  );
  test.each(own)(
    "$number: $what",
    async ({ isAbsent }) => {
      await isAbsent();
    },
    60_000,
  );
});
