/** Ten thousand damaged headers for each reader of models: those that `npm test` has no time for. */
import { expect, test } from "vitest";
import {
  ALL_CASES,
  byName,
  damageHeaders,
  FORMAT_HEADERS,
  HF_HEADERS,
  SIGNED_HEADERS,
} from "../support/damaged_headers.ts";

const targets = [...FORMAT_HEADERS, ...HF_HEADERS, ...SIGNED_HEADERS];

test.each(byName(targets))("%s: ten thousand in all", { timeout: 180_000 }, (_, target) => {
  damageHeaders(target, ALL_CASES - target.quick, 100);
});

test("each reader has cases of its own", () => {
  expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
});
