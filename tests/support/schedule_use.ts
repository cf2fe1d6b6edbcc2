/** What a schedule moves or makes for nobody. */
import type { Manifest, ScheduleStep } from "../../compiler/bundle/manifest.ts";

type Dispatch = ScheduleStep & { readonly do: "dispatch" };

const isDispatch = (s: ScheduleStep): s is Dispatch => s.do === "dispatch";

/** Values that are staged on a surface from which no program takes them. */
export function unusedStaging({ staging, schedule }: Manifest): string[] {
  const taken = new Set(
    schedule
      .filter(isDispatch)
      .flatMap((s) => Object.values(s.inputs))
      .flatMap(({ surface, values }) => values.map((v) => `${surface} ${v}`)),
  );
  return staging.flatMap((s) =>
    s.do === "write" && !taken.has(`${s.surface} ${s.value}`) ? [s.value] : [],
  );
}

/** Results of programs, and rows of their surfaces, that nobody takes. */
export function unreadResults({ programs, schedule }: Manifest): string[] {
  const taken = new Set(
    schedule.flatMap((s) => {
      if (s.do === "read" || s.do === "copy") return [s.value];
      return s.do === "dispatch" ? Object.values(s.inputs).flatMap((use) => use.values) : [];
    }),
  );
  const made = schedule
    .filter(isDispatch)
    .flatMap((s) => Object.values(s.outputs).flatMap((use) => use.values));
  const rows = programs.flatMap(({ name, outputs }) =>
    outputs.flatMap(({ name: port, shape, places }) => {
      const placed = places.flatMap((p) => p.blocks).reduce((n, b) => n + b.rows, 0);
      return placed === shape[1] ? [] : [`${shape[1]! - placed} rows of ${name}.${port}`];
    }),
  );
  return [...made.filter((v) => !taken.has(v)), ...rows];
}
