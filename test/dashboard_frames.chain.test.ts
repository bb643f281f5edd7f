import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { percentiles } from '../bench/percentiles.ts';
import { packageRoot } from '../shared/root.ts';
import { createRng } from '../shared/rng.ts';
import { openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { chromiumPath, startBrowser } from './browser.ts';
import { skipNote } from './skip_note.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const TRIALS = 100_000;
const MINUTES = 1_000_000;
/** That the page of a subject holds. */
const MOST_MINUTES = 60_000;
const PARAMETERS = ['trees', 'learning_rate', 'leaves', 'min_rows', 'feature_share', 'row_share', 'l2'];

/** Prints the times between frames, since a test of absolute times fails on a busy machine. */
function report(what: string, gaps: readonly number[], cpuMs: number): void {
  const { p50, p99, max } = percentiles([...gaps]);
  const kept = gaps.filter((gap) => gap < 17.5).length / gaps.length;
  const text = [p50, p99, max].map((ms) => ms.toFixed(1)).join(' / ');
  process.stdout.write(
    `${what}: ${text} ms (p50 / p99 / max of ${gaps.length}), ${(100 * kept).toFixed(0)} % at 60 a second; ` +
      `${(cpuMs / gaps.length).toFixed(1)} ms of processor time of the page's thread a frame\n`,
  );
}

/** Frames measured by an expression, with the processor time of the page's main thread. */
async function measured(page: Page, expression: string): Promise<[gaps: number[], cpuMs: number]> {
  const session = await page.context().newCDPSession(page);
  const cpuMs = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const before = await cpuMs();
  const gaps = await page.evaluate<number[]>(expression);
  const took = (await cpuMs()) - before;
  await session.detach();
  return [gaps, took];
}

/** A journal as `trainer/learning/search/study_journal.ts` writes it. */
function writeSearch(folder: string): void {
  const rng = createRng('frames');
  const space = Object.fromEntries(PARAMETERS.map((name) => [name, { kind: 'float', low: 0, high: 1 }]));
  const lines = [JSON.stringify({ format: 'minutehand.search/1', direction: 'minimize', space })];
  for (let trial = 0; trial < TRIALS; trial++) {
    const params = Object.fromEntries(PARAMETERS.map((name) => [name, rng.uniform()]));
    lines.push(JSON.stringify({ kind: 'ask', trial, params }));
    lines.push(JSON.stringify({ kind: 'tell', trial, value: 0.6 + params['leaves']! / 50 + rng.uniform() / 100 }));
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `ai1_${'0'.repeat(32)}.jsonl`), `${lines.join('\n')}\n`);
}

const isSkipped = chromiumPath() === null;

describe.skipIf(isSkipped)(`the dashboard with large charts${skipNote(isSkipped, 'Chromium is not installed')}`, () => {
  let browser: Browser;
  let page: Page;
  let api: ApiWorkplace;

  beforeAll(async () => {
    browser = (await startBrowser())!;
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    api = await openApiWorkplace({}, async ({ searches }) => writeSearch(join(searches, 'finished')));
  });
  afterAll(async () => {
    await browser?.close();
    await api?.close();
  });

  it(`draws all lines of ${TRIALS} trials, in short frames that keep the page responsive`, async () => {
    const { cookie } = await api.logIn('viewer');
    const [name, value] = cookie.split('=') as [string, string];
    await page.context().addCookies([{ name, value, url: api.origin }]);
    await page.goto(`${api.origin}/app/runs`);
    await page.locator('.parallel canvas').waitFor({ timeout: 60_000 });
    const frames = await measured(page, FRAMES_UNTIL_DRAWN);
    const all = TRIALS.toLocaleString('en-US');
    expect(await page.locator('.parallel [role=status]').innerText()).toContain(`${all} of ${all} lines`);
    report(`${all} trials drawn`, ...frames);
    await page.locator('.parallel canvas').scrollIntoViewIfNeeded();
    const box = (await page.locator('.parallel canvas').boundingBox())!;
    await page.mouse.move(box.x + 40, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + 40, box.y + 160);
    await page.mouse.up();
    report('trials filtered on an axis', ...(await measured(page, FRAMES_UNTIL_DRAWN)));
    expect(await page.locator('.parallel [role=status]').innerText()).not.toContain(`of ${all} lines`);
  });

  it('draws the extremes of prices in each pixel, as the slow oracle finds them', async () => {
    const chart = await chartPage(browser);
    const { seen, expected } = await chart.evaluate<PricePixels>('pricePixels(30_000)');
    const inside = expected.flatMap((column, x) => (column === null ? [] : [x]));
    expect(inside.length).toBeGreaterThan(500);
    // Columns begin at whole pixels, so an extreme may be in a neighbor of its pixel.
    const about = (columns: readonly Extremes[], x: number): Record<'top' | 'bottom', number> => {
      const near = [x - 1, x, x + 1].flatMap((at) => columns[at] ?? []);
      return { top: Math.min(...near.map(({ top }) => top)), bottom: Math.max(...near.map(({ bottom }) => bottom)) };
    };
    const isWithin = (inner: Exclude<Extremes, null>, outer: Exclude<Extremes, null>): boolean =>
      inner.top >= outer.top - 2 && inner.bottom <= outer.bottom + 2;
    const lost = inside.filter((x) => !isWithin(expected[x]!, about(seen, x)));
    const invented = inside.filter((x) => seen[x] != null && !isWithin(seen[x], about(expected, x)));
    expect({ lost, invented }).toEqual({ lost: [], invented: [] });
    await chart.close();
  });

  it(`pans ${MINUTES} minutes`, { timeout: 900_000 }, async () => {
    const chart = await chartPage(browser);
    for (const hasPrices of [false, true])
      for (const share of [0.01, 0.1, 0.5]) {
        const minutes = hasPrices ? MOST_MINUTES : MINUTES;
        await chart.evaluate(`globalThis.pan = show(${minutes}, ${hasPrices})`);
        await chart.evaluate('new Promise((resolve) => setTimeout(resolve, 1000))');
        const frames = 120;
        const [gaps, cpuMs] = await measured(chart, `pan(${share}, ${frames})`);
        expect(gaps.length).toBe(frames - 2);
        report(`${minutes} minutes, ${100 * share} % in view${hasPrices ? ', with prices' : ''}`, gaps, cpuMs);
      }
  });
});

type Extremes = Readonly<Record<'top' | 'bottom', number>> | null;
interface PricePixels {
  readonly seen: readonly Extremes[];
  readonly expected: readonly Extremes[];
}

/** A page with the charts of the fixture. */
async function chartPage(browser: Browser): Promise<Page> {
  const { outputFiles } = await build({
    entryPoints: [join(packageRoot(), 'dashboard', 'src', 'charts', 'million_points.fixture.tsx')],
    bundle: true,
    write: false,
    outdir: 'out',
    format: 'iife',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
  });
  const text = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))!.text;
  const chart = await browser.newPage({ viewport: { width: 1000, height: 800 } });
  // Local storage needs an origin.
  await chart.route('http://charts.test/', (route) => route.fulfill({ contentType: 'text/html', body: '<body>' }));
  await chart.goto('http://charts.test/');
  await chart.addStyleTag({ content: text('.css') });
  await chart.addScriptTag({ content: text('.js') });
  return chart;
}

/** Frame intervals until the count of drawn lines is stable for ten frames. */
const FRAMES_UNTIL_DRAWN = `(async () => {
  const shown = () => document.querySelector('.parallel [role=status]').textContent;
  const gaps = [];
  let [last, text, still] = [performance.now(), '', 0];
  while (still < 10) {
    const now = await new Promise((resolve) => requestAnimationFrame(resolve));
    gaps.push(now - last);
    last = now;
    still = shown() === text ? still + 1 : 0;
    text = shown();
  }
  return gaps;
})()`;
