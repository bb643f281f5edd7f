import { request as httpRequest } from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../../../shared/root.ts';
import { bearer, openApiWorkplace, type Answer, type ApiWorkplace } from '../api.fixture.ts';
import { createLogin } from './sessions.ts';

/**
 * Every operation of the OpenAPI document with its role. Both come from one line of code: this list is the decision.
 */
const OPERATIONS: Readonly<Record<'public' | 'viewer' | 'operator' | 'approver', readonly string[]>> = {
  public: ['POST /api/session'],
  viewer: [
    'DELETE /api/session',
    'DELETE /api/sessions/{session_id}',
    'GET /api/alerts',
    'GET /api/alerts/channels',
    'GET /api/audit',
    'GET /api/automl-features/default-config',
    'GET /api/backtests',
    'GET /api/backtests/compare',
    'GET /api/backtests/{backtest_id}',
    'GET /api/backtests/{backtest_id}/files/{name}',
    'GET /api/backtests/{backtest_id}/tester-signals',
    'GET /api/candles',
    'GET /api/changes',
    'GET /api/data',
    'GET /api/data/progress',
    'GET /api/events',
    'GET /api/explain',
    'GET /api/fleet',
    'GET /api/formulas',
    'GET /api/golive',
    'GET /api/imports',
    'GET /api/jobs',
    'GET /api/jobs/{job_id}',
    'GET /api/jobs/{job_id}/events',
    'GET /api/jobs/{job_id}/result',
    'GET /api/leagues',
    'GET /api/ml-training/training/status',
    'GET /api/ml/config',
    'GET /api/ml/direction-models',
    'GET /api/ml/direction-models/{model_name}',
    'GET /api/ml/models',
    'GET /api/ml/models/current',
    'GET /api/ml/models/{model_name}',
    'GET /api/ml/predict',
    'GET /api/ml/rollout',
    'GET /api/ml/status',
    'GET /api/monitor',
    'GET /api/news',
    'GET /api/performance',
    'GET /api/policy',
    'GET /api/reports',
    'GET /api/runs',
    'GET /api/searches',
    'GET /api/searches/{search_id}',
    'GET /api/session',
    'GET /api/sessions',
    'GET /api/signals',
    'GET /api/signals/history',
    'GET /api/spelling',
    'GET /api/status',
    'GET /api/stops',
    'GET /api/strategies',
    'GET /api/strategies/shadow',
    'GET /api/strategies/status',
    'GET /api/strategies/{version}',
    'GET /api/subjects',
    'GET /api/trades',
    'POST /api/automl-features/validate-config',
    'POST /api/ml/predict',
    'POST /api/strategies/check',
  ],
  operator: [
    'POST /api/alerts/channels/{channel}/test',
    'POST /api/alerts/silence',
    'POST /api/alerts/{alert_id}/ack',
    'POST /api/automl-features/clear-cache',
    'POST /api/automl-features/generate',
    'POST /api/backtests',
    'POST /api/backtests/{backtest_id}/cancel',
    'POST /api/changes/{change_id}/take-back',
    'POST /api/fleet/tasks/forget',
    'POST /api/fleet/tasks/retry',
    'POST /api/fleet/workers/end',
    'POST /api/jobs',
    'POST /api/jobs/{job_id}/cancel',
    'POST /api/ml-training/stop',
    'POST /api/ml-training/train',
    'POST /api/ml/config/reset',
    'POST /api/imports/preview',
    'POST /api/ml/direction-models/{model_name}/verify',
    'POST /api/ml/rollout/abort',
    'POST /api/ml/train',
    'POST /api/stops',
    'POST /api/stops/resume',
    'POST /api/strategies/judge',
    'POST /api/strategies/start',
    'POST /api/strategies/stop',
    'PUT /api/ml/config',
  ],
  approver: [
    'DELETE /api/ml/models/{model_id}',
    'POST /api/bars/delete',
    'POST /api/bars/leave-out',
    'POST /api/changes/{change_id}/approve',
    'POST /api/changes/{change_id}/reject',
    'POST /api/imports',
    'POST /api/imports/{import_number}/undo',
    'POST /api/ml/direction-models/{model_name}/load',
    'POST /api/ml/models/cleanup',
    'POST /api/ml/models/{model_name}/load',
    'POST /api/ml/rollout',
    'POST /api/strategies/end',
    'POST /api/strategies/end-shadow',
    'POST /api/strategies/{version}/promote',
    'POST /api/strategies/{version}/shadow',
    'PUT /api/ml/shadow',
  ],
};
/** The files with routes that need no login, or that the document leaves out. */
const OUTSIDE_THE_DOCUMENT = [
  "dashboard.ts: hide: true role: 'public'",
  'description.ts: hide: true',
  "docs.ts: hide: true role: 'public'",
  "session.ts: hide: true role: 'public'",
];

type Role = 'viewer' | 'operator' | 'approver';
const ROLES: readonly Role[] = ['viewer', 'operator', 'approver'];

interface Operation {
  readonly name: string;
  readonly method: string;
  /** With a value for each parameter. */
  readonly path: string;
  readonly role: 'public' | Role;
}

let api: ApiWorkplace;
let operations: readonly Operation[];
let sends: ReadonlySet<string>;
beforeAll(async () => {
  api = await openApiWorkplace();
  const { body } = await api.ask('GET', '/api/openapi.json', { headers: bearer(await api.token('viewer')) });
  const { paths } = body as unknown as {
    paths: Record<string, Record<string, { 'x-role': Operation['role']; requestBody?: object }>>;
  };
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([lower, { 'x-role': role, requestBody }]) => {
      const method = lower.toUpperCase();
      const operation = { name: `${method} ${path}`, method, path: path.replace(/\{\w+\}/g, '1'), role };
      return { operation, hasBody: requestBody !== undefined };
    }),
  );
  operations = all.map(({ operation }) => operation);
  sends = new Set(all.flatMap(({ operation, hasBody }) => (hasBody ? [operation.name] : [])));
});
afterAll(() => api.close());

const refusal = ({ status, body }: Answer): string => `${status} ${body.error?.code ?? 'no code'}`;
const isWrite = ({ method }: Operation): boolean => method !== 'GET';
const isGuarded = ({ role }: Operation): boolean => role !== 'public';
/** Of a write that its role permits, nothing is done: the body is no JSON. */
const NOTHING = '{';

/** @returns status and code; of a stream of events, its head */
function ask({ method, path }: Operation, headers: Readonly<Record<string, string>>): Promise<string> {
  if (path !== '/api/events') {
    const how = method === 'GET' ? { headers } : { headers, raw: NOTHING };
    return api.ask(method, path, how).then(refusal);
  }
  return new Promise((resolve, reject) => {
    const { port } = api;
    const request = httpRequest({ port, host: '127.0.0.1', path, headers, agent: false }, (response) => {
      if (response.statusCode === 200) resolve('200 no code');
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve(`${response.statusCode} ${/"code":"(\w+)"/.exec(text)?.[1]}`));
      response.on('error', () => undefined);
      if (response.statusCode === 200) request.destroy();
    });
    request.on('error', reject).end();
  });
}

describe('every operation of the API', () => {
  it('has the role that was decided, and none is new without a decision', () => {
    const decided = Object.entries(OPERATIONS).flatMap(([role, names]) => names.map((name) => `${role} ${name}`));
    expect(operations.map(({ role, name }) => `${role} ${name}`).sort()).toEqual(decided.sort());
    const folder = join(packageRoot(), 'trainer', 'control', 'api', 'routes');
    const outside = readdirSync(folder)
      .filter((file) => !file.endsWith('.test.ts'))
      .sort()
      .flatMap((file) => {
        const found = [...readFileSync(join(folder, file), 'utf8').matchAll(/hide: true|role: 'public'/g)];
        return found.length === 0 ? [] : [`${file}: ${[...new Set(found.map(([text]) => text))].sort().join(' ')}`];
      });
    expect(outside).toEqual(OUTSIDE_THE_DOCUMENT);
  });

  it('is refused without credentials, and with ones that are none', async () => {
    const code = await createLogin(api.store.db, { name: 'eve', role: 'approver', nowMs: Date.now() });
    const none: Readonly<Record<string, string>>[] = [
      {},
      { cookie: `minutehand_session_${api.port}=` },
      { cookie: `minutehand_session_${api.port}=${'x'.repeat(43)}` },
      // A login code is no cookie.
      { cookie: `minutehand_session_${api.port}=${code}` },
      { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
    ];
    for (const operation of operations.filter(isGuarded))
      for (const headers of none)
        expect(await ask(operation, headers), `${operation.name} ${JSON.stringify(headers)}`).toBe(
          '401 LOGIN_REQUIRED',
        );
  });

  it.each(['token', 'session'] as const)(
    'is refused to each lower role and permitted to the others, by %s',
    async (via) => {
      for (const own of ROLES) {
        const headers = via === 'token' ? bearer(await api.token(own, `matrix-${own}`)) : await api.logIn(own);
        for (const operation of operations.filter(isGuarded)) {
          // It would end this session.
          if (operation.name === 'DELETE /api/session') continue;
          const isPermitted = ROLES.indexOf(own) >= ROLES.indexOf(operation.role as Role);
          const answer = await ask(operation, headers);
          const told = `${operation.name} as ${own}: ${answer}`;
          if (isPermitted) expect(answer, told).not.toMatch(/^(401|403|5\d\d) /);
          else expect(answer, told).toBe('403 ROLE_REFUSED');
          if (isPermitted && sends.has(operation.name)) expect(answer, told).toBe('400 REQUEST_INVALID');
        }
      }
    },
  );

  it('of a session is refused to the pages of other origins, and as a write without its CSRF token', async () => {
    const own = await api.logIn('approver');
    const other = await api.logIn('approver', 'other');
    for (const operation of operations.filter(isGuarded)) {
      for (const headers of [{ 'sec-fetch-site': 'same-site' }, { origin: 'http://127.0.0.1:3000' }])
        expect(await ask(operation, { ...own, ...headers }), operation.name).toBe('403 CSRF_REFUSED');
      if (!isWrite(operation)) continue;
      const { cookie } = own;
      for (const headers of [
        { cookie },
        { cookie, 'x-csrf-token': other['x-csrf-token'] },
        { cookie, 'x-csrf-token': '' },
      ])
        expect(await ask(operation, headers), operation.name).toBe('403 CSRF_REFUSED');
    }
  });

  it('is refused by another name of this host, and to a page of another site, whoever asks', async () => {
    const headers = bearer(await api.token('approver', 'rebound'));
    for (const operation of operations) {
      for (const host of ['evil.example', `evil.example:${api.port}`, '127.0.0.1.evil.example', '169.254.169.254'])
        expect(await ask(operation, { ...headers, host }), `${operation.name} ${host}`).toBe('403 HOST_REFUSED');
      for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1.evil.example', 'file://'])
        expect(await ask(operation, { ...headers, origin }), `${operation.name} ${origin}`).toBe('403 ORIGIN_REFUSED');
    }
  });

  it('takes JSON alone, which a form of another site cannot send', async () => {
    const headers = bearer(await api.token('approver', 'forms'));
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
    ];
    for (const { name, method, path, role } of operations.filter(isWrite)) {
      if (role === 'viewer' && method === 'DELETE') continue;
      for (const type of [...types, 'application/json-patch+json']) {
        const how = { headers: { ...headers, 'content-type': type }, raw: '{"reason":"r"}' };
        expect(refusal(await api.ask(method, path, how)), `${name} ${type}`).toBe('400 REQUEST_INVALID');
      }
    }
  });

  it('has no other method, and none by a header', async () => {
    const headers = bearer(await api.token('approver', 'methods'));
    const known = new Set(operations.map(({ method, path }) => `${method} ${path}`));
    const paths = new Set(operations.map(({ path }) => path));
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
        if (known.has(`${method} ${path}`)) continue;
        const answer = refusal(await api.ask(method, path, { headers }));
        // A name may be the value of a parameter: `DELETE /api/ml/models/current`.
        expect(answer, `${method} ${path}`).toMatch(/^(404 NOT_FOUND|405 METHOD_NOT_ALLOWED|400 REQUEST_INVALID)$/);
      }
    }
    const viewer = bearer(await api.token('viewer', 'override'));
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
      const answer = await api.ask('GET', '/api/stops', { headers: { ...viewer, [name]: 'POST' } });
      expect([answer.status, answer.body]).toEqual([200, { stops: [] }]);
    }
  });
});

describe('the API through a proxy of this machine', () => {
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' };
  const silence = { pattern: 'disk*', minutes: 1 };

  it('takes writes with its own token or session, and none without', async () => {
    const token = await api.token('operator', 'proxied');
    const write = (own: Record<string, string>) =>
      api.ask('POST', '/api/alerts/silence', { body: silence, headers: { ...headers, ...own } });
    expect((await write(bearer(token))).status).toBe(200);
    expect(refusal(await write({}))).toBe('401 LOGIN_REQUIRED');
    expect(refusal(await write({ cookie: `minutehand_session_${api.port}=x` }))).toBe('401 LOGIN_REQUIRED');
    const login = await api.ask('POST', '/api/session', { body: { token }, headers });
    expect(login.status).toBe(200);
    const [setCookie] = login.headers['set-cookie']!;
    expect(setCookie).toContain('Secure');
    const cookie = setCookie!.split(';')[0]!;
    const { csrf_token } = login.body as { csrf_token: string };
    expect((await write({ cookie, 'x-csrf-token': csrf_token })).status).toBe(200);
    expect(refusal(await write({ cookie }))).toBe('403 CSRF_REFUSED');
  });

  it('is only that: a path that is spelled like it reaches no route of the trainer', async () => {
    for (const path of ['/api/../retrain', '/api/%2e%2e/retrain', '/api//retrain', '/api/retrain']) {
      const { status } = await api.ask('POST', path, { headers });
      expect([401, 404], path).toContain(status);
    }
  });
});

describe('a login in a browser that has a session', () => {
  it('ends that session, so that no id is used on, and leaves those of other browsers', async () => {
    const earlier = await api.logIn('operator', 'twice');
    const elsewhere = await api.logIn('operator', 'twice');
    const token = await api.token('operator', 'twice');
    const { status } = await api.ask('POST', '/api/session', { body: { token }, headers: { cookie: earlier.cookie } });
    expect(status).toBe(200);
    const read = ({ cookie }: { readonly cookie: string }) => api.ask('GET', '/api/session', { headers: { cookie } });
    expect(refusal(await read(earlier))).toBe('401 LOGIN_REQUIRED');
    expect((await read(elsewhere)).status).toBe(200);
  });
});

describe('what the trainer says without a login', () => {
  it('of trainings and models is for this machine: a proxy is refused, however it spells the path', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    const spellings = [
      '/runs',
      '/models',
      '/monitor',
      '/%72uns',
      '/mo%64els',
      '/monitor?x=1',
      '/%6d%6f%6e%69%74%6f%72',
    ];
    for (const path of spellings) {
      expect((await api.ask('GET', path)).status, path).toBe(200);
      expect(refusal(await api.ask('GET', path, { headers })), path).toBe('401 UNAUTHORIZED');
    }
    for (const path of ['/retrain', '/%72etrain', '/retrain/cancel'])
      expect(refusal(await api.ask('POST', path, { headers })), path).toBe('401 UNAUTHORIZED');
    for (const path of ['/healthz', '/metrics'])
      expect((await api.ask('GET', path, { headers })).status, path).toBe(200);
  });
});
