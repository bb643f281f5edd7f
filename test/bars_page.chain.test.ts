import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { readReceivedDecisions } from '../trainer/jobs/bars/received_decisions.ts';
import { openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { createWorkplace, PROGRAM, type Workplace } from './cli_process.ts';
import { faultsOf } from './dashboard_steps.ts';
import { skipNote } from './skip_note.ts';
import { barFile, receiveBars } from '../trainer/control/api/sent_bars.fixture.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const COUNT = 300;
const AXE = readFileSync(join(packageRoot(), 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];

const fileOf = (price: number): string => barFile(price, COUNT);

const isMissing = chromiumPath() === null && !process.env['CI'];

describe.skipIf(isMissing)(`bars on the page Data${skipNote(isMissing, 'Chromium is not installed')}`, () => {
  let place: Workplace;
  let api: ApiWorkplace;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    place = createWorkplace();
    browser = (await startBrowser())!;
    page = await (await openContext(browser, { locale: 'en-US' })).newPage();
    faults = faultsOf(page);
    const waiting = { minutehand: { market: 'live' as const } };
    api = await openApiWorkplace(waiting, async () => undefined, [process.execPath, PROGRAM]);
    vi.stubEnv('MINUTEHAND_HOME', api.folder);
    vi.stubEnv('MINUTEHAND_CONFIG', place.config);
    const { cookie } = await api.logIn('approver', 'ann');
    const [name, value] = cookie.split('=') as [string, string];
    await page.context().addCookies([{ name, value, url: api.origin }]);
  });
  afterAll(async () => {
    await browser?.close();
    await api?.close();
    vi.unstubAllEnvs();
    await place?.remove();
  });

  const closesOf = async (symbol: string): Promise<number[]> => {
    const { close, length } = await api.store.bars.read('live', symbol, {});
    return [...close.subarray(0, length)];
  };
  const dialog = () => page.locator('dialog[open]');

  /** Chooses a file, and confirms what a button says it would change. */
  async function take(file: string, button: string, wouldChange: RegExp): Promise<void> {
    await page.locator('input[type=file]').setInputFiles(file);
    await page.getByRole('button', { name: button }).click();
    await dialog().getByText(wouldChange).waitFor();
    await dialog().getByRole('button', { name: 'Confirm' }).click();
    await dialog().waitFor({ state: 'hidden' });
  }

  async function undo(number: number): Promise<void> {
    const row = page.getByRole('row').filter({ has: page.getByRole('cell', { name: String(number), exact: true }) });
    await row.getByRole('button', { name: 'Undo' }).click();
    await dialog().getByRole('button', { name: 'Confirm' }).click();
    await dialog().waitFor({ state: 'hidden' });
    await row.getByText('undone by ann').waitFor();
  }

  it('imports a file wrong, takes it back, and imports, replaces and exports it right, also as Parquet', async () => {
    await page.goto(`${api.origin}/app/data`);
    const file = join(api.folder, 'EURUSD.csv');
    // Ten pips off: nobody sees that at once.
    writeFileSync(file, fileOf(1.031));
    await take(file, 'Import it', /EURUSD: 300 added, 0 replaced/);
    await page.getByText(/Import 1; it can be undone below/).waitFor();
    expect(await closesOf('EURUSD')).toHaveLength(COUNT);
    await undo(1);
    expect(await closesOf('EURUSD')).toEqual([]);

    await take(file, 'Import it', /300 added/);
    const wrong = await closesOf('EURUSD');
    writeFileSync(file, fileOf(1.03));
    await take(file, 'Replace stored bars by it', /0 added, 300 replaced/);
    const right = await closesOf('EURUSD');
    expect(right).toHaveLength(COUNT);
    expect(right).not.toEqual(wrong);

    const exported = await place.call(
      ['bars', 'export', '--format', 'parquet', '--symbol', 'EURUSD', '--out', join(api.folder, 'out')],
      { env: { MINUTEHAND_HOME: api.folder } },
    );
    expect(exported.code, exported.stderr).toBe(0);
    await take(join(api.folder, 'out', 'EURUSD.parquet'), 'Import it', /0 added, 0 replaced, 0 .*, 300 stored already/);
    await page.getByText('Nothing was stored.').waitFor();
  });

  it('deletes a period, leaves received bars out, and brings both back', async () => {
    const bars = receiveBars(api.paths.journal('live', 'main'), 'GBPUSD', 30);
    const before = await closesOf('EURUSD');
    await page.goto(`${api.origin}/app/data/EURUSD`);
    await page.getByLabel(/^First bar, UTC/).fill('2025-01-06T01:00');
    await page.getByLabel(/^End, UTC/).fill('2025-01-06T02:00');
    await page.getByRole('button', { name: 'Delete stored bars' }).click();
    await dialog().getByText('EURUSD: 60 bars, 2025-01-06 01:00 to 2025-01-06 01:59 UTC').waitFor();
    await dialog().getByRole('button', { name: 'Confirm' }).click();
    await page.getByText(/Done as number \d+; it can be undone below/).waitFor();
    expect(await closesOf('EURUSD')).toHaveLength(COUNT - 60);
    const [deleted] = await api.store.importRuns.list('live', 1);
    await undo(deleted!.import_number);
    expect(await closesOf('EURUSD')).toEqual(before);

    const received = api.store;
    const kept = async () => [...(await readReceivedDecisions(received)).kept('GBPUSD', bars)].length;
    await page.goto(`${api.origin}/app/data/GBPUSD`);
    await page.getByLabel(/^First bar, UTC/).fill('2025-01-06T00:10');
    await page.getByRole('button', { name: 'Leave received bars out' }).click();
    await dialog().getByText('GBPUSD: 20 bars, 2025-01-06 00:10 to 2025-01-06 00:29 UTC').waitFor();
    await dialog().getByLabel('Reason').fill('feeder was wrong');
    await dialog().getByRole('button', { name: 'Confirm' }).click();
    await page.getByText(/Done as number \d+; it can be undone below/).waitFor();
    expect(await kept()).toBe(10);
    const [left] = await api.store.importRuns.list('live', 1);
    expect(left).toMatchObject({ kind: 'leave_out', done_by: 'ann' });
    await undo(left!.import_number);
    expect(await kept()).toBe(30);
  });

  it('says what a deletion took, also where the symbol has no bar left', async () => {
    await page.goto(`${api.origin}/app/data/EURUSD`);
    await page.getByRole('button', { name: 'Delete stored bars' }).click();
    await dialog().getByText('EURUSD: 300 bars, 2025-01-06 00:00 to 2025-01-06 04:59 UTC').waitFor();
    await dialog().getByRole('button', { name: 'Confirm' }).click();
    await page.getByText(/Done as number \d+; it can be undone below/).waitFor();
    expect(await closesOf('EURUSD')).toEqual([]);
    const [deleted] = await api.store.importRuns.list('live', 1);
    await undo(deleted!.import_number);
    expect(await closesOf('EURUSD')).toHaveLength(COUNT);
  });

  it.each([1440, 390])('is as wide as the screen of %i pixels, without findings of axe', async (width) => {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${api.origin}/app/data/EURUSD`);
    await page.getByRole('button', { name: 'Delete stored bars' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(1);
    await page.evaluate(AXE);
    const tags = JSON.stringify(AXE_TAGS);
    expect(await page.evaluate(`axe.run(document, { runOnly: ${tags} }).then((one) => one.violations)`)).toEqual([]);
    expect(faults).toEqual([]);
  });
});
