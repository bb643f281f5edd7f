import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { DASHBOARD_PAGES } from '../shared/dashboard_pages.ts';
import { activate } from './activate.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { linkIn, logIn, takePictures } from './dashboard_steps.ts';
import { tinyModels } from './tiny_models.ts';
import { skipNote } from './skip_note.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

const SUBJECTS = 100;
const SYMBOLS = [
  ...['XAUUSD', 'XAGUSD', 'EURUSD', 'GBPUSD', 'AUDUSD', 'NZDUSD', 'USDCAD', 'USDCHF'],
  ...['USDJPY', 'EURJPY', 'GBPJPY', 'AUDJPY', 'EURGBP', 'EURCHF', 'AUDNZD'],
];
const PAIRS = SYMBOLS.flatMap((one, index) => SYMBOLS.slice(index + 1).map((other) => `${one}_${other}`)).slice(
  0,
  SUBJECTS,
);
const PATHS = [
  ...DASHBOARD_PAGES.map((page) => (page === 'overview' ? '/' : `/app/${page}`)),
  `/app/subjects/${PAIRS[0]!}`,
];
const COSTS = {
  spread_bps: 1,
  commission_bps: 0.2,
  slippage_bps: 0.2,
  swap_long_bps_per_night: 0,
  swap_short_bps_per_night: 0,
};
/** Pixels by which a page may be wider than its window: none could be scrolled to. */
const ROUNDING = 1;

const isSkipped = chromiumPath() === null;

describe.skipIf(isSkipped)(
  `the dashboard with ${SUBJECTS} subjects${skipNote(isSkipped, 'Chromium is not installed')}`,
  () => {
    let place: Workplace;
    let browser: Browser;
    let page: Page;
    let origin: string;

    beforeAll(async () => {
      const symbols = Object.fromEntries(SYMBOLS.map((symbol) => [symbol, COSTS]));
      place = createWorkplace({ minutehand: { pairs: PAIRS, symbols, simulated: { bar_interval_ms: 1000 } } });
      const { version } = await tinyModels(place.models, { settings: place.settings });
      activate(place.models, version);
      browser = (await startBrowser())!;
      page = await (await openContext(browser, { locale: 'en-US' })).newPage();
      const up = place.start(['up', '--json']);
      await eventually(up.stderr, () => up.stdout(), 5);
      const link = linkIn((await place.run(['token', 'link', '--role', 'operator'])).stdout)!;
      origin = new URL(link).origin;
      await logIn(page, link);
    });
    afterAll(async () => {
      await browser?.close();
      await place?.remove();
    });

    it.each([1440, 390])('has no page that is wider than a window of %i pixels', async (width) => {
      await page.setViewportSize({ width, height: 900 });
      const tooWide: string[] = [];
      for (const path of PATHS) {
        await page.goto(new URL(path, origin).href);
        await page.waitForSelector('main .panel, main .tile, main table');
        const wide = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
        if (wide > ROUNDING) tooWide.push(`${path}: by ${wide}`);
      }
      expect(tooWide).toEqual([]);
    });

    it('has pictures, for a person to look at', () => takePictures(page, origin, PATHS));
  },
);
