import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../store/store.ts';
import { openApiWorkplace, type ApiWorkplace } from './api.fixture.ts';
import { addRoutes, type ApiParts } from './api.ts';
import { verifyAudit, type AuditEntry } from './audit.ts';
import { appendOrKeep, takeOverKept } from './kept_audit.ts';

let api: ApiWorkplace;
beforeAll(async () => {
  api = await openApiWorkplace();
});
afterAll(() => api.close());

const rows = () => api.store.db.selectFrom('audit.api_writes').selectAll().orderBy('entry_id').execute();

/** Routes of the server that need no role, and change something: as the server itself registers them. */
function writingRoutes(): { readonly method: string; readonly url: string }[] {
  const found: { method: string; url: string }[] = [];
  const server = fastify();
  server.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) if (!['GET', 'HEAD', 'OPTIONS'].includes(one)) found.push({ method: one, url });
  });
  const access = { host: '127.0.0.1', allowedHosts: [], token: undefined };
  addRoutes(server, { access } as unknown as ApiParts);
  return found;
}

describe('a request on this machine without credentials', () => {
  it('stands in the audit, done or refused, on every route that changes something', async () => {
    const routes = writingRoutes();
    expect(routes.map(({ url }) => url)).toEqual(expect.arrayContaining(['/retrain', '/retrain/cancel']));
    for (const { method, url } of routes) {
      const before = await rows();
      const { status } = await api.ask(method, `${url}?kind=full`);
      const added = (await rows()).slice(before.length);
      expect(added, `${method} ${url}`).toMatchObject([
        { via: 'loopback', actor: '127.0.0.1', role: '', action: `${method} ${url}`, target: 'kind=full' },
      ]);
      expect(added[0]!.outcome).toBe(status < 400 ? 'done' : `refused ${status}`);
    }
    const begun = (await rows()).find(({ action }) => action === 'POST /retrain')!;
    expect(JSON.parse(begun.after!)).toMatchObject({ run_id: expect.any(Number) as number, kind: 'full' });
  });

  it('stands in it when it is refused for what it asks, and not when it only reads', async () => {
    const { status } = await api.ask('POST', '/retrain?kind=nothing');
    expect((await rows()).at(-1)).toMatchObject({ action: 'POST /retrain', outcome: `refused ${status}` });
    const before = (await rows()).length;
    for (const path of ['/healthz', '/metrics', '/runs', '/models', '/monitor']) await api.ask('GET', path);
    await api.ask('POST', '/nothing');
    expect(await rows()).toHaveLength(before);
    expect(await verifyAudit(api.store)).toMatchObject({ broken: null });
  });
});

describe('an entry of the audit', () => {
  const entry: AuditEntry = {
    actor: 'ann',
    role: '',
    via: 'cli',
    action: 'models promote',
    target: '20260101_0000',
    before: null,
    after: { version: '20260101_0000' },
    outcome: 'done',
  };

  it('waits in the home while the store cannot be used, and comes in with its own time and in order', async () => {
    const { paths } = api;
    const env = { MINUTEHAND_DATABASE_URL: 'postgres://u@127.0.0.1:1/d' };
    expect(await appendOrKeep(env, paths, entry, 1000)).toMatchObject({ code: 'STORE_UNUSABLE' });
    expect(await appendOrKeep(env, paths, { ...entry, target: 'second' }, 2000)).toMatchObject({
      code: 'STORE_UNUSABLE',
    });
    // A power cut in the third.
    writeFileSync(paths.keptAudit, `${readFileSync(paths.keptAudit, 'utf8')}{"entry":{"act`);
    expect(await appendOrKeep({}, paths, { ...entry, target: 'fourth' }, 4000)).toBeNull();
    expect(existsSync(paths.keptAudit)).toBe(false);
    const last = (await rows()).slice(-3).map(({ at, target }) => [at, target]);
    expect(last).toEqual([
      ['1970-01-01T00:00:01.000Z', '20260101_0000'],
      ['1970-01-01T00:00:02.000Z', 'second'],
      ['1970-01-01T00:00:04.000Z', 'fourth'],
    ]);
    const store = await openStore(paths.trainer);
    await takeOverKept(store, paths);
    expect(await verifyAudit(store)).toMatchObject({ broken: null });
    await store.close();
  });
});
