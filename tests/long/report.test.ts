/** `anec report` in a browser: what one sees, points at and types; hostile names stay text; nothing is asked of a network. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { expect, type TestContext, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { writeHf } from "../../formats/hf.ts";
import { openPage } from "../e2e/browser_support.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { randomWeights, smallConfig } from "../unit/formats/random_weights.ts";
import { linesOfRun } from "../unit/report/run_records.ts";

/** Makes a report in a folder of its own; answers its path. */
async function report(...args: string[]): Promise<string> {
  const { code, out, err } = await anec(["report", ...args, "--json"]);
  expect(err).toBe("");
  expect(code).toBe(0);
  return resolve((JSON.parse(out) as { out: string }).out);
}

async function open(
  context: TestContext,
  path: string,
  viewport?: { width: number; height: number },
) {
  const url = pathToFileURL(path).href;
  const opened = await openPage(context, url, viewport);
  // What belongs to the page is in it.
  expect(opened?.requests).toEqual(opened === undefined ? undefined : [url]);
  return opened;
}

const pane = (page: Page, title: string) =>
  page.locator(".pane", { has: page.getByRole("heading", { name: title, exact: true }) });
const transformOf = (page: Page, title: string) =>
  pane(page, title).locator("svg.graph > g").getAttribute("transform");
const scaleOf = async (page: Page, title: string): Promise<number> =>
  Number(/scale\(([\d.]+)\)/.exec((await transformOf(page, title)) ?? "")?.[1]);

/** Keeps a picture of the page, when one is asked for. */
async function picture(page: Page, name: string): Promise<void> {
  if (process.env["ANEC_SCREENSHOTS"] !== "1") return;
  const folder = join(packageRoot(), "docs", "images");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, name) });
}

test("a model: graphs side by side, hover, wheel, drag, keys, chips", async (context) => {
  inNewFolder();
  const started = Date.now();
  const path = await report("autoresearch");
  expect(Date.now() - started).toBeLessThan(60_000);
  expect(statSync(path).size).toBeLessThan(3e6);
  const opened = await open(context, path, { width: 1500, height: 1180 });
  if (opened === undefined) return;
  const { page, troubles } = opened;

  // One layer stands for four, on both sides.
  await expect
    .poll(() => pane(page, "As written").locator(".box-note").allTextContents())
    .toEqual(["×4   block.0 … block.3"]);
  const titles = await pane(page, "After fusion").locator(".box-title").allTextContents();
  expect(titles).toEqual(expect.arrayContaining(["layer_fwd", "bwd_a", "bwd_b"]));

  // Pointing at a node tells what it is, and marks what it became.
  const norm = pane(page, "As written").getByRole("img", { name: "rms_norm [S, D]" }).first();
  await norm.hover();
  const tip = page.getByRole("tooltip");
  await expect.poll(() => tip.innerText()).toContain("f32 [S 128, D 512]");
  expect(await tip.innerText()).toContain("dsl/std/rms_norm.ane:5");
  expect(await pane(page, "After fusion").locator(".node.kin").count()).toBeGreaterThan(0);
  expect(await pane(page, "As written").locator(".edge.lit").count()).toBeGreaterThan(1);

  // After fusion a node has its MIL; all of it is below once it is chosen.
  const fused = pane(page, "After fusion").getByRole("img", { name: "rms_norm [S, D]" }).first();
  await fused.hover();
  await expect.poll(() => tip.innerText()).toContain("MIL");
  expect(await pane(page, "As written").locator(".node.kin").count()).toBeGreaterThan(0);
  await picture(page, "report_fusion.png");
  await fused.click();
  const details = page.locator("#graph_details");
  expect(await details.innerText()).toContain("reduce_mean(x = square");
  await pane(page, "After fusion").locator(".box-engine .box-title").first().click();
  expect(await details.innerText()).toContain("program(1.3)");

  // The wheel scales, the pointer moves.
  const graph = pane(page, "As written").locator("svg.graph");
  const box = (await graph.boundingBox())!;
  const before = await scaleOf(page, "As written");
  await page.mouse.move(box.x + 40, box.y + 300);
  await page.mouse.wheel(0, -400);
  await expect.poll(() => scaleOf(page, "As written")).toBeGreaterThan(before * 1.5);
  const still = await transformOf(page, "As written");
  await page.mouse.down();
  await page.mouse.move(box.x + 90, box.y + 330, { steps: 4 });
  await page.mouse.up();
  expect(await transformOf(page, "As written")).not.toBe(still);

  // So do keys; arrows walk from node to node, Escape lets go.
  await graph.focus();
  await page.keyboard.press("0");
  const whole = await scaleOf(page, "As written");
  await page.keyboard.press("+");
  expect(await scaleOf(page, "As written")).toBeCloseTo(whole * 1.25, 2);
  const there = await transformOf(page, "As written");
  await page.keyboard.press("Shift+ArrowDown");
  expect(await transformOf(page, "As written")).not.toBe(there);
  await page.keyboard.press("ArrowDown");
  const first = await details.locator("h3").innerText();
  await page.keyboard.press("ArrowDown");
  expect(first).toContain("tokens");
  expect(await details.locator("h3").innerText()).toContain("embedding");
  expect(await graph.getAttribute("aria-activedescendant")).not.toBeNull();
  await page.keyboard.press("Escape");
  expect(await graph.getAttribute("aria-activedescendant")).toBeNull();
  await expect.poll(() => tip.isVisible()).toBe(false);

  // Ops are found by what they are or read.
  await pane(page, "As written").getByRole("searchbox").fill("softmax");
  expect(await pane(page, "As written").locator(".node.found .op").allTextContents()).toEqual([
    "softmax",
    "matmul",
  ]);

  // Surfaces tell their columns, the chip is one for timeline and facts.
  await page.locator("#programs .value").nth(3).hover();
  await expect.poll(() => tip.innerText()).toMatch(/columns/);
  const predicted = page.locator("#timeline .toolbar strong");
  const m4 = await predicted.innerText();
  await page.getByRole("button", { name: "Show M1", exact: true }).click();
  expect(await predicted.innerText()).not.toBe(m4);
  expect(await page.locator("#facts").getByRole("combobox").inputValue()).toBe("m1");
  expect(await page.locator("#facts .fact code").allTextContents()).toContain("attention_on_m1");
  await page.locator("#timeline .step.lane-engine").first().hover();
  await expect.poll(() => tip.innerText()).toMatch(/layer_fwd block\.0[\s\S]*dispatch/);
  expect(troubles).toEqual([]);
});

const EVIL = "<img src=x onerror=window.hurt=1>";

test("names of strangers stay text, in models, programs and folders", async (context) => {
  const folder = inNewFolder();
  const model = join(folder, "evil.mlmodelc");
  mkdirSync(join(model, "weights"), { recursive: true });
  writeFileSync(
    join(model, "model.mil"),
    `program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 4]> x) {
        tensor<fp16, [1, 4]> a = relu(x = x)[name = string("</script>${EVIL}"), ValidationMessage = dict<string, string>({{"${EVIL}", "</script>${EVIL}"}})];
        tensor<fp16, [1, 4]> w = const()[name = string("w"), val = tensor<fp16, [1, 4]>(BLOBFILE(path = string("${EVIL}"), offset = uint64(64)))];
        tensor<fp16, [1, 4]> y = add(x = a, y = w)[name = string("${EVIL}")];
    } -> (y);
}
`,
  );
  writeFileSync(join(model, "metadata.json"), JSON.stringify([{ [EVIL]: `</script>${EVIL}` }]));
  const opened = await open(context, await report(model));
  if (opened === undefined) return;
  const { page, troubles } = opened;
  await expect.poll(() => page.locator(".node").count()).toBe(3);
  await page.locator(".node").nth(1).click();
  expect(await page.locator("#graph_details").innerText()).toContain(EVIL);
  expect(await page.locator("#placement").innerText()).toContain(EVIL);
  expect(await page.locator("#metadata").innerText()).toContain(EVIL);
  expect(await page.locator("img").count()).toBe(0);
  expect(await page.evaluate("window.hurt")).toBeUndefined();
  expect(troubles).toEqual([]);
});

test("a bundle and one of its programs have reports of their own", async (context) => {
  inNewFolder();
  const compiled = await anec(["compile", "tiny", "--out", "tiny.anec"]);
  expect(compiled.code).toBe(0);
  const bundle = await open(context, await report("tiny.anec", "--out", "bundle.html"));
  if (bundle === undefined) return;
  await expect.poll(() => bundle.page.locator("#programs .panel").count()).toBe(2);
  expect(await pane(bundle.page, "layer_fwd").locator(".node").count()).toBeGreaterThan(20);
  expect(bundle.troubles).toEqual([]);
  const program = await open(context, await report(join("tiny.anec", "programs", "layer_fwd.mil")));
  await expect.poll(() => program!.page.locator("#facts .matrix").count()).toBe(1);
  expect(program!.troubles).toEqual([]);
});

test("narrow windows, dark ones and paper have no overflow and no trouble", async (context) => {
  inNewFolder();
  const opened = await open(context, await report("tiny", "--fusion", "pairs"), {
    width: 420,
    height: 800,
  });
  if (opened === undefined) return;
  const { page, troubles } = opened;
  const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
  await expect.poll(() => page.locator(".pane").count()).toBe(2);
  expect(await page.evaluate(overflow)).toBe(0);
  const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const light = await paper();
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await paper()).not.toBe(light);
  await page.emulateMedia({ media: "print" });
  expect(await page.getByRole("button", { name: "Zoom in" }).first().isVisible()).toBe(false);
  expect(troubles).toEqual([]);
});

test("logs of runs, and folders of them, are one page", async (context) => {
  inNewFolder();
  mkdirSync("runs");
  writeFileSync(join("runs", "first.jsonl"), linesOfRun({ to: 60 }));
  writeFileSync(join("runs", "second.jsonl"), linesOfRun({ to: 40 }));
  const both = readFileSync(await report("runs"), "utf8");
  expect(both).toContain("<h1>2 runs</h1>");
  const opened = await open(context, await report(join("runs", "first.jsonl")));
  if (opened === undefined) return;
  await expect.poll(() => opened.page.getByRole("heading", { level: 1 }).innerText()).toBe("first");
  expect(opened.troubles).toEqual([]);
});

test("files and folders of weights have the report of their model", async () => {
  inNewFolder();
  writeHf("model", randomWeights(smallConfig, 7));
  expect((await anec(["convert", "model", "model.ckpt"])).code).toBe(0);
  for (const what of ["model", "model.ckpt"]) {
    const html = readFileSync(await report(what, "--out", `${what}.html`), "utf8");
    expect(html).toContain('id="data-timeline"');
    expect(html).toContain(`<p class="subtitle">${what}, compiled for the Neural Engine</p>`);
  }
});

test("a report is written whole, and never over what it is about", async () => {
  inNewFolder();
  const first = readFileSync(await report("tiny"), "utf8");
  const second = readFileSync(await report("tiny", "--out", "again.html"), "utf8");
  expect(second).toBe(first);
  writeFileSync("own.ane", readFileSync(join(packageRoot(), "dsl", "models", "tiny.ane")));
  const over = await anec(["report", "own.ane", "--out", "own.ane"]);
  expect(over.code).toBe(2);
  expect(readFileSync("own.ane", "utf8")).toContain("model tiny");
  const nothing = await anec(["report", "."]);
  expect(nothing.err).toContain("E0761");
});
