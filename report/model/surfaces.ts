/** Programs and their surfaces: what lies where, in rows and columns. */
import type {
  DispatchStep,
  Manifest,
  Port,
  ScheduleStep,
  SurfaceUse,
} from "../../compiler/bundle/manifest.ts";
import { surfaceLayout } from "../../compiler/target/facts/run_context.ts";
import type { DrawnPort, DrawnProgram } from "./data.ts";

/** Every program of a bundle, with the values of its first call. `meanings`: see `PlacedGraph`. */
export function programsOf(
  { programs, schedule, staging }: Manifest,
  meanings: ReadonlyMap<string, string> = new Map(),
): DrawnProgram[] {
  const named = [...meanings].map(([name, what]) => [name, `${what} (${name})`] as const);
  const made = new Map([...madeBy([...staging, ...schedule]), ...named]);
  return programs.map(({ name, file, calls, ops, flops, inputs, outputs }) => {
    const dispatches = schedule.filter(
      (s): s is DispatchStep => s.do === "dispatch" && s.program === name,
    );
    const first = dispatches[0];
    const ports = (list: readonly Port[], role: DrawnPort["role"]) =>
      list.map((port) => {
        const uses = role === "input" ? first?.inputs : first?.outputs;
        return portOf(port, role, uses?.[port.name], made);
      });
    return {
      ...{ name, file, calls, ops, flops },
      labels: dispatches.map((d) => d.label),
      ports: [...ports(inputs, "input"), ...ports(outputs, "output")],
    };
  });
}

function portOf(
  { name, shape, dtype, bytes, places }: Port,
  role: DrawnPort["role"],
  use: SurfaceUse | undefined,
  made: ReadonlyMap<string, string>,
): DrawnPort {
  const { rowBytes, packedRowBytes } = surfaceLayout(shape, dtype);
  return {
    ...{ name, role, dtype, bytes, rowBytes, packedRowBytes },
    rows: shape[1] ?? 1,
    columns: shape.at(-1) ?? 1,
    values: places.map(({ layout, sizes, blocks }, i) => {
      const value = use?.values[i] ?? "";
      return {
        ...{ layout, sizes },
        name: value === "" ? "unused here" : (made.get(value) ?? value),
        blocks: blocks.map((b) => [b.row, b.column, b.rows, b.columns] as const),
      };
    }),
  };
}

/** Values of the host by what they are: `mul(@norm.weight, @attn.wq)` says more than `staged.3`. */
function madeBy(steps: readonly ScheduleStep[]): ReadonlyMap<string, string> {
  const made = new Map<string, string>();
  const LONGEST = 80;
  for (const step of steps) {
    if (step.do !== "host") continue;
    const text = `${step.op}(${step.reads.map((r) => made.get(r) ?? r).join(", ")})`;
    made.set(step.writes, text.length <= LONGEST ? text : `${step.op}(…)`);
  }
  return made;
}
