import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { bullmqQueue } from '../trainer/jobs/fleet/bullmq_queue.ts';
import { ownIdentity } from '../trainer/jobs/fleet/fit_identity.ts';
import type { Installation } from '../trainer/jobs/fleet/installation.ts';
import { QUEUE_TIMING, type TaskQueue } from '../trainer/jobs/fleet/task_queue.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { skipNote } from './skip_note.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const redis: RedisServer | null = await startRedis();
const noBrowser = chromiumPath() === null && !process.env['CI'];
const note = skipNote(redis === null, REDIS_NOTE) + skipNote(noBrowser, 'Chromium is not installed');
/** A folder for pictures, which a person looks at. */
const PICTURES = process.env['MINUTEHAND_PICTURES'];

const BAD_TASK = createHash('sha256').update('a task that no worker can do').digest('hex');
const DESK: Installation = {
  name: 'a@desk',
  host: 'desk',
  market: 'live',
  identity: ownIdentity(),
  cores: 4,
  load: 0.5,
  freeMemoryMb: 900,
  daemons: [
    {
      shard: 'main',
      presence: 'up',
      role: 'active',
      hasStandby: true,
      subjects: 10,
      degradations: [],
      signalUs: 40,
      budgetMs: 200,
    },
  ],
};
const KEPT = { hash: 'a'.repeat(64), maker: 'desk/12' };
const OTHER = { hash: 'b'.repeat(64), maker: 'attic/7' };

describe.skipIf(redis === null || noBrowser)(`the page Fleet, with a worker on Redis${note}`, () => {
  let place: Workplace;
  let api: ApiWorkplace;
  let browser: Browser;
  let page: Page;
  let queue: TaskQueue;
  let worker: Running;

  beforeAll(async () => {
    place = createWorkplace();
    const env = {
      MINUTEHAND_QUEUE: 'bullmq',
      MINUTEHAND_BLOBS: join(place.folder, 'blobs'),
      MINUTEHAND_FLEET: 'research',
      // Further attempts after a second.
      MINUTEHAND_TEST_LEASE_MS: '6000',
    };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    browser = (await startBrowser())!;
    api = await openApiWorkplace({ minutehand: { transports: { redis: { url: redis!.url } } } });
    queue = bullmqQueue(redis!.url, null, { ...QUEUE_TIMING, backoffMs: 500 }, 'research');
    await queue.lead(ownIdentity());
    worker = place.start(['worker', '--slots', '2', '--name', 'desk', '--priority', 'low'], {
      ...env,
      MINUTEHAND_REDIS_URL: redis!.url,
    });
    await eventually(worker.stderr, () => worker.stdout().includes('fleet research') || undefined);
    page = await pageOf('operator', 'ann');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    worker?.kill('SIGKILL');
    await queue?.close();
    await browser?.close();
    await api?.close();
    await place?.remove();
    await redis?.stop();
  });

  async function pageOf(role: 'viewer' | 'operator', name: string): Promise<Page> {
    const context = await openContext(browser, { locale: 'en-US' });
    const { cookie } = await api.logIn(role, name);
    const [key, value] = cookie.split('=') as [string, string];
    await context.addCookies([{ name: key, value, url: api.origin }]);
    return context.newPage();
  }

  const rowOf = (text: string | RegExp) => page.locator('tr', { hasText: text });
  /** Not that of the worker which does it. */
  const failedRow = () => page.locator('section[aria-label="Failed tasks"] tr', { hasText: BAD_TASK.slice(0, 12) });
  /** Clicks again if the table, which reloads every 5 s, has removed the row and with it the open dialog. */
  async function press(row: ReturnType<typeof rowOf>, button: string, tries = 3): Promise<void> {
    await row.getByRole('button', { name: button }).click();
    try {
      await page.locator('dialog[open] button.primary').click({ timeout: 10_000 });
    } catch (error) {
      if (tries === 1) throw error;
      await press(row, button, tries - 1);
    }
  }

  it('shows the worker with its machine and the queue, to a viewer without buttons', async () => {
    await page.goto(`${api.origin}/app/fleet`);
    await rowOf(/desk\/\d+/).waitFor();
    const row = await rowOf(/desk\/\d+/).innerText();
    expect(row).toMatch(/waits/);
    expect(row).toMatch(/MB/);
    expect(row).toMatch(/gbdt/);
    expect(await page.locator('main').innerText()).toMatch(/research[\s\S]*0 of 2[\s\S]*redis:\/\/127\.0\.0\.1/);
    const viewer = await pageOf('viewer', 'vic');
    await viewer.goto(`${api.origin}/app/fleet`);
    await viewer.locator('tr', { hasText: /desk/ }).waitFor();
    expect(await viewer.getByRole('button', { name: 'End' }).count()).toBe(0);
    await viewer.context().close();
  });

  it('shows the daemons of each machine, with what is wrong, and how many subjects one carries', async () => {
    const [daemon] = DESK.daemons;
    await queue.announce(DESK);
    await queue.announce({
      ...DESK,
      name: 'b@attic',
      host: 'attic',
      daemons: [
        { ...daemon!, shard: 'fx', role: 'standby', signalUs: null },
        { ...daemon!, shard: 'metals', degradations: ['FEED_SILENT'] },
      ],
    });
    await rowOf(/metals/).waitFor();
    expect(await rowOf(/desk live/).innerText()).toMatch(/desk live\s+main\s+serves\s+waits\s+10\s+40 µs\s+5,000/);
    expect(await rowOf(/fx/).innerText()).toMatch(/attic live\s+fx\s+standby/);
    expect(await rowOf(/metals/).innerText()).toMatch(/degraded/);
  });

  it('names what no worker can do, and what waits for another attempt', async () => {
    const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex');
    const needs = { learner: 'xgboost', memoryMb: 2 ** 20, gpu: true };
    await queue.enqueue({ key: keyOf('too large'), needs, isUrgent: false, payload: '{}' });
    const patient = bullmqQueue(redis!.url, null, { ...QUEUE_TIMING, backoffMs: 3_600_000 }, 'research');
    await patient.enqueue({ key: keyOf('slow'), needs: { learner: 'other' }, isUrgent: false, payload: '{}' });
    const claim = await patient.claim({ name: 'elsewhere', learners: ['other'], slots: 1 });
    await claim!.fail({ code: 'TASK_TIME', message: 'more than 60 s' }, true);
    await patient.close();
    const unclaimed = page.locator('section[aria-label="Tasks that no worker can do"]');
    await unclaimed.getByText('1048576 MB a task').waitFor();
    expect(await unclaimed.innerText()).toMatch(/xgboost\s+1\s+1,048,576 MB\s+1\s+GPU\s+desk\/\d+: .*a GPU/);
    const retries = page.locator('section[aria-label="Tasks that wait for another attempt"]');
    const row = retries.locator('tr', { hasText: keyOf('slow').slice(0, 12) });
    await row.waitFor();
    expect(await row.innerText()).toMatch(/other\s+TASK_TIME\s+more than 60 s\s+2\s+\d+ min/);
  });

  it('lists a task that the worker could not do, with the reason; tries it again, and drops it', async () => {
    const task = { key: BAD_TASK, needs: { learner: 'gbdt' }, isUrgent: false, payload: '{"kind":"fit"}' };
    await queue.enqueue(task);
    const { error } = (await queue.settled(BAD_TASK, AbortSignal.timeout(60_000))) as { error: { code: string } };
    await failedRow().waitFor();
    expect(await failedRow().innerText()).toContain(error.code);
    await press(failedRow(), 'Try again');
    await eventually(
      () => 'the task fails again',
      async () => ((await queue.outcome(BAD_TASK))?.state === 'failed' ? true : undefined),
    );
    await failedRow().waitFor();
    await takePictures();
    await press(failedRow(), 'Drop');
    await page.getByText('No task has failed.').waitFor();
    expect(await queue.failures()).toEqual([]);
  });

  it('shows two results of one task with both workers', async () => {
    await queue.report({ key: BAD_TASK, learner: 'gbdt', kept: KEPT, other: OTHER });
    await rowOf('attic/7').waitFor();
    expect(await rowOf('attic/7').innerText()).toMatch(/desk\/12/);
  });

  it('shows an entry of the queue that cannot be read', async () => {
    const client = new Redis(redis!.url);
    await client.set('minutehand:fleet-research:worker:foreign/1', '{"name":1}', 'PX', 60_000);
    const aside = page.locator('section[aria-label="Entries that cannot be read"]');
    await aside.getByText('worker:foreign/1').waitFor();
    expect(await aside.innerText()).toContain('{"name":1}');
    expect(await client.exists('minutehand:fleet-research:worker:foreign/1')).toBe(0);
    await client.quit();
  });

  it('ends the worker, which ends by itself with 0; the audit has each action', async () => {
    await press(rowOf(/desk\/\d+/), 'End');
    await rowOf(/is ending/).waitFor();
    expect(await worker.ended).toBe(0);
    expect(worker.stderr() + worker.stdout()).toMatch(/Asked to end/);
    const { entries } = (await api.ask('GET', '/api/audit', { headers: await api.logIn('viewer', 'vic2') }))
      .body as unknown as { entries: { actor: string; action: string; target: string }[] };
    const acts = entries.filter(({ action }) => action.includes('/api/fleet/'));
    expect(acts.map(({ actor, action }) => `${actor} ${action}`).sort()).toEqual([
      'ann POST /api/fleet/tasks/forget',
      'ann POST /api/fleet/tasks/retry',
      'ann POST /api/fleet/workers/end',
    ]);
    const gone = await api.ask('POST', '/api/fleet/workers/end', {
      headers: await api.logIn('operator', 'olga'),
      body: { worker: 'nobody/1' },
    });
    expect([gone.status, gone.body.error?.code]).toEqual([404, 'WORKER_UNKNOWN']);
  });

  async function takePictures(): Promise<void> {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    for (const language of ['en', 'ja']) {
      await page.evaluate(`localStorage.setItem('minutehand.language', '${language}')`);
      for (const width of [1440, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.reload();
        await page
          .locator('td code', { hasText: BAD_TASK.slice(0, 12) })
          .first()
          .waitFor();
        await page.screenshot({ path: join(PICTURES, `fleet_${language}_${width}.png`), fullPage: true });
      }
    }
    await page.evaluate(`localStorage.setItem('minutehand.language', 'en')`);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.reload();
  }
});
