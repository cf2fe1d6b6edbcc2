/** Runs a graph on the `cpu` device once: what device tests compare with the reference interpreter. */
import { type Graph, leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { type Tensor, tensor } from "../../compiler/ops/tensor.ts";
import type { Values } from "../../compiler/reference/interpret.ts";
import { inputStorage, lowerToHost, paramStorage } from "../../passes/lower_to_host.ts";
import { finishPlan, newPlan } from "../../passes/plan_builder.ts";
import type { DeviceOptions, Session } from "../../runtime-native/js/index.ts";
import { openSession } from "../../training/host_session.ts";

export function setValues(session: Session, graph: Graph, values: Values): void {
  for (const leaf of [...graph.inputs, ...graph.params]) {
    const name = leafName(leaf);
    const buffer = leaf.op.name === "input" ? inputStorage(name) : paramStorage(name);
    if (leaf.type.dtype === "i32") session.i32(buffer).set(values.get(name)!.data);
    else session.f32(buffer).set(values.get(name)!.data);
  }
}

/** Outputs by name. `accumulate` outputs are summed over `runs` runs. */
export function runOnCpu(
  graph: Graph,
  values: Values,
  options: DeviceOptions & {
    readonly accumulate?: boolean;
    readonly runs?: number;
    readonly leastRow?: number;
  } = {},
): Map<string, Tensor> {
  const plan = newPlan();
  const accumulated = new Set(
    options.accumulate === true
      ? graph.outputs.map((o) => o.name).filter((n) => n.startsWith("grad."))
      : [],
  );
  const rows = options.leastRow === undefined ? {} : { leastRow: options.leastRow };
  lowerToHost(plan, { name: "run", graph, accumulated, ...rows });
  const session = openSession(finishPlan(plan), options);
  try {
    setValues(session, graph, values);
    for (let run = 0; run < (options.runs ?? 1); run++) session.run("run", { first: run === 0 });
    return new Map(
      graph.outputs.map((o) => [
        o.name,
        tensor(sizesOf(o.node.type.shape), session.f32(`output.${o.name}`).slice()),
      ]),
    );
  } finally {
    session.close();
  }
}
