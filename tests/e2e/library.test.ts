/** anec as a library: the examples run, and the reference pages are those of the sources. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";

const root = packageRoot();
const examples = join(root, "examples", "library");

function node(...words: readonly string[]) {
  return spawnSync(process.execPath, words, { cwd: root, encoding: "utf8" });
}

/** What each example prints, on any machine. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  "own_layer.mjs":
    /^gated\.up \[4, 16\].*\nthe error fell by a factor of more than 10: true\ncpu: true\nerror\[E0301\]: .*\n$/,
  "tiny.mjs":
    /^entries: model:tiny, train:tiny\nane: \d+ programs, \d+ parameters\nfirst program: program\(1\.3\)\nstep 0 {2}loss 6\.\d\d\n(step \d+ {2}loss [0-5]\.\d\d\n){3}$/,
};

test("every example is listed", () => {
  expect(readdirSync(examples).sort()).toEqual(Object.keys(PRINTED));
});

test.each(Object.entries(PRINTED))("examples/library/%s", (name, printed) => {
  const { status, stdout, stderr } = node(join(examples, name));
  expect(stderr).toBe("");
  expect(stdout).toMatch(printed);
  expect(status).toBe(0);
});

test("docs/api is current", () => {
  const { status, stderr } = node(join(root, "scripts", "generate_api_docs.mjs"), "--check");
  expect(stderr).toBe("");
  expect(status).toBe(0);
}, 120_000);
