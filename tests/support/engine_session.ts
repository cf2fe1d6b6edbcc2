/** Training plans with calls of the engine, run on the emulator with values of a model. */
import { type Graph, leafName } from "../../compiler/ir/graph.ts";
import type { Tensor } from "../../compiler/ops/tensor.ts";
import { inputStorage, paramStorage } from "../../passes/lower_to_host.ts";
import type { BuiltPlan } from "../../passes/plan_builder.ts";
import type { EngineOptions, Session } from "../../runtime-native/js/index.ts";
import { type EngineChoice, LOSS_SCALE } from "../../training/engine_programs.ts";
import { openSession } from "../../training/host_session.ts";
import { trainingPlan } from "../../training/programs.ts";

export const FUSIONS = ["none", "pairs", "layer"] as const;

export function enginePlan(train: Graph, fusion: EngineChoice["fusion"]): BuiltPlan {
  const scales = { lossScale: 1, programs: new Map() };
  return trainingPlan(train, { choice: { fusion, ane: "full" }, scales });
}

/** A session with everything in place for `micro_step`. */
export function engineSession(
  built: BuiltPlan,
  train: Graph,
  values: ReadonlyMap<string, Tensor>,
  { threads = 1, ...engine }: Omit<EngineOptions, "kind"> & { readonly threads?: number } = {},
): Session {
  const session = openSession(built, {
    ...{ threads, blas: "builtin" },
    engine: { kind: "emulator", ...engine },
  });
  for (const leaf of train.params)
    session.f32(paramStorage(leafName(leaf))).set(values.get(leafName(leaf))!.data);
  for (const leaf of train.inputs)
    session.i32(inputStorage(leafName(leaf))).set(values.get(leafName(leaf))!.data);
  session.f32(inputStorage(LOSS_SCALE))[0] = 1;
  session.run("stage");
  return session;
}

/** The bits of a session's buffers, by name. */
export function bitsOf(
  session: Session,
  { plan }: BuiltPlan,
  arena?: "state",
): Map<string, string> {
  return new Map(
    plan.buffers
      .filter((b) => arena === undefined || b.arena === arena)
      .map(({ name, dtype }) => {
        const view = session[dtype](name);
        return [
          name,
          Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("latin1"),
        ];
      }),
  );
}
