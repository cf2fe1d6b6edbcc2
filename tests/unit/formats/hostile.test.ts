/** Every reader on files that are cut off, damaged, or lead elsewhere: an error or a whole model, in bounded memory. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { formats, readWeights } from "../../../formats/index.ts";
import { createRandom } from "../../../training/random.ts";
import { refuses } from "../../support/damage.ts";
import {
  byName,
  damageHeaders,
  expectWhole,
  FORMAT_HEADERS,
  sampleOf,
  sampleWeights,
} from "../../support/damaged_headers.ts";
import { newFolder } from "./hf_models.ts";

const readWhole = (path: string): void => expectWhole(readWeights(path));

const names = formats.map((format) => format.name);

test.each(names)("%s: a sound file is read", (name) => {
  const { path, header } = sampleOf(name);
  expect(header).toBeGreaterThan(0);
  readWhole(path);
});

test.each(names)("%s: a file that ends too early, or goes on, is refused", (name) => {
  const { path, file, header } = sampleOf(name);
  const whole = fs.readFileSync(file);
  const random = createRandom(1);
  const data = whole.length - header;
  const cuts = Array.from({ length: 40 }, () => header + random.uniformIndex(data));
  for (const cut of [...cuts, 0, 1, header, whole.length - 1, whole.length - 4]) {
    fs.writeFileSync(file, whole.subarray(0, cut));
    expect(
      refuses(() => readWhole(path)),
      `${cut} of ${whole.length} bytes`,
    ).toBe(true);
  }
});

test.each(byName(FORMAT_HEADERS))(
  "%s: damaged headers are refused, or a whole model is read",
  (_, target) => damageHeaders(target, target.quick, 2),
);

test("a link is followed as hubs keep their models, and shows nothing of what is no model", () => {
  const { path, file } = sampleOf("hf");
  const kept = join(dirname(path), "kept");
  fs.renameSync(file, kept);
  fs.symlinkSync(join("..", "kept"), file);
  readWhole(path);
  fs.writeFileSync(kept, "a secret of somebody else's");
  let said = "";
  try {
    readWhole(path);
  } catch (error) {
    said = String(error);
  }
  expect(said).toContain("model.safetensors");
  expect(said).not.toContain("secret");
});

test("a folder that is a link is replaced itself, not what it leads to", () => {
  const folder = newFolder();
  const [elsewhere, out] = [join(folder, "elsewhere"), join(folder, "out")];
  fs.mkdirSync(elsewhere);
  fs.writeFileSync(join(elsewhere, "precious"), "1");
  fs.symlinkSync(elsewhere, out);
  const hf = formats.find((format) => format.name === "hf")!;
  expect(refuses(() => hf.write!(out, sampleWeights))).toBe(true);
  hf.write!(out, sampleWeights, { replace: true });
  readWhole(out);
  expect(fs.readdirSync(elsewhere)).toEqual(["precious"]);
});
