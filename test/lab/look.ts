/** A browser that looks at a lab, for one test. */
import type { TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { LabOptions } from '../../src/lab/lab.js';
import { command } from '../real/command.js';
import type { HouseOptions } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { type Room, room } from './room.js';

export interface Seen extends Room {
  readonly page: Page;
  readonly browser: Browser;
  /** What the browser complained of: a script's error, or something that the page's policy did not let it do. */
  readonly complaints: string[];
  text(selector: string): Promise<string>;
}

/** undefined: there is no browser here. */
export async function look(
  t: TestContext,
  context: BrowserContextOptions = {},
  options: Partial<LabOptions> & { demo?: string } = {},
  site: HouseOptions = {},
): Promise<Seen | undefined> {
  if (!needs(t, 'chromium')) return undefined;
  const r = await room(t, site, options);
  const executablePath = (await command('sh', ['-c', 'command -v chromium'])).stdout.trim();
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', ...quiet], timeout: 60_000 });
  t.after(() => browser.close());
  const opened = await browser.newContext({ locale: 'en', viewport: { width: 1440, height: 900 }, ...context });
  opened.setDefaultTimeout(30_000);
  const page = await opened.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => complaints.push(message.text()));
  await page.goto(`${r.origin}/#k=${r.lab.key}`);
  await page.waitForSelector('.live');
  const text = async (selector: string) => (await page.textContent(selector)) ?? '';
  return { ...r, page, browser, complaints, text };
}

/** Rows of the table of requests, once there are as many. */
export const rows = async (page: Page, count: number): Promise<void> => {
  await until(async () => (await page.locator('.requests tbody tr').count()) === count, `${count} rows`);
};
