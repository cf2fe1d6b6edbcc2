/**
 * Follows a schedule without computing: who wrote each number on each surface last. What a step takes for a
 * value must be that value, all of it, and must have been written before.
 */
import type { Manifest, Place, SurfaceUse } from "../../compiler/bundle/manifest.ts";

/** Mistakes of a schedule as sentences; none for a sound one. */
export function faultsOfSchedule(manifest: Manifest): string[] {
  const faults: string[] = [];
  const programs = new Map(manifest.programs.map((p) => [p.name, p]));
  const surfaces = new Map(
    manifest.surfaces.map(({ name, shape }) => {
      const owners = new Array<string>(shape[1]! * shape[3]!).fill("nothing");
      return [name, { owners, width: shape[3]! }];
    }),
  );
  const known = new Set<string>(manifest.parameters.map((p) => `@${p.path}`));
  const cells = (surface: string, place: Place): number[] => {
    const { width } = surfaces.get(surface)!;
    return place.blocks.flatMap(({ row, column, rows, columns }) =>
      Array.from(
        { length: rows * columns },
        (_, i) => (row + Math.floor(i / columns)) * width + column + (i % columns),
      ),
    );
  };
  const put = (surface: string, place: Place, value: string): void => {
    const { owners } = surfaces.get(surface)!;
    for (const at of cells(surface, place)) owners[at] = value;
  };
  const take = (surface: string, place: Place, value: string, who: string): void => {
    const { owners } = surfaces.get(surface)!;
    const other = cells(surface, place).find((at) => owners[at] !== value);
    if (other !== undefined)
      faults.push(`${who} takes ${value} from ${surface}, where ${owners[other]} lies`);
  };
  const isGiven = (value: string): boolean =>
    known.has(value) || Number.isFinite(Number(value)) || /^-?inf/i.test(value);
  const need = (value: string, who: string): void => {
    if (!isGiven(value)) faults.push(`${who} needs ${value}, which is not there`);
  };
  const each = (
    uses: Readonly<Record<string, SurfaceUse>>,
    ports: readonly { readonly name: string; readonly places: readonly Place[] }[],
    visit: (surface: string, place: Place, value: string) => void,
  ): void => {
    for (const port of ports) {
      const { surface, values } = uses[port.name]!;
      for (const [i, place] of port.places.entries()) visit(surface, place, values[i]!);
    }
  };
  const inputs = new Set<string>();
  const steps = [...manifest.staging, ...manifest.schedule];
  const made = new Set(steps.flatMap((s) => (s.do === "host" ? [s.writes] : [])));
  for (const s of steps) {
    if (s.do === "read" || s.do === "copy") made.add(s.value);
    if (s.do === "dispatch")
      for (const use of Object.values(s.outputs)) for (const v of use.values) made.add(v);
  }
  // What nobody makes is given: the ids of tokens.
  for (const s of steps) {
    const wanted = s.do === "host" ? s.reads : s.do === "write" ? [s.value] : [];
    for (const v of wanted) if (!made.has(v) && !v.startsWith("@")) inputs.add(v);
  }
  for (const v of inputs) known.add(v);
  for (const [i, s] of steps.entries()) {
    const who = `step ${i} (${s.do})`;
    switch (s.do) {
      case "host":
        for (const v of s.reads) need(v, who);
        known.add(s.writes);
        break;
      case "write":
        need(s.value, who);
        put(s.surface, s.place, s.value);
        break;
      case "read":
        take(s.surface, s.place, s.value, who);
        known.add(s.value);
        break;
      case "copy":
        take(s.from, s.fromPlace, s.value, who);
        put(s.surface, s.place, s.value);
        break;
      case "dispatch": {
        const program = programs.get(s.program)!;
        each(s.inputs, program.inputs, (surface, place, value) =>
          take(surface, place, value, `${who} of ${s.program} in ${s.label}`),
        );
        for (const { surface } of Object.values(s.outputs))
          surfaces.get(surface)!.owners.fill(`a result of ${s.program}`);
        each(s.outputs, program.outputs, put);
        break;
      }
      default:
        s satisfies never;
    }
  }
  for (const value of Object.values(manifest.outputs)) need(value, "the result");
  return faults;
}
