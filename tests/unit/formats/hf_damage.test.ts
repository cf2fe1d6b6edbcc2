/** Damaged headers of Hugging Face models: ten thousand of them. */
import { expect, test } from "vitest";
import { byName, damageHeaders, HF_HEADERS } from "../../support/damaged_headers.ts";

/** Other files have run in this process before. */
const before = process.memoryUsage().rss;

test.each(byName(HF_HEADERS))("damaged: %s", (_, target) => {
  damageHeaders(target, target.quick, 3);
});

test("all that took bounded memory", () => {
  expect(process.memoryUsage().rss - before).toBeLessThan(5e8);
});
