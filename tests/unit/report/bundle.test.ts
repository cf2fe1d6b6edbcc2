/** Bundles from disk: what `anec compile` wrote is read back, what anybody changed is refused. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Bundle, type Manifest, sha256 } from "../../../compiler/bundle/manifest.ts";
import { writeBundle } from "../../../compiler/bundle/write.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { elaborate, loadModel } from "../../../dsl/index.ts";
import { compile } from "../../../index.ts";
import { readBundle } from "../../../report/bundle/read.ts";
import { bundlePage } from "../../../report/model/page.ts";
import { createRandom } from "../../../training/random.ts";
import { mutated, refuses } from "../../support/damage.ts";

function tinyBundle(target: "ane" | "cpu" = "ane"): Bundle {
  const entry = elaborate(loadModel("tiny")).entries.find((e) => e.kind === "model")!;
  return compile(entry.graph(), { target, gradients: false }).bundle;
}

function written(bundle: Bundle): string {
  const folder = mkdtempSync(join(tmpdir(), "anec-bundle-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeBundle(folder, bundle);
  return folder;
}

/** Why a bundle is refused whose manifest was changed. */
function problemWith(
  folder: string,
  change: (manifest: Manifest & Record<string, unknown>) => unknown,
): string {
  const path = join(folder, "manifest.json");
  const before = readFileSync(path);
  const manifest = JSON.parse(before.toString("utf8")) as Manifest & Record<string, unknown>;
  writeFileSync(path, JSON.stringify(change(manifest)));
  try {
    readBundle(folder);
    return "nothing";
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.diagnostics[0]!.title;
  } finally {
    writeFileSync(path, before);
  }
}

test.each(["ane", "cpu"] as const)(
  "a bundle for %s reads back as it was written, and has a page",
  (target) => {
    const bundle = tinyBundle(target);
    const read = readBundle(written(bundle));
    expect(read.manifest).toEqual(JSON.parse(JSON.stringify(bundle.manifest)));
    for (const [name, bytes] of read.files) expect(bytes).toEqual(bundle.files.get(name));
    const html = bundlePage("tiny.anec", read);
    expect(html.includes('id="data-programs"')).toBe(target === "ane");
  },
);

test("files outside of the folder are not read", () => {
  const folder = written(tinyBundle());
  const secret = "program(1.3) {}";
  writeFileSync(`${folder}.secret`, secret);
  onTestFinished(() => rmSync(`${folder}.secret`));
  symlinkSync(`${folder}.secret`, join(folder, "link.mil"));
  for (const file of [
    `../${folder.split("/").at(-1)}.secret`,
    `${folder}.secret`,
    "link.mil",
    "a\0b",
  ]) {
    const problem = problemWith(folder, (m) => ({
      ...m,
      programs: m.programs.map((p) => ({ ...p, file })),
      digests: { ...m.digests, [file]: sha256(new TextEncoder().encode(secret)) },
    }));
    expect(problem).toContain("outside of it");
  }
});

test("a file that was changed, a program that is missing and fields of another form are named", () => {
  const folder = written(tinyBundle());
  const with_ = (change: (m: Manifest) => unknown): string => problemWith(folder, change);
  expect(with_((m) => m)).toBe("nothing");
  expect(with_((m) => ({ ...m, digests: {} }))).toContain("does not have the digest");
  expect(with_((m) => ({ ...m, version: 2 }))).toContain("version 2, not 1");
  expect(with_((m) => ({ ...m, programs: [] }))).toContain("calls `layer_fwd`");
  expect(with_((m) => ({ ...m, programs: [{ ...m.programs[0], calls: -1 }] }))).toContain(
    "programs[0].calls",
  );
  expect(with_((m) => ({ ...m, schedule: [{ do: "toString" }] }))).toContain(
    "`schedule[0]`, which is no step",
  );
  expect(with_((m) => ({ ...m, surfaces: { length: 3 } }))).toContain(
    "`surfaces`, which is not a list",
  );
  expect(with_(() => null)).toContain("which is not an object");
  const many = Array.from({ length: 20_001 }, () => ({
    do: "host",
    op: "x",
    reads: [],
    writes: "y",
  }));
  expect(with_((m) => ({ ...m, schedule: many }))).toBe(
    `\`${folder}\` is too large for a report: 20,031 steps, at most 20,000`,
  );
});

test("damaged manifests give a page or a user's error", () => {
  const bundle = tinyBundle();
  const folder = written(bundle);
  const path = join(folder, "manifest.json");
  const whole = readFileSync(path);
  const random = createRandom(11);
  let refused = 0;
  const rounds = 80;
  for (let i = 0; i < rounds; i++) {
    writeFileSync(path, mutated(whole, random));
    if (refuses(() => bundlePage(folder, readBundle(folder)))) refused += 1;
  }
  expect(refused).toBeGreaterThan(rounds / 4);
});
