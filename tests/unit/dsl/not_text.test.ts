/** Files that are not text, and text that would steer a terminal. */
import { expect, test } from "vitest";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import { check, format, parseFile } from "../../../dsl/index.ts";

test("bytes that are no UTF-8 are refused, not replaced", () => {
  const text = Buffer.from("// caf\xe9\ndims   S=4\n", "latin1").toString("utf8");
  const { diagnostics } = parseFile({ path: "lat.ane", text });
  expect(renderDiagnostics(diagnostics)).toBe(`error[E0115]: lat.ane is not UTF-8 text

  lat.ane:1:7
        |
      1 | // caf�
        |       ~
        |       the first byte that is no character
        |
  help: if it is text in another encoding, convert it: \`iconv -f latin1 -t utf-8\``);
  expect(() => format({ path: "lat.ane", text })).toThrow("E0115");
});

test("garbage gives one message", () => {
  const text = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256)).toString(
    "utf8",
  );
  expect(parseFile({ path: "bin.ane", text }).diagnostics).toHaveLength(1);
});

test("a hundred mistakes at most are reported", () => {
  const text = "layer 1\n".repeat(500);
  expect(parseFile({ path: "a.ane", text }).diagnostics.length).toBeLessThanOrEqual(100);
});

test("control characters of the file do not reach the terminal", () => {
  const text = "dims S = 4 \u001b[31mX\u001b]0;title\u0007\n";
  const shown = renderDiagnostics(check({ path: "esc.ane", text }));
  expect(shown).toContain("␛[31mX␛]0;title␇");
  expect(shown).not.toContain("\u001b");
});
