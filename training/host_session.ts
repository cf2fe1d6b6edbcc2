/** A session of the `cpu` device from lowered graphs, with the constants they start with in place. */
import type { BuiltPlan } from "../passes/plan_builder.ts";
import { createSession, type DeviceOptions, type Session } from "../runtime-native/js/index.ts";

export function openSession(built: BuiltPlan, options: DeviceOptions = {}): Session {
  const session = createSession(built.plan, options);
  for (const { buffer, data } of built.initial) session.f32(buffer).set(data);
  return session;
}
