/** Reading tokenizer.json: places for messages, and the kinds of values that are expected there. */
import { tokenizerDamaged, tokenizerUnsupported } from "../compiler/messages/formats.ts";
import { UserError } from "../compiler/support/diagnostic.ts";

/** A value of the file and where it stands. */
export interface Place {
  readonly value: unknown;
  /** `model.merges[17]`; empty for the whole file. */
  readonly name: string;
  readonly path: string;
}

export function damaged({ path, name }: Place, what: string): never {
  throw new UserError(tokenizerDamaged(path, name, what));
}

export function unsupported({ path, name }: Place, what: string): never {
  throw new UserError(tokenizerUnsupported(path, name, what));
}

function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The object at a place. Throws E0830. */
export function objectAt(place: Place): Readonly<Record<string, unknown>> {
  const { value } = place;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  return damaged(place, `it is ${kindOf(value)}, not an object`);
}

/** What a key of the object at a place holds; undefined if it has none. */
export function at(place: Place, key: string): Place {
  const object = objectAt(place);
  const name = place.name === "" ? key : `${place.name}.${key}`;
  return { value: Object.hasOwn(object, key) ? object[key] : undefined, name, path: place.path };
}

/** The items of the list at a place. Throws E0830. */
export function itemsAt(place: Place): Place[] {
  const { value, name, path } = place;
  if (!Array.isArray(value)) return damaged(place, `it is ${kindOf(value)}, not a list`);
  return value.map((item: unknown, i) => ({ value: item, name: `${name}[${i}]`, path }));
}

export function textAt(place: Place): string {
  const { value } = place;
  return typeof value === "string" ? value : damaged(place, `it is ${kindOf(value)}, not a text`);
}

/** True or false; `fallback` where there is none. */
export function flagAt(place: Place, fallback: boolean): boolean {
  const { value = fallback } = place;
  if (value === null) return fallback;
  return typeof value === "boolean" ? value : damaged(place, `it is ${kindOf(value)}, not a flag`);
}

/** A whole number from 0 to below `limit`. */
export function wholeAt(place: Place, limit: number): number {
  const { value } = place;
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < limit) {
    return value as number;
  }
  return damaged(place, `it is ${kindOf(value)}, not a whole number below ${limit}`);
}

/** Whether there is nothing at a place. */
export function isNothing({ value }: Place): boolean {
  return value === undefined || value === null;
}
