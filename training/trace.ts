/** When each command of a session's programs ran. */
import type { Command, EnginePlan } from "../compiler/bundle/plan.ts";
import type { BuiltPlan } from "../passes/plan_builder.ts";
import type { Session } from "../runtime-native/js/index.ts";

/** One command of a program as it ran, milliseconds on a clock of the process. */
export interface TracedCommand {
  readonly program: string;
  readonly label: string;
  readonly kernel: string;
  readonly start: number;
  readonly end: number;
}

/** Runs a program and says when each of its commands ran, in the order in which they started. */
export function runTraced(
  session: Session,
  { plan }: BuiltPlan,
  program: string,
  { first = false, last = false } = {},
): TracedCommand[] {
  const { commands } = plan.programs.find((p) => p.name === program)!;
  const times = new Float64Array(2 * commands.length);
  session.run(program, { first, last, times });
  const ran = commands.map((command, i) => ({
    ...{ program, label: labelOf(command, plan.engine), kernel: command.kernel },
    ...{ start: times[2 * i]!, end: times[2 * i + 1]! },
  }));
  return ran.sort((a, b) => a.start - b.start);
}

/** Commands of the engine by what they call or where they put it. */
function labelOf({ kernel, label, ints }: Command, engine: EnginePlan | undefined): string {
  const surface = (i: number): string => engine?.surfaces[ints[i]!]?.name ?? label;
  if (kernel === "engine_call") return engine?.calls[ints[0]!]?.label ?? label;
  if (kernel === "engine_copy") return `${surface(0)} to ${surface(1)}`;
  return kernel.startsWith("engine_") ? surface(0) : label;
}
