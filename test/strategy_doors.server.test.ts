import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../dashboard/src/client.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { readShadow } from '../shared/bundle/shadow_pointer.ts';
import { trainerMarks } from '../shared/bundle/pointer_marks.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { registryOf } from '../trainer/control/registry/registry.ts';
import { activate, activateDirection } from './activate.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { confirm, holds, setLook } from './dashboard_steps.ts';
import { skipNote } from './skip_note.ts';
import { writeTinyDirection } from './tiny_direction.ts';
import { copyUnder, tinyModels } from './tiny_models.ts';
import { slotOfTimeframe } from '../shared/subject/written_names.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';

/** What every strategy has at its doors, by one suite: shadow and rollout by the API and on the dashboard. */

const INSTRUMENT = 'XAUUSD';

let api: ApiWorkplace;
let own: ReturnType<typeof createClient>;
/** Active one and candidate. */
let pairs: readonly [string, string];
let directions: readonly [string, string];

beforeAll(async () => {
  api = await openApiWorkplace({ minutehand: { instruments: [INSTRUMENT] } }, async (paths) => {
    const { version } = await tinyModels(paths.models);
    pairs = [version, copyUnder(paths.models, version, `${version}_2`)];
    activate(paths.models, pairs[0], MACHINE_FILES, trainerMarks(paths));
    const first = writeTinyDirection(paths.models, INSTRUMENT, '1m', new Date('2026-01-01'));
    const second = writeTinyDirection(paths.models, INSTRUMENT, '1m', new Date('2026-01-02'));
    directions = [first, second];
    activateDirection(paths.models, first, paths.home);
  });
  for (const [shelf, versions] of [['pairs', pairs] as const, ['direction', directions] as const]) {
    const registry = registryOf(api.store, api.paths, shelf);
    for (const version of versions) await registry.register(version);
    await registry.mend();
  }
  const headers = bearer(await api.token('approver', 'ann'));
  own = createClient({ origin: api.origin, headers: () => headers });
}, 60_000);
afterAll(() => api.close());

const STRATEGIES = [
  { name: 'pairs', strategy: 'pair_reversion', timeframe: null, versions: () => pairs },
  { name: 'direction', strategy: 'direction', timeframe: '1m', versions: () => directions },
] as const;

const OVERRIDE = { despite_gates: true, reason: 'a test' };

describe.each(STRATEGIES)('$name', ({ strategy, timeframe, versions }) => {
  const listed = async () => (await own.get('/api/ml/models')).models.filter((one) => one.strategy === strategy);

  it('have a shadow by the API, which is kept from removal and ends', async () => {
    const [active, candidate] = versions();
    const set = await own.put('/api/ml/shadow', { body: { model_name: candidate } });
    expect(set).toEqual({ version: active, previous: null, shadow: candidate, timeframe });
    const marked = (await listed()).map(({ model_id, is_shadow }) => [model_id, is_shadow]);
    expect(new Map(marked as [string, boolean][])).toEqual(
      new Map([
        [active, false],
        [candidate, true],
      ]),
    );
    const path = { model_id: candidate };
    await expect(own.delete('/api/ml/models/{model_id}', { path })).rejects.toMatchObject({ code: 'MODEL_IN_USE' });
    const ended = await own.put('/api/ml/shadow', { body: { model_name: null, timeframe } });
    expect(ended).toEqual({ version: active, previous: null, shadow: null, timeframe });
  });

  it('are loaded and rolled back by the API', async () => {
    const [active, candidate] = versions();
    const load = (model_name: string) =>
      own.post('/api/ml/models/{model_name}/load', { path: { model_name }, body: OVERRIDE });
    expect(await load(candidate)).toEqual({ version: candidate, previous: active, shadow: null, timeframe });
    expect(await load(active)).toEqual({ version: active, previous: candidate, shadow: null, timeframe });
  });

  it('are loaded over damaged pointers by the API, beside another bundle that is damaged', async () => {
    const [active, candidate] = versions();
    const pointer = filesOf(api.paths.models, slotOfTimeframe(timeframe)).active.path;
    const shadow = filesOf(api.paths.models, slotOfTimeframe(timeframe)).shadow.path;
    const damaged = join(api.paths.models, '20250101_0000');
    mkdirSync(damaged);
    for (const path of [pointer, shadow, join(damaged, 'manifest.json')]) writeFileSync(path, '{"version":');
    expect((await listed()).map(({ is_active }) => is_active)).toEqual([false, false]);
    const load = (model_name: string) =>
      own.post('/api/ml/models/{model_name}/load', { path: { model_name }, body: OVERRIDE });
    expect(await load(candidate)).toEqual({ version: candidate, previous: null, shadow: null, timeframe });
    expect(await load(active)).toEqual({ version: active, previous: candidate, shadow: null, timeframe });
    writeFileSync(shadow, '{"version":');
    const set = await own.put('/api/ml/shadow', { body: { model_name: candidate } });
    expect(set).toMatchObject({ version: active, shadow: candidate });
    writeFileSync(shadow, '{"version":');
    await own.put('/api/ml/shadow', { body: { model_name: null, timeframe } });
    expect(readShadow(api.paths.models, slotOfTimeframe(timeframe))).toBeNull();
    rmSync(damaged, { recursive: true });
  });

  it('have a rollout by the API, one at a time, with its last evaluation, which is aborted', async () => {
    const [active, candidate] = versions();
    const start = () => own.post('/api/ml/rollout', { body: { model_name: candidate, ...OVERRIDE } });
    const { rollout } = await start();
    const of = timeframe === null ? {} : { timeframe };
    expect(rollout).toMatchObject({ champion: active, challenger: candidate, stage: 'test', status: 'active', ...of });
    expect(rollout).not.toHaveProperty('key');
    await expect(start()).rejects.toMatchObject({ code: 'ROLLOUT_STATE' });
    const shown = await own.get('/api/ml/rollout');
    expect(shown).toEqual({ rollout, look: { evidence: null, next: '', blocked: [] } });
    const path = { model_id: candidate };
    await expect(own.delete('/api/ml/models/{model_id}', { path })).rejects.toMatchObject({ code: 'MODEL_IN_USE' });
    const ended = await own.post('/api/ml/rollout/abort', { body: { reason: 'seen enough' } });
    expect(ended.rollout).toMatchObject({ status: 'aborted', reason: 'seen enough' });
    expect(await own.get('/api/ml/rollout')).toMatchObject({ rollout: { status: 'aborted' }, look: null });
  });
});

const isMissing = chromiumPath() === null && !process.env['CI'];

describe.skipIf(isMissing)(`on the dashboard${skipNote(isMissing, 'Chromium is not installed')}`, () => {
  const PICTURES = process.env['MINUTEHAND_PICTURES'];
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = (await startBrowser())!;
    page = await (await openContext(browser, { viewport: { width: 1280, height: 900 } })).newPage();
    const { cookie } = await api.logIn('approver', 'ann');
    const [name, value] = cookie.split('=') as [string, string];
    await page.context().addCookies([{ name, value, url: api.origin }]);
  }, 60_000);
  afterAll(() => browser.close());

  it.each(STRATEGIES)('the page Models shows the shadow and the rollout of $name, and aborts it', async (one) => {
    const { name, timeframe, versions } = one;
    const [active, candidate] = versions();
    await own.put('/api/ml/shadow', { body: { model_name: candidate, timeframe } });
    await own.post('/api/ml/rollout', { body: { model_name: candidate, ...OVERRIDE } });
    await page.goto(`${api.origin}/app/models`);
    await page.waitForSelector('.rollout-stages');
    const text = (): Promise<string> => page.evaluate<string>('document.querySelector("main").innerText');
    const panel = await text();
    for (const part of [active, candidate, timeframe === null ? 'pairs' : `direction ${timeframe}`])
      expect(panel).toContain(part);
    expect(await page.locator('.badge', { hasText: /^shadow$/ }).count()).toBeGreaterThan(0);
    if (PICTURES !== undefined)
      for (const language of ['en', 'ja'] as const)
        for (const theme of ['dark', 'light'] as const) {
          await setLook(page, language, theme);
          await page.reload();
          await page.waitForSelector('.rollout-stages');
          await page
            .locator('section, .panel', { has: page.locator('.rollout-stages') })
            .last()
            .screenshot({ path: join(PICTURES, `rollout_${name}_${language}_${theme}.png`) });
        }
    await setLook(page, 'en', 'dark');
    await page.reload();
    await page.waitForSelector('.rollout-stages');
    await page.getByRole('button', { name: 'Abort' }).click();
    await confirm(page);
    await holds(page, `document.querySelector('main').innerText.includes('ended on the dashboard')`);
    expect((await own.get('/api/ml/rollout')).rollout).toMatchObject({ status: 'aborted' });
    await own.put('/api/ml/shadow', { body: { model_name: null, timeframe } });
  });
});
