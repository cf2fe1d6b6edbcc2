/**
 * What JSON from a file is asked before it is believed: whether a value is an object, and whether a key occurs
 * twice in one.
 *
 * `JSON.parse` keeps the last of two equal keys and says nothing; a file in which a name occurs twice
 * is damaged or forged, and must not be read as if it were whole.
 */

/** Whether a value is an object, and neither a list nor null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first repeated key of a text that `JSON.parse` accepts, or undefined. */
export function duplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the keys of each open object; undefined for a list
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (c === "{") open.push(new Set());
    else if (c === "[") open.push(undefined);
    else if (c === "}" || c === "]") open.pop();
    else if (c === '"') {
      const end = endOfString(json, i);
      let next = end;
      while (/\s/.test(json[next] ?? "")) next += 1;
      const keys = open[open.length - 1];
      if (keys !== undefined && json[next] === ":") {
        const key = JSON.parse(json.slice(i, end)) as string;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** The offset behind the closing quote of the string that starts at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1;
  while (json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
  return i + 1;
}
