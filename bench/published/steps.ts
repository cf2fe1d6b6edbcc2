/** Training steps: the columns of published logs, and whole steps. */
import type { ChipName } from "../../compiler/target/chip_names.ts";
import { type CostConstants, type HostWork, hostCost } from "../../compiler/target/cost.ts";
import {
  type Direction,
  fullStep,
  fusedStep,
  matmulStep,
  type Step,
  type StepConfig,
  staticStep,
} from "./layouts.ts";
import { engineMs, host, type Row } from "./row.ts";

const SMALL: StepConfig = { D: 512, F: 1408, H: 8, K: 2, E: 64, S: 128, L: 4, V: 16_893 };
const WIDE: StepConfig = { D: 1024, F: 2816, H: 16, K: 4, E: 64, S: 256, L: 4, V: 16_893 };
const D1536: StepConfig = { ...WIDE, D: 1536, F: 4224, H: 24, K: 6 };
const D2048: StepConfig = { ...WIDE, D: 2048, F: 5632, H: 32, K: 8 };
const NL6: StepConfig = { D: 768, F: 2048, H: 6, K: 6, E: 128, S: 512, L: 6, V: 8144 };
const SIX: StepConfig = { D: 768, F: 2048, H: 12, K: 12, E: 64, S: 512, L: 6, V: 9000 };
const STORIES: StepConfig = { D: 768, F: 2048, H: 12, K: 12, E: 64, S: 256, L: 12, V: 9200 };
const QWEN: StepConfig = { D: 1024, F: 3072, H: 16, K: 8, E: 128, S: 256, L: 28, V: 9200 };

/** The published name of a configuration, for tests of the layouts. */
export const CONFIGS = {
  autoresearch: SMALL,
  "768d6L": SIX,
  ncdrone: NL6,
  stories110m: STORIES,
  qwen3_06b: QWEN,
} as const;

const engine =
  (d: Direction) =>
  (c: CostConstants): number =>
    engineMs(d.works, c);

/** Surfaces written and read by the host. */
const copies = (d: Direction): Partial<HostWork> => ({ copiedBytes: d.written + d.read });

interface Run {
  readonly name: string;
  readonly source: string;
  readonly chip: ChipName;
  readonly step: Step;
  /** Other programs ran beside it. */
  readonly busy?: boolean;
  readonly assumes?: string;
  readonly columns: Readonly<Partial<Record<Column, number>>>;
}

type Column =
  | "ane_fwd"
  | "io_fwd"
  | "ane_bwd"
  | "io_bwd"
  | "norms"
  | "silu"
  | "classifier"
  | "captures"
  | "step"
  | "host_fwd"
  | "host_bwd";

function predicted(column: Column, run: Run, c: CostConstants): number {
  const { step, busy = false } = run;
  const onHost = (work: Partial<HostWork>): number => hostCost(work, c, busy).total;
  switch (column) {
    case "ane_fwd":
      return engine(step.forward)(c);
    case "ane_bwd":
      return engine(step.backward)(c);
    case "io_fwd":
      return onHost(copies(step.forward));
    case "io_bwd":
      return onHost({ ...copies(step.backward), movedBytes: step.backward.copied });
    case "norms":
      return onHost(step.host.norms);
    case "silu":
      return onHost(step.host.silu);
    case "classifier":
      return onHost(step.host.classifier);
    case "captures":
      return onHost(step.host.captures);
    case "host_fwd":
      return onHost({
        flops: step.weightFlops + (2 / 7) * (step.host.attention.flops ?? 0),
        streamedBytes: (2 / 6) * (step.host.attention.streamedBytes ?? 0),
      });
    case "host_bwd":
      return onHost({
        flops: step.weightFlops + (5 / 7) * (step.host.attention.flops ?? 0),
        streamedBytes: (4 / 6) * (step.host.attention.streamedBytes ?? 0),
      });
    case "step":
      return wholeStep(run, c);
    default:
      return column satisfies never;
  }
}

/** A step is everything in turn; the gradients of weights run beside it, and are waited for. */
function wholeStep(run: Run, c: CostConstants): number {
  const columns: Column[] = ["ane_fwd", "io_fwd", "norms", "silu", "classifier", "captures"];
  const onHost = run.step.backward.works.length === 0;
  columns.push(...(onHost ? (["host_bwd"] as const) : (["ane_bwd", "io_bwd"] as const)));
  if (run.step.forward.works.length === 0) columns.push("host_fwd");
  const serial = columns.reduce((sum, column) => sum + predicted(column, run, c), 0);
  const beside = hostCost({ flops: run.step.weightFlops }, c, run.busy).total;
  return Math.max(serial, beside);
}

const hostOnly = (config: StepConfig): Step => {
  const nothing: Direction = { works: [], written: 0, read: 0, copied: 0 };
  return { ...matmulStep(config), forward: nothing, backward: nothing };
};

const AAN = { source: "vatsal191201/AutoANE logs", chip: "m2_pro" } as const;
const NAR = { source: "ncdrone/autoresearch-ANE logs", chip: "m4_max" } as const;
const MDX = { source: "maderix/ANE training logs", chip: "m4" } as const;
const FAR = {
  source: "fiale-plus/autoresearch-ane results",
  chip: "m4",
  assumes: "the chip",
} as const;

const CLASSES = "the number of active classes";

const runs: readonly Run[] = [
  {
    ...AAN,
    name: "512d cpu",
    step: hostOnly(SMALL),
    columns: { host_fwd: 8.4, host_bwd: 8.6, silu: 1.7, norms: 1.1, classifier: 7.7, step: 30.7 },
  },
  {
    ...AAN,
    name: "512d matmul",
    step: matmulStep(SMALL),
    columns: {
      ane_fwd: 6.85,
      io_fwd: 0.9,
      host_bwd: 7.3,
      silu: 2.1,
      norms: 0.9,
      classifier: 5.7,
      step: 25.9,
    },
  },
  {
    ...AAN,
    name: "1024d full",
    step: fullStep(WIDE),
    assumes: CLASSES,
    columns: {
      ane_fwd: 10.5,
      io_fwd: 3,
      norms: 3.1,
      ane_bwd: 18.7,
      io_bwd: 5.1,
      silu: 5.8,
      classifier: 15.2,
      captures: 1.9,
      step: 68.7,
    },
  },
  {
    ...AAN,
    name: "1024d cpu",
    step: hostOnly(WIDE),
    assumes: CLASSES,
    columns: { host_fwd: 27.6, host_bwd: 44.3, norms: 3.1, silu: 5.4, classifier: 15, step: 102.2 },
  },
  {
    ...AAN,
    name: "1536d cpu",
    step: hostOnly(D1536),
    assumes: "widths in proportion",
    columns: { host_fwd: 48.6, host_bwd: 69.4, step: 159.9 },
  },
  {
    ...AAN,
    name: "1536d matmul",
    step: matmulStep(D1536),
    assumes: "widths in proportion",
    columns: { ane_fwd: 37.4, io_fwd: 4.9, host_bwd: 69.7, step: 157.2 },
  },
  {
    ...AAN,
    name: "2048d cpu",
    step: hostOnly(D2048),
    assumes: "widths in proportion",
    columns: { step: 280.2 },
  },
  {
    ...NAR,
    name: "nl6 quiet",
    step: fullStep(NL6),
    columns: {
      ane_fwd: 16.1,
      io_fwd: 3.7,
      norms: 6.3,
      ane_bwd: 17.6,
      io_bwd: 7,
      silu: 6.4,
      classifier: 26.1,
      captures: 7,
      step: 99.35,
    },
  },
  ...(
    [
      ["nl6 loaded", 6, [16.1, 5.6, 8.8, 19.4, 15.3, 11.7, 42.3, 13.1, 157.4]],
      ["nl6 10k", 6, [15.7, 5.2, 8, 19.6, 15.5, 11.2, 40.85, 12.1, 148.9]],
      ["P1", 6, [16.2, 5.55, 8.45, 20, 16.1, 11.9, 43.95, 12.1, 149.5]],
      ["P5", 4, [10.45, 3.4, 5.1, 12.9, 9.3, 7.1, 37.4, 7.65, 104.2]],
      ["P6", 8, [21.3, 7.4, 10.7, 26, 19.7, 14.4, 40.9, 15.5, 175.1]],
    ] as const
  ).map(([name, L, times]): Run => {
    const [ane_fwd, io_fwd, norms, ane_bwd, io_bwd, silu, classifier, captures, step] = times;
    const columns = { ane_fwd, io_fwd, norms, ane_bwd, io_bwd, silu, classifier, captures, step };
    return { ...NAR, name, step: fullStep({ ...NL6, L }), busy: true, columns };
  }),
  {
    ...NAR,
    name: "S=1024",
    step: fullStep({ ...NL6, S: 1024 }),
    busy: true,
    columns: {
      ane_fwd: 37.9,
      io_fwd: 10.3,
      norms: 15.3,
      ane_bwd: 40.8,
      io_bwd: 30.4,
      silu: 23.4,
      classifier: 109.15,
      captures: 24,
      step: 327,
    },
  },
  {
    ...MDX,
    name: "stories v1",
    step: fusedStep(STORIES),
    assumes: CLASSES,
    columns: {
      ane_fwd: 21,
      io_fwd: 12,
      norms: 5,
      ane_bwd: 28,
      io_bwd: 15,
      silu: 10,
      classifier: 13,
      step: 110,
    },
  },
  {
    ...NAR,
    name: "8 layers",
    step: fullStep({ ...STORIES, L: 8 }),
    assumes: "256 positions",
    columns: { ane_fwd: 10.4, ane_bwd: 15.4, io_fwd: 3.9, io_bwd: 12.3, step: 91 },
  },
];

const columnRows: readonly Row[] = runs.flatMap((run) =>
  Object.entries(run.columns).map(([column, ms]) => ({
    id: `${run.name} ${column}`,
    source: run.source,
    chip: run.chip,
    ms,
    predict: (c: CostConstants) => predicted(column as Column, run, c),
    ...(run.assumes === undefined ? {} : { assumes: run.assumes }),
  })),
);

/** Name, source, chip, ms, step. */
const WHOLE: readonly (readonly [string, string, ChipName, number, Step])[] = [
  ["8 kernels", "maderix/ANE", "m4", 89, fusedStep(STORIES)],
  ["10 kernels", "maderix/ANE", "m4", 115, fullStep(STORIES)],
  ["dynamic", "maderix/ANE", "m4", 91, fullStep(STORIES)],
  ["qwen3", "maderix/ANE", "m4", 412, fullStep(QWEN)],
  ["static train_large", "maderix/ANE", "m4", 106.7, staticStep(STORIES)],
  ["static extras", "maderix/ANE", "m4", 91.8, staticStep(STORIES)],
  ["static plain", "maderix/ANE", "m4", 147, staticStep(STORIES)],
  ["static", "maderix/ANE community table", "m1_pro", 155.5, staticStep(STORIES)],
  ["static", "maderix/ANE community table", "m1_max", 155, staticStep(STORIES)],
  ["static", "maderix/ANE community table", "m3_ultra", 91, staticStep(STORIES)],
  ["static", "maderix/ANE community table", "m4_pro", 71, staticStep(STORIES)],
  ["static", "maderix/ANE community table", "m4_max", 64, staticStep(STORIES)],
  ["static", "maderix/ANE community table", "m5", 110.5, staticStep(STORIES)],
  ["before", FAR.source, FAR.chip, 176, fullStep(SIX)],
  ["after, Adam", FAR.source, FAR.chip, 132, fusedStep(SIX)],
  ["after, Lion", FAR.source, FAR.chip, 97.6, fusedStep(SIX)],
  ["after, May", FAR.source, FAR.chip, 93.6, fusedStep(SIX)],
  ["S=256", NAR.source, NAR.chip, 91.4, fullStep(STORIES)],
  ["S=512", NAR.source, NAR.chip, 171.7, fullStep({ ...STORIES, S: 512 })],
  ["S=1024", NAR.source, NAR.chip, 389, fullStep({ ...STORIES, S: 1024 })],
  ["L=4", NAR.source, NAR.chip, 49, fullStep({ ...STORIES, L: 4 })],
  ["L=16", NAR.source, NAR.chip, 147, fullStep({ ...STORIES, L: 16 })],
];

const wholeRows: readonly Row[] = WHOLE.map(([name, source, chip, ms, step]) => ({
  id: `step ${chip} ${name}`,
  source,
  chip,
  ms,
  predict: (c) => wholeStep({ name, source, chip, step, columns: {} }, c),
  ...(source === FAR.source ? { assumes: "the chip" } : {}),
}));

/** The engine's part of the static pipeline, both directions. */
const SHARES: readonly (readonly [ChipName, number])[] = [
  ["m1_pro", 33.5],
  ["m3_ultra", 10],
  ["m4_pro", 8.9],
  ["m4_max", 10.2],
  ["m5", 9.45],
];

const shareRows: readonly Row[] = SHARES.map(([chip, ms]) => {
  const { forward, backward } = staticStep(STORIES);
  return {
    id: `static engine ${chip}`,
    source: "maderix/ANE community table",
    chip,
    ms,
    predict: (c) => engineMs([...forward.works, ...backward.works], c),
  };
});

const MB = 1e6;

/** Copies of the host on their own. */
const copyRows: readonly Row[] = [
  host("write 768 KB", { chip: "m4_max", source: "mechramc/Orion" }, 0.034, {
    copiedBytes: 0.768 * MB,
  }),
  host("stage 60 MB", { chip: "m2_pro", source: "vatsal191201/AutoANE" }, 8.1, {
    copiedBytes: 60 * MB,
  }),
  host("stage 379 MB", { chip: "m2_pro", source: "vatsal191201/AutoANE" }, 129, {
    copiedBytes: 379 * MB,
  }),
];

/** Every row about a training step. */
export const stepRows: readonly Row[] = [...columnRows, ...wholeRows, ...shareRows, ...copyRows];
