import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { openStore } from '../trainer/store/store.ts';
import { activate } from './activate.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { confirm, faultsOf, forgive, linkIn, logIn, PICTURES_NOTE, setLook, takePictures } from './dashboard_steps.ts';
import { hoursOf } from './random_hours.fixture.ts';
import { skipNote } from './skip_note.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

const AXE = readFileSync(join(packageRoot(), 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
const SYMBOL = 'BTCUSDT';
/** Of an hour: ten days of it are three standard deviations, so that no market is a rising one. */
const FALL = -0.0012;
/** On a machine that may be busy. */
const ENDED_MS = 480_000;
const isMissing = chromiumPath() === null && !process.env['CI'];

describe.skipIf(isMissing)(`leagues in the dashboard${skipNote(isMissing, 'Chromium is not installed')}`, () => {
  let place: Workplace;
  let browser: Browser;
  let page: Page;
  let origin: string;
  let faults: string[];

  beforeAll(async () => {
    place = createWorkplace({ minutehand: { instruments: [`${SYMBOL}@1h`] } });
    const { version } = await tinyModels(place.models, { settings: place.settings });
    activate(place.models, version);
    const store = await openStore(join(place.home, 'trainer.db'));
    for (const columns of tinyBars(place.settings).values()) await store.bars.put('simulated', columns);
    await store.bars.put('simulated', hoursOf(SYMBOL, 1800, FALL));
    await store.close();
    const trainer = place.start(['trainer', '--json'], { MINUTEHAND_MARKET: 'simulated' });
    await eventually(trainer.stderr, () => trainer.stdout());
    const link = linkIn((await place.run(['token', 'link'])).stdout)!;
    ({ origin } = new URL(link));
    browser = (await startBrowser())!;
    page = await (await openContext(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } })).newPage();
    faults = faultsOf(page);
    await logIn(page, link);
  });
  afterAll(async () => {
    await browser?.close();
    await place?.remove();
  });

  /** Opens the form, and chooses these alone. */
  async function choose(kind: string, entrants: readonly string[]): Promise<Locator> {
    await page.goto(new URL('/app/jobs', origin).href);
    await page.getByText('Options of a league').click();
    const form = page.getByRole('region', { name: 'Compare learners' });
    // Entrants are there once the server has answered; until then there would be none to uncheck.
    await form.getByLabel('Kind').selectOption(kind);
    for (const box of await form.locator('fieldset input').all()) await box.uncheck();
    for (const name of entrants) await form.getByLabel(name, { exact: true }).check();
    return form;
  }

  /** The path of the job that is shown after a start. */
  async function begin(kind: string, entrants: readonly string[]): Promise<string> {
    const form = await choose(kind, entrants);
    await form.getByRole('button', { name: 'Start the league' }).click();
    await confirm(page);
    await page.waitForURL(/\/app\/jobs\/\d+$/);
    return new URL(page.url()).pathname;
  }

  const result = () => page.getByRole('region', { name: 'Result', exact: true });

  it('starts a league with chosen entrants, says that it has no result yet, and shows all of it when it has ended', async () => {
    const path = await begin('league', ['prior', 'logistic', 'logistic@baseline', 'bagging', 'program']);
    await result().getByText('The result is shown here when the league has ended.').waitFor();
    const standings = page.getByRole('region', { name: 'Entrants, the best first' });
    await standings.waitFor({ timeout: ENDED_MS });
    const names = await standings.locator('tbody tr td:first-child .mono').allInnerTexts();
    expect([...names].sort()).toEqual(['bagging', 'logistic', 'logistic@baseline', 'prior']);
    expect(await standings.getByText('best', { exact: true }).count()).toBe(1);
    expect(await standings.innerText()).toMatch(/0\.\d{5} ± 0\.\d{5}/);
    // One that failed, with its code and what to do.
    expect(await result().getByRole('alert').innerText()).toMatch(
      /1 entrant has no result:[^]*program: LEARNER_MISSING[^]*→ /,
    );
    expect(await result().innerText()).toMatch(/Best: \S+\. Simplest within its standard error: \S+\./);
    expect(await page.getByRole('region', { name: 'What each step adds' }).innerText()).toMatch(/advanced features/);
    const costs = page.getByRole('region', { name: 'What each earns and takes' });
    expect(await costs.innerText()).toMatch(/own-graph/);
    for (const [section, text] of [
      ['Calls and confusion', /walk-forward/],
      ['Spread over folds and blocks', /Balanced accuracy/],
      ['Class shares of the splits', /fold 1[^]*holdout/],
      ['Log loss by market', /rows: /],
      ['Answers in generated markets', /bull \(rows: [^]*Mean answer/],
    ] as const) {
      await result().getByText(section, { exact: true }).click();
      expect(await page.getByRole('region', { name: section }).innerText()).toMatch(text);
    }
    await warningsAreShown(path);
    expect(await result().innerText()).toMatch(/NO_BULL_MARKET \d\.\d % of the bars to learn from/);
    expect(await violations()).toEqual([]);
    await setLook(page, 'ja', 'dark');
    await page.reload();
    await page.getByRole('region', { name: '参加者（良い順）' }).waitFor();
    expect(await page.locator('main').innerText()).toContain('誤差内で最も単純');
    await setLook(page, 'en', 'dark');
    forgive(faults, /404/);
    expect(faults).toEqual([]);
    expect(path).toMatch(/^\/app\/jobs\/\d+$/);
  });

  it('starts a league of ways to learn the direction, and shows its own columns', async () => {
    const path = await begin('direction_league', ['gbdt', 'gbdt@none']);
    const standings = page.getByRole('region', { name: 'Entrants, the best first' });
    await standings.waitFor({ timeout: ENDED_MS });
    expect(await standings.innerText()).toMatch(/gbdt\s+reference/);
    expect(await standings.getByText('best', { exact: true }).count()).toBe(1);
    expect(await result().innerText()).toMatch(/Best: \S+\. Simplest within its standard error: \S+\./);
    expect(await page.getByRole('region', { name: 'What each earns and takes' }).innerText()).toMatch(/wasm-simd/);
    for (const [section, text] of [
      ['Evaluated bars by market', /Up against down/],
      ['Answers in generated markets', /labels[^]*Mean, range/],
    ] as const) {
      await result().getByText(section, { exact: true }).click();
      expect(await page.getByRole('region', { name: section }).innerText()).toMatch(text);
    }
    expect(await standings.getByRole('columnheader').allInnerTexts()).toContain('Up against down');
    expect(await result().innerText()).toMatch(/Evaluation 1 of the holdout/);
    await warningsAreShown(path);
    expect(await result().innerText()).toMatch(/NO_BULL_MARKET \d\.\d % of the bars to learn from/);
    expect(await violations()).toEqual([]);
    await setLook(page, 'ja', 'dark');
    await page.reload();
    await page.getByText('生成した相場での回答', { exact: true }).click();
    expect(await page.locator('main').innerText()).toMatch(/ラベル[^]*平均（レンジ）/);
    await setLook(page, 'en', 'dark');
    forgive(faults, /404/);
    expect(faults).toEqual([]);
  });

  it('shows a refusal of the server beside the question, and a canceled league without a result', async () => {
    const form = await choose('league', ['prior']);
    expect(await violations()).toEqual([]);
    await form.getByRole('button', { name: 'Start the league' }).click();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('dialog').getByText('JOB_INVALID').waitFor();
    forgive(faults, /400|422/);

    await begin('league', ['prior', 'gbdt', 'bagging', 'stacking', 'vote']);
    await page.getByRole('button', { name: 'Cancel' }).first().click();
    await confirm(page);
    await result().getByText('It has no result. Queue the same league again').waitFor({ timeout: 60_000 });
    forgive(faults, /404/);
    expect(faults).toEqual([]);
  });

  it.skipIf(PICTURES_NOTE !== '')(`is photographed${PICTURES_NOTE}`, async () => {
    await takePictures(page, origin, ['/app/jobs', '/app/jobs/1', '/app/jobs/2', '/app/jobs/3']);
  });

  /** Those of the result, and no others. @param path of the job's page */
  async function warningsAreShown(path: string): Promise<void> {
    const response = await page.request.get(new URL(`/api/jobs/${path.split('/').at(-1)}/result`, origin).href);
    const { result: document } = (await response.json()) as { result: { warnings: { code: string }[] } };
    const shown = await result().locator('p.failure > .mono').allInnerTexts();
    expect(shown).toEqual(document.warnings.map(({ code }) => code));
  }

  async function violations(): Promise<string[]> {
    const session = await page.context().newCDPSession(page);
    const evaluate = async (expression: string): Promise<unknown> => {
      const answer = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
      if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.exception?.description);
      return answer.result.value;
    };
    await evaluate(AXE);
    const found =
      await evaluate(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations'] })
      .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`);
    await session.detach();
    return found as string[];
  }
});
