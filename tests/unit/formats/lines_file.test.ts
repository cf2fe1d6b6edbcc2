/** Files that grow by lines: what readers see of them, and how a torn end is mended. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  appendText,
  cutFile,
  linesOf,
  mendLines,
  openToAppend,
} from "../../../formats/lines_file.ts";
import { userError } from "../../support/user_error.ts";
import { testFolder } from "../data/support.ts";

const line = fc.oneof(
  fc.string({ unit: "binary" }),
  // Longer than what is read at once, with signs of several bytes across its ends.
  fc.integer({ min: 0, max: 90_000 }).map((n) => "aé€𝄞".repeat(n)),
);

test("lines are those of a file that is split as a whole, from any of them on", () => {
  const path = join(testFolder(), "lines");
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.string(), (texts, torn) => {
      const whole = texts.map((text) => `${text.replaceAll("\n", "")}\n`);
      writeFileSync(path, whole.join("") + torn.replaceAll("\n", ""));
      const read = [...linesOf(path)];
      expect(read.map(({ text }) => `${text}\n`)).toEqual(whole);
      let end = 0;
      for (const [i, text] of whole.entries()) {
        expect([...linesOf(path, end)].map((l) => l.end)).toEqual(read.slice(i).map((l) => l.end));
        end += Buffer.byteLength(text);
        expect(read[i]!.end).toBe(end);
      }
      mendLines(path);
      expect(readFileSync(path, "utf8")).toBe(whole.join(""));
    }),
    { numRuns: 40 },
  );
});

test("what is added follows what is there; a file is only ever cut, never made longer", () => {
  const path = join(testFolder(), "log");
  expect([...linesOf(path)]).toEqual([]);
  mendLines(path);
  appendText(path, "one\n");
  const file = openToAppend(path);
  file.append("two\nthr");
  file.flush();
  file.close();
  cutFile(path, 1000);
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\nthr");
  mendLines(path);
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  expect(userError(() => appendText(join(path, "no"), "x"))).toMatch(/^E0705/);
});
