import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, expect, it } from 'vitest';
import { haltsPath, readHalts } from '../../../shared/bundle/halts.ts';
import { ERRORS } from '../../../shared/errors.ts';
import { lockHome } from '../../../shared/process/home_lock.ts';
import { fillDisk, mayMount, MOUNT_NOTE, mountSmallDisk } from '../../../test/mounts.ts';
import { skipNote } from '../../../test/skip_note.ts';
import { bearer, openApiWorkplace, type Answer, type ApiWorkplace } from './api.fixture.ts';
import { verifyAudit } from './audit.ts';

const PATIENCE_MS = 180_000;
/** Longer than an answer waits for its entry. */
const LOCKED_MS = 2600;

/** Bodies with which a route changes something here; the others are refused for what they lack, and recorded too. */
const BODIES: Readonly<Record<string, unknown>> = {
  'POST /api/stops': { kind: 'entries', reason: 'property' },
  'POST /api/stops/resume': {},
  'POST /api/alerts/silence': { pattern: 'feed_*', minutes: 5 },
  'POST /api/ml-training/train': { kind: 'thresholds' },
};

interface Write {
  /** As the audit names it. */
  readonly action: string;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly actor: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Done extends Write {
  readonly answer: Answer;
}

let api: ApiWorkplace;
const undo: (() => void)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0)) one();
  await api.close();
});

/** Every route of the API that a role may write by, and those of the trainer that need none. */
async function writingRoutes(round: string): Promise<Write[]> {
  // Verified once: the answer of its first request.
  const headers = bearer(await api.token('approver', round));
  const { body } = await api.ask('GET', '/api/openapi.json', { headers });
  const paths = body['paths'] as Record<string, Record<string, { readonly 'x-role': string }>>;
  const writes: Write[] = [];
  for (const [template, operations] of Object.entries(paths))
    for (const [key, operation] of Object.entries(operations)) {
      const method = key.toUpperCase();
      if (method === 'GET' || operation['x-role'] === 'public') continue;
      const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => (/id|number/.test(name) ? '77' : 'none'));
      writes.push({
        actor: round,
        method,
        path,
        action: `${method} ${template.replaceAll(/\{(\w+)\}/g, ':$1')}`,
        body: BODIES[`${method} ${template}`] ?? {},
        headers,
      });
    }
  for (const url of ['/retrain', '/retrain/cancel'])
    writes.push({
      action: `POST ${url}`,
      method: 'POST',
      path: `${url}?${new URLSearchParams({ kind: 'none', run: round }).toString()}`,
      actor: '127.0.0.1',
      body: undefined,
      headers: {},
    });
  return writes;
}

/** Sends them at once, and checks that each answer has a code or its effect. */
async function sendAll(writes: readonly Write[]): Promise<Done[]> {
  const done = await Promise.all(
    writes.map(async (write) => {
      const { method, path, body, headers } = write;
      return { ...write, answer: await api.ask(method, path, { headers, body }) };
    }),
  );
  for (const { action, answer } of done) {
    if (answer.status >= 400)
      expect(Object.keys(ERRORS), `${action}: ${answer.text}`).toContain(answer.body.error?.code);
    expect(answer.body.error?.code, `${action}: ${answer.text}`).not.toBe('INTERNAL');
  }
  return done;
}

/** When the store can be used again: each request is in the audit once, with the outcome of its answer. */
async function expectRecorded(done: readonly Done[]): Promise<void> {
  await expect.poll(() => wrongRows(done), { timeout: 60_000, interval: 500 }).toEqual([]);
  expect(existsSync(api.paths.keptAudit)).toBe(false);
  // What was kept while its append still ran is not added later.
  const { headers } = done[0]!;
  await api.ask('POST', '/api/ml/models/cleanup', { headers, body: { keep: 'wrong' } });
  expect(await wrongRows(done.filter(({ action }) => action !== 'POST /api/ml/models/cleanup'))).toEqual([]);
  expect(await verifyAudit(api.store)).toMatchObject({ broken: null, missing: null });
}

async function wrongRows(done: readonly Done[]): Promise<string[]> {
  const rows = await api.store.db.selectFrom('audit.api_writes').selectAll().execute();
  return done.flatMap(({ action, actor, path, answer }) => {
    const own = rows.filter((row) => row.action === action && row.actor === actor);
    const ofQuery = actor === '127.0.0.1' ? own.filter(({ target }) => target === path.split('?')[1]) : own;
    const outcomes = ofQuery.map(({ outcome }) => outcome);
    const expected = answer.status < 400 ? 'done' : `refused ${answer.status}`;
    return outcomes.length === 1 && outcomes[0] === expected ? [] : [`${action} ${expected}: ${outcomes.join()}`];
  });
}

const stops = (): number => readHalts(api.paths.models).stops?.length ?? 0;

/** What follows the stop of a person: it is in force, and its answer says so. */
function expectStopped(done: readonly Done[]): void {
  const { answer } = done.find(({ action }) => action === 'POST /api/stops')!;
  expect([answer.status, stops()]).toEqual([200, 1]);
}

/** Without the one that lifts the stop again. */
const withoutResume = (writes: readonly Write[]): Write[] => writes.filter(({ path }) => path !== '/api/stops/resume');

it(
  'is recorded once where the store is locked for longer than an answer waits',
  async () => {
    api = await openApiWorkplace();
    const writes = withoutResume(await writingRoutes('locked'));
    expect(writes.length).toBeGreaterThan(40);
    await sql`BEGIN IMMEDIATE`.execute(api.store.db);
    const release = setTimeout(() => void sql`COMMIT`.execute(api.store.db), LOCKED_MS);
    undo.push(() => clearTimeout(release));
    const done = await sendAll(writes);
    expectStopped(done);
    await expectRecorded(done);
  },
  PATIENCE_MS,
);

it(
  'is recorded once where the file of anchors is locked, and does not wait long for it',
  async () => {
    api = await openApiWorkplace();
    const writes = withoutResume(await writingRoutes('anchors'));
    const unlock = lockHome(`${api.store.auditAnchors!}.lock`);
    const beginMs = performance.now();
    const stop = writes.filter(({ action }) => action === 'POST /api/stops');
    const [first] = await sendAll(stop);
    expect(performance.now() - beginMs).toBeLessThan(8000);
    expectStopped([first!]);
    const done = await sendAll(writes.filter((write) => !stop.includes(write)));
    unlock();
    await expectRecorded([first!, ...done]);
  },
  PATIENCE_MS,
);

it(
  'is recorded once where the store is gone after the login',
  async () => {
    api = await openApiWorkplace();
    const writes = withoutResume(await writingRoutes('gone'));
    // Verified tokens are remembered.
    for (const { headers } of writes) await api.ask('GET', '/api/session', { headers });
    const files = ['', '-wal', '-shm'].map((end) => `${api.paths.trainer}${end}`).filter((path) => existsSync(path));
    for (const path of files) renameSync(path, `${path}.away`);
    const done = await sendAll(writes);
    expectStopped(done);
    expect(existsSync(api.paths.trainer)).toBe(false);
    expect(existsSync(api.paths.keptAudit)).toBe(true);
    for (const path of files) renameSync(`${path}.away`, path);
    await expectRecorded(done);
  },
  PATIENCE_MS,
);

it(
  'waits in memory where not even the file of kept entries can be locked',
  async () => {
    api = await openApiWorkplace();
    const [write] = (await writingRoutes('memory')).filter(({ action }) => action === 'POST /api/stops');
    const unlock = lockHome(`${api.paths.keptAudit}.lock`);
    renameSync(api.paths.trainer, `${api.paths.trainer}.away`);
    const done = await sendAll([write!]);
    expectStopped(done);
    expect(existsSync(api.paths.keptAudit)).toBe(false);
    renameSync(`${api.paths.trainer}.away`, api.paths.trainer);
    unlock();
    const rows = () => api.store.db.selectFrom('audit.api_writes').select('actor').where('actor', '=', write!.actor);
    await expect.poll(async () => (await rows().execute()).length, { timeout: 30_000, interval: 500 }).toBe(1);
  },
  PATIENCE_MS,
);

it(
  'waits for a lock that another process has, while the others are answered',
  async () => {
    api = await openApiWorkplace();
    const headers = bearer(await api.token('approver', 'waiting'));
    const unlock = lockHome(`${haltsPath(api.paths.models)}.lock`);
    const body = { kind: 'entries', reason: 'a lock' };
    const writing = Array.from({ length: 3 }, () => api.ask('POST', '/api/stops', { headers, body }));
    let isDone = false;
    void Promise.all(writing).then(() => (isDone = true));
    // A wait that blocks would answer none of them before it is over.
    for (let i = 0; i < 20; i++) expect((await api.ask('GET', '/api/session', { headers })).status).toBe(200);
    expect([isDone, readHalts(api.paths.models).stops ?? []]).toEqual([false, []]);
    unlock();
    expect((await Promise.all(writing)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(readHalts(api.paths.models).stops).toMatchObject([{ reason: 'a lock', by: 'waiting' }]);
  },
  PATIENCE_MS,
);

const NO_MOUNTS = !mayMount();
it.skipIf(NO_MOUNTS)(
  `is recorded once where the disk is full${skipNote(NO_MOUNTS, MOUNT_NOTE)}`,
  async () => {
    const parent = mkdtempSync(join(tmpdir(), 'minutehand-recorded-'));
    const disk = mountSmallDisk(join(parent, 'home'), 64);
    undo.push(() => {
      disk.remove();
      rmSync(parent, { recursive: true, force: true });
    });
    api = await openApiWorkplace({}, undefined, undefined, disk.path);
    const writes = withoutResume(await writingRoutes('full'));
    // It makes the reserve of the disk.
    await api.ask('POST', '/api/stops/resume', { headers: writes[0]!.headers, body: {} });
    const filler = fillDisk(disk.path);
    const done = await sendAll(writes);
    expectStopped(done);
    rmSync(filler);
    await expectRecorded(done);
  },
  PATIENCE_MS,
);
