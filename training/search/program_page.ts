/** `program.md`: what an outside agent, a program that edits and proposes, has to know of a search. */
import { files } from "./ledger.ts";
import type { protocols, SearchSettings } from "./record.ts";
import type { Axis } from "./space.ts";

export function programPage(settings: SearchSettings, folder: string): string {
  const { model, data, protocol, budget, space, gate, experiments, strategy, branch } = settings;
  const metric = metricOf(protocol);
  const amount =
    budget.steps === null
      ? `${budget.seconds} seconds of training; compiling and the last validation do not count`
      : `${budget.steps} micro-steps`;
  return `# Searching for a better ${model.entry}

You improve the training of \`${model.path}\` on \`${data.name}\`. Lower ${metric} is better.

## How an experiment goes

1. You propose a change of the best configuration so far.
2. It is trained with ${gate.seeds} seeds, each with the same budget: ${amount}.
3. It is kept if it is better beyond noise (confidence ${gate.confidence}): first with the seeds of the best, then again
   with fresh seeds, both side by side. Else it is discarded. Most changes are discarded after one run.

Run one with

    anec search --resume --out ${folder} --experiments 0 --try lr=5e-4

\`--try\` takes several values at once (\`--try lr=5e-4,accum=8\`) and may be repeated. Without \`--try\` and with a larger
\`--experiments\`, the strategy \`${strategy}\` proposes (${experiments} so far).

## What may change

${space.map((axis) => `- ${axisText(axis)}`).join("\n")}

## Where to look

- \`${files.results}\`: one row an experiment: what was changed, ${metric}, and whether it was kept.
- \`${files.records}\`: the same with everything: all losses by seed, times, memory, why.
- \`anec search --summary ${folder}\`: a table, and a picture in \`${files.summary}\`.
${branch === null ? "" : `- the branch \`${branch}\`: a commit for each configuration that was kept.\n`}
## Rules

- Do not edit these files, and do not run two searches in one folder: the second one is refused.
- The data, the seeds, the budget and the validation are fixed. Do not work around them.
- Losses differ from seed to seed. A single good run means nothing; only \`keep\` counts.
- Of two changes with equal losses, the simpler one is better.
- A configuration that crashes is recorded as \`crash\`. Read its reason, and do not try it again as it is.
- Go on until you are interrupted. Do not stop to ask.
`;
}

/** What a protocol compares, as its column is called. */
export function metricOf(protocol: (typeof protocols)[number]): "val_loss" | "val_bpb" {
  return protocol === "karpathy" ? "val_bpb" : "val_loss";
}

function axisText(axis: Axis): string {
  if (axis.kind === "list") {
    const { name, values } = axis;
    return values.length === 1
      ? `\`${name}\` is fixed at ${values[0]}`
      : `\`${name}\`: ${values.join(", ")}`;
  }
  const { name, from, to, scale, step } = axis;
  const how = scale === "log" ? ", on a logarithmic scale" : "";
  const multiples = step === null ? "" : step === 1 ? ", whole numbers" : `, multiples of ${step}`;
  return `\`${name}\`: ${from} to ${to}${how}${multiples}`;
}
