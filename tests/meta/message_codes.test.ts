/** Codes of messages that the sources and pages name: each has a page that `anec explain` prints, and each page one message. */
import { expect, test } from "vitest";
import { areas, pages } from "../../compiler/messages/index.ts";
import { contentOf, sourceFiles } from "./source_files.ts";

const CODE = /\b[EW]0\d{3}\b/g;
/** An area says which codes it has room for; not all of them are taken. */
const RANGE = /\b[EW]0\d{3}(?: to |–|-)[EW]0\d{3}\b/g;

test("a code that a source or a page names has a page", () => {
  const files = sourceFiles(".ts", ".mjs", ".js", ".cpp", ".h", ".mm", ".md", ".hbs").filter(
    (file) => !file.startsWith("tests/") && file !== "CHANGELOG.md",
  );
  const without = files.flatMap((file) => {
    const named = new Set(contentOf(file).replaceAll(RANGE, "").match(CODE));
    return [...named].filter((code) => !pages.has(code)).map((code) => `${file}: ${code}`);
  });
  expect(without).toEqual([]);
});

test("two messages never share a code", () => {
  const codes = areas.flatMap((area) => area.messages.map((message) => message.code));
  expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
});
