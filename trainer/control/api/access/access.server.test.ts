import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bearer, openApiWorkplace, type Answer, type ApiWorkplace } from '../api.fixture.ts';
import { appendAudit, verifyAudit } from '../audit.ts';
import { EventHub } from '../events/hub.ts';
import { createLogin, isStillValid } from './sessions.ts';
import { createToken, revokeToken } from './tokens.ts';
import { Throttle } from './throttle.ts';

let api: ApiWorkplace;
beforeAll(async () => {
  api = await openApiWorkplace();
});
afterAll(() => api.close());

const refusal = ({ status, body }: Answer): string => `${status} ${body.error?.code ?? 'no code'}`;

describe('a login link', () => {
  it('opens a session once, with a cookie that scripts and other sites cannot read', async () => {
    const code = await createLogin(api.store.db, { name: 'ann', role: 'operator', nowMs: Date.now() });
    const first = await api.ask('GET', `/login?code=${code}`);
    expect([first.status, first.headers.location]).toEqual([303, '/']);
    expect(first.headers['set-cookie']![0]).toMatch(
      /^minutehand_session_\d+=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    const cookie = first.headers['set-cookie']![0]!.split(';')[0]!;
    // The name contains the port: another installation on this host has its own cookie.
    expect(cookie.split('=')[0]).toBe(`minutehand_session_${api.port}`);
    const session = await api.ask('GET', '/api/session', { headers: { cookie } });
    expect(session.body).toMatchObject({ name: 'ann', role: 'operator', via: 'session' });
    expect(refusal(await api.ask('GET', `/login?code=${code}`))).toBe('401 LOGIN_REFUSED');
  });

  it('is not used up by a prefetch, and expires', async () => {
    const code = await createLogin(api.store.db, { name: 'ann', role: 'viewer', nowMs: Date.now() });
    const ahead = await api.ask('GET', `/login?code=${code}`, { headers: { 'sec-purpose': 'prefetch' } });
    expect(refusal(ahead)).toBe('401 LOGIN_REFUSED');
    expect((await api.ask('HEAD', `/login?code=${code}`)).status).toBe(404);
    expect((await api.ask('GET', `/login?code=${code}`)).status).toBe(303);
    const old = await createLogin(api.store.db, { name: 'ann', role: 'viewer', nowMs: Date.now() - 16 * 60_000 });
    expect(refusal(await api.ask('GET', `/login?code=${old}`))).toBe('401 LOGIN_REFUSED');
  });

  it('and a token open no session for the page of another site (login CSRF)', async () => {
    const code = await createLogin(api.store.db, { name: 'mallory', role: 'viewer', nowMs: Date.now() });
    const token = await api.token('viewer', 'mallory');
    const pages: Readonly<Record<string, string>>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://127.0.0.1:3000' },
      { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of pages)
      for (const body of [{ code }, { token }]) {
        const answer = await api.ask('POST', '/api/session', { headers, body });
        expect(refusal(answer), JSON.stringify(headers)).toBe('403 CSRF_REFUSED');
        expect(answer.headers['set-cookie']).toBeUndefined();
      }
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }])
      for (const body of [{ code }, { token }])
        expect(refusal(await api.ask('POST', '/api/session', { headers, body }))).toBe('403 ORIGIN_REFUSED');
    // A form of another site can send no JSON.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      const how = { headers: { 'content-type': type }, raw: JSON.stringify({ code }) };
      expect(refusal(await api.ask('POST', '/api/session', how)), type).toBe('400 REQUEST_INVALID');
    }
    // None of them has used up the code.
    const own = { headers: { origin: api.origin, 'sec-fetch-site': 'same-origin' }, body: { code } };
    expect((await api.ask('POST', '/api/session', own)).status).toBe(200);
  });

  it('that a page of another site opens asks first, and logs nobody in', async () => {
    const code = await createLogin(api.store.db, { name: 'mallory', role: 'viewer', nowMs: Date.now() });
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', accept: 'text/html' };
      const asked = await api.ask('GET', `/login?code=${code}`, { headers });
      expect([asked.status, asked.headers['set-cookie'], asked.headers['content-type']]).toEqual([
        200,
        undefined,
        'text/html; charset=utf-8',
      ]);
      expect(asked.text).toContain(`<a href="/login?code=${code}">Log in</a>`);
      expect(asked.headers['content-security-policy']).toContain("frame-ancestors 'none'");
      // Without it a browser asks for /favicon.ico, which there is not.
      expect(asked.text).toContain('<link rel="icon" href="/favicon.svg">');
      const japanese = { ...headers, 'accept-language': 'ja-JP' };
      expect((await api.ask('GET', `/login?code=${code}`, { headers: japanese })).text).toContain('ログインしますか');
    }
    const markup = encodeURIComponent('"><script>alert(1)</script>');
    const odd = await api.ask('GET', `/login?code=${markup}`, { headers: { 'sec-fetch-site': 'cross-site' } });
    expect(odd.text).not.toContain('<script>');
    // The link of that page, and one that is typed or opened by a terminal.
    const own = await api.ask('GET', `/login?code=${code}`, { headers: { 'sec-fetch-site': 'same-origin' } });
    expect([own.status, own.headers['set-cookie']?.length]).toEqual([303, 1]);
    const other = await createLogin(api.store.db, { name: 'ann', role: 'viewer', nowMs: Date.now() });
    expect((await api.ask('GET', `/login?code=${other}`, { headers: { 'sec-fetch-site': 'none' } })).status).toBe(303);
  });

  it('used twice at once opens one session', async () => {
    const code = await createLogin(api.store.db, { name: 'ann', role: 'viewer', nowMs: Date.now() });
    const both = await Promise.all([1, 2].map(() => api.ask('GET', `/login?code=${code}`)));
    expect(both.map(({ status }) => status).sort()).toEqual([303, 401]);
  });

  it('never accepts a session id from the client, and ends the one it had (session fixation)', async () => {
    const planted = `minutehand_session_${api.port}=${'x'.repeat(43)}`;
    const code = await createLogin(api.store.db, { name: 'ann', role: 'viewer', nowMs: Date.now() });
    const { headers } = await api.ask('GET', `/login?code=${code}`, { headers: { cookie: planted } });
    expect(headers['set-cookie']![0]!.split(';')[0]).not.toBe(planted);
    expect(refusal(await api.ask('GET', '/api/session', { headers: { cookie: planted } }))).toBe('401 LOGIN_REQUIRED');
    // A session that the attacker has opened and planted: after the log-in it is nobody's.
    const attacker = await api.logIn('viewer', 'mallory');
    const next = await createLogin(api.store.db, { name: 'ann', role: 'approver', nowMs: Date.now() });
    const { cookie } = attacker;
    const answer = await api.ask('POST', '/api/session', { headers: { cookie }, body: { code: next } });
    const fresh = answer.headers['set-cookie']![0]!.split(';')[0]!;
    expect(fresh).not.toBe(cookie);
    expect(refusal(await api.ask('GET', '/api/session', { headers: { cookie } }))).toBe('401 LOGIN_REQUIRED');
    expect((await api.ask('GET', '/api/session', { headers: { cookie: fresh } })).body).toMatchObject({ name: 'ann' });
  });
});

describe('a session', () => {
  it('writes only with its own CSRF token, from a page of the same origin', async () => {
    const own = await api.logIn('approver');
    const { cookie } = own;
    const clean = (headers: Record<string, string>): Promise<Answer> =>
      api.ask('POST', '/api/ml/models/cleanup', { headers });
    expect(refusal(await clean({ cookie }))).toBe('403 CSRF_REFUSED');
    const other = await api.logIn('operator', 'other');
    expect(refusal(await clean({ cookie, 'x-csrf-token': other['x-csrf-token'] }))).toBe('403 CSRF_REFUSED');
    expect((await clean(own)).status).toBe(200);
    expect((await clean({ ...own, origin: api.origin, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    // Another port of this machine has the same cookies; createAccess allows its pages.
    expect(refusal(await clean({ ...own, origin: 'http://127.0.0.1:3000' }))).toBe('403 CSRF_REFUSED');
    for (const site of ['cross-site', 'same-site'])
      expect(refusal(await clean({ ...own, 'sec-fetch-site': site })), site).toBe('403 CSRF_REFUSED');
    expect(refusal(await clean({ ...own, origin: 'https://evil.example' }))).toBe('403 ORIGIN_REFUSED');
  });

  it('cannot be read by a page of another origin either', async () => {
    const { cookie } = await api.logIn('viewer');
    const headers = { cookie, 'sec-fetch-site': 'same-site' };
    expect(refusal(await api.ask('GET', '/api/signals', { headers }))).toBe('403 CSRF_REFUSED');
  });

  it('ends with its log-out', async () => {
    const own = await api.logIn('viewer');
    expect((await api.ask('DELETE', '/api/session', { headers: own })).status).toBe(204);
    expect(refusal(await api.ask('GET', '/api/session', { headers: own }))).toBe('401 LOGIN_REQUIRED');
  });

  it('opened by a token ends when the token is revoked', async () => {
    const nowMs = Date.now();
    const expiresMs = nowMs + 60_000;
    const { id, token } = await createToken(api.store.db, { name: 'bob', role: 'viewer', nowMs, expiresMs });
    const { headers } = await api.ask('POST', '/api/session', { body: { token } });
    const cookie = headers['set-cookie']![0]!.split(';')[0]!;
    expect((await api.ask('GET', '/api/session', { headers: { cookie } })).body).toMatchObject({ name: 'bob' });
    expect(await revokeToken(api.store.db, id, Date.now())).toBe(true);
    expect(refusal(await api.ask('GET', '/api/session', { headers: { cookie } }))).toBe('401 LOGIN_REQUIRED');
    expect(refusal(await api.ask('GET', '/api/session', { headers: bearer(token) }))).toBe('401 LOGIN_REFUSED');
  });
});

describe('an event stream', () => {
  it('is allowed as long as its session or token is valid', async () => {
    const nowMs = Date.now();
    const { db } = api.store;
    const { id } = await createToken(db, { name: 'eve', role: 'viewer', nowMs, expiresMs: nowMs + 1000 });
    const identity = { name: 'eve', role: 'viewer', via: 'token', id } as const;
    expect(await isStillValid(db, identity, nowMs)).toBe(true);
    expect(await isStillValid(db, identity, nowMs + 1000)).toBe(false);
    await revokeToken(db, id, nowMs);
    expect(await isStillValid(db, identity, nowMs)).toBe(false);
  });

  it('ends at the next keep-alive when it is no longer allowed', async () => {
    const hub = new EventHub();
    let isAllowed = true;
    const server = createServer((_request, response) => hub.open(response, 'x', [], () => Promise.resolve(isAllowed)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await hub.beat();
      isAllowed = false;
      await hub.beat();
      expect(await response.text()).toBe('retry: 2000\n\n: beat\n\n: beat\n\n');
    } finally {
      hub.close();
      server.close();
    }
  });
});

describe('a token', () => {
  it('is stored as a hash only, and refused when it has expired', async () => {
    const token = await api.token('viewer', 'carl');
    const rows = await api.store.db.selectFrom('core.api_tokens').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(token.slice('mh_000000000000_'.length));
    const nowMs = Date.now();
    const old = await createToken(api.store.db, { name: 'carl', role: 'viewer', nowMs, expiresMs: nowMs - 1 });
    expect(refusal(await api.ask('GET', '/api/session', { headers: bearer(old.token) }))).toBe('401 LOGIN_REFUSED');
  });

  it('is throttled after five wrong guesses, while a valid one is accepted', async () => {
    const other = await openApiWorkplace();
    try {
      const right = bearer(await other.token('viewer'));
      expect((await other.ask('GET', '/api/session', { headers: right })).status).toBe(200);
      const guess = () => other.ask('GET', '/api/session', { headers: bearer(`mh_000000000000_${'a'.repeat(43)}`) });
      for (let tries = 1; tries <= 5; tries += 1) expect(refusal(await guess())).toBe('401 LOGIN_REFUSED');
      // A slow machine may use up the first delays; the next is twice as long.
      let slowed = await guess();
      for (let tries = 1; tries <= 10 && slowed.status === 401; tries += 1) slowed = await guess();
      expect(refusal(slowed)).toBe('429 ATTEMPTS_TOO_MANY');
      expect(Number(slowed.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect((await other.ask('GET', '/api/session', { headers: right })).status).toBe(200);
    } finally {
      await other.close();
    }
  });

  it('guesses with ever new ids, and guessed login links, are throttled by their address', async () => {
    const other = await openApiWorkplace();
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now());
    try {
      const tokenOf = (tries: number): string => `mh_${String(tries).padStart(12, '0')}_${'a'.repeat(43)}`;
      const guess = (tries: number) => other.ask('GET', '/api/session', { headers: bearer(tokenOf(tries)) });
      const guessLink = (tries: number) =>
        other.ask('POST', '/api/session', { body: { code: String(tries).padStart(43, 'a') } });
      for (const attempt of [guess, guessLink]) {
        for (let tries = 1; tries <= 5; tries += 1) expect(refusal(await attempt(tries))).toBe('401 LOGIN_REFUSED');
        const held = await attempt(6);
        expect([refusal(held), held.headers['retry-after']]).toEqual(['429 ATTEMPTS_TOO_MANY', '1']);
      }
    } finally {
      clock.mockRestore();
      await other.close();
    }
  });

  it('that is valid and unused is accepted soon after wrong ones from the same address', async () => {
    const other = await openApiWorkplace();
    try {
      const right = await other.token('viewer');
      const guess = (token: string) => other.ask('GET', '/api/session', { headers: bearer(token) });
      const wrong = `mh_000000000000_${'a'.repeat(43)}`;
      for (let tries = 1; tries <= 20; tries += 1) await guess(wrong);
      expect(refusal(await guess(wrong))).toBe('429 ATTEMPTS_TOO_MANY');
      expect((await guess(right)).status).toBe(200);
    } finally {
      await other.close();
    }
  });

  it('that is valid and unused waits for wrong ones with its id, but for four seconds at most', async () => {
    const other = await openApiWorkplace();
    let nowMs = Date.now();
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => nowMs);
    try {
      const right = await other.token('viewer');
      const guess = (token: string) => other.ask('GET', '/api/session', { headers: bearer(token) });
      const fail = async (): Promise<void> =>
        expect(refusal(await guess(`${right.slice(0, 16)}${'b'.repeat(43)}`))).toBe('401 LOGIN_REFUSED');
      for (let tries = 1; tries <= 4; tries += 1) await fail();
      for (const seconds of [1, 2, 4]) {
        await fail();
        const held = await guess(right);
        expect([refusal(held), held.headers['retry-after']]).toEqual(['429 ATTEMPTS_TOO_MANY', String(seconds)]);
        nowMs += seconds * 1000;
      }
      await fail();
      nowMs += 3999;
      expect(refusal(await guess(right))).toBe('429 ATTEMPTS_TOO_MANY');
      nowMs += 1;
      expect((await guess(right)).status).toBe(200);
    } finally {
      clock.mockRestore();
      await other.close();
    }
  });

  it('has to wait twice as long after each failure, up to a minute', () => {
    const throttle = new Throttle();
    const waits: number[] = [];
    for (let failures = 1; failures <= 12; failures += 1) {
      throttle.fail('192.0.2.1', 0);
      waits.push(throttle.waitMs('192.0.2.1', 0));
    }
    expect(waits).toEqual([0, 0, 0, 0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(throttle.waitMs('192.0.2.2', 0)).toBe(0);
    expect(throttle.waitMs('192.0.2.1', 60_000)).toBe(0);
  });
});

describe('sessions', () => {
  it('are listed to their owner and to approvers, and end on request', async () => {
    const own = await openApiWorkplace();
    try {
      const lisa = await own.logIn('operator', 'lisa');
      const otto = await own.logIn('approver', 'otto');
      const listOf = async (headers: Readonly<Record<string, string>>) =>
        (await own.ask('GET', '/api/sessions', { headers })).body['sessions'] as {
          session_id: string;
          name: string;
          current: boolean;
        }[];
      expect(await listOf(lisa)).toMatchObject([{ name: 'lisa', role: 'operator', token_id: null, current: true }]);
      const all = await listOf(otto);
      expect(all.map(({ name, current }) => [name, current])).toEqual([
        ['lisa', false],
        ['otto', true],
      ]);
      const [ofLisa, ofOtto] = all.map(({ session_id }) => `/api/sessions/${session_id}`) as [string, string];
      const end = async (path: string, headers: Readonly<Record<string, string>>) =>
        (await own.ask('DELETE', path, { headers })).status;
      expect(await end(ofOtto, lisa)).toBe(404);
      expect(await end(ofLisa, otto)).toBe(204);
      expect((await own.ask('GET', '/api/status', { headers: lisa })).status).toBe(401);
      expect(await end(ofLisa, otto)).toBe(404);
      expect((await own.ask('GET', '/api/status', { headers: otto })).status).toBe(200);
    } finally {
      await own.close();
    }
  });

  it('begin with a page, not JSON, for a browser with a used link, in its language', async () => {
    const own = await openApiWorkplace();
    try {
      const code = await createLogin(own.store.db, { name: 'lisa', role: 'viewer', nowMs: Date.now() });
      const open = (headers: Readonly<Record<string, string>>) => own.ask('GET', `/login?code=${code}`, { headers });
      expect((await open({ accept: 'text/html' })).status).toBe(303);
      const again = await open({ accept: 'text/html,*/*' });
      expect([again.status, again.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8']);
      expect(again.text).toContain('minutehand token link');
      expect((await open({ accept: 'text/html', 'accept-language': 'ja,en;q=0.5' })).text).toContain('lang="ja"');
      expect(refusal(await open({}))).toBe('401 LOGIN_REFUSED');
    } finally {
      await own.close();
    }
  });

  it('behind HTTPS have a cookie that is never sent by HTTP', async () => {
    const own = await openApiWorkplace();
    try {
      const cookieOf = async (headers: Readonly<Record<string, string>>) => {
        const code = await createLogin(own.store.db, { name: 'lisa', role: 'viewer', nowMs: Date.now() });
        return (await own.ask('GET', `/login?code=${code}`, { headers })).headers['set-cookie']![0]!;
      };
      expect(await cookieOf({})).not.toContain('Secure');
      for (const headers of [
        { 'x-forwarded-proto': 'https' },
        { 'x-forwarded-proto': 'HTTPS, http' },
        { forwarded: 'for=192.0.2.1;proto=https' },
        { 'x-forwarded-ssl': 'on' },
      ])
        expect(await cookieOf(headers)).toContain('Secure');
    } finally {
      await own.close();
    }
  });
});

describe('the audit', () => {
  // Wrong tokens of the tests above throttle this address.
  let own: ApiWorkplace;
  beforeAll(async () => {
    own = await openApiWorkplace();
  });
  afterAll(() => own.close());

  it('records every write with identity, action and outcome, chained by hashes', async () => {
    const operator = bearer(await own.token('operator', 'olga'));
    const approver = bearer(await own.token('approver', 'ann'));
    await own.ask('POST', '/api/ml/models/cleanup', { headers: approver });
    await own.ask('POST', '/api/ml-training/stop', { headers: operator });
    const { body } = await own.ask('GET', '/api/audit', { headers: operator });
    expect((body['entries'] as unknown[]).slice(0, 2)).toMatchObject([
      { actor: 'olga', action: 'POST /api/ml-training/stop', outcome: 'refused 409' },
      { actor: 'ann', role: 'approver', via: 'token', action: 'POST /api/ml/models/cleanup', outcome: 'done' },
    ]);
  });

  it('records log-ins and refused log-ins, by link and by token', async () => {
    await own.logIn('operator', 'lisa');
    await own.ask('GET', '/login?code=wrong');
    await own.ask('POST', '/api/session', { body: { token: 'wrong' } });
    const reader = bearer(await own.token('viewer'));
    await own.ask('GET', '/api/status', { headers: bearer(`mh_000000000000_${'c'.repeat(43)}`) });
    const { body } = await own.ask('GET', '/api/audit', { headers: reader });
    expect((body['entries'] as unknown[]).slice(0, 4)).toMatchObject([
      { actor: 'unknown', action: 'GET /api/status', target: 'token from 127.0.0.1', outcome: 'refused 401' },
      { actor: 'unknown', action: 'POST /api/session', target: 'token from 127.0.0.1', outcome: 'refused 401' },
      { actor: 'unknown', action: 'GET /login', target: 'link from 127.0.0.1', outcome: 'refused 401' },
      { actor: 'lisa', role: 'operator', action: 'POST /api/session', outcome: 'done' },
    ]);
  });

  it('detects a change of any column of an entry', async () => {
    const entry = {
      actor: 'ann',
      role: 'operator',
      via: 'session',
      action: 'PUT /api/ml/config',
      outcome: 'done',
    } as const;
    const change = { target: 'core.theta1_initial', before: { value: 0.4 }, after: { value: 0.41 } };
    await appendAudit(own.store, { ...entry, ...change }, Date.now());
    const last = own.store.db.selectFrom('audit.api_writes').selectAll().orderBy('entry_id', 'desc').limit(1);
    const row = await last.executeTakeFirstOrThrow();
    const set = (changes: object) =>
      own.store.db.updateTable('audit.api_writes').set(changes).where('entry_id', '=', row.entry_id).execute();
    const columns = (Object.keys(row) as (keyof typeof row)[]).filter((column) => column !== 'entry_id');
    expect(columns).toEqual(expect.arrayContaining(['at', 'before', 'after', 'outcome', 'previous_hash', 'hash']));
    expect(columns).toHaveLength(11);
    for (const column of columns) {
      const value = row[column] as string;
      for (const other of column === 'before' || column === 'after'
        ? [value.replace('0.4', '0.3'), null]
        : [`${value}x`]) {
        expect(other).not.toBe(value);
        await set({ [column]: other });
        expect((await verifyAudit(own.store)).broken, column).toBe(Number(row.entry_id));
        await set({ [column]: value });
        expect((await verifyAudit(own.store)).broken, column).toBeNull();
      }
    }
  });

  it('detects changed, removed and inserted entries', async () => {
    const headers = bearer(await own.token('operator'));
    await Promise.all(Array.from({ length: 8 }, () => own.ask('POST', '/api/ml/models/cleanup', { headers })));
    const whole = await verifyAudit(own.store);
    expect(whole).toMatchObject({ broken: null });
    expect(whole.entries).toBeGreaterThanOrEqual(8);
    const rows = await own.store.db.selectFrom('audit.api_writes').selectAll().orderBy('entry_id', 'desc').execute();
    const [, second] = rows;
    const update = (actor: string) =>
      own.store.db.updateTable('audit.api_writes').set({ actor }).where('entry_id', '=', second!.entry_id).execute();
    await update('nobody');
    expect((await verifyAudit(own.store)).broken).toBe(Number(second!.entry_id));
    await update(second!.actor);
    expect((await verifyAudit(own.store)).broken).toBeNull();
    await own.store.db.deleteFrom('audit.api_writes').where('entry_id', '=', second!.entry_id).execute();
    expect(await verifyAudit(own.store)).toMatchObject({
      broken: Number(rows[0]!.entry_id),
      breaks: 1,
      missing: { first: Number(second!.entry_id), last: Number(second!.entry_id), entries: 1 },
    });
  });

  it('misses entries removed at its end, and all of them, by the anchors outside the database', async () => {
    const other = await openApiWorkplace();
    try {
      const headers = bearer(await other.token('operator'));
      for (let writes = 1; writes <= 5; writes += 1) await other.ask('POST', '/api/ml/models/cleanup', { headers });
      const { entries } = await verifyAudit(other.store);
      const newest = (await other.store.db.selectFrom('audit.api_writes').selectAll().execute()).at(-1)!;
      await other.store.db.deleteFrom('audit.api_writes').where('entry_id', '=', newest.entry_id).execute();
      expect(await verifyAudit(other.store)).toMatchObject({ broken: null, missing: { entries: 1 } });
      // The newest anchor alone, as after the file was shortened, covers all entries before.
      const path = other.store.auditAnchors!;
      const all = readFileSync(path, 'utf8');
      writeFileSync(path, `${all.trimEnd().split('\n').at(-1)!}\n`);
      expect(await verifyAudit(other.store)).toMatchObject({ broken: null, missing: { entries: 1 } });
      writeFileSync(path, all);
      await other.store.db.deleteFrom('audit.api_writes').execute();
      expect(await verifyAudit(other.store)).toMatchObject({ entries: 0, broken: null, missing: { entries } });
    } finally {
      await other.close();
    }
  });

  it('stores every text as it was hashed', async () => {
    const entry = {
      actor: 'a\0b',
      role: '',
      via: 'cli',
      action: 'x\ud800',
      target: '\udfff',
      outcome: 'done',
    } as const;
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const before = await verifyAudit(own.store);
    await appendAudit(own.store, { ...entry, before: { text: '\ud800' }, after: cyclic }, 0);
    const after = await verifyAudit(own.store);
    expect(after).toEqual({ ...before, entries: before.entries + 1, head: after.head });
  });
});
