/** Chromium, where there is one, for tests of pages. */
import { existsSync } from "node:fs";
import { chromium, type Page } from "playwright-core";
import { onTestFinished, type TestContext } from "vitest";

const CHROMIUM = process.env["ANEC_CHROMIUM"] ?? "/usr/bin/chromium";

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

export interface OpenedPage {
  readonly page: Page;
  /** What the console of the page was told, and what the page threw. */
  readonly troubles: readonly string[];
  /** All addresses that it asked for. */
  readonly requests: readonly string[];
}

/** Opens a page until the test ends. Without a browser the test is skipped. */
export async function openPage(
  context: TestContext,
  url: string,
  viewport = { width: 1280, height: 900 },
): Promise<OpenedPage> {
  if (!existsSync(CHROMIUM)) context.skip(`there is no browser at ${CHROMIUM}`);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport });
  const troubles: string[] = [];
  const requests: string[] = [];
  page.on("console", (said) => troubles.push(`${said.type()}: ${said.text()}`));
  page.on("pageerror", (error) => troubles.push(`thrown: ${error.message}`));
  page.on("request", (asked) => requests.push(asked.url()));
  await page.goto(url);
  return { page, troubles, requests };
}
