import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fastify from 'fastify';
import fc from 'fast-check';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayMount, MOUNT_NOTE, mountSmallDisk } from '../../../test/mounts.ts';
import { skipNote } from '../../../test/skip_note.ts';
import { verifyAudit } from './audit.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from './api.fixture.ts';
import { ROUTES } from '../schema/table.ts';
import { statedLimits } from './request_values.ts';
import { EventHub } from './events/hub.ts';
import { acceptFiles, receiveFile } from './file_body.ts';
import { createHttpServer } from './http_server.ts';
import { addDashboard } from './routes/dashboard.ts';

let api: ApiWorkplace;
beforeAll(async () => {
  api = await openApiWorkplace();
});
afterAll(() => api.close());

describe('an attack on the API', () => {
  it('by DNS rebinding is refused on every path', async () => {
    const token = bearer(await api.token('viewer'));
    for (const path of ['/', '/login?code=1', '/api/status', '/api/session', '/assets/a.js', '/healthz'])
      for (const headers of [{}, token]) {
        const { status, body } = await api.ask('GET', path, { headers: { ...headers, host: 'evil.example:7401' } });
        expect([status, body.error?.code], path).toEqual([403, 'HOST_REFUSED']);
      }
  });

  it('by a frame, an inline script or a sniffed type is blocked by headers', async () => {
    const token = bearer(await api.token('viewer'));
    for (const path of ['/', '/api/status', '/api/session']) {
      const { headers } = await api.ask('GET', path, { headers: token });
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
    }
  });

  it('by a name with markup is returned as JSON only', async () => {
    const markup = '<script>alert(1)</script>';
    const token = bearer(await api.token('operator', markup));
    const { headers, body } = await api.ask('GET', '/api/session', { headers: token });
    expect(body['name']).toBe(markup);
    expect(headers['content-type']).toContain('application/json');
    const unknown = await api.ask('GET', `/api/${encodeURIComponent(markup)}`, { headers: token });
    expect([unknown.status, unknown.headers['content-type']]).toEqual([404, 'application/json; charset=utf-8']);
  });

  it('by a value that cannot be stored or printed is refused, audited, and leaves the audit whole', async () => {
    const headers = bearer(await api.token('operator', 'eve'));
    const withReason = (reason: string): string => `{"reason":"${reason}","changes":{"core.theta1_initial":0.5}}`;
    const nested = (levels: number): string =>
      `{"reason":"r","changes":{"core.theta1_initial":${'['.repeat(levels)}1${']'.repeat(levels)}}}`;
    const bodies = [
      ...['a\\u0000b', 'a\\ud800b', '\\udfff'].map(withReason),
      ...[33, 4109, 4110, 20_000].map(nested),
      '{"reason":"r","changes":{"core.\\ud800":1}}',
      JSON.stringify({ reason: 'r', changes: { 'signals.archive_path': 'x'.repeat(8193) } }),
      JSON.stringify({ reason: 'r'.repeat(8193), changes: { 'core.theta1_initial': 0.5 } }),
      JSON.stringify({ reason: 'r', changes: { ['x'.repeat(8193)]: 0.5 } }),
    ];
    for (const raw of bodies) {
      const { status, body } = await api.ask('PUT', '/api/ml/config', { headers, raw });
      expect([status, body.error?.code], raw.slice(0, 80)).toEqual([400, 'REQUEST_INVALID']);
    }
    expect((await api.ask('GET', '/api/audit', { headers })).status).toBe(200);
    expect(await verifyAudit(api.store)).toMatchObject({ broken: null, missing: null });
  });

  it('by a long text is refused at the limit that the schema of its route states, and not before', async () => {
    const headers = bearer(await api.token('approver'));
    let tried = 0;
    for (const [name, { schema }] of Object.entries<{ schema: object }>(ROUTES)) {
      const [method, path] = name.split(' ') as ['POST', string];
      for (const [field, most] of statedLimits('body' in schema ? schema.body : undefined, 'body')) {
        // Longer ones than the body of a request are for a route of their own.
        if (most > 100_000) continue;
        tried++;
        const send = (length: number) => {
          const body = { [field.slice('body.'.length)]: 'x'.repeat(length) };
          return api.ask(method, path.replaceAll(/\{\w+\}/g, '1'), { headers, body });
        };
        const whole = await send(most);
        const over = await send(most + 1);
        expect(JSON.stringify(whole.body), name).not.toMatch(/\d+ characters|at most \d+"|too big/i);
        expect([over.status, over.body.error?.code], name).toEqual([400, 'REQUEST_INVALID']);
        expect(JSON.stringify(over.body), name).toContain(`${field}: ${most + 1} characters`);
      }
    }
    expect(tried).toBeGreaterThan(10);
    const text = `# ${'x'.repeat(19_000)}`;
    const { body } = await api.ask('POST', '/api/strategies/check', { headers, body: { text } });
    expect(body).toMatchObject({ valid: false });
  });

  it('by a policy that takes long to parse does not occupy the trainer', async () => {
    const headers = bearer(await api.token('operator'));
    const keys = ['core.theta1_initial', 'retrain.retrain_cron', 'signals.archive_path'];
    const msOf = async (values: readonly string[]): Promise<number> => {
      const startMs = performance.now();
      for (const value of values)
        for (const key of keys)
          await api.ask('PUT', '/api/ml/config', { headers, body: { reason: 'r', changes: { [key]: value } } });
      return performance.now() - startMs;
    };
    const harmless = await msOf(['{', '[', '"', '&']);
    const slow = await msOf([
      '[ ] '.repeat(27),
      '[ ], '.repeat(5000),
      `${'a@'.repeat(50_000)}"`,
      `${' '.repeat(50_000)}(`,
    ]);
    // Each of them took minutes when it was parsed in more than linear time.
    expect(slow).toBeLessThan(20 * harmless + 2_000);
  });

  it('by a form of another site is refused by content type', async () => {
    const session = await api.logIn('operator');
    for (const type of [
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/xml',
    ]) {
      const headers = { ...session, 'content-type': type };
      const { body } = await api.ask('POST', '/api/ml-training/train', { headers, raw: '{"kind":"full"}' });
      expect(body.error?.code, type).toBe('REQUEST_INVALID');
    }
  });

  it('by a body that is too large, not JSON, or pollutes a prototype is refused', async () => {
    const headers = bearer(await api.token('operator'));
    const post = (raw: string | Buffer) => api.ask('POST', '/api/ml-training/train', { headers, raw });
    const socket = connect(api.port, '127.0.0.1');
    const { authorization } = headers;
    const head = ['POST /api/ml-training/train HTTP/1.1', 'host: localhost', `authorization: ${authorization}`];
    socket.write(`${[...head, 'content-type: application/json', 'content-length: 300000'].join('\r\n')}\r\n\r\n`);
    expect(await text(socket)).toContain('BODY_TOO_LARGE');
    for (const raw of [
      '{',
      '[]',
      '"text"',
      '{"__proto__":{"kind":"full"}}',
      '{"constructor":{"prototype":{}}}',
      Buffer.from([0xff]),
    ])
      expect((await post(raw)).body.error?.code, String(raw)).toBe('REQUEST_INVALID');
    expect((await post('['.repeat(100_000))).body.error?.code).toBe('REQUEST_INVALID');
  });

  it('by a path reads no file outside the dashboard', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-static-'));
    mkdirSync(join(folder, 'dist', 'assets'), { recursive: true });
    writeFileSync(join(folder, 'dist', 'index.html'), '<title>page</title>');
    writeFileSync(join(folder, 'dist', 'assets', 'app.js'), 'script');
    writeFileSync(join(folder, 'dist', 'assets', '.env'), 'secret');
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    const server = fastify();
    try {
      await addDashboard(server.withTypeProvider<ZodTypeProvider>(), join(folder, 'dist'));
      const get = (url: string) => server.inject({ method: 'GET', url });
      expect((await get('/assets/app.js')).body).toBe('script');
      expect((await get('/app/subject/XAUUSD_XAGUSD')).body).toContain('page');
      for (const path of [
        '../secret.txt',
        '../../secret.txt',
        '%2e%2e/%2e%2e/secret.txt',
        '..%2f..%2fsecret.txt',
        '%2e%2e%2f%2e%2e%2fsecret.txt',
        '..%5c..%5csecret.txt',
        '....//secret.txt',
        '.env',
        '%00',
        '/etc/passwd',
      ]) {
        const { statusCode, body } = await get(`/assets/${path}`);
        expect(statusCode, path).toBeGreaterThanOrEqual(400);
        expect(body, path).not.toBe('secret');
      }
    } finally {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('by a path parameter that climbs, ends a text or is too long is refused by every route that has one', async () => {
    const headers = bearer(await api.token('approver', 'climber'));
    const { body } = await api.ask('GET', '/api/openapi.json', { headers });
    const { paths } = body as unknown as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    const secret = 'root:not-a-model';
    for (const at of ['secret', 'models/secret', 'manifest.json']) {
      mkdirSync(join(api.folder, at, '..'), { recursive: true });
      writeFileSync(join(api.folder, at), secret);
    }
    const values = [
      ...['..', '%2e%2e', '..%2f..%2fetc%2fpasswd', '..%5c..%5cetc%5cpasswd', '..%2fsecret', '%2fetc%2fpasswd'],
      ...['%00', '20990101_0000%00', '20990101_0000%2f..%2f..', '.', 'CON', 'a'.repeat(5000), '%252e%252e%252fsecret'],
    ];
    const tried = new Set<string>();
    for (const [path, methods] of Object.entries(paths))
      for (const method of Object.keys(methods))
        for (const [parameter] of path.matchAll(/\{\w+\}/g))
          for (const value of values) {
            // Another parameter of the route has a value that its schema takes.
            const url = path
              .replace(parameter, value)
              .replace(/\{\w+\}/g, (other) => (other === '{name}' ? 'trades.csv' : '1'));
            const name = `${method.toUpperCase()} ${url.slice(0, 100)}`;
            const answer = await api.ask(method.toUpperCase(), url, { headers });
            expect([400, 404, 405, 414], `${name}: ${answer.status} ${answer.text.slice(0, 200)}`).toContain(
              answer.status,
            );
            expect(answer.body.error?.code, name).toMatch(/^[A-Z_]+$/);
            expect(answer.text, name).not.toMatch(/root:/);
            tried.add(`${path} ${parameter}`);
          }
    expect(tried.size).toBeGreaterThan(9);
    expect(await verifyAudit(api.store)).toMatchObject({ broken: null, missing: null });
  });

  it('by a path that is not a URL is refused with a code', async () => {
    const { status, body } = await api.ask('GET', '/api/%E0%A4%A');
    expect([status, body.error?.code]).toEqual([400, 'REQUEST_INVALID']);
  });

  it('by an address of the dashboard that is not a URL gets the dashboard, which says so', async () => {
    const usual = await api.ask('GET', '/app/subjects/x');
    for (const path of ['/app/%E0', '/app/subjects/%E0%A4%A', '/app/data/%?a=%E0']) {
      const { status, text } = await api.ask('GET', path);
      expect([path, status, text]).toEqual([path, 200, usual.text]);
    }
    expect(usual.text).toContain('<!doctype html>');
    for (const path of ['/api/%E0', '/models%E0', '/assets/%E0', '/app%E0'])
      expect((await api.ask('GET', path)).body.error?.code, path).toBe('REQUEST_INVALID');
  });

  it('by open event streams is limited per client, and others are still served', async () => {
    const greedy = bearer(await api.token('viewer', 'greedy'));
    const streams: IncomingMessage[] = [];
    try {
      for (let i = 0; i < 60; i += 1) streams.push(await openStream(greedy));
      expect(streams.map(({ statusCode }) => statusCode)).toEqual(Array(60).fill(200));
      const refused = await openStream(greedy);
      expect(refused.statusCode).toBe(429);
      expect(await text(refused)).toContain('STREAMS_TOO_MANY');
      const other = await openStream(bearer(await api.token('viewer', 'modest')));
      streams.push(other);
      expect(other.statusCode).toBe(200);
    } finally {
      for (const stream of streams) stream.destroy();
    }
  });

  it('by a stream that is never read is disconnected', async () => {
    const hub = new EventHub();
    const server = createServer((_request, response) => hub.open(response, 'slow', [], () => Promise.resolve(true)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    try {
      socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
      socket.pause();
      await expect.poll(() => hub.size).toBe(1);
      const large = JSON.stringify('x'.repeat(500_000));
      for (let sent = 0; sent < 200 && hub.size > 0; sent += 1) {
        hub.publish('signal', large);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(hub.size).toBe(0);
    } finally {
      socket.destroy();
      hub.close();
      server.close();
    }
  });

  it('by a request that never ends gets 408 and is closed', async () => {
    const server = createHttpServer({ headersMs: 100, requestMs: 150, checkMs: 30 });
    server.post('/', async () => 'done');
    await server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = server.server.address() as AddressInfo;
    try {
      const head =
        'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{';
      for (const sent of ['GET / HT', head]) {
        const socket = connect(port, '127.0.0.1');
        socket.write(sent);
        expect(await text(socket)).toContain('REQUEST_TIMEOUT');
      }
    } finally {
      await server.close();
    }
  });
});

/** Routes that take a file: as it is, or as a text that is longer than the body of other routes. */
async function uploadRoutes(): Promise<readonly Upload[]> {
  const { body } = await api.ask('GET', '/api/openapi.json', { headers: bearer(await api.token('viewer', 'reader')) });
  return uploadsOf(body as unknown as OpenApi);
}

interface Upload {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, BodySchema>> };
}

interface BodySchema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, { readonly maxLength?: number }>>;
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: BodySchema }>> };
}

const LONG_TEXT = 256 * 1024;

function uploadsOf({ paths, components }: OpenApi): Upload[] {
  const bars = 'time,open,high,low,close,volume\n'.repeat(150);
  const found: Upload[] = [];
  for (const [path, operations] of Object.entries(paths))
    for (const [method, { requestBody }] of Object.entries(operations))
      for (const [type, { schema }] of Object.entries(requestBody?.content ?? {})) {
        const known = schema.$ref === undefined ? schema : components.schemas[schema.$ref.split('/').at(-1)!]!;
        const isFile = type === 'application/octet-stream';
        const text = Object.entries(known.properties ?? {}).find(([, { maxLength = 0 }]) => maxLength > LONG_TEXT);
        const name = `${method.toUpperCase()} ${path}`;
        if (isFile) found.push({ name, path: `${path}?name=EURUSD.csv`, type, body: bars });
        else if (text !== undefined)
          found.push({ name, path, type, body: JSON.stringify({ name: 'EURUSD.csv', [text[0]]: bars }) });
      }
  return found;
}

const headOf = ({ path, type }: Upload, length: number, others: readonly string[]): string =>
  `${[`POST ${path} HTTP/1.1`, 'host: localhost', `content-type: ${type}`, `content-length: ${length}`, ...others].join(
    '\r\n',
  )}\r\n\r\n`;

/** Sends bytes, and closes the connection at once, or after so many bytes of the answer; null: never. */
function sendCut(bytes: string, answerBytes: number | null): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(api.port, '127.0.0.1');
    let answer = '';
    const cutAfter = (most: number | null): void => {
      if (most !== null && answer.length >= most) socket.destroy();
    };
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
      cutAfter(answerBytes);
    });
    socket.on('error', () => undefined).on('close', () => resolve(answer));
    socket.write(bytes, () => cutAfter(answerBytes));
  });
}

const received = (): string[] => (existsSync(api.paths.uploads) ? readdirSync(api.paths.uploads) : []);

const NO_MOUNTS = !mayMount();

describe('a file that is sent to the trainer', () => {
  it('leaves nothing, and no place taken, wherever the client leaves', { timeout: 120_000 }, async () => {
    const routes = await uploadRoutes();
    expect(routes.map(({ name }) => name)).toEqual(['POST /api/imports', 'POST /api/imports/preview']);
    const { authorization } = bearer(await api.token('approver', 'leaver'));
    const cut = fc.record({
      upload: fc.constantFrom(...routes),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      answerBytes: fc.option(fc.nat(600), { nil: 0 }),
      isWhole: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(cut, async ({ upload, share, answerBytes, isWhole }) => {
        const bytes = headOf(upload, upload.body.length, [`authorization: ${authorization}`]) + upload.body;
        if (isWhole) await sendCut(bytes, answerBytes);
        else await sendCut(bytes.slice(0, Math.floor(share * bytes.length)), 0);
        await expect.poll(received, { timeout: 20_000 }).toEqual([]);
      }),
      { numRuns: 40 },
    );
    for (const { path, type, body } of routes) {
      const headers = { authorization, 'content-type': type };
      const answers = await Promise.all([1, 2].map(() => api.ask('POST', path, { headers, raw: body })));
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    }
    expect(received()).toEqual([]);
    expect(await verifyAudit(api.store)).toMatchObject({ broken: null, missing: null });
  });

  it('is admitted before it is received: by role, size and number at once', async () => {
    const [upload] = await uploadRoutes();
    const viewer = `authorization: ${bearer(await api.token('viewer', 'uploader')).authorization}`;
    const approver = `authorization: ${bearer(await api.token('approver', 'uploader')).authorization}`;
    const expects = ['expect: 100-continue'];
    for (const asked of [expects, []]) {
      const refused = await sendCut(headOf(upload!, 500, [viewer, ...asked]), 20);
      expect([refused.slice(0, 12), refused.includes('ROLE_REFUSED')]).toEqual(['HTTP/1.1 403', true]);
      const large = await sendCut(headOf(upload!, 512_000_001, [approver, ...asked]), 20);
      expect([large.slice(0, 12), large.includes('FILE_TOO_LARGE')]).toEqual(['HTTP/1.1 413', true]);
    }
    // Who is admitted is asked for the file, and its place is taken from then on.
    const slow = Array.from({ length: 4 }, () => connect(api.port, '127.0.0.1'));
    for (const socket of slow) {
      socket.write(headOf(upload!, 500, [approver, ...expects]));
      const [asked] = (await once(socket, 'data')) as [Buffer];
      expect(asked.toString()).toContain('100 Continue');
    }
    expect(received()).toHaveLength(4);
    const fifth = await sendCut(headOf(upload!, 500, [approver, ...expects]), 20);
    expect([fifth.slice(0, 12), fifth.includes('JOBS_TOO_MANY')]).toEqual(['HTTP/1.1 429', true]);
    for (const socket of slow) socket.destroy();
    await expect.poll(received).toEqual([]);
  });

  it.skipIf(NO_MOUNTS)(
    `is refused by a disk without room, before it is received or in between, and leaves nothing${skipNote(NO_MOUNTS, MOUNT_NOTE)}`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'minutehand-small-disk-'));
      const disk = mountSmallDisk(join(folder, 'disk'), 24);
      const small = await openApiWorkplace({}, async () => undefined, undefined, join(disk.path, 'home'));
      try {
        const headers = { ...bearer(await small.token('approver')), 'content-type': 'application/octet-stream' };
        const path = '/api/imports?name=EURUSD.csv';
        // Its connection is not used again: the rest of the body is not sent.
        const large = { ...headers, 'content-length': '23000000', connection: 'close' };
        const claimed = await small.ask('POST', path, { headers: large });
        expect([claimed.status, claimed.body.error?.code]).toEqual([507, 'DISK_FULL']);
        // Without a length: it is refused when the space runs out, and the answer can still be read.
        const streaming = request({ port: small.port, host: '127.0.0.1', method: 'POST', path, headers });
        streaming.write(Buffer.alloc(15_000_000, 'x'));
        streaming.end(Buffer.alloc(15_000_000, 'x'));
        const sent = once(streaming, 'finish');
        const [streamed] = (await once(streaming, 'response')) as [IncomingMessage];
        expect([streamed.statusCode, await text(streamed)]).toEqual([507, expect.stringContaining('DISK_FULL')]);
        await sent;
        expect(readdirSync(small.paths.uploads)).toEqual([]);
        const taken = await small.ask('POST', path, { headers, raw: 'time,open\n' });
        expect(taken.status).toBe(200);
      } finally {
        await small.close();
        disk.remove();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  it('may take longer than any request, and is ended by a silence', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-slow-'));
    const path = join(folder, 'file');
    const limitMs = 600;
    const server = createHttpServer({ headersMs: 600, requestMs: limitMs, checkMs: 30 });
    acceptFiles(server);
    let failure: unknown = null;
    server.post('/', { config: { maxFileBytes: 1000 } }, async (asked, reply) => {
      await receiveFile(asked, reply, path).catch((error: unknown) => (failure = error));
      return 'done';
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
    try {
      const head = 'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\n';
      socket.write(`${head}content-length: 100\r\n\r\n`);
      const startMs = performance.now();
      let sent = 0;
      for (; performance.now() - startMs < 2 * limitMs; sent++) {
        socket.write('x');
        await new Promise((resolve) => setTimeout(resolve, limitMs / 20));
      }
      expect(failure).toBe(null);
      expect(readFileSync(path, 'utf8')).toHaveLength(sent);
      expect(await text(socket)).toContain('REQUEST_TIMEOUT');
      await expect.poll(() => failure).toMatchObject({ code: 'REQUEST_ABANDONED' });
    } finally {
      socket.destroy();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function openStream(headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { port: api.port, host: '127.0.0.1', path: '/api/events', headers, agent: false };
    request(options, resolve).on('error', reject).end();
  });
}
