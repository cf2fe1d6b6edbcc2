/** `anec passes`: what is done to a graph, and in which order. */
import type { Command } from "commander";
import { type PipelineName, passes, pipelines } from "../../passes/pipeline.ts";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { jsonLine, table } from "../output.ts";

/** Pipelines as users know them. */
const TITLES: Readonly<Record<PipelineName, string>> = {
  infer: "cpu, a layer or model",
  train: "cpu, a train: loss and gradients",
  ane: "ane, a layer or model",
  ane_train: "ane, a train: loss and gradients",
  ane_hybrid: "ane, a train whose norms are the host's (--fusion none or pairs, --ane matmul)",
};

export const command = {
  examples: ["anec passes", "anec compile tiny --print-after fuse_attention"],

  define(c: Command): void {
    jsonFlag(c);
  },

  run({ io, flags }: Call<JsonFlag>): number {
    const orders = Object.entries(pipelines).map(([name, list]) => ({
      name,
      title: TITLES[name as PipelineName],
      passes: list.map((p) => p.name),
    }));
    if (flags.json === true) {
      const list = passes.map(({ name, doc, requires, establishes }) => ({
        name,
        doc,
        requires,
        establishes,
      }));
      io.out.write(jsonLine({ passes: list, pipelines: orders }));
      return EXIT.ok;
    }
    const promise = (word: string, list: readonly string[]): string =>
      list.length === 0 ? "" : `${word} ${list.join(", ")}`;
    io.out.write(
      table(
        passes.map((p) => [
          p.name,
          p.doc,
          promise("needs", p.requires),
          promise("gives", p.establishes),
        ]),
      ),
    );
    for (const order of orders) io.out.write(`\n${order.title}\n  ${order.passes.join(" → ")}\n`);
    return EXIT.ok;
  },
};
