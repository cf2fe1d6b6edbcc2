/** Readers of binary files on damaged ones. `npm run fuzz` takes a minute for each and prints a table. */
import { expect, test } from "vitest";
import { FILES } from "../support/fuzz/files.ts";
import { fuzz, named } from "../support/fuzz/run.ts";

const timeout = 1000 * (60 + 2 * Number(process.env["FUZZ_SECONDS"] ?? 2));

test.each(named(FILES))("%s: %s", { timeout }, (_, __, target) => {
  expect(fuzz(target).cases).toBeGreaterThan(10);
});
