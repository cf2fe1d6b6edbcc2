/**
 * Every measurement of speed, each a ratio of two things measured side by side.
 *
 *     npm run bench                       prints a table, writes build/bench.json
 *     npm run bench -- --quick            one process of each, autoresearch only
 *
 * Each measurement is a process of its own, several times over. Medians are shown; those of a step by where its
 * processors were: a virtual machine may have two of one cache, or of two, from one process to the next.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { median } from "../cli/bench/workload.ts";
import { table } from "../cli/output.ts";
import { fusedLayers } from "./fused_layers.ts";
import { anec, type Numbers, root, runJson } from "./processes.ts";
import { measureScaling } from "./scaling.ts";
import { measureStart } from "./start.ts";

const again = (count: number, args: readonly string[]): Numbers[] =>
  Array.from({ length: count }, () => runJson(args));

/** Medians of the numbers. */
function medians(runs: readonly Numbers[]): Numbers {
  return Object.fromEntries(
    Object.entries(runs[0]!).map(([name, value]) => [
      name,
      typeof value === "number" ? median(runs.map((r) => Number(r[name]))) : value,
    ]),
  );
}

/** Processors of one cache hand a line over in some 40 ns, those of two in some 160. */
const ONE_CACHE_NS = 80;

/** Processes whose processors were of one cache, and others. */
function byPlacement(runs: readonly Numbers[]): (readonly [where: string, Numbers[]])[] {
  const isNear = (r: Numbers): boolean => number(r, "handoverNs") < ONE_CACHE_NS;
  const all = [
    ["", runs.filter(isNear)],
    [", two caches", runs.filter((r) => !isNear(r))],
  ] as const;
  return all.filter(([, some]) => some.length > 0);
}

interface Line {
  readonly name: string;
  readonly value: string;
  /** What it is measured against. */
  readonly against: string;
  readonly ratio: number;
  readonly goal: string;
}

const number = (from: Numbers, name: string): number => Number(from[name]);

function stepLine(name: string, r: Numbers, goal: string): Line {
  return {
    name,
    value: `${number(r, "msPerMicroStep").toFixed(1)} ms, ${(100 * number(r, "otherThanProducts")).toFixed(1)} % not products`,
    against: `${number(r, "fmaPeakGflops").toFixed(0)} GFLOP/s of multiply-adds`,
    ratio: number(r, "fractionOfFmaPeak"),
    goal,
  };
}

function generationLine(name: string, r: Numbers): Line {
  return {
    name,
    value: `${number(r, "tokensPerSecond").toFixed(0)} tokens/s`,
    against: `${number(r, "readGigabytesPerSecond").toFixed(1)} GB/s read`,
    ratio: number(r, "fractionOfBound"),
    goal: ">= 0.75",
  };
}

/**
 * The step beside a process that never rests, as a share of what a fair system would leave us of the step
 * alone, measured just before.
 */
function besideBurner(): {
  readonly line: Line;
  readonly alone: Numbers;
  readonly beside: Numbers;
} {
  const args = ["bench", "step", "--steps", "3"];
  const alone = runJson(args);
  const burner: ChildProcess = spawn(process.execPath, ["-e", "for (;;) {}"], { stdio: "ignore" });
  try {
    const beside = runJson(args);
    const processors = availableParallelism();
    const fair = (processors - 0.5) / processors;
    const ratio = number(alone, "msPerOptimizerStep") / number(beside, "msPerOptimizerStep") / fair;
    const line = {
      name: "beside a busy process",
      value: `${number(beside, "msPerMicroStep").toFixed(1)} ms`,
      against: `${(number(alone, "msPerMicroStep") / fair).toFixed(1)} ms, a fair share`,
      ...{ ratio, goal: ">= 0.85" },
    };
    return { line, alone, beside };
  } finally {
    burner.kill();
  }
}

async function main(): Promise<void> {
  const quick = process.argv.includes("--quick");
  const processes = quick ? 1 : 5;
  const lines: Line[] = [];
  const results: Record<string, unknown> = {};
  /** One line for each place; the numbers of the first. */
  const step = (name: string, goal: string, args: readonly string[], count = processes) => {
    const runs = again(count, ["bench", "step", ...args]);
    results[name] = runs;
    const places = byPlacement(runs).map(([where, some]) => ({ where, some, all: medians(some) }));
    for (const { where, some, all } of places)
      lines.push(stepLine(`${name}${where}, ${some.length} of ${count}`, all, goal));
    return places[0]!.all;
  };

  const auto = step("autoresearch", ">= 0.85", ["--model", "autoresearch"], quick ? 1 : 9);
  step("autoresearch, built-in", ">= 0.78", ["--model", "autoresearch", "--blas", "builtin"]);
  step("autoresearch, one core", ">= 0.88", ["--model", "autoresearch", "--threads", "1"]);
  lines.push({
    name: "autoresearch, memory",
    value: `${(number(auto, "peakRssBytes") / 1e6).toFixed(0)} MB`,
    against: "500 MB",
    ratio: number(auto, "peakRssBytes") / 500e6,
    goal: "<= 1",
  });
  lines.push({
    name: "autoresearch, not products",
    value: `${(100 * number(auto, "otherThanProducts")).toFixed(1)} % of the time`,
    against: "the step",
    ratio: number(auto, "otherThanProducts"),
    goal: "< 0.08",
  });
  if (!quick) {
    step("stories110m", ">= 0.85", ["--model", "stories110m", "--steps", "1"], 2);
    step("nl6_s512", "–", ["--model", "nl6_s512", "--steps", "1", "--accum", "4"], 1);
  }
  for (const model of quick ? ["autoresearch"] : ["autoresearch", "stories110m"]) {
    const report = medians(again(processes, ["bench", "generate", "--model", model]));
    results[`generate ${model}`] = report;
    lines.push(generationLine(`${model}, one token at a time`, report));
  }
  const { line, alone, beside } = besideBurner();
  results["beside a busy process"] = { alone, beside };
  lines.push(line);

  const layers = fusedLayers();
  results["fused layers"] = layers;
  for (const { name, ms, kernelMs, ratio } of layers) {
    lines.push({
      name: `${name}, from its equation`,
      value: `${ms.toFixed(2)} ms`,
      against: `${kernelMs.toFixed(2)} ms of a kernel`,
      ...{ ratio, goal: "<= 2" },
    });
  }

  const start = await measureStart(anec, quick ? 5 : 15);
  results["start"] = start;
  lines.push(
    {
      name: "anec --version",
      value: `${start.versionMs.toFixed(0)} ms`,
      against: `${start.nodeMs.toFixed(0)} ms of node -e 0`,
      ratio: start.versionMs / start.nodeMs,
      goal: "< 1.5",
    },
    {
      name: "compile and plan",
      value: `${start.planMs.toFixed(0)} ms`,
      against: "150 ms",
      ratio: start.planMs / 150,
      goal: "< 1",
    },
    {
      name: "first step of a run",
      value: `${start.firstStepMs.toFixed(0)} ms`,
      against: "1,500 ms",
      ratio: start.firstStepMs / 1500,
      goal: "< 1",
    },
  );

  const cells = lines.map((l) => [l.name, l.value, l.against, l.ratio.toFixed(3), l.goal]);
  const head = ["what", "measured", "against", "ratio", "goal"];
  const [model] = cpus();
  process.stdout.write(`${model?.model ?? "processor"}, ${availableParallelism()} processors\n\n`);
  process.stdout.write(table(cells, { head, right: [3] }));
  if (!quick) {
    const scaling = measureScaling();
    results["scaling"] = scaling.rows;
    process.stdout.write(`\n${scaling.text}`);
  }
  mkdirSync(join(root, "build"), { recursive: true });
  const file = join(root, "build", "bench.json");
  writeFileSync(file, `${JSON.stringify({ lines, results }, null, 2)}\n`);
  process.stdout.write(`\n${file}\n`);
}

await main();
