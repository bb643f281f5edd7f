import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import type { Signal } from '../shared/signal/signal.ts';
import { openContext } from './browser.ts';
import { eventually } from './cli_process.ts';
import { skipNote } from './skip_note.ts';

/** Paths of the pages without parameters. */
export const PAGES = [
  '/',
  ...[
    'subjects',
    'performance',
    'models',
    'runs',
    'strategies',
    'formulas',
    'jobs',
    'fleet',
    'backtests',
    'monitor',
    'data',
    'trades',
    'alerts',
    'policy',
    'changes',
    'audit',
    'golive',
  ].map((name) => `/app/${name}`),
];
/** Folder for pictures of every page in both languages and themes, which a person looks at. */
const PICTURES = process.env['MINUTEHAND_PICTURES'];
export const PICTURES_NOTE = skipNote(PICTURES === undefined, 'MINUTEHAND_PICTURES names no folder');
const SIZES = [
  { width: 1280, height: 900 },
  { width: 390, height: 844 },
];

/** The list that will have what the console reports and the server refuses. */
export function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  return faults;
}

/** Removes faults that a step provokes. */
export function forgive(faults: string[], provoked: RegExp): void {
  faults.splice(0, faults.length, ...faults.filter((fault) => !provoked.test(fault)));
}

/** The login link in a program's output. */
export const linkIn = (output: string): string | undefined => /http:\S+\/login\?code=\S+/.exec(output)?.[0];

/** Logs in by a one-time link. */
export async function logIn(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.waitForSelector('nav a[aria-current="page"]');
  expect(new URL(page.url()).search).toBe('');
}

/** Waits until every subject shows a signal on the overview, and one of them its next. */
export async function watchTiles(page: Page, subjects: number): Promise<void> {
  await holds(page, `document.querySelectorAll('.tile time').length === ${subjects}`);
  const shown = `document.querySelector('.tile time').dateTime`;
  const first = await page.evaluate<string>(shown);
  await holds(page, `${shown} !== '${first}'`);
}

/** Charts of a subject: their time axes line up, and have room for the label at the end. */
const CHARTS = `(() => {
  const rects = [...document.querySelectorAll('.chart .u-over')].map((one) => one.getBoundingClientRect());
  const room = document.querySelector('.chart').getBoundingClientRect().right - rects[0].right;
  return { count: rects.length, edges: new Set(rects.map(({ left, right }) => left + ' ' + right)).size, hasRoom: room > 16 };
})()`;

/** Opens a subject from its tile on the overview, and waits for its charts and the explanation of its last minute. */
export async function watchSubject(page: Page): Promise<void> {
  await page.locator('.tile').first().click();
  await page.waitForSelector('.uplot canvas');
  expect(await page.evaluate<object>(CHARTS)).toEqual({ count: 3, edges: 1, hasRoom: true });
  await page.waitForSelector('.attribution li');
  expect(await page.locator('.why').innerText()).toContain('bit-identical');
  // The close of the bar, as the signal has it, in the panel, at the pointer and in the address.
  // A market that has just begun has one bar, and none before it.
  const isChosen = `new URL(location).searchParams.has('time')`;
  for (let tries = 0; tries < 40 && !(await page.evaluate<boolean>(isChosen)); tries++) {
    await page.keyboard.press('ArrowLeft');
    await page.waitForTimeout(500);
  }
  await holds(page, isChosen);
  const time = new URL(page.url()).searchParams.get('time')!;
  await holds(page, `document.querySelector('.why time').dateTime === '${time.replace('Z', ':00Z')}'`);
  const shown = await page.locator('.why time').innerText();
  expect(shown).toBe(`bar closed ${time.slice(0, 16).replace('T', ' ')} UTC`);
  await page.keyboard.press('Escape');
}

/** Zooms a chart with two fingers, moves it with one, and shows everything again. */
export async function touchChart(page: Page): Promise<void> {
  const view = async (): Promise<[number, number]> => {
    const text = await page.evaluate<string | null>(`new URL(location).searchParams.get('view')`);
    const [from, to] = (text ?? '').split(',').map(Number);
    return [from!, to!];
  };
  await page.evaluate(touches([1, 0.4], [2, 0.6], [1, 0.2], [2, 0.8]));
  await holds(page, `new URL(location).searchParams.has('view')`);
  const [from, to] = await view();
  await page.evaluate(touches([1, 0.3], [1, 0.8]));
  await holds(page, `new URL(location).searchParams.get('view') !== '${from},${to}'`);
  const [before, after] = await view();
  expect(before).toBeLessThan(from);
  expect(Math.abs(after - before - (to - from))).toBeLessThanOrEqual(1);
  await page.keyboard.press('Home');
  await holds(page, `!new URL(location).searchParams.has('view')`);
}

/** Fingers on the first chart: each goes down at its first place, a share of the width, and moves to the others. */
function touches(...places: readonly (readonly [finger: number, share: number])[]): string {
  return `(() => {
    const over = document.querySelector('.chart .u-over');
    const { left, top, width } = over.getBoundingClientRect();
    const seen = new Set();
    const send = (type, pointerId, share) => over.dispatchEvent(new PointerEvent(type,
      { pointerType: 'touch', pointerId, clientX: left + share * width, clientY: top + 9, bubbles: true }));
    for (const [finger, share] of ${JSON.stringify(places)}) {
      send(seen.has(finger) ? 'pointermove' : 'pointerdown', finger, share);
      seen.add(finger);
    }
    for (const finger of seen) send('pointerup', finger, 0);
  })()`;
}

export async function confirm(page: Page): Promise<void> {
  await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click();
}

/** Replaces the active bundle on the Models page, with the evidence in view. */
export async function activateBundle(
  page: Page,
  { button, from, to }: { readonly button: 'Promote' | 'Roll back'; readonly from: string; readonly to: string },
): Promise<void> {
  const own = page.getByRole('link', { name: to, exact: true });
  const row = page.getByRole('region', { name: 'Registry' }).getByRole('row').filter({ has: own });
  await row.getByRole('button', { name: button }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(`They replace ${from}`).waitFor();
  await dialog.getByRole('row', { name: /^AI1 AUC \d/ }).waitFor();
  await confirm(page);
  const active = row.getByText('active', { exact: true }).first();
  // Asked for where gates failed.
  const reason = dialog.getByLabel('Reason, shown on every page');
  await Promise.race([active.waitFor(), reason.waitFor().catch(() => undefined)]);
  if (await reason.isVisible()) {
    await reason.fill('a test');
    await dialog.getByRole('button', { name: 'Activate despite failed gates' }).click();
  }
  await active.waitFor();
}

/** Starts a training on the Runs page, and waits until its progress is shown. */
export async function startTraining(page: Page, origin: string): Promise<void> {
  await page.goto(new URL('/app/runs', origin).href);
  await page.getByRole('button', { name: 'Start training' }).click();
  await confirm(page);
  await page.waitForSelector('progress');
}

/** Stops the training that is shown. @returns the status of its row */
export async function stopTraining(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await confirm(page);
  return endOfTraining(page, 1);
}

/** Waits until the training that is shown has ended. @returns the status of its row */
export async function endOfTraining(page: Page, minutes: number): Promise<string> {
  const newest = page.getByRole('region', { name: 'Training runs' }).first().locator('tbody .badge').first();
  const look = async (): Promise<string | null> => {
    if ((await page.locator('progress').count()) > 0) return null;
    const status = await newest.innerText();
    return status === 'running' ? null : status;
  };
  return eventually('the end of the training', look, minutes);
}

/** Proposes a new value on the Policy page and opens the change, which its author cannot approve. */
export async function proposeChange(page: Page, origin: string, key: string, value: string): Promise<void> {
  await page.goto(new URL('/app/policy?filter=core.z_entry_unknown', origin).href);
  await page.getByRole('searchbox').fill(key);
  await page.getByRole('button', { name: `Change ${key}` }).click();
  await page.getByLabel('New value').fill(value);
  await page.getByRole('dialog').getByLabel('Reason').fill('calmer');
  await page.getByRole('dialog').getByRole('button', { name: 'Propose a change' }).click();
  await page.getByRole('link', { name: 'Change 1 waits for approval.' }).click();
  await page.getByText('another approver decides on your own change').waitFor();
  expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
}

/** Logs in as another person and approves the only change. @param link a one-time link of an approver */
export async function approveAsAnother(browser: Browser, link: string): Promise<void> {
  const page = await (await openContext(browser, { locale: 'en-US' })).newPage();
  await page.goto(link);
  await page.goto(new URL('/app/changes', link).href);
  await page.getByRole('button', { name: 'Approve' }).click();
  await confirm(page);
  await page.locator('.badge', { hasText: /approved|applied/ }).waitFor();
  await page.context().close();
}

/**
 * Waits until the change is shown as applied and the event stream, which the trainer's new start ends once, is back.
 */
export async function changeIsApplied(page: Page, origin: string, output: () => string): Promise<void> {
  await eventually(output, () => output().includes('Trainer continues with change 1') || undefined);
  const answers = (): Promise<true | undefined> =>
    fetch(new URL('/healthz', origin)).then(
      ({ ok }) => ok || undefined,
      () => undefined,
    );
  await eventually('the trainer again', answers);
  await page.goto(new URL('/app/changes', origin).href);
  await page.locator('.badge', { hasText: 'applied' }).waitFor();
  await isLive(page);
}

/** Waits until the event stream is connected. */
export async function isLive(page: Page): Promise<void> {
  await holds(page, `document.querySelector('.link-state')?.classList.contains('on') === true`);
}

/** Language and theme of the pages that are opened next. */
export async function setLook(page: Page, language: 'en' | 'ja', theme: 'dark' | 'light'): Promise<void> {
  await page.evaluate(`localStorage.setItem('minutehand.language', '${language}')`);
  await page.evaluate(`localStorage.setItem('minutehand.theme', '${theme}')`);
}

/** Pictures of pages in both languages, both themes and two sizes; nothing without MINUTEHAND_PICTURES. */
export async function takePictures(page: Page, origin: string, paths: readonly string[]): Promise<void> {
  if (PICTURES === undefined) return;
  for (const size of SIZES)
    for (const language of ['en', 'ja'] as const)
      for (const theme of ['dark', 'light'] as const) {
        await page.setViewportSize(size);
        await setLook(page, language, theme);
        for (const path of paths) {
          await page.goto(new URL(path, origin).href);
          await page.waitForSelector('main .panel, main .tile');
          // Charts and figures that are read after the first ones.
          await new Promise((resolve) => setTimeout(resolve, 1500));
          const name = `${path.replaceAll(/[/?=&]/g, '_')}_${size.width}_${language}_${theme}.png`;
          await page.screenshot({ path: join(PICTURES, name), fullPage: true });
        }
      }
}

/** The signal that a consumer of a subject reads. */
export function signalOf(home: string, id: string): Pick<Signal, 'model_version' | 'policy_hash' | 'reason'> {
  return JSON.parse(readFileSync(join(home, 'signals', id, 'signal.json'), 'utf8')) as Signal;
}

/** Waits for an expression of the page. Asked from outside: its policy forbids `eval`, which waitForFunction needs. */
export async function holds(page: Page, expression: string): Promise<void> {
  await eventually(
    () => expression,
    async () => (await page.evaluate<boolean>(expression)) || undefined,
  );
}

/** What has the focus: its name, and whether a ring inside the window shows it. */
const FOCUSED = `(() => {
  const one = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const { top, bottom, left, right } = one.getBoundingClientRect();
  const isInside = bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  const name = one.getAttribute('aria-label') ?? (one.closest('label') ?? one).innerText.split('\\n')[0];
  return {
    tag: one.tagName,
    name: name.trim(),
    isShown: isInside && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
  };
})()`;
const MAX_STOPS = 80;

/** Presses Tab until what has this name has the focus; at each stop the focus must be seen. */
async function tabTo(page: Page, wanted: string): Promise<void> {
  const stops: string[] = [];
  while (stops.length < MAX_STOPS) {
    await page.keyboard.press('Tab');
    const { tag, name, isShown } = await page.evaluate<{ tag: string; name: string; isShown: boolean }>(FOCUSED);
    // Between the last element and the first the window itself has it.
    if (tag !== 'BODY') expect({ name, isShown }).toEqual({ name, isShown: true });
    if (name === wanted) return;
    stops.push(name || tag);
  }
  throw new Error(`${wanted} is not reached by Tab: ${stops.join(', ')}`);
}

/** Logs in with a token and approves the only change, without a pointer. */
export async function approveByKeyboard(browser: Browser, origin: string, token: string): Promise<void> {
  const page = await (await openContext(browser, { locale: 'en-US' })).newPage();
  await page.goto(origin);
  await page.waitForSelector('.login form');
  await tabTo(page, 'Access token');
  await page.keyboard.type(token);
  await page.keyboard.press('Enter');
  await page.waitForSelector('main .tile');
  await tabTo(page, 'Changes');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Approve' }).waitFor();
  await tabTo(page, 'Approve');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Confirm');
  await page.keyboard.press('Enter');
  await page.locator('.badge', { hasText: /approved|applied/ }).waitFor();
  expect(await page.locator('.diff').innerText()).toContain('0.71');
  await page.context().close();
}
