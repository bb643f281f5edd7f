import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions } from 'playwright-core';

/** Timeout of one step on a page, longer than the default: test machines can be heavily loaded. */
const STEP_MS = 90_000;

/** Chromium in the path; null when it is not installed. */
export function chromiumPath(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const paths = folders.flatMap((folder) => ['chromium', 'chromium-browser'].map((name) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}

/**
 * Starts a headless Chromium.
 * @returns null when it is not installed, so that a test can skip itself with a reason
 * @throws Error when it is not installed and `CI` is set
 */
export async function startBrowser(): Promise<Browser | null> {
  const executablePath = chromiumPath();
  if (executablePath === null) {
    if (process.env['CI'])
      throw new Error('Chromium is not installed; in CI these tests must run. Debian: apt-get install chromium');
    return null;
  }
  // Chromium's sandbox does not run as root, which is usual in containers.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args });
}

/** A new browser context whose pages time out after `STEP_MS` a step. */
export async function openContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(STEP_MS);
  return context;
}
