import { basename } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readActiveRule, readRuleShadow, ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { readRollout } from '../shared/bundle/rollout.ts';
import { openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { skipNote } from './skip_note.ts';
import { tinyRule } from './tiny_rule.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const INSTRUMENT = 'BTCUSDT@1h';
const RULE = `name: mine
description: by hand
subject: instrument
entry_long: close > delay(close, 1)
max_age: 3
`;
const isMissing = chromiumPath() === null && !process.env['CI'];

/** Each action on rules that the dashboard offers, checked against the files that it changes. */
describe.skipIf(isMissing)(`the page of rules${skipNote(isMissing, 'Chromium is not installed')}`, () => {
  let browser: Browser;
  let api: ApiWorkplace;
  let page: Page;
  let served: string;
  let other: string;

  beforeAll(async () => {
    browser = (await startBrowser())!;
    api = await openApiWorkplace({ minutehand: { market: 'live', instruments: [INSTRUMENT] } }, async ({ models }) => {
      const folder = ruleFolder(models);
      const write = (hour: number): string => {
        const created = new Date(Date.UTC(2026, 0, 1, hour));
        return basename(writeRuleBundle(folder, created, tinyRule(INSTRUMENT, { seed: String(hour) })));
      };
      served = write(1);
      other = write(2);
      return Promise.resolve();
    });
    const context = await openContext(browser, { locale: 'en-US', viewport: { width: 1440, height: 1000 } });
    const { cookie } = await api.logIn('approver', 'ann');
    const [name, value] = cookie.split('=') as [string, string];
    await context.addCookies([{ name, value, url: api.origin }]);
    page = await context.newPage();
  });
  afterAll(async () => {
    await browser?.close();
    await api?.close();
  });

  const button = (name: string): Locator => page.getByRole('button', { name, exact: true });
  async function press(name: string): Promise<void> {
    await button(name).first().click();
    const dialog = page.getByRole('dialog', { name });
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await dialog.waitFor({ state: 'hidden' });
  }
  const showRule = (version: string): Promise<unknown> => page.goto(`${api.origin}/app/strategies?rule=${version}`);

  it('has a rule served, another one in shadow, and a rollout of it, and ends the shadow', async () => {
    await showRule(served);
    await press('Promote');
    await expect.poll(() => readActiveRule(api.paths.models, INSTRUMENT)?.version).toBe(served);
    await showRule(other);
    await press('Let it answer in shadow');
    await expect.poll(() => readRuleShadow(api.paths.models, INSTRUMENT)).toBe(other);
    await press('End shadow');
    await expect.poll(() => readRuleShadow(api.paths.models, INSTRUMENT)).toBeNull();
    await press('Start rollout');
    await expect
      .poll(() => readRollout(api.paths.models))
      .toMatchObject({ status: 'active', instrument: INSTRUMENT, champion: served, challenger: other });
    await page.goto(`${api.origin}/app/models`);
    await page.getByRole('button', { name: 'Abort' }).first().waitFor();
  });

  it('checks a rule in the editor with line and column, and begins its judgement and a search', async () => {
    await page.goto(`${api.origin}/app/strategies`);
    const editor = page.getByRole('textbox', { name: 'Strategy file (YAML)' });
    await editor.fill(RULE.replace('delay(close, 1)', 'delayed(close, 1)'));
    await button('Check').click();
    await page.getByRole('alert').filter({ hasText: 'line 4' }).waitFor();
    expect(await button('Judge').count()).toBe(0);
    await editor.fill(RULE);
    await button('Check').click();
    await page.getByRole('status').filter({ hasText: 'close' }).waitFor();
    await press('Judge');
    await page.getByText('Run 1 has begun.').waitFor();
    await press('Search rules');
    await page.getByText('Run 2 has begun.').waitFor();
  });
});
