import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readManifest } from '../shared/bundle/bundle.ts';
import { reasonsOf } from '../shared/bundle/recorded_gates.ts';
import { lockHome } from '../shared/process/home_lock.ts';
import { createRegistry } from '../trainer/control/registry/registry.ts';
import { journalLock } from '../trainer/learning/search/study_journal.ts';
import { openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { PAGES } from './dashboard_steps.ts';
import { skipNote } from './skip_note.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const isMissing = chromiumPath() === null && !process.env['CI'];
const KEY = 'core.theta1_initial';
const SPACE = { trees: { kind: 'integer', low: 1, high: 9 } };
/** Read by every page; what a page reads itself shows that it has been rendered. */
const READ_BY_ALL = ['session', 'status', 'subjects', 'ml/models/current', 'alerts', 'signals', 'events'];
/** Pages that read nothing else before they know the subjects. */
const OF_SUBJECTS = ['/', '/app/subjects', '/app/formulas'];
const KILLED = `ai1_${'0'.repeat(32)}`;
const RUNNING = `ai2_${'1'.repeat(32)}`;

/** What is shown must be what is: each of these was stale, empty or offered in vain. */
describe.skipIf(isMissing)(`the dashboard${skipNote(isMissing, 'Chromium is not installed')}`, () => {
  let browser: Browser;
  let api: ApiWorkplace;
  let page: Page;
  let version: string;
  let endSearch: () => void;

  async function pageOf(name: string): Promise<Page> {
    const context = await openContext(browser, { locale: 'en-US' });
    const { cookie } = await api.logIn('approver', name);
    const [key, value] = cookie.split('=') as [string, string];
    await context.addCookies([{ name: key, value, url: api.origin }]);
    return context.newPage();
  }
  const open = (path: string): Promise<unknown> => page.goto(`${api.origin}/app/${path}`);

  beforeAll(async () => {
    browser = (await startBrowser())!;
    api = await openApiWorkplace({}, async ({ models, searches }) => {
      ({ version } = await tinyModels(models, { gates: 'measured' }));
      mkdirSync(searches, { recursive: true });
      const header = { direction: 'minimize', space: SPACE };
      const lines = [
        { format: 'minutehand.search/1', ...header },
        { kind: 'ask', trial: 0, params: { trees: 3 } },
      ];
      // Its process was killed: nobody has its lock.
      writeFileSync(join(searches, `${KILLED}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      const running = join(searches, `${RUNNING}.jsonl`);
      writeFileSync(running, readFileSync(join(searches, `${KILLED}.jsonl`)));
      endSearch = lockHome(journalLock(running));
    });
    const { paths, store } = api;
    await createRegistry(store, paths.models).register(version);
    page = await pageOf('ann');
  });
  afterAll(async () => {
    endSearch?.();
    await browser?.close();
    await api?.close();
  });

  it('shows a page by itself that was opened while the trainer restarted, and parts that were not answered then', async () => {
    const own = await pageOf('rita');
    try {
      const isCode = /\/assets\/golive-[^/]+\.js/;
      await own.route('**/api/alerts?*', (route) => route.abort());
      await own.goto(`${api.origin}/app/subjects`);
      await own.locator('nav a[data-page="golive"]').waitFor();
      await own.route(isCode, (route) => route.abort());
      await own.route(`${api.origin}/`, (route) => route.abort());
      await own.locator('nav a[data-page="golive"]').click();
      await own.locator('main .failure', { hasText: 'The trainer does not answer.' }).waitFor();
      const alerts = own.waitForResponse((response) => response.url().includes('/api/alerts?') && response.ok());
      await own.unroute('**/api/alerts?*');
      await own.unroute(isCode);
      await own.unroute(`${api.origin}/`);
      await own.locator('main .panel').first().waitFor();
      await alerts;
    } finally {
      await own.context().close();
    }
  });

  it('shows a policy as approved at once, though the trainer has not taken it over, and forgets an error', async () => {
    const ann = await api.logIn('approver', 'ann');
    await open(`policy?filter=${KEY}`);
    const value = page.locator('tr', { hasText: KEY });
    await value.getByText('0.71').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: `Change ${KEY}` }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('New value').fill('7');
    await dialog.getByLabel('Reason').fill('calmer');
    await dialog.getByRole('button', { name: 'Propose a change' }).click();
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('New value').fill('0.71');
    await dialog.getByRole('alert').waitFor({ state: 'detached' });
    await dialog.getByRole('button', { name: 'Propose a change' }).click();
    await page.getByRole('link', { name: 'Change 1 waits for approval.' }).click();
    // One's own change.
    await page.getByRole('button', { name: 'Reject' }).waitFor();
    await page.getByText('another approver decides on your own change').waitFor();
    expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    await open(`policy?filter=${KEY}`);
    const before = await api.ask('GET', '/api/ml/config', { headers: ann });
    expect(before.body['loaded_policy_hash']).toBe(before.body['policy_hash']);

    const other = await pageOf('bob');
    await other.goto(`${api.origin}/app/changes`);
    await other.getByRole('button', { name: 'Approve' }).click();
    await other.getByRole('button', { name: 'Confirm' }).click();
    await other.locator('.badge', { hasText: 'applied' }).waitFor();
    // Nobody loads the page again.
    await value.getByText('0.71').waitFor();
    const after = await api.ask('GET', '/api/ml/config', { headers: ann });
    const { config } = after.body as unknown as { config: { core: { theta1_initial: number } } };
    expect(config.core.theta1_initial).toBe(0.71);
    expect(after.body['loaded_policy_hash']).toBe(before.body['policy_hash']);
    expect(after.body['policy_hash']).not.toBe(before.body['policy_hash']);
  });

  it('shows a search whose process was killed as interrupted, and one that runs as running', async () => {
    const viewer = await api.logIn('viewer');
    const { body } = await api.ask('GET', '/api/searches', { headers: viewer });
    const states = (body['searches'] as { search_id: string; is_running: boolean }[]).map((one) => [
      one.search_id,
      one.is_running,
    ]);
    expect(states.sort()).toEqual([
      [KILLED, false],
      [RUNNING, true],
    ]);
    const stateOf = async (id: string): Promise<unknown> =>
      (JSON.parse((await api.ask('GET', `/api/searches/${id}`, { headers: viewer })).text) as { state: unknown }).state;
    expect([await stateOf(KILLED), await stateOf(RUNNING)]).toEqual([['failed'], ['running']]);
    await open('runs');
    await page.getByLabel('Parameter searches').locator('option').first().waitFor({ state: 'attached' });
    const options = await page.getByLabel('Parameter searches').locator('option').allInnerTexts();
    expect(options.map((text) => text.replace(/ · .* · /, ' ')).sort()).toEqual(['AI1 interrupted', 'AI2 running']);
  });

  it('says on every page that an answer is awaited, and not that there is nothing', async () => {
    const waiting = await pageOf('eve');
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    await waiting.route(/\/api\/(?!session)/, async (route) => {
      await released;
      // The page may have been left meanwhile.
      await route.continue().catch(() => undefined);
    });
    const said: [path: string, texts: string[]][] = [];
    const emptyTexts = (): Promise<string[]> => waiting.locator('#content .empty').allInnerTexts();
    for (const path of [...PAGES, '/app/alerts']) {
      const own = OF_SUBJECTS.includes(path)
        ? null
        : waiting.waitForRequest((request) => {
            const { pathname } = new URL(request.url());
            return pathname.startsWith('/api/') && !READ_BY_ALL.includes(pathname.slice('/api/'.length));
          });
      await waiting.goto(`${api.origin}${path}`);
      await own;
      await waiting.locator('#content .empty').first().waitFor();
      said.push([path, [...new Set(await emptyTexts())]]);
    }
    const awaited = (path: string): string => (path === '/app/golive' ? 'Looking at every step…' : 'Loading…');
    expect(said).toEqual(said.map(([path]) => [path, [awaited(path)]]));
    release();
    await waiting.getByText('Nothing is silenced').waitFor();
    expect(await emptyTexts()).not.toContain('Loading…');
    await waiting.context().close();
  });

  it('shows the failed gates of a bundle that no run of the trainer has rejected', async () => {
    const failed = reasonsOf(readManifest(join(api.paths.models, version)).gates ?? []);
    expect(failed.length).toBeGreaterThan(0);
    const viewer = await api.logIn('viewer');
    const { body } = await api.ask('GET', '/api/ml/models', { headers: viewer });
    const [bundle] = body['models'] as { status: string; reasons: string[] }[];
    expect(bundle).toMatchObject({ status: 'candidate', reasons: failed });
    await open('models');
    const row = page.getByRole('row').filter({ hasText: version }).filter({ hasText: 'candidate' });
    await row
      .getByText(/expected|at least|at most|limit|\(/)
      .first()
      .waitFor();
    const title = (await page.getByRole('columnheader').allInnerTexts()).findIndex((text) => /Failed gates/.test(text));
    expect((await row.getByRole('cell').allInnerTexts())[title]!.split('\n').filter(Boolean)).toHaveLength(
      failed.length,
    );
  });
});
