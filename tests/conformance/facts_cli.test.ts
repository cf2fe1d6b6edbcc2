/** `anec facts` and `anec mil check`, and the pages about facts. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { generatedDocs } from "../../cli/docs.ts";
import { writeBlob } from "../../compiler/bundle/blob.ts";
import { fp16, line, program, weight } from "../../compiler/target/facts/examples.ts";
import { facts } from "../../compiler/target/facts/index.ts";
import { anec } from "../e2e/cli_support.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "anec-facts-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const narrow = program(fp16("x", [1, 64, 1, 20]), line("y", [1, 64, 1, 20], "relu(x = x)"));

test("docs/facts has a page for every fact, as the code makes it", () => {
  const docs = [...generatedDocs()].filter(([path]) => path.startsWith("docs/facts/"));
  expect(docs).toHaveLength(facts.length + 1);
  for (const [path, text] of docs) expect(readFileSync(join(root, path), "utf8"), path).toBe(text);
  const pages = readdirSync(join(root, "docs/facts")).map((name) => `docs/facts/${name}`);
  expect(pages.sort()).toEqual(docs.map(([path]) => path).sort());
});

test("`anec facts` lists them all, by chip if asked", async () => {
  const all = await anec(["facts"]);
  expect(all.code).toBe(0);
  for (const { id } of facts) expect(all.out).toContain(`  ${id} `);
  const some = await anec(["facts", "--chip", "M4 Max", "--json"]);
  const ids = (JSON.parse(some.out) as { id: string }[]).map((f) => f.id);
  expect(ids).toContain("row_stride");
  expect(ids).not.toContain("slice_gain");
});

test("`anec facts NAME` says both sides", async () => {
  const { code, out } = await anec(["facts", "concat_support"]);
  expect(code).toBe(0);
  expect(out).toContain("That it holds");
  expect(out).toContain("That it does not");
  expect(out).toContain("mechramc/Orion");
});

test("`anec facts` of a name that does not exist suggests one", async () => {
  const { code, err } = await anec(["facts", "row_strid"]);
  expect(code).toBe(2);
  expect(err).toContain("did you mean `row_stride`?");
});

test("`anec mil check --chip` names the fact, how it is known, and the place", async () => {
  const { code, err, out } = await anec(["mil", "check", file("a.mil", narrow), "--chip", "m2"]);
  expect(code).toBe(1);
  expect(err).toContain("error[E0511]: rows of input `x` are 40 bytes and start 64 bytes apart");
  expect(err).toContain("a.mil:4:51");
  expect(err).toMatch(/fact {3}row_stride: reported by .*, not measured by us/);
  expect(out).toContain("Apple's compiler decides");
});

test("`--fix` mends the file in place, and then it passes", async () => {
  const path = file("b.mil", narrow);
  const { code, out } = await anec(["mil", "check", path, "--chip", "m2", "--fix"]);
  expect(code).toBe(0);
  expect(out).toContain(`${path}: mended row_stride`);
  expect(readFileSync(path, "utf8")).toContain("tensor<fp16, [1, 64, 1, 32]> x");
  expect((await anec(["mil", "check", path, "--chip", "m2"])).code).toBe(0);
  const again = await anec(["mil", "check", path, "--chip", "m2", "--fix"]);
  expect(again.out).not.toContain("mended");
});

test.each(["m4", "m1"] as const)(
  "on %s, every fact with a mend is reported, mended by `--fix`, and then not reported",
  async (chip) => {
    interface Checked {
      readonly path: string;
      readonly mended: readonly string[];
      readonly diagnostics: readonly { severity: string; notes?: readonly [string, string][] }[];
    }
    const mended = facts.filter((f) => f.fix !== undefined && (f.chips?.[0] ?? "m4") === chip);
    const paths = mended.map((fact) => file(`${chip}_${fact.id}.mil`, String(fact.examples.fires)));
    const check = async (...flags: string[]) => {
      const all = ["mil", "check", ...paths, "--chip", chip, "--json", ...flags];
      const { code, out } = await anec(all);
      const { files } = JSON.parse(out) as { files: readonly Checked[] };
      const named = files.map((f) => f.diagnostics.map((d) => String(d.notes?.[0]?.[1])));
      return { code, files, named };
    };
    const before = await check();
    const during = await check("--fix");
    const after = await check();
    for (const [i, { id }] of mended.entries()) {
      expect(
        before.named[i]!.some((note) => note.startsWith(`${id}: `)),
        id,
      ).toBe(true);
      expect(during.files[i]!.mended).toContain(id);
      const withMend = facts.filter((f) => f.fix !== undefined).map((f) => f.id);
      const left = after.named[i]!.map((note) => note.split(":")[0]!);
      expect(left.filter((name) => withMend.includes(name))).toEqual([]);
      expect(
        after.files[i]!.diagnostics.filter((d) => d.severity === "error"),
        id,
      ).toEqual([]);
    }
    expect(after.code).toBe(0);
    expect(during.code).toBe(0);
  },
);

test("weight files beside the program are read", async () => {
  const body = `${weight("w", [1, 64, 1, 1])}\n${line("y", [1, 64, 1, 32], "mul(x = x, y = w)")}`;
  const path = file("c.mil", program(fp16("x", [1, 64, 1, 32]), body));
  const { bytes } = writeBlob([{ dtype: "fp16", data: new Uint8Array(128) }]);
  mkdirSync(join(folder, "weights"));
  writeFileSync(join(folder, "weights", "weight.bin"), bytes);
  expect((await anec(["mil", "check", path, "--chip", "m1"])).code).toBe(0);
  writeFileSync(join(folder, "weights", "weight.bin"), bytes.fill(0, 80, 88));
  const { code, err } = await anec(["mil", "check", path, "--chip", "m1"]);
  expect(code).toBe(1);
  expect(err).toContain("its payload is said to start at 0, not at 128");
});

test("`anec mil check` without a chip looks only for mistakes", async () => {
  expect((await anec(["mil", "check", file("d.mil", narrow)])).code).toBe(0);
  const wrong = file("e.mil", narrow.replace("relu(x = x)", "relu(x = z)"));
  expect((await anec(["mil", "check", wrong])).err).toContain("`z` is not defined");
});

test("`--json` has every diagnostic with its place", async () => {
  const { out } = await anec(["mil", "check", file("f.mil", narrow), "--chip", "m2", "--json"]);
  const { files } = JSON.parse(out) as {
    files: { diagnostics: { code: string; labels: { line: number }[] }[] }[];
  };
  expect(files[0]!.diagnostics[0]).toMatchObject({
    code: "E0511",
    labels: [{ line: 4 }, { line: 6 }],
  });
});

test.each([
  [["mil", "check", "x.mil", "--fix"], "--chip"],
  [["mil", "check", "x.mil", "--chip", "m9"], "there is no chip `m9`"],
  [["mil", "check", "x.mil", "--chip", "m2", "--os", "sonoma"], "a version such as 15.7"],
])("anec %j is refused with the way to say it", async (args, text) => {
  const { code, err } = await anec(args);
  expect(code).toBe(2);
  expect(err).toContain(text);
});
