/** Plans for `session_run`, which runs one outside of Node: fields of [length, bytes]. */
import { join } from "node:path";
import type { SessionPlan } from "../../compiler/bundle/plan.ts";
import { emulatorLibrary } from "../../runtime-native/js/ane.ts";
import { encodePlan } from "../../runtime-native/js/encode.ts";

export const sessionRun: string = join(emulatorLibrary(), "..", "session_run");

export function fieldsOf(plan: SessionPlan): Buffer {
  const parts: Uint8Array[] = [];
  const field = (bytes: Uint8Array): void => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    parts.push(length, bytes);
  };
  const text = (value: string): void => field(Buffer.from(value));
  const numbers = (values: readonly number[] | Float64Array): void =>
    field(Buffer.from(Float64Array.from(values).buffer));
  const each = <T>(list: readonly T[], write: (item: T) => void): void => {
    numbers([list.length]);
    for (const item of list) write(item);
  };
  const { words, strings } = encodePlan(plan);
  numbers(words);
  numbers([strings.length]);
  numbers([plan.programs.length]);
  for (const s of strings) text(s);
  for (const p of plan.programs) text(p.name);
  const ports = (list: readonly { readonly name: string; readonly shape: readonly number[] }[]) =>
    each(list, (port) => {
      text(port.name);
      numbers(port.shape);
    });
  const { programs = [], surfaces = [], calls = [] } = plan.engine ?? {};
  each(programs, (p) => {
    text(p.name);
    text(p.mil);
    field(p.weights ?? new Uint8Array());
    ports(p.inputs);
    ports(p.outputs);
  });
  each(surfaces, (s) => numbers(s.shape));
  each(calls, (c) => {
    numbers([c.program]);
    text(c.label);
    numbers(c.inputs);
    numbers(c.outputs);
  });
  return Buffer.concat(parts);
}
