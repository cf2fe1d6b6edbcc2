/** The page around a report: one file, no way out for text, scripts put together as modules would be. */
import { createHash } from "node:crypto";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { inlineModules } from "../../../report/inline_modules.ts";
import { embeddedJson, escapeHtml, renderPage } from "../../../report/page.ts";

const HOSTILE = `</script><script>alert(1)</script><img src=x onerror=alert(1)> "'&{{x}}<!--`;

test("JSON in a page ends no element, and is the same JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, text) => {
      const both = [value, text, HOSTILE];
      const json = embeddedJson(both);
      expect(json).not.toContain("<");
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(both)));
    }),
  );
});

test("escaped text has nothing that begins markup", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(escapeHtml(`${text}${HOSTILE}`)).not.toMatch(/[<>"']/);
    }),
  );
});

test("a page with hostile names everywhere has only its own elements", () => {
  const html = renderPage({
    title: HOSTILE,
    subtitle: HOSTILE,
    figures: [[HOSTILE, HOSTILE]],
    sections: [{ id: "one", title: HOSTILE, lead: HOSTILE, body: "<p></p>" }],
    data: { names: [HOSTILE] },
    module: "static",
  });
  expect(html.match(/<script[ >]/g)).toHaveLength(2);
  expect(html.match(/<\/script/g)).toHaveLength(2);
  expect(html).not.toContain("<img");
  expect(html.startsWith("<!doctype html>")).toBe(true);
});

test("the policy allows the page's own script, and no network", () => {
  const html = renderPage({ title: "t", sections: [], data: {}, module: "static" });
  const script = /<script>([\s\S]*)<\/script>/.exec(html)![1]!;
  const digest = createHash("sha256").update(script).digest("base64");
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1]!;
  expect(policy.replaceAll("&#x27;", "'").replaceAll("&#x3D;", "=")).toContain(
    `script-src 'sha256-${digest}'`,
  );
  expect(policy).toContain("default-src");
  expect(policy).not.toContain("connect-src");
  const live = renderPage({ title: "t", sections: [], data: {}, module: "static", isLive: true });
  expect(live).toContain("connect-src");
  for (const [, address] of html.matchAll(/(?:src|href)="([^"]*)"/g))
    expect(address).toMatch(/^(#|data:,)/);
});

test("modules run once each, after those they import, with their own names", () => {
  const modules: Readonly<Record<string, string>> = {
    "report/browser/main":
      'import { twice, count as n } from "./a.js";\nimport { shown } from "../other/b.js";\nconst own = 1;\nshown(twice(own) + n());\nexport {};\n',
    "report/browser/a":
      'import { log } from "../other/b.js";\nconst own = 2;\nlog("a");\nexport function twice(x) {\n    return x * own;\n}\nexport const count = () => 10;\n',
    "report/other/b":
      "export const lines = [];\nexport function log(x) { lines.push(x); }\nexport async function later() { }\nexport function shown(x) { result.push(x, ...lines); }\n//# sourceMappingURL=b.js.map\n",
  };
  const result: unknown[] = [];
  runInNewContext(
    inlineModules("main", (name) => modules[name]!),
    { result },
  );
  expect(result).toEqual([12, "a"]);
});

test("forms that are not known, and circles, are bugs of ours", () => {
  const read = (text: string) => () => text;
  expect(() => inlineModules("x", read('import "./y.js";'))).toThrow("has the line");
  expect(() => inlineModules("x", read("export default 1;"))).toThrow("has the line");
  expect(() => inlineModules("x", read('import { x } from "./x.js";'))).toThrow(
    "import each other",
  );
  expect(() => inlineModules("x", read('const x = "</script>";'))).toThrow("end its own element");
});
