import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createWorkplace } from '../../../../test/cli_process.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../../store/store.ts';
import { appendAudit, FIRST_HASH, verifyAudit } from '../audit.ts';
import { decideChange, insertChange, listChanges } from '../../policy/changes.ts';
import {
  createLogin,
  endSession,
  findSession,
  isStillValid,
  listSessions,
  openSession,
  redeemLogin,
  revokeSession,
  SESSION_MS,
  sessionIdOf,
} from './sessions.ts';
import { createToken, revokeToken, TokenVerifier } from './tokens.ts';

const NOW = Date.UTC(2026, 10, 21);
const HOUR = 3_600_000;

let root: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-access-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

describe.each([
  { kind: 'sqlite', note: '', newUrl: () => Promise.resolve(join(mkdtempSync(join(root, 'home-')), 'trainer.db')) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('access to the API on $kind $note', ({ note, newUrl }) => {
  let url: string;
  let store: Store;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    url = await newUrl();
    store = await openStore(url);
  });
  afterEach(async () => {
    if (note === '') await store.close();
  });
  const newToken = () => createToken(store.db, { name: 'ann', role: 'operator', nowMs: NOW, expiresMs: NOW + HOUR });

  it('verifies tokens until they expire or are revoked, with the sessions that were opened with them', async () => {
    const { id, token } = await newToken();
    const verifier = new TokenVerifier();
    const verify = (text: string, nowMs: number) => verifier.verify(store.db, text, nowMs, true);
    expect(await verify(token, NOW)).toEqual({ name: 'ann', role: 'operator', via: 'token', id });
    expect(await verify(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`, NOW)).toBeNull();
    expect(await verify(token, NOW + HOUR)).toBeNull();
    const secret = await openSession(store.db, { name: 'ann', role: 'operator', tokenId: id, nowMs: NOW });
    const session = (await findSession(store.db, secret, NOW + 1))!;
    expect(session).toMatchObject({ name: 'ann', role: 'operator', via: 'session' });
    expect(await isStillValid(store.db, session, NOW + 1)).toBe(true);
    expect(await revokeToken(store.db, id, NOW + 2)).toBe(true);
    expect(await revokeToken(store.db, id, NOW + 2)).toBe(false);
    expect([await verify(token, NOW + 3), await findSession(store.db, secret, NOW + 3)]).toEqual([null, null]);
    expect(await isStillValid(store.db, session, NOW + 3)).toBe(false);
  });

  it('ends every right at its time, to the millisecond, wherever it is asked for', async () => {
    const { db } = store;
    const { id, token } = await newToken();
    const verifier = new TokenVerifier();
    const secret = await openSession(db, { name: 'ann', role: 'operator', tokenId: null, nowMs: NOW });
    const session = (await findSession(db, secret, NOW))!;
    const known = (await verifier.verify(db, token, NOW, true))!;
    const quarter = 15 * 60_000;
    const rights: readonly (readonly [string, until: number, ask: (nowMs: number) => Promise<unknown>])[] = [
      ['a session', NOW + SESSION_MS, (at) => findSession(db, secret, at)],
      ['the stream of a session', NOW + SESSION_MS, async (at) => (await isStillValid(db, session, at)) || null],
      ['a listed session', NOW + SESSION_MS, async (at) => (await listSessions(db, null, at))[0] ?? null],
      ['a token', NOW + HOUR, (at) => new TokenVerifier().verify(db, token, at, true)],
      ['a token that was verified', NOW + HOUR, (at) => verifier.verify(db, token, at, false)],
      ['the stream of a token', NOW + HOUR, async (at) => (await isStillValid(db, known, at)) || null],
      [
        'a login link',
        NOW + quarter,
        async (at) => redeemLogin(db, await createLogin(db, { name: 'bob', role: 'viewer', nowMs: NOW }), at),
      ],
    ];
    for (const [name, until, ask] of rights) {
      expect(await ask(until - 1), `${name} before its end`).not.toBeNull();
      expect(await ask(until), `${name} at its end`).toBeNull();
    }
    expect(id).toBe(known.id);
    const sessionId = sessionIdOf(session.id);
    expect(await revokeSession(db, sessionId, null, NOW + SESSION_MS)).toBeNull();
    expect(await revokeSession(db, sessionId, 'bob', NOW)).toBeNull();
    expect(await revokeSession(db, sessionId, 'ann', NOW)).toBe(session.id);
    expect(await findSession(db, secret, NOW)).toBeNull();
  });

  it('redeems a login code once under concurrency, and ends sessions', async () => {
    const code = await createLogin(store.db, { name: 'bob', role: 'viewer', nowMs: NOW });
    const all = await Promise.all(Array.from({ length: 8 }, () => redeemLogin(store.db, code, NOW + 1)));
    expect(all.filter((one) => one !== null)).toEqual([{ name: 'bob', role: 'viewer' }]);
    const late = await createLogin(store.db, { name: 'bob', role: 'viewer', nowMs: NOW });
    expect(await redeemLogin(store.db, late, NOW + HOUR)).toBeNull();
    const secret = await openSession(store.db, { name: 'bob', role: 'viewer', tokenId: null, nowMs: NOW });
    await endSession(store.db, secret, NOW + 1);
    expect(await findSession(store.db, secret, NOW + 2)).toBeNull();
  });

  it('chains the audit of two concurrent connections, and detects changes', async () => {
    const other = await openStore(url);
    const entry = {
      actor: 'ann',
      role: 'operator',
      via: 'token',
      action: 'POST /x',
      target: 't',
      before: null,
      after: { a: 'ä' },
    } as const;
    try {
      const writes = [store, other, store, other, store, other];
      await Promise.all(writes.map((own, at) => appendAudit(own, { ...entry, outcome: `done ${at}` }, NOW + at)));
      const whole = await verifyAudit(store);
      expect(whole).toMatchObject({ entries: 6, broken: null });
      expect(whole.head).not.toBe(FIRST_HASH);
      await store.db.updateTable('audit.api_writes').set({ target: 'u' }).where('outcome', '=', 'done 3').execute();
      expect(await verifyAudit(other)).toMatchObject({ entries: 6, breaks: 1 });
    } finally {
      await other.close();
    }
  });

  it('decides an open change once, and expires others', async () => {
    const change = {
      changes: { 'core.theta1_initial': 0.5 },
      before: { 'core.theta1_initial': 0.4 },
      reason: 'r',
      by: 'ann',
      policyHash: 'p',
      expiresMs: NOW + 7 * 86_400_000,
    };
    const open = await insertChange(store, change, NOW);
    const decide = (by: string) => decideChange(store, open.change_id, 'approved', by, NOW + 1);
    const both = await Promise.allSettled([decide('bob'), decide('eve')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await insertChange(store, change, NOW);
    const listed = await listChanges(store, NOW + 8 * 86_400_000, 10);
    expect(listed.map(({ status }) => status)).toEqual(['expired', 'approved']);
  });

  it('is managed by `minutehand token` and checked by `minutehand audit verify`', { timeout: 120_000 }, async () => {
    const workplace = createWorkplace();
    const env = { MINUTEHAND_DATABASE_URL: url };
    const run = (...args: string[]) => workplace.run([...args, '--json'], { env });
    try {
      const created = JSON.parse((await run('token', 'create', '--role', 'approver', '--name', 'zoe')).stdout) as {
        id: string;
        token: string;
      };
      expect(await new TokenVerifier().verify(store.db, created.token, Date.now(), true)).toMatchObject({
        name: 'zoe',
        role: 'approver',
      });
      expect(JSON.parse((await run('token', 'list')).stdout)).toMatchObject({
        tokens: [{ id: created.id, name: 'zoe' }],
      });
      const link = JSON.parse((await run('token', 'link', '--name', 'zoe')).stdout) as { url: string };
      const code = new URL(link.url).searchParams.get('code')!;
      expect(await redeemLogin(store.db, code, Date.now())).toEqual({ name: 'zoe', role: 'approver' });
      expect((await run('token', 'revoke', created.id)).code).toBe(0);
      expect(await new TokenVerifier().verify(store.db, created.token, Date.now(), true)).toBeNull();
      const whole = await run('audit', 'verify');
      expect([whole.code, JSON.parse(whole.stdout)]).toMatchObject([0, { entries: 3, broken: null }]);
      await store.db.deleteFrom('audit.api_writes').where('action', '=', 'token link').execute();
      const broken = await run('audit', 'verify');
      expect(broken.code).toBe(1);
      expect(JSON.parse(broken.stdout)).toMatchObject({
        entries: 2,
        broken: 3,
        missing: { first: 2, last: 2, entries: 1 },
      });
    } finally {
      await workplace.remove();
    }
  });
});
