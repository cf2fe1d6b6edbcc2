/** Readers of texts on damaged ones. `npm run fuzz` takes a minute for each and prints a table. */
import { expect, test } from "vitest";
import { fuzz, named } from "../support/fuzz/run.ts";
import { TEXTS } from "../support/fuzz/texts.ts";

const timeout = 1000 * (60 + 2 * Number(process.env["FUZZ_SECONDS"] ?? 2));

test.each(named(TEXTS))("%s: %s", { timeout }, (_, __, target) => {
  expect(fuzz(target).cases).toBeGreaterThan(10);
});
