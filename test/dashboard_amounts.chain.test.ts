import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { closeFill, openFill } from '../shared/fill/fill.fixture.ts';
import { packageRoot } from '../shared/root.ts';
import { createRng } from '../shared/rng.ts';
import { enterBody, idOf } from '../shared/signal/signal.fixture.ts';
import { openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { tradeOf } from '../trainer/control/fills/trade.fixture.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { skipNote } from './skip_note.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const TRADES = 10_000;
const BARS = 1_000_000;
const MINUTE_S = 60;
const HOUR_MS = 3_600_000;
const ROWS_AT_ONCE = 500;
const AXE = readFileSync(join(packageRoot(), 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];

/** Positions of two legs, one an hour, that have ended; their results differ. */
async function addTrades({ store }: ApiWorkplace): Promise<number> {
  const rng = createRng('amounts');
  const endMs = Date.now() - HOUR_MS;
  let sum = 0;
  const rows = Array.from({ length: TRADES }, (_, i) => {
    const position = { position_id: idOf(2 * i + 1), signal_id: idOf(2 * i + 1) };
    const openMs = endMs - (TRADES - i) * HOUR_MS;
    const bodyAt = (id: string, atMs: number) =>
      enterBody(id, { price_a: 4100, price_b: 51, timestamp: new Date(atMs - (atMs % 60_000)).toISOString() });
    const endId = idOf(2 * i + 2);
    return (['A', 'B'] as const).flatMap((leg, at) => {
      const pnl = rng.integer(2000) / 100 - 9.5;
      sum += pnl;
      const opened = openFill({ ...position, leg, ticket: 4 * i + at, time_ms: openMs, signal_ms: openMs - 200 });
      const ended = { leg, ticket: 4 * i + 2 + at, time_ms: openMs + 600_000, signal_ms: openMs + 599_800, pnl };
      const closed = closeFill({ position_id: position.position_id, signal_id: endId, ...ended });
      return [tradeOf(opened, bodyAt(position.signal_id, openMs)), tradeOf(closed, bodyAt(endId, ended.time_ms))];
    });
  }).flat();
  for (let first = 0; first < rows.length; first += ROWS_AT_ONCE)
    await store.db
      .insertInto('core.live_trades')
      .values(rows.slice(first, first + ROWS_AT_ONCE))
      .execute();
  return sum;
}

/** Minutes up to now; prices of a slow wave. */
function manyBars(symbol: string): BarColumns {
  const last = Math.floor(Date.now() / 60_000) * MINUTE_S - MINUTE_S;
  const price = Float64Array.from({ length: BARS }, (_, i) => 4000 + 100 * Math.sin(i / 5000));
  return {
    symbol,
    length: BARS,
    time: Float64Array.from({ length: BARS }, (_, i) => last - (BARS - 1 - i) * MINUTE_S),
    open: price,
    high: price.map((value) => value + 1),
    low: price.map((value) => value - 1),
    close: price,
    volume: price.map(() => 10),
    spread: null,
  };
}

const isMissing = chromiumPath() === null && !process.env['CI'];

describe.skipIf(isMissing)(
  `the dashboard with ${TRADES} trades and ${BARS} bars${skipNote(isMissing, 'Chromium is not installed')}`,
  () => {
    let api: ApiWorkplace;
    let browser: Browser;
    let page: Page;
    let sum: number;

    beforeAll(async () => {
      browser = (await startBrowser())!;
      page = await (await openContext(browser, { locale: 'en-US' })).newPage();
      api = await openApiWorkplace({ minutehand: { market: 'live' } });
      sum = await addTrades(api);
      await api.store.bars.put('live', manyBars('XAUUSD'));
      const { cookie } = await api.logIn('operator');
      const [name, value] = cookie.split('=') as [string, string];
      await page.context().addCookies([{ name, value, url: api.origin }]);
    });
    afterAll(async () => {
      await browser?.close();
      await api?.close();
    });

    /** Opens a page, prints how long its content takes, and looks at what must hold on every page. */
    async function opened(path: string, width: number, content: string): Promise<void> {
      await page.setViewportSize({ width, height: 900 });
      const beganMs = performance.now();
      await page.goto(`${api.origin}/app/${path}`);
      await page.locator(content).first().waitFor({ timeout: 60_000 });
      process.stdout.write(`${path} at ${width} pixels: ${(performance.now() - beganMs).toFixed(0)} ms\n`);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), path).toBeLessThanOrEqual(1);
      await page.evaluate(AXE);
      const tags = JSON.stringify(AXE_TAGS);
      expect(await page.evaluate(`axe.run(document, { runOnly: ${tags} }).then((one) => one.violations)`)).toEqual([]);
      // It answers: the next frame is drawn within a second, whatever it computes.
      const answerMs = await page.evaluate<number>(
        `new Promise((resolve) => { const began = performance.now(); requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began))); })`,
      );
      expect(answerMs).toBeLessThan(1000);
    }

    it.each([1440, 390])('shows the performance of all trades at %i pixels, to the cent', async (width) => {
      await opened('performance', width, 'dl.figures');
      const figures = await page.locator('dl.figures').innerText();
      expect(figures).toContain(`of ${TRADES.toLocaleString('en-US')} closed`);
      const shown = Math.abs(sum).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
      expect(figures).toContain(shown);
      // Charts are loaded when they are needed.
      await page.locator('.chart canvas').nth(1).waitFor({ timeout: 30_000 });
    });

    it.each([1440, 390])('lists the newest trades at %i pixels', (width) =>
      opened('trades', width, 'main table tbody tr'),
    );

    it.each([1440, 390])('shows a million bars of a symbol at %i pixels', async (width) => {
      await opened('data?market=live', width, 'main table');
      await page.getByText(BARS.toLocaleString('en-US')).first().waitFor({ timeout: 60_000 });
    });
  },
);
