/** Reports of MIL programs and Core ML folders: what is shown is true, and nothing that strangers write breaks them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { type BlobDType, blobBytes, blobValues, writeBlob } from "../../../compiler/bundle/blob.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { printMil } from "../../../compiler/mil/print.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { drawingOf } from "../../../report/graph/arrange.ts";
import { sourceOfMil } from "../../../report/graph/from_mil.ts";
import { coreMlPage, milPage } from "../../../report/mil/page.ts";
import { functionPanes } from "../../../report/mil/panes.ts";
import { placementRows } from "../../../report/mil/placement.ts";
import { statsOf, weightRows } from "../../../report/mil/weights.ts";
import { anyStatement, programOf } from "../../support/random_mil.ts";
import { damagedPrograms, validPrograms } from "../../support/random_mil_damage.ts";
import { opStatement, poolInputs } from "../../support/random_mil_ops.ts";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "anec-report-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The value behind `data-NAME` of a page. */
function dataOf<T>(html: string, name: string): T {
  const found = new RegExp(`id="data-${name}">(.*?)</script>`).exec(html);
  return JSON.parse(found![1]!) as T;
}

test("a function is drawn op by op, whatever its statements are", () => {
  const programs = fc.oneof(programOf(anyStatement), programOf(opStatement, poolInputs));
  fc.assert(
    fc.property(programs, ({ functions }) => {
      for (const f of functions) {
        const drawing = drawingOf(sourceOfMil(f));
        const ops = f.body.filter((s) => s.op !== "const").length;
        expect(drawing.nodes).toHaveLength(ops + f.inputs.length);
      }
    }),
    { numRuns: 150 },
  );
});

test("of long functions the first statements are drawn, and the others counted", () => {
  const body = Array.from({ length: 50 }, (_, i) => {
    const x = i === 0 ? "x" : `y${i - 1}`;
    return `tensor<fp16, [1, 8]> y${i} = relu(x = ${x})[name = string("y${i}")];`;
  });
  const text = `program(1.3)\n{ func main<ios18>(tensor<fp16, [1, 8]> x) { ${body.join("\n")} } -> (y49); }`;
  const [f] = parseMil({ path: "long.mil", text }).functions;
  const { nodes, left } = sourceOfMil(f!, 21);
  expect([nodes.length, left]).toEqual([21, 30]);
});

test("of many functions the first are drawn, within what a page takes", () => {
  const op = `tensor<fp16, [1, 8]> y = relu(x = x)[name = string("y")];`;
  const one = (i: number): string => `func f${i}<ios18>(tensor<fp16, [1, 8]> x) { ${op} } -> (y);`;
  const text = `program(1.3)\n{ ${Array.from({ length: 45 }, (_, i) => one(i)).join("\n")} }`;
  const { functions } = parseMil({ path: "many.mil", text });
  const { panes, left } = functionPanes(functions.map((f) => [f.name, f] as const));
  expect(panes).toHaveLength(40);
  expect(left).toBe(" 5 further functions not drawn.");
});

test("damaged programs give a page or a user's error", () => {
  const folder = newFolder();
  const path = join(folder, "damaged.mil");
  let pages = 0;
  fc.assert(
    fc.property(damagedPrograms(validPrograms), (text) => {
      writeFileSync(path, text);
      try {
        expect(milPage(path)).toContain("<!doctype html>");
        pages += 1;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    { numRuns: 60 },
  );
  expect(pages).toBeGreaterThan(0);
});

const DTYPES: readonly BlobDType[] = ["fp16", "fp32", "int8", "uint8", "int4", "uint4", "int32"];

test("what is said of values is so", () => {
  const bytes = fc
    .uint8Array({ minLength: 4, maxLength: 64 })
    .map((a) => a.slice(0, a.length - (a.length % 4)));
  fc.assert(
    fc.property(fc.constantFrom(...DTYPES), bytes, (dtype, data) => {
      const values = [...blobValues({ dtype, data })];
      const finite = values.filter(Number.isFinite);
      const stats = statsOf({ dtype, data });
      expect(stats.looked).toBe(values.length);
      expect(stats.notFinite).toBe(values.length - finite.length);
      expect(stats.histogram.reduce((a, b) => a + b, 0)).toBe(finite.length);
      expect(stats.zeros).toBeCloseTo(values.filter((v) => v === 0).length / values.length);
      if (finite.length === 0) return;
      expect([stats.least, stats.most]).toEqual([Math.min(...finite), Math.max(...finite)]);
      const mean = finite.reduce((a, b) => a + b, 0) / finite.length;
      expect(Math.abs(stats.mean - mean)).toBeLessThanOrEqual(1e-9 * Math.abs(mean) + 1e-12);
    }),
  );
});

test("values beyond the first 2^20 are not looked at", () => {
  const data = new Uint8Array(blobBytes("int8", 2 ** 20 + 5)).fill(1);
  data[2 ** 20 + 1] = 77;
  expect(statsOf({ dtype: "int8", data })).toMatchObject({ looked: 2 ** 20, least: 1, most: 1 });
});

const weight = (path: string, offset: number): string =>
  `program(1.3)\n{ func main<ios18>(tensor<fp16, [1, 4]> x) {
    tensor<fp16, [1, 4]> w = const()[name = string("w"), val = tensor<fp16, [1, 4]>(BLOBFILE(path = string("${path}"), offset = uint64(${offset})))];
    tensor<fp16, [1, 4]> y = add(x = x, y = w)[name = string("y")];
  } -> (y); }`;

test("weights are read beside the program, and nowhere else", () => {
  const folder = newFolder();
  const model = join(folder, "m.mlmodelc");
  mkdirSync(join(model, "weights"), { recursive: true });
  const { bytes, offsets } = writeBlob([{ dtype: "fp16", data: new Uint8Array(8) }]);
  writeFileSync(join(model, "weights", "weight.bin"), bytes);
  writeFileSync(join(folder, "secret.bin"), bytes);
  symlinkSync(join(folder, "secret.bin"), join(model, "weights", "link.bin"));
  const problemOf = (path: string): string | undefined => {
    writeFileSync(join(model, "model.mil"), weight(path, offsets[0]!));
    const [row] = dataOf<{ problem?: string; stats?: unknown }[]>(coreMlPage(model), "weights");
    expect(row!.stats === undefined).toBe(row!.problem !== undefined);
    return row!.problem;
  };
  expect(problemOf("@model_path/weights/weight.bin")).toBeUndefined();
  expect(problemOf("@model_path/weights/none.bin")).toBe("its file is not here");
  expect(problemOf("@model_path/../secret.bin")).toContain("outside of it");
  expect(problemOf("@model_path/weights/link.bin")).toContain("outside of it");
  expect(problemOf(join(folder, "secret.bin"))).toContain("absolute path");
  expect(problemOf("@model_path/weights")).toBe("its file is not here");
});

test("a weight that is not where the program says keeps its row", () => {
  const { bytes, offsets } = writeBlob([{ dtype: "fp16", data: new Uint8Array(8) }]);
  const [f] = parseMil({
    path: "a.mil",
    text: weight("@model_path/w.bin", offsets[0]! + 64),
  }).functions;
  const [row] = weightRows(f!, () => bytes);
  expect(row!.problem).toBeDefined();
  expect(row).toMatchObject({ name: "w", type: "tensor<fp16, [1, 4]>", bytes: 8 });
});

const PLACED = `program(1.0)
{ func main<ios16>(tensor<fp16, [1, 4]> x) {
    tensor<fp16, [1, 4]> a = relu(x = x)[name = string("a"), BackendSupport = list<string, 2>(["ane", "cpu"]), EstimatedRuntime = dict<string, fp64>({{"ane", 0x1p-3}, {"cpu", 0x1p-1}})];
    tensor<fp16, [1, 4]> b = relu(x = a)[name = string("b"), BackendSupport = list<string, 1>(["cpu"]), EstimatedRuntime = dict<string, fp64>({{"cpu", 0x1p-1}}), ValidationMessage = dict<string, string>({{"ane", "Unsupported MIL operation \\"relu\\"."}})];
    tensor<fp16, [1, 4]> y = exp(x = b)[name = string("y")];
  } -> (y); }`;

test("Apple's attributes are added up by op", () => {
  const program = parseMil({ path: "placed.mil", text: PLACED });
  expect(placementRows(program.functions)).toEqual([
    {
      op: "relu",
      count: 2,
      supported: { ane: 1, cpu: 2 },
      milliseconds: { ane: 0.125, cpu: 1 },
      messages: [["ane", 'Unsupported MIL operation "relu".']],
    },
  ]);
  expect(placementRows(parseMil({ path: "w.mil", text: weight("w", 64) }).functions)).toEqual([]);
});

test("a folder may lack all but its program; what else it has is shown as text", () => {
  const model = join(newFolder(), "m.mlmodelc");
  mkdirSync(join(model, "analytics"), { recursive: true });
  writeFileSync(join(model, "model.mil"), weight("@model_path/weights/weight.bin", 64));
  expect(coreMlPage(model)).not.toContain('id="metadata"');
  writeFileSync(
    join(model, "metadata.json"),
    '[{"shortDescription": "<script>x</script>", "deep": [[[[[[[1]]]]]]]}]',
  );
  writeFileSync(join(model, "analytics", "coremldata.bin"), new Uint8Array(100));
  writeFileSync(join(model, "analytics.mil"), PLACED);
  const html = coreMlPage(model);
  expect(html).toContain("&lt;script&gt;x&lt;/script&gt;");
  expect(html).toContain("coremldata.bin, 100 B");
  expect(dataOf<unknown[]>(html, "placement")).toHaveLength(1);
  writeFileSync(join(model, "metadata.json"), "{ no json");
  expect(coreMlPage(model)).toContain("is not JSON");
});

test("mistakes in a program are shown, and no chip is asked about it", () => {
  const path = join(newFolder(), "wrong.mil");
  const text = weight("@model_path/w.bin", 64).replace("y = w", "y = nobody");
  writeFileSync(path, text);
  const html = milPage(path);
  expect(html).toContain('id="mistakes"');
  expect(html).not.toContain('id="data-facts"');
  writeFileSync(path, printMil(parseMil({ path, text: weight("@model_path/w.bin", 64) })));
  expect(milPage(path)).toContain('id="data-facts"');
});
