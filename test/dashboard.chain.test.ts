import { MACHINE_CLOCK } from '../shared/clock.ts';
import type { Job } from '../trainer/jobs/kinds/registry.ts';
import { SCAN_JOB } from '../trainer/jobs/kinds/scan_job.fixture.ts';
import { JobRecords } from '../trainer/jobs/records/job_records.ts';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { InputDescription } from '../shared/bundle/input_novelty.ts';
import { activate, activateDirection } from './activate.ts';
import { readActive } from '../shared/bundle/bundle.ts';
import { homePaths } from '../shared/home.ts';
import { packageRoot } from '../shared/root.ts';
import { openJournal } from '../shared/store/journal.ts';
import { backtestDocument } from '../trainer/control/api/backtest_document.fixture.ts';
import { createRegistry } from '../trainer/control/registry/registry.ts';
import type { Performance } from '../trainer/control/performance/performance_schema.ts';
import { openStore } from '../trainer/store/store.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import {
  activateBundle,
  approveByKeyboard,
  changeIsApplied,
  confirm,
  faultsOf,
  forgive,
  holds,
  isLive,
  linkIn,
  logIn,
  PAGES,
  PICTURES_NOTE,
  proposeChange,
  setLook,
  signalOf,
  startTraining,
  stopTraining,
  takePictures,
  touchChart,
  watchSubject,
  watchTiles,
} from './dashboard_steps.ts';
import { IS_WEEKLY } from './weekly.ts';
import { skipNote } from './skip_note.ts';
import { writeTinyDirection } from './tiny_direction.ts';
import { copyUnder, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const INSTRUMENT = 'XAUUSD';
const FIRST_VIEW_BYTES = 150_000;
const FIRST_VIEW_MS = 1000;
const AXE = readFileSync(join(packageRoot(), 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
const DIST = join(packageRoot(), 'dashboard', 'dist');
const ALL_PAGES = [...PAGES, `/app/subjects/${INSTRUMENT}`, '/app/backtests/2?with=1', '/app/jobs/1'];

describe('the first view of the dashboard', () => {
  it(`has at most ${FIRST_VIEW_BYTES / 1000} kB, gzipped`, () => {
    const seen = new Map<string, number>();
    const add = (path: string): void => {
      if (seen.has(path)) return;
      const bytes = readFileSync(join(DIST, path));
      seen.set(path, gzipSync(bytes).length);
      const text = bytes.toString();
      const wanted = path.endsWith('.html')
        ? /(?:src|href)="(\/[^"]+\.(?:js|css|svg))"/g
        : /from"\.\/([^"]+\.js)"|import"\.\/([^"]+\.js)"/g;
      for (const [, a, b] of text.matchAll(wanted)) add(path.endsWith('.html') ? a! : `assets/${a ?? b}`);
    };
    add('index.html');
    expect([...seen.keys()].filter((path) => path.endsWith('.js')).length).toBeGreaterThan(1);
    expect([...seen.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(FIRST_VIEW_BYTES);
  });
});

/** Must hold on every page. An expression evaluated in the page, since the tests' compiler has no DOM types. */
const LOOK = `({
  lang: document.documentElement.lang,
  theme: document.documentElement.dataset.theme,
  overflow: document.documentElement.scrollWidth - innerWidth,
  landmarks: ['nav[aria-label]', 'main', 'header', 'h1'].filter((part) => !document.querySelector(part)),
  unnamed: [...document.querySelectorAll('a, button, select, input')]
    .filter((one) => !(one.textContent.trim() || one.getAttribute('aria-label') || one.closest('label')))
    .map((one) => one.outerHTML),
  narrow: [...document.querySelectorAll('.chart .u-over')].map((plot) => plot.clientWidth / innerWidth)
    .filter((share) => share < (innerWidth < 500 ? 0.62 : 0.4)),
  tall: [...document.querySelectorAll('tr')].filter((row) => row.clientHeight > innerHeight / 2).map((row) => row.innerText),
})`;

/** Dictionary keys and unmarked English sentences visible on a Japanese page. */
const FOREIGN = `(() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (parentElement.closest('[lang=en], code, pre, .mono, script, option')) continue;
    if (/^[a-z]+(\\.[a-zA-Z]+)+$/.test(data.trim())) found.add(data.trim());
    if (/[A-Za-z][a-z]+( [A-Za-z][a-z]*){2}/.test(data) && !/[\\u3040-\\u9fff]/.test(data)) found.add(data.trim());
  }
  return [...found];
})()`;

/** Rules that need human review are left out. */
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];

/** Direction models that call every bar, as if they had learned from bars with an RSI around 0.5. */
const INPUTS: InputDescription = {
  columns: ['rsi'],
  median: [0.5],
  scale: [0.15],
  missing: [0],
  centers: [[0]],
  distances: [0, 1, 3],
  farther: [1, 0.3, 0],
};
const DESCRIBED = { inputs: INPUTS, upScore: 1 };

const isMissing = chromiumPath() === null && !process.env['CI'];

describe.skipIf(isMissing)(`the dashboard in Chromium${skipNote(isMissing, 'Chromium is not installed')}`, () => {
  let place: Workplace;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let link: string;
  /** Output of `up`. */
  let health: () => string;
  /** The active bundle, and another one. */
  let versions: readonly [string, string];
  /** Direction bundles; the first is active. */
  let directions: string[];
  /** policy_hash of the signals before the policy change. */
  let policyHash: string;
  /** Where notifications go. */
  let hook: Hook;
  /** Messages of the console and refusals of the server. */
  let faults: string[];

  beforeAll(async () => {
    place = createWorkplace({ minutehand: { simulated: { bar_interval_ms: 150 }, instruments: [INSTRUMENT] } });
    directions = [1, 2].map((hour) =>
      writeTinyDirection(place.models, INSTRUMENT, '1m', new Date(Date.UTC(2026, 0, 1, hour)), DESCRIBED),
    );
    activateDirection(place.models, directions[0]!, place.home);
    const [{ version }] = await Promise.all([
      tinyModels(place.models, { settings: place.settings }),
      (async () => void (browser = (await startBrowser())!))(),
    ]);
    activate(place.models, version);
    versions = [version, copyUnder(place.models, version, `${version}_2`)];
    await register(place, versions);
    await keepBacktests(place, versions);
    await keepJobs(place);
    hook = await openHook();
    const up = place.start(['up'], { MINUTEHAND_WEBHOOK_URL: hook.url });
    health = () => up.stdout() + up.stderr();
    // Where nobody sees the output, no link is printed.
    await eventually(health, () => health().includes('minutehand token link') || undefined);
    link = linkIn((await place.run(['token', 'link'])).stdout)!;
    context = await openContext(browser, { locale: 'en-US', colorScheme: 'dark' });
    page = await context.newPage();
    faults = faultsOf(page);
  });
  afterAll(async () => {
    await browser?.close();
    await place?.remove();
    hook?.close();
  });

  it('logs in by the one-time link, once, and shows every subject live', async () => {
    await logIn(page, link);
    await watchTiles(page, place.settings.minutehand.pairs.length + 1);
    expect(await page.locator('nav a[aria-current="page"]').innerText()).toContain('Overview');
    const other = await openContext(browser);
    expect((await other.request.get(link, { maxRedirects: 0 })).status()).toBe(401);
    const stranger = await other.newPage();
    await stranger.goto(new URL(link).origin);
    await stranger.waitForSelector('.login form');
    expect(await stranger.locator('.tile').count()).toBe(0);
    await other.close();
  });

  it('shows its first values in a fresh profile, and prints the time', async () => {
    // A profile with nothing but the session.
    const { cookies } = await context.storageState();
    const fresh = await (
      await openContext(browser, { locale: 'en-US', storageState: { cookies, origins: [] } })
    ).newPage();
    await fresh.goto(new URL('/', link).href);
    await holds(fresh, `performance.getEntriesByName('first figures').length === 1`);
    const ms = await fresh.evaluate<number>(`performance.getEntriesByName('first figures')[0].startTime`);
    process.stdout.write(`From navigation to the first tile with figures: ${ms.toFixed(0)} ms\n`);
    if (IS_WEEKLY) expect(ms).toBeLessThan(FIRST_VIEW_MS);
    await fresh.context().close();
  });

  it('opens a subject from its tile, and explains its last minute', async () => {
    await watchSubject(page);
    await touchChart(page);
    await page.keyboard.press('ArrowLeft');
    await page.waitForURL(/[?&]time=/);
    await page.keyboard.press('+');
    await page.waitForURL(/[?&]view=\d+/);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.waitForURL((url) => !url.searchParams.has('view'));
  });

  it('shows an instrument: probabilities on its tile and page, contributions per class, promotion of its model', async () => {
    await page.goto(new URL('/', link).href);
    await page.locator('.tile', { hasText: 'XAU/USD 1m' }).locator('.shares').waitFor();
    await page.goto(new URL(`/app/subjects/${INSTRUMENT}`, link).href);
    await eventually(
      () => 'an explained bar with probabilities',
      async () => (await page.locator('.attribution').count()) === 3 || undefined,
    );
    expect(await page.locator('.why').innerText()).toContain('bit-identical');
    const price = page.getByRole('region', { name: 'Price, with stop and take profit' });
    await price.getByRole('img', { name: /^Candles of \d+[mhd]$/ }).waitFor();
    expect(await price.locator('.u-legend').innerText()).toMatch(/Close[^]+Open[^]+High[^]+Low[^]+Stop/);
    expect(await price.innerText()).toMatch(/entry that buys[^]+entry that sells[^]+candle that rose[^]+that fell/);
    expect(await violations(page)).toEqual([]);
    await page.goto(new URL('/app/models', link).href);
    const panel = page.getByRole('region', { name: 'Direction models' }).first();
    const row = panel.getByRole('row').filter({ hasText: directions[1]! });
    await row.getByRole('button', { name: 'Verify' }).click();
    await confirm(page);
    await row.getByText('Verified:').waitFor();
    await row.getByRole('button', { name: 'Promote' }).click();
    await page.getByRole('dialog').getByText('Log loss', { exact: true }).waitFor();
    await confirm(page);
    await row.getByText('active', { exact: true }).waitFor();
    await eventually(
      () => `${directions[1]!} in a signal`,
      () => signalOf(place.home, INSTRUMENT).model_version === directions[1] || undefined,
    );
  });

  it('shows how unlike the training the candidates of a pair and of an instrument are, in both languages', async () => {
    const [pair = ''] = place.settings.minutehand.pairs;
    const titles = { en: 'Novelty of the candidates', ja: '候補の既知度' };
    for (const [id, language] of [
      [pair, 'en'],
      [INSTRUMENT, 'ja'],
      [INSTRUMENT, 'en'],
    ] as const) {
      await setLook(page, language, 'dark');
      await page.goto(new URL(`/app/subjects/${id}?hours=72`, link).href);
      const panel = page.getByRole('region', { name: titles[language] });
      await panel.waitFor();
      const rows = await page.evaluate<string[]>(
        `[...document.querySelectorAll('.novelties tbody tr')].map((row) => [...row.cells].map((cell) => cell.innerText).join('|'))`,
      );
      const cells = rows.map((row) => row.split('|'));
      expect(cells.map(([range]) => range)).toEqual([
        '≤ 0.001',
        ...['0.001 – 0.01', '0.01 – 0.05', '0.05 – 0.1', '0.1 – 0.25', '0.25 – 0.5', '0.5 – 0.75', '0.75 – 1'],
      ]);
      const shares = ['0.1 %', '0.9 %', '4.0 %', '5.0 %', '15.0 %', '25.0 %', '25.0 %', '25.0 %'];
      expect(cells.map((row) => row.at(-1))).toEqual(shares);
      const ofCandidates = cells.map((row) => Number(row.at(-2)!.replace(' %', '')));
      expect(Math.abs(ofCandidates.reduce((sum, share) => sum + share, 0) - 100)).toBeLessThan(0.5);
      const said =
        language === 'en' ? /Last one, .* UTC: [01]\.\d{3}: .* training/ : /直近（.* UTC）： [01]\.\d{3}：.*学習/;
      expect(await panel.innerText()).toMatch(said);
      expect(await violations(page)).toEqual([]);
    }
  });

  it('opens what an address names in any spelling, and says what is unknown in it instead of showing something else', async () => {
    const [pair = ''] = place.settings.minutehand.pairs;
    const address = () => new URL(page.url()).pathname;
    const unknown = page.locator('.unknown-name');
    const open = async (path: string): Promise<string> => {
      await page.goto(new URL(path, link).href);
      await unknown.first().waitFor();
      return (await unknown.allInnerTexts()).join('\n');
    };
    for (const [spelled, path] of [
      [pair.toLowerCase(), `/app/subjects/${pair}`],
      ['xau%2Fusd', `/app/subjects/${INSTRUMENT}`],
      ['xau/usd/', `/app/subjects/${INSTRUMENT}`],
      [pair.replaceAll('USD', '-usd'), `/app/subjects/${pair}`],
    ] as const) {
      await page.goto(new URL(`/app/subjects/${spelled}?hours=2`, link).href);
      await eventually(spelled, () => address() === path || undefined);
      await page.waitForSelector('.subject .charts');
      expect([new URL(page.url()).search, await unknown.count()]).toEqual(['?hours=2', 0]);
    }
    await page.goto(new URL('/app/data/xauusd', link).href);
    await eventually('the symbol of the data page', () => address() === '/app/data/XAUUSD' || undefined);
    await page
      .getByRole('region', { name: /XAUUSD/ })
      .first()
      .waitFor();

    // A file is looked at before it is imported.
    await page.goto(new URL('/app/data', link).href);
    const rows = Array.from({ length: 60 }, (_, i) => `${1_736_121_600 + 60 * i},10.3,10.3,10.3,10.3,${i + 1}`);
    const buffer = Buffer.from(['time,open,high,low,close,volume', ...rows].join('\n'));
    await page.locator('input[type=file]').setInputFiles({ name: 'eur-usd.csv', mimeType: 'text/csv', buffer });
    const looked = page.getByRole('status').filter({ hasText: 'EURUSD' });
    await looked.waitFor();
    expect(await looked.innerText()).toMatch(/EURUSD[^]*other scale[^]*1m/);

    expect(await open('/app/subjects/XAUSUD')).toMatch(/“XAUSUD”[^]*Perhaps: XAU\/USD/);
    expect(await page.locator('.subject').count()).toBe(0);
    await unknown.getByRole('link').first().click();
    await eventually('the near subject', () => address() === `/app/subjects/${INSTRUMENT}` || undefined);
    expect(await open('/app/subjects/NOTHINGLIKEIT')).toMatch(/“NOTHINGLIKEIT”[^]*There are: /);
    expect(await open('/app/subjects/%3Cb%3Ex')).toContain('“<b>x”');
    expect(await open('/app/data/XAUSUD')).toMatch(/“XAUSUD”[^]*Perhaps: .*XAUUSD/);
    expect(await page.locator('.calendar').count()).toBe(0);
    expect(await open('/app/subject/x')).toMatch(/no page \/app\/subject\/x\.[^]*Perhaps: Subject/);
    expect(await open(`/app/models/${versions[0]}`)).toMatch(/no page[^]*Perhaps: Models/);
    const version = `${versions[0].slice(0, -1)}x`;
    expect(await open(`/app/models?a=${version}`)).toMatch(new RegExp(`“${version}”[^]*Perhaps: ${versions[0]}`));
    expect(await open('/app/trades?position=abc')).toContain('“abc”');
    expect(await open('/app/performance?account=live%2F1')).toContain('“live/1”');
    const query = '?hours=abc&time=yesterday&view=9,1';
    await open(`/app/subjects/${INSTRUMENT}${query}`);
    // Each part of the page names its own.
    for (const text of ['“abc” hours', '“yesterday”', '“9,1”'])
      await expect.poll(() => unknown.allInnerTexts()).toEqual(expect.arrayContaining([expect.stringContaining(text)]));
    await page.waitForSelector('.subject .charts');
    expect(await page.locator('.chart .u-legend').first().innerText()).toContain('closed, UTC');
    expect(await violations(page)).toEqual([]);
  });

  it('compares two bundles, promotes one with its evidence and rolls back: the daemon uses the one that was chosen', async () => {
    const [active, other] = versions;
    await page.goto(new URL(`/app/models?b=${other}`, link).href);
    const comparison = page.getByRole('region', { name: 'Figures', exact: true });
    await comparison.waitFor();
    // The active bundle is shown while the other one is read.
    await expect
      .poll(() => comparison.locator('th').allInnerTexts(), { timeout: 30_000 })
      .toEqual(['Figure', active, other, 'Difference']);
    expect(await page.locator('.reliability .curve').count()).toBe(4);
    for (const [button, from, to] of [
      ['Promote', active, other],
      ['Roll back', other, active],
    ] as const) {
      await activateBundle(page, { button, from, to });
      await eventually(
        () => `${to} in a signal`,
        () => signalOf(place.home, place.settings.minutehand.pairs[0]!).model_version === to || undefined,
      );
    }
  });

  it('proposes a policy change, which its author cannot approve and another person can', async () => {
    policyHash = signalOf(place.home, place.settings.minutehand.pairs[0]!).policy_hash;
    await proposeChange(page, link, 'core.theta1_initial', '0.71');
    const args = ['token', 'create', '--role', 'approver', '--name', 'another', '--json'];
    const { token } = JSON.parse((await place.run(args)).stdout) as { token: string };
    await approveByKeyboard(browser, new URL(link).origin, token);
  });

  it("carries the approved policy in the daemon's next signals", async () => {
    await eventually(
      'another policy_hash in a signal',
      () => signalOf(place.home, place.settings.minutehand.pairs[0]!).policy_hash !== policyHash || undefined,
    );
    await changeIsApplied(page, link, health);
    forgive(faults, /net::ERR_/);
  });

  it('takes back an applied change by a change of its own, and says when each takes effect', async () => {
    await page.goto(new URL('/app/changes', link).href);
    await page.getByText('Takes effect with the next training.').first().waitFor();
    await page.getByRole('button', { name: 'Take back' }).first().click();
    const dialog = page.locator('dialog[open]');
    await dialog.getByLabel('Reason').fill('too few entries');
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await page.locator('.badge', { hasText: 'open' }).waitFor();
    expect(await page.locator('td .diff').first().innerText()).toMatch(/0\.71 → 0\.4\n[^]*too few entries/);
    expect(await page.getByText('another approver decides on your own change').count()).toBe(1);
  });

  it('shows the checklist of going live, as the command: each step with what was seen and its fix', async () => {
    // A person types the name of the page alone.
    await page.goto(new URL('/golive', link).href);
    expect(new URL(page.url()).pathname).toBe('/app/golive');
    const steps = page.locator('.checklist li');
    await steps.first().waitFor();
    const finished = await place.run(['golive', '--json']);
    const { checks } = JSON.parse(finished.stdout) as { checks: { id: string; verdict: string; fix: string }[] };
    expect([finished.code, await steps.count()]).toEqual([1, checks.length]);
    // Others change while the market goes on: the first fill makes a consumer known.
    const lasting = { market: 'todo', daemon: 'ok', models: 'ok', backup: 'ask', paper: 'todo' };
    const texts = { todo: 'to do', ok: 'done', ask: 'check' } as Readonly<Record<string, string>>;
    const badges = await steps.locator('.badge').allInnerTexts();
    for (const [id, verdict] of Object.entries(lasting)) {
      const at = checks.findIndex((own) => own.id === id);
      expect([id, checks[at]!.verdict, badges[at]]).toEqual([id, verdict, texts[verdict]]);
    }
    expect(await steps.first().innerText()).toContain('Set `market: live`');
  });

  it('starts a backtest from pickers, with an error beside its field, and cancels it', async () => {
    await page.goto(new URL('/app/backtests', link).href);
    const form = page.locator('form', { hasText: 'Models' }).first();
    const bars = await page.evaluate<{ from: string; to: string }>(
      `fetch('/api/backtests').then((one) => one.json()).then((one) => one.bars)`,
    );
    // The span of the bars is at the fields, and a time outside is refused beside its own.
    const from = form.locator('label', { hasText: 'From' });
    await from.getByText(bars.from.slice(0, 10)).waitFor();
    await form.getByLabel('From').fill('2099-01-01');
    await form.getByRole('button', { name: 'Start a backtest' }).click();
    await from.getByRole('alert').waitFor();
    expect(await from.getByRole('alert').innerText()).toMatch(/^The last bar is of 2024-/);
    const dayAfter = (days: number): string =>
      new Date(Date.parse(bars.from) + days * 86_400_000).toISOString().slice(0, 10);
    await form.getByLabel('From').fill(dayAfter(0));
    await form.getByLabel('To').fill(dayAfter(-1));
    await form.getByRole('button', { name: 'Start a backtest' }).click();
    const to = form.locator('label', { hasText: 'To' });
    await to.getByRole('alert').waitFor();
    expect(await to.getByRole('alert').innerText()).toBe('The end must be after the beginning.');
    await form.getByLabel('To').fill(dayAfter(4));
    expect(await form.getByRole('alert').count()).toBe(0);
    await form.getByLabel('Compare with').selectOption(versions[1]);
    await form.getByText(/or choose/).click();
    const [pair = ''] = place.settings.minutehand.pairs;
    await form.locator(`[value="${pair}"]`).check();
    expect(await violations(page)).toEqual([]);
    await form.getByRole('button', { name: 'Start a backtest' }).click();
    const { requested } = await eventually('the request', async () => {
      const answer = await page.evaluate<{ requested: { request: object }[] }>(
        `fetch('/api/backtests').then((one) => one.json())`,
      );
      return answer.requested.length > 2 ? answer : undefined;
    });
    const active = await page.evaluate<{ version: string }>(
      `fetch('/api/ml/models/current').then((one) => one.json())`,
    );
    expect(requested[0]!.request).toMatchObject({ models: [active.version, versions[1]], pairs: [pair] });
    await page.getByRole('region', { name: 'Requested backtests' }).getByRole('row').nth(1).waitFor();
  });

  it('has a page for each backtest, with its trades, costs and gates, beside another one', async () => {
    await page.goto(new URL('/app/backtests', link).href);
    const done = page.getByRole('region', { name: 'Requested backtests' }).getByRole('row', { name: /after θ1/ });
    await done.getByRole('link', { name: 'Show' }).click();
    await page.waitForURL(/\/app\/backtests\/2$/);
    const figures = page.getByRole('region', { name: 'Figures' }).first();
    await figures.getByRole('row', { name: /^Trades 5$/ }).waitFor();
    const text = await figures.innerText();
    expect(text).toMatch(/2024-01-02 00:00 to 2024-02-09 21:59 UTC: 30,000, 30 trading days/);
    expect(text).toContain('partly in-sample');
    expect(text).toMatch(/Net Sharpe ± error\s+1\.50 ± 2\.90/);
    await page.waitForSelector('.chart canvas');
    const trades = page.getByRole('region', { name: /^Trades · #2/ }).first();
    expect(await trades.innerText()).toMatch(/XAUUSD_XAGUSD\s+Short A[^]+Spread reverted/);
    await page.getByText('Every gate, as the training recorded it').waitFor();
    await page.getByLabel('Compare with').selectOption('1');
    await page.waitForURL(/with=1$/);
    await figures.getByRole('row', { name: /^Trades 3 5 \+2$/ }).waitFor();
    await figures.getByRole('button', { name: 'only those with an edge' }).click();
    await figures.getByRole('row', { name: /^Trades 0 0 0$/ }).waitFor();
    expect(faults).toEqual([]);
    expect(await violations(page)).toEqual([]);
    await page.goto(new URL('/app/backtests/77', link).href);
    expect(await page.locator('.unknown-name').innerText()).toMatch(/“77”[^]*There are: .*2/);
  });

  it('lists jobs, also those of a terminal, with what they wait for; each has options, log and a way to end it', async () => {
    await page.goto(new URL('/app/jobs', link).href);
    const list = page.getByRole('region', { name: 'Jobs' }).first();
    await list.getByRole('row', { name: /scan of pairs/ }).waitFor();
    expect(await list.getByRole('row', { name: /league of learners/ }).innerText()).toMatch(
      /queued\s+needs 2 cores, 1 free; running: jobs 1/,
    );
    await page.getByLabel('Status').selectOption('queued');
    expect(await list.getByRole('row').count()).toBe(2);
    await page.getByLabel('Status').selectOption('');
    await list.getByRole('link', { name: '1', exact: true }).click();
    await page.waitForURL(/\/app\/jobs\/1$/);
    const options = page.getByRole('region', { name: 'Options' });
    expect(await options.innerText()).toMatch(/Timeframes\s+5m, 1h/);
    const log = page.getByRole('region', { name: /^Log/ }).first();
    await log.getByText('3 trials').waitFor();
    expect(await log.innerText()).toMatch(/running[^]*scan 40 %/);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Cancel' }).first().click();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('is being ended').waitFor();
    await page.goto(new URL('/app/jobs/77', link).href);
    expect(await page.locator('.unknown-name').innerText()).toContain('There is no job 77.');
    expect(faults.splice(0).filter((text) => !/404/.test(text))).toEqual([]);
  });

  it(
    'marks the fault of a formula below its position, and tries one on the newest bars',
    { timeout: 400_000 },
    async () => {
      await page.goto(new URL('/app/formulas', link).href);
      const text = page.getByLabel('Formula', { exact: true });
      await text.fill('mean(a.close,\n 20) / z_scroe');
      const fault = page.locator('.formula-fault');
      await fault.waitFor();
      expect(await fault.locator('pre').innerText()).toBe(' 20) / z_scroe\n       ^');
      expect(await fault.innerText()).toContain('did you mean "z_score"');
      await fault.getByRole('button', { name: 'Go to the position' }).click();
      const cursor = `(() => { const { selectionStart, value } = document.activeElement; return value.slice(selectionStart); })()`;
      expect(await page.evaluate(cursor)).toBe('z_scroe');
      await text.fill('a.close / mean(a.close, 20) - 1');
      await text.press('Control+Enter');
      // The thread of a trial gives way to everything else on the machine.
      await page.locator('.histogram').waitFor({ timeout: 300_000 });
      const shown = await page.locator('main').innerText();
      expect(shown).toMatch(/looks back over 20 bars/);
      expect(shown).toMatch(/my_feature: "\(a\.close \/ mean\(a\.close, 20\)\) - 1"/);
      expect(await page.locator('.chart .u-over').count()).toBe(1);
      // A text that changed has no results of the one before.
      await text.fill('a.close / mean(a.close, 30) - 1');
      await page.locator('.histogram').waitFor({ state: 'detached' });
    },
  );

  it('shows no figure of the monitor bare: with what chance does to it, or that its rows are too few', async () => {
    const figure = (live: number, gap_noise: number | null, live_count: number) => ({
      live,
      bundle: 0.6,
      gap: (live - 0.6) / 0.6,
      gap_noise,
      live_count,
      bundle_count: 400,
    });
    const kpi = (trades: number) => ({ trades, win_rate: 1 / 2, drawdown: 0.001, candidates: 4, refusal_rate: 0.5 });
    const report = {
      version: versions[0],
      period: { from: '2024-01-02T00:00:00Z', to: '2024-01-03T00:00:00Z', bars: 900 },
      drift: { skipped: 'few' },
      performance: {
        auc: figure(1, null, 28),
        win_rate: figure(0.66, 0.2, 300),
        pass_rate: { live: null },
        risk_streak: { blocks: 0, candidates: 4, limit: null },
      },
      kpi: { total: kpi(40), pairs: {} },
      findings: [],
    };
    const looked = { looked_at: '2024-01-03T00:00:00Z', duration_ms: 9, next_look_at: null, report };
    await page.route('**/api/monitor', (route) => route.fulfill({ json: looked }));
    await page.goto(new URL('/app/monitor', link).href);
    const compared = page.getByRole('region', { name: 'Live against backtest' }).first();
    const row = (name: RegExp) => compared.getByRole('row', { name });
    await row(/AUC of AI1/).waitFor();
    expect(await row(/AUC of AI1/).innerText()).toMatch(/1\.000 · too few\s+0\.600\s+–\s+28/);
    expect(await row(/Win rate/).innerText()).toMatch(/66\.0 %\s+60\.0 %\s+\+10\.0 ± 20\.0 %\s+300/);
    const kpis = page.getByRole('region', { name: 'Live KPI by subject' }).first();
    expect(await kpis.innerText()).toMatch(/50\.0 % \(35–65\)[^]+50 % · too few/);
    await page.unroute('**/api/monitor');
  });

  it('goes on when the server refuses the session and the event stream at first', async () => {
    for (const path of ['**/api/session', '**/api/events'])
      await page.route(path, (route) => route.fulfill({ status: 503, body: '' }), { times: 1 });
    await page.goto(new URL('/', link).href);
    await isLive(page);
    forgive(faults, /503/);
  });

  it('tests a notification channel by a button, and says that it was taken, or why not', async () => {
    await page.goto(new URL('/app/alerts', link).href);
    const row = page.getByRole('region', { name: 'Channels' }).getByRole('row', { name: /^webhook/ });
    for (const [status, told] of [
      [200, 'Taken at'],
      [400, 'Not taken:'],
    ] as const) {
      hook.status = status;
      await row.getByRole('button', { name: 'Send a test' }).click();
      await confirm(page);
      await row.getByRole('status').filter({ hasText: told }).waitFor();
    }
    hook.status = 200;
    expect(hook.received.join('')).toContain('A test of this channel; nothing is wrong.');
    const channels = page.getByRole('region', { name: 'Channels' }).first();
    expect(await channels.innerText()).toMatch(/MINUTEHAND_SLACK_URL[^]*give its environment variable to minutehand/);
    expect(await violations(page)).toEqual([]);
  });

  it('lists the next events of an imported calendar', async () => {
    // Ahead of the market's newest bar: its days are not those of the wall clock.
    const path = join(place.home, 'signals', place.settings.minutehand.pairs[0]!, 'signal.json');
    const { timestamp } = JSON.parse(readFileSync(path, 'utf8')) as { timestamp: string };
    const at = new Date(Date.parse(timestamp) + 5 * 86_400_000).toISOString().slice(0, 16);
    const file = join(place.folder, 'calendar.csv');
    writeFileSync(file, `time,currency,importance,name\n${at}Z,USD,high,FOMC Rate\n${at}Z,TRY,high,Elsewhere\n`);
    const imported = await place.run(['news', 'import', file]);
    expect(imported.code, imported.stderr).toBe(0);
    await page.goto(new URL('/app/alerts', link).href);
    const news = page.getByRole('region', { name: 'Next events of the calendar' }).first();
    await news.getByRole('row', { name: /USD high FOMC Rate/ }).waitFor();
    expect(await news.innerText()).toMatch(/`news_stop` of the policy is off/);
    expect(await news.innerText()).not.toContain('Elsewhere');
  });

  it('silences alerts, and saves a table as CSV', async () => {
    await page.goto(new URL('/app/alerts', link).href);
    await page.getByLabel('Keys, * for any text').fill('drift:*');
    await page.getByRole('button', { name: 'Silence' }).click();
    const silences = page.getByRole('region', { name: 'Silences' }).last();
    await silences.getByText('drift:*').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).last().click(),
    ]);
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/^pattern,until,by\ndrift:\*,\d{4}-.*,\S+\n$/);
  });

  it('shows the simulated paper account from its first entry: simulated, to the cent as the API, no bare Sharpe ratio', async () => {
    await page.goto(new URL('/app/performance', link).href);
    await page.waitForSelector('.figure');
    expect(await page.locator('.notice').innerText()).toContain('Simulated market');
    await eventually(health, async () => {
      const { accounts } = await page.evaluate<Performance>(`fetch('/api/performance').then((one) => one.json())`);
      const own = accounts.find(({ id, closed }) => id === 'paper/simulated_paper' && closed > 2);
      if (own === undefined) return undefined;
      const shown = await page.locator('.figure').allInnerTexts();
      const { sharpe, realised, begun, closed, wins } = own;
      expect([sharpe.value, begun]).toEqual([null, 10_000]);
      expect(shown.find((text) => text.startsWith('Sharpe'))).toMatch(/\n–\n\d+ of 20 trading days needed/);
      // The page reads again every few seconds.
      const isSame = shown[0]!.replaceAll(',', '').includes(Math.abs(realised).toFixed(2));
      return isSame && shown.some((text) => text.includes(`${wins} of ${closed} closed`)) ? true : undefined;
    });
    const csv = await page.evaluate<string>(`fetch('/api/performance?format=csv').then((one) => one.text())`);
    expect(csv).toMatch(/^account,currency,simulated,[^]*\npaper\/simulated_paper,USD,true,day,20/);
  });

  it('shows a position with entry and exit on a chart, the reason in words, its signal_id, and values', async () => {
    const rows = page.getByRole('region', { name: 'Positions' }).locator('tbody tr', { hasText: /[+−]\d/ });
    const closed = rows.filter({ hasNotText: 'open' }).first();
    // Positions that are still open have no reason of their exit.
    await eventually('a closed position on the page', async () => {
      await page.goto(new URL('/app/trades', link).href);
      await rows.first().waitFor();
      return (await closed.count()) > 0 || undefined;
    });
    await closed.getByRole('button').click();
    await holds(page, `document.querySelectorAll('.charts .uplot canvas').length === 2`);
    const panel = page.locator('.panel', { has: page.locator('.charts') });
    const text = await panel.innerText();
    expect(text).toMatch(/signal_id\s+[0-9a-f]{32}/);
    expect(text).toMatch(/Reason\s+[A-Z][a-z ]+: \S/);
    expect(text).toMatch(/\d USD/);
    expect(text).toContain('exit');
    expect(await violations(page)).toEqual([]);
  });

  it('stops the entries of all subjects on any page after a reason, shows who and why everywhere, and resumes', async () => {
    await page.goto(new URL('/app/audit', link).href);
    const button = page.locator('header .stop');
    await button.click();
    const dialog = page.getByRole('dialog', { name: 'Stop, close or resume' });
    expect(await dialog.getByRole('button', { name: 'Confirm' }).isEnabled()).toBe(false);
    await dialog.getByLabel('Reason').fill('FOMC at 18:30');
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    const banner = page.locator('.model-banner', { hasText: 'Entries stopped' });
    await banner.waitFor();
    expect(await banner.innerText()).toContain('FOMC at 18:30');
    const pairs = place.settings.minutehand.pairs;
    await eventually(health, () => pairs.some((pair) => signalOf(place.home, pair).reason === 'STOPPED'));
    await page.goto(new URL('/', link).href);
    await banner.waitFor();
    await button.click();
    expect(await dialog.getByLabel('What').inputValue()).toBe('resume');
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await banner.waitFor({ state: 'detached' });
    await eventually(health, () => pairs.every((pair) => signalOf(place.home, pair).reason !== 'STOPPED'));
  });

  it('starts a training run, shows it, and stops it', async () => {
    await eventually(
      'enough bars for a training',
      () => barsIn(place) > place.settings.minutehand.train.min_bars || undefined,
    );
    await startTraining(page, link);
    expect(await stopTraining(page)).toMatch(/^(stopped|adopted|rejected)$/);
  });

  it(
    'shows every page in both languages and themes, and on a phone, without an error in the console',
    { timeout: 240_000 },
    async () => {
      const foreign: string[] = [];
      for (const [language, theme, width] of [
        ['ja', 'light', 390],
        ['en', 'dark', 1280],
      ] as const) {
        await page.setViewportSize({ width, height: 800 });
        await setLook(page, language, theme);
        for (const path of ALL_PAGES) {
          await page.goto(new URL(path, link).href);
          const isShown = await page.waitForSelector('main .panel, main .tile').catch(() => null);
          expect({ path, isShown: isShown !== null, faults }).toEqual({ path, isShown: true, faults: [] });
          const seen = await page.evaluate<object>(LOOK);
          expect({ path, ...seen }).toEqual({
            path,
            lang: language,
            theme,
            overflow: 0,
            landmarks: [],
            unnamed: [],
            narrow: [],
            tall: [],
          });
          const gates = page.locator('table.gates');
          if (path === '/app/models') await gates.locator('.prose').nth(40).waitFor();
          expect(await gates.locator('[lang=en]').allInnerTexts()).toEqual([]);
          if (language === 'ja')
            foreign.push(...(await page.evaluate<string[]>(FOREIGN)).map((text) => `${path}: ${text}`));
          // In the other theme: the tiles, the colored days of the calendar, and links within text.
          if (theme === 'light' || ['/', '/app/performance', '/app/jobs'].includes(path))
            expect({ path, violations: await violations(page) }).toEqual({ path, violations: [] });
        }
      }
      expect(faults).toEqual([]);
      expect(foreign).toEqual([]);
    },
  );

  it('shows models in use despite failed gates, and refused ones, on every page, in both languages, and the latter not as active', async () => {
    const { version: good } = readActive(place.models)!;
    const failed = { name: 'ai1 brier', passed: false, seen: '0.3', limit: 'below 0.25, that of the baseline' };
    const bad = copyUnder(place.models, good, '20990101_0000', { gates: [failed] });
    const reason = 'a drill of the desk';
    const promoted = await place.run(['models', 'promote', bad, '--despite-gates', '--reason', reason]);
    expect(promoted.code, promoted.stderr).toBe(0);
    const banner = page.locator('.model-banner');
    for (const [language, text] of [
      ['ja', 'ゲート不合格のまま使用中'],
      ['en', 'In use despite failed gates'],
    ] as const) {
      await setLook(page, language, 'dark');
      // The frame of all pages has it: its texts in the other language are the same on each.
      for (const path of language === 'en' ? ALL_PAGES : ALL_PAGES.slice(0, 2)) {
        await page.goto(new URL(path, link).href);
        await banner.getByText(text).waitFor();
        expect(await banner.innerText()).toMatch(new RegExp(`${bad}[^]*${reason}[^]*ai1 brier`));
      }
    }

    const foreign = copyUnder(place.models, good, '20990102_0000', { market: 'live' });
    writeFileSync(join(place.models, 'active.json'), JSON.stringify({ version: foreign, previous: good }));
    await page.goto(new URL('/', link).href);
    await banner.getByText('MODEL_MARKET').first().waitFor();
    const figure = page.locator('.figure', { hasText: 'Active models' });
    await figure.getByText(`${foreign} is refused`).waitFor();
    expect(await figure.getByRole('link').innerText()).toBe(bad);
    expect((await place.run(['models', 'promote', good])).code).toBe(0);
    await page.goto(new URL('/app/audit', link).href);
    await eventually(
      () => 'a page without the banner',
      async () => (await banner.count()) === 0 || undefined,
    );
  });

  it.skipIf(PICTURES_NOTE !== '')(`leaves pictures of every page${PICTURES_NOTE}`, { timeout: 600_000 }, () =>
    takePictures(page, link, ALL_PAGES),
  );

  it('forbids inline scripts and styles, other sites and frames', async () => {
    const { headers } = await fetch(new URL('/', link));
    const policy = headers.get('content-security-policy')!;
    expect(policy).not.toContain('unsafe');
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"])
      expect(policy).toContain(part);
  });
});

interface Hook {
  readonly url: string;
  readonly received: string[];
  /** Of its next answers. */
  status: number;
  close(): void;
}

/** A server that receives notifications. */
async function openHook(): Promise<Hook> {
  const received: string[] = [];
  const server = createServer((request, response) => {
    request.on('data', (part: Buffer) => received.push(part.toString()));
    request.on('end', () => response.writeHead(opened.status).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const opened: Hook = { url: `http://127.0.0.1:${port}/`, received, status: 200, close: () => server.close() };
  return opened;
}

/** Bars of a symbol in the daemon's journal. */
function barsIn({ home }: Workplace): number {
  const journal = openJournal(homePaths({ MINUTEHAND_HOME: home }).journal('simulated', 'main'), { readOnly: true });
  try {
    return Math.max(0, ...[...journal.lastBars().keys()].map((symbol) => [...journal.bars(symbol)].length));
  } finally {
    journal.close();
  }
}

async function register({ home, models }: Workplace, versions: readonly string[]): Promise<void> {
  const store = await openStore(join(home, 'trainer.db'));
  for (const version of versions) await createRegistry(store, models).register(version);
  await store.close();
}

/** A job that another machine runs, and one that waits for its cores. */
async function keepJobs({ home }: Workplace): Promise<void> {
  const store = await openStore(join(home, 'trainer.db'));
  const records = new JobRecords(store, { market: 'simulated', host: 'elsewhere:/home', clock: MACHINE_CLOCK });
  const scan: Job = { ...SCAN_JOB, parameters: { ...SCAN_JOB.parameters, timeframes: ['5m', '1h'] } };
  const league: Job = {
    kind: 'league',
    market: 'simulated',
    window: { ...SCAN_JOB.period, days: 30 },
    seed: 1,
    source: { folder: null },
    parameters: { holdout_from: null, entrants: ['prior', 'logistic'] },
    resources: { workers: 2, cache: true },
    trigger: SCAN_JOB.trigger,
  };
  const running = await records.begin({ job: scan, requestedBy: 'ann', cores: 1 }, { pid: 1, start: null });
  await records.beat(running, { stage: 'scan', percent: 40, etaSeconds: 90, stages: [] }, [
    { type: 'progress', stage: 'scan', done: 4, total: 10 },
    { type: 'message', text: '3 trials' },
  ]);
  const queued = await records.queue({ job: league, requestedBy: 'ben', cores: 2 });
  await records.wait(queued, { code: 'cores', needed: 2, free: 1, jobs: [running] });
  await store.close();
}

/** Two backtests that are done: before and after a change. */
async function keepBacktests({ home }: Workplace, [version]: readonly [string, string]): Promise<void> {
  const store = await openStore(join(home, 'trainer.db'));
  const results = [backtestDocument(version), backtestDocument(version, { trades: 5 })];
  for (const [i, result] of results.entries()) {
    const { backtest_id } = await store.db
      .insertInto('core.backtests')
      .values({
        market: 'simulated',
        owner: 'a test',
        status: 'done',
        requested_by: 'ann',
        reason: i === 0 ? 'before θ1' : 'after θ1',
        request: JSON.stringify({
          models: [version],
          from: null,
          to: null,
          pairs: null,
          theta1: null,
          theta2: null,
          costs: 'profile',
        }),
        policy_hash: '843d7ed04d978cb1',
        percent: 100,
        stage: 'done',
        requested_ms: Date.now(),
        started_ms: Date.now(),
        finished_ms: Date.now(),
        result: JSON.stringify(result),
        error: null,
      })
      .returning('backtest_id')
      .executeTakeFirstOrThrow();
    const folder = join(home, 'backtests', String(backtest_id));
    mkdirSync(folder, { recursive: true });
    const head =
      'model_version,pair_id,side,entry_time,exit_time,reason,position_scale,gross_bps,cost_bps,swap_bps,net_bps,scaled_net_bps';
    const rows = [
      `${version},XAUUSD_XAGUSD,1,2024-01-02T10:00:00Z,2024-01-02T10:09:00Z,STOP,1,-3,2,0,-5,-5`,
      `${version},XAUUSD_XAGUSD,-1,2024-02-01T10:00:00Z,2024-02-01T10:30:00Z,Z_EXIT,0.5,9,2,0,7,3.5`,
    ];
    writeFileSync(join(folder, 'trades.csv'), `${[head, ...rows].join('\n')}\n`);
  }
  await store.close();
}

/** What axe-core finds: the rule, and where. By the protocol of the debugger, which the page's policy does not bind. */
async function violations(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const evaluate = async (expression: string): Promise<unknown> => {
    const answer = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.exception?.description);
    return answer.result.value;
  };
  await evaluate(AXE);
  const found = await evaluate(`axe.run(document, { runOnly: ${JSON.stringify(AXE_TAGS)}, resultTypes: ['violations'] })
    .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`);
  await session.detach();
  return found as string[];
}
