/** `anec dashboard` in a browser: live, several runs, controls, keys; nothing is asked of any other host. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { readRun } from "../../report/run/follow.ts";
import { runPage } from "../../report/run/page.ts";
import { openPage } from "../e2e/browser_support.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { linesOfRun } from "../unit/report/run_records.ts";

/** Starts the command on the current folder; answers its address. It ends with the test. */
function dashboard(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let end = (): void => {};
    const finished = anec(["dashboard", "--json", ...args], {
      watch(text, interrupt) {
        end = interrupt;
        resolve((JSON.parse(text) as { url: string }).url);
      },
    });
    finished.then(({ code, err }) => reject(new Error(`it ended with ${code}: ${err}`)), reject);
    onTestFinished(async () => {
      end();
      expect((await finished).code).toBe(0);
    });
  });
}

/** What a page shows a moment later. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });

const chart = (page: Page, title: string) =>
  page.locator("figure", { has: page.getByRole("heading", { name: title, exact: true }) });
const linesIn = (page: Page, title: string) => chart(page, title).locator("path.line:not(.faint)");

test("runs on top of each other, live, with controls and keys", async (context) => {
  inNewFolder();
  mkdirSync("runs");
  const whole = linesOfRun({ to: 400, engine: true });
  const half = whole.slice(0, whole.lastIndexOf("\n", whole.length / 2) + 1);
  writeFileSync("runs/first.jsonl", linesOfRun({ to: 300 }));
  writeFileSync("runs/second.jsonl", half);
  const url = await dashboard();
  const opened = await openPage(context, url);
  const { page, troubles, requests } = opened;

  // Two runs, each with training and validation.
  await eventually(() => linesIn(page, "Loss").count()).toBe(4);
  const row = page.getByRole("row", { name: /second/ }).first();
  const before = await row.innerText();
  expect(before).toMatch(/of 400/);
  await page.evaluate("window.isSamePage = true");

  // The log grows, and a third one begins.
  appendFileSync("runs/second.jsonl", whole.slice(half.length));
  writeFileSync("runs/third.jsonl", linesOfRun({ to: 40, ends: false }));
  await eventually(() => row.innerText()).toMatch(/400 of 400/);
  await eventually(() => linesIn(page, "Loss").count()).toBe(6);
  expect(await page.evaluate("window.isSamePage")).toBe(true);

  // Toggles of runs and of parts.
  const toggle = page.getByRole("group", { name: "What is drawn" }).getByRole("button");
  expect(await toggle.allInnerTexts()).toEqual([
    ...["first", "second", "third", "training ─", "validation ╌"],
  ]);
  await toggle.nth(1).click();
  expect(await toggle.nth(1).getAttribute("aria-pressed")).toBe("false");
  await eventually(() => linesIn(page, "Loss").count()).toBe(4);
  await page.keyboard.press("Enter");
  await eventually(() => linesIn(page, "Loss").count()).toBe(6);
  await toggle.nth(3).click();
  await eventually(() => linesIn(page, "Bits per byte").count()).toBe(3);
  await toggle.nth(3).click();

  // Smoothing leaves the values as a faint line; off, there is none.
  const faint = chart(page, "Loss").locator("path.faint");
  await eventually(() => faint.count()).toBe(3);
  expect(await chart(page, "Learning rate").locator("path.faint").count()).toBe(0);
  await page.getByRole("slider", { name: "Smoothing" }).fill("0");
  await eventually(() => faint.count()).toBe(0);

  // A logarithmic axis moves the line; tokens and time name the axis anew.
  const firstLine = linesIn(page, "Loss").first();
  const plain = await firstLine.getAttribute("d");
  await page.getByRole("button", { name: "Loss: logarithmic axis" }).click();
  expect(await firstLine.getAttribute("d")).not.toBe(plain);
  await page.getByRole("combobox", { name: "Over" }).selectOption("tokens");
  await eventually(() => chart(page, "Loss").locator(".x-label").textContent()).toBe("tokens");

  // Pointing shows the values of all runs, there and in the other charts.
  const plot = chart(page, "Loss").locator("svg.chart");
  await plot.hover({ position: { x: 200, y: 80 } });
  const tip = page.getByRole("tooltip");
  await eventually(() => tip.innerText()).toMatch(/tokens[\s\S]*second · training\s+\d/);
  expect(await chart(page, "Speed").locator(".cursor line").count()).toBe(1);
  await page.mouse.move(5, 5);
  await eventually(() => tip.isVisible()).toBe(false);

  // Dragging looks closer, Escape shows everything again.
  const box = (await plot.boundingBox())!;
  await page.mouse.move(box.x + 100, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + 180, box.y + 60, { steps: 4 });
  await page.mouse.up();
  const reset = page.getByRole("button", { name: "Show everything" });
  await eventually(() => reset.isVisible()).toBe(true);
  await plot.focus();
  await page.keyboard.press("Escape");
  await eventually(() => reset.isVisible()).toBe(false);

  // The arrow keys say the values, for those who do not see them too.
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  const said = page.locator("#said");
  await eventually(() => said.innerText()).toMatch(/^128 tokens.*first · training/);

  expect(await page.getByText("live", { exact: true }).isVisible()).toBe(true);
  expect(troubles).toEqual([]);
  expect(requests.filter((asked) => !asked.startsWith(url) && !asked.startsWith("data:"))).toEqual(
    [],
  );
});

test("a run that is resumed is drawn as its log says, and events are listed", async (context) => {
  inNewFolder();
  writeFileSync("a.jsonl", linesOfRun({ to: 100, ends: false }));
  const opened = await openPage(context, await dashboard("a.jsonl"));
  const { page, troubles } = opened;
  await eventually(() => page.getByRole("row", { name: /running|silent/ }).count()).toBe(1);
  const text = linesOfRun({ to: 60, ends: false }) + linesOfRun({ from: 60, to: 200 });
  writeFileSync("a.jsonl", text);
  const row = page.getByRole("row", { name: /goes on at step 60/ });
  await eventually(() => row.count()).toBe(1);
  await eventually(() => page.getByRole("row", { name: /200 of 200/ }).count()).toBe(1);
  expect(troubles).toEqual([]);
});

test("the same charts are a page that stands alone, from a file", async (context) => {
  const folder = inNewFolder();
  const evil = '<img src=x onerror="document.title=1">';
  for (const name of ["a", "b"])
    writeFileSync(`${name}.jsonl`, linesOfRun({ to: 200, engine: true, model: evil }));
  writeFileSync("page.html", runPage([readRun("a.jsonl", "a"), readRun("b.jsonl", evil)]));
  const opened = await openPage(context, `file://${join(folder, "page.html")}`);
  const { page, troubles, requests } = opened;
  expect(await linesIn(page, "Loss").count()).toBe(4);
  expect(await linesIn(page, "Loss scale").count()).toBe(2);
  expect(await page.locator("img").count()).toBe(0);
  expect(await page.title()).toBe("2 runs · anec");
  expect(await page.getByRole("cell", { name: /<img src=x/ }).count()).toBe(2);
  expect(troubles).toEqual([]);
  expect(requests.filter((asked) => !/^(file|data):/.test(asked))).toEqual([]);
});

test("what is wrong is said before it listens", async () => {
  inNewFolder();
  const fault = async (...args: string[]): Promise<string> => {
    const { code, err } = await anec(["dashboard", ...args]);
    return `${code} ${err.split("\n")[0]}`;
  };
  expect(await fault()).toBe("1 error[E0932]: there is no log of a run in `runs`");
  expect(await fault("a.jsonl")).toBe("1 error[E0706]: there is no file `a.jsonl`");
  expect(await fault("--port", "0")).toMatch(/^2 error\[E0955\]/);
  mkdirSync("runs");
  const { port } = new URL(await dashboard());
  expect(await fault("--port", port)).toBe(
    `3 error[E0933]: cannot listen on port ${port} of this machine`,
  );
});

test("a screenshot for the documentation, of runs of the tiny model", async (context) => {
  if (process.env["ANEC_SCREENSHOTS"] !== "1")
    return context.skip("ANEC_SCREENSHOTS=1 makes the screenshot");
  inNewFolder();
  const train = "train --model tiny --data builtin:stories --accum 4 --val-every 80";
  for (const lr of ["1e-3", "2e-3", "4e-3"]) {
    const args = `${train} --lr ${lr} --steps 1600 --log runs/lr_${lr}.jsonl`;
    mkdirSync("runs", { recursive: true });
    expect((await anec(args.split(" "))).code).toBe(0);
  }
  // The last one as it was on its way.
  const log = readFileSync("runs/lr_4e-3.jsonl", "utf8");
  writeFileSync("runs/lr_4e-3.jsonl", log.slice(0, log.indexOf('{"event":"step","step":1061,')));
  const opened = await openPage(context, await dashboard(), { width: 1480, height: 1040 });
  const { page } = opened;
  await eventually(() => linesIn(page, "Loss").count()).toBe(6);
  await chart(page, "Learning rate")
    .locator("svg.chart")
    .hover({ position: { x: 240, y: 90 } });
  const path = join(packageRoot(), "docs", "images", "dashboard.png");
  mkdirSync(join(packageRoot(), "docs", "images"), { recursive: true });
  await page.screenshot({ path });
});
