/** What pages quote of files, in blocks such as "ts of compiler/ops/square.ts", stands in them; `…` skips lines. */
import { expect, test } from "vitest";
import { contentOf } from "./source_files.ts";

const page = contentOf("CONTRIBUTING.md");
const quotes = [...page.matchAll(/^```\w+ of (\S+)\n([\s\S]*?)^```$/gm)].map(
  ([, path, text]) => [path!, text!] as const,
);

test("there is a worked example of each kind", () => {
  expect(quotes.length).toBeGreaterThanOrEqual(8);
});

test.each(quotes)("CONTRIBUTING.md quotes %s", (path, text) => {
  const file = contentOf(path);
  let at = 0;
  for (const part of text.split("…\n")) {
    const found = file.indexOf(part, at);
    expect(found, part).toBeGreaterThanOrEqual(0);
    at = found + part.length;
  }
});

test("the tests and files that CONTRIBUTING.md names are there", () => {
  const prose = page.replace(/^```\w+ of [\s\S]*?^```$/gm, "");
  const paths = prose.match(
    /\b(?:compiler|passes|dsl|kernels|runtime-native|formats|cli|tests|scripts|docs)\/[\w./-]+\.\w+/g,
  );
  const real = [...new Set(paths)].filter((path) => !/NAME|AREA/.test(path));
  for (const path of real) expect(() => contentOf(path), path).not.toThrow();
});
