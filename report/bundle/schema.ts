/** The form of a manifest as far as a report reads it (compiler/bundle/manifest.ts has the types). */

/** The path of the first field that is not of its form, such as `programs[2].inputs[0].shape`. */
type Check = (value: unknown, path: string) => string | undefined;

const quoted = (path: string): string => (path === "" ? "a value" : `\`${path}\``);

const check =
  (is: (value: unknown) => boolean, words: string): Check =>
  (value, path) =>
    is(value) ? undefined : `${quoted(path)}, which is not ${words}`;

const text = check((v) => typeof v === "string", "a text");
/** Sizes and counts; more would not be exact, and less is none. */
const whole = check((v) => Number.isSafeInteger(v) && (v as number) >= 0, "a whole number");
const number = check((v) => typeof v === "number" && Number.isFinite(v) && v >= 0, "a number");
const oneOf = (...words: readonly string[]): Check =>
  check((v) => typeof v === "string" && words.includes(v), `one of ${words.join(", ")}`);

const list =
  (item: Check, least = 0): Check =>
  (value, path) => {
    if (!Array.isArray(value) || value.length < least)
      return `${quoted(path)}, which is not a list${least === 0 ? "" : ` of at least ${least}`}`;
    for (const [i, entry] of value.entries()) {
      const problem = item(entry, `${path}[${i}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const fields =
  (known: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check =>
  (value, path) => {
    if (!isObject(value)) return `${quoted(path)}, which is not an object`;
    const place = (name: string): string => (path === "" ? name : `${path}.${name}`);
    for (const [name, of] of Object.entries(known)) {
      const problem = of(Object.hasOwn(value, name) ? value[name] : undefined, place(name));
      if (problem !== undefined) return problem;
    }
    for (const [name, of] of Object.entries(optional)) {
      if (!Object.hasOwn(value, name)) continue;
      const problem = of(value[name], place(name));
      if (problem !== undefined) return problem;
    }
    return undefined;
  };

const values =
  (item: Check): Check =>
  (value, path) => {
    if (!isObject(value)) return `${quoted(path)}, which is not an object`;
    for (const [name, entry] of Object.entries(value)) {
      const problem = item(entry, `${path}.${name}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };

const block = fields({ row: whole, column: whole, rows: whole, columns: whole });
const place = fields({
  layout: oneOf("channels", "rows"),
  sizes: list(whole),
  blocks: list(block, 1),
});
const port = fields({
  ...{ name: text, dtype: oneOf("fp16"), bytes: whole },
  ...{ shape: list(whole, 4), places: list(place) },
});
const program = fields(
  {
    ...{ name: text, file: text, ops: whole, flops: number, calls: whole },
    ...{ inputs: list(port), outputs: list(port) },
  },
  { weights: text },
);
const use = fields({ surface: text, values: list(text) });

const STEPS: Readonly<Record<string, Check>> = {
  host: fields({ op: text, reads: list(text), writes: text }),
  write: fields({ value: text, surface: text, place }),
  read: fields({ value: text, surface: text, place }),
  copy: fields({ value: text, from: text, fromPlace: place, surface: text, place }),
  dispatch: fields({ program: text, label: text, inputs: values(use), outputs: values(use) }),
};

const step: Check = (value, path) => {
  const kind = isObject(value) ? value["do"] : undefined;
  if (typeof kind !== "string" || !Object.hasOwn(STEPS, kind))
    return `${quoted(path)}, which is no step`;
  return STEPS[kind]!(value, path);
};

const manifest = fields({
  ...{ version: whole, anec: text, target: oneOf("ane", "cpu"), model: text, entry: text },
  ...{ programs: list(program), staging: list(step), schedule: list(step) },
  parameters: list(fields({ path: text, shape: list(whole), dims: text })),
  surfaces: list(fields({ name: text, shape: list(whole) })),
  digests: values(text),
});

/** What is wrong with a manifest, or undefined. */
export function problemOf(value: unknown): string | undefined {
  return manifest(value, "");
}
