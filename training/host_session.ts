/** Sessions of the `cpu` device from lowered graphs, with the constants they start with in place. */
import { leafName } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { sizesOf } from "../compiler/ir/types.ts";
import { paramStorage } from "../passes/lower_to_host.ts";
import type { BuiltPlan } from "../passes/plan_builder.ts";
import { createSession, type DeviceOptions, type Session } from "../runtime-native/js/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { floatsOf } from "./checkpoint_model.ts";

export function openSession(built: BuiltPlan, options: DeviceOptions = {}): Session {
  const session = createSession(built.plan, options);
  for (const { buffer, data } of built.initial) session.f32(buffer).set(data);
  return session;
}

/** A session with the parameters of a checkpoint. Throws a `UserError` (E0726, E0727). */
export function openWithParams(
  built: BuiltPlan,
  checkpoint: Checkpoint,
  params: readonly Node[],
  options: DeviceOptions = {},
): Session {
  const session = openSession(built, options);
  try {
    for (const param of params) {
      const storage = paramStorage(leafName(param));
      session.f32(storage).set(floatsOf(checkpoint, storage, sizesOf(param.type.shape)));
    }
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}
