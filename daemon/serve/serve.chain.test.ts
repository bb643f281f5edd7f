import { createRequire } from 'node:module';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { MinutehandError } from '../../shared/errors.ts';
import { endsSoonerThan } from '../../test/sooner.ts';
import { CLOSE_GRACE_MS, IDLE_S } from './audience.ts';
import { ENGINES } from './engines.fixture.ts';
import type { HttpRequest, RequestHead } from './http_route.ts';
import { chooseEngine, openServer } from './serve.ts';
import type { Server, ServerOptions } from './server.ts';
import type { Connection, WebSocketRoute } from './websocket_route.ts';
import { loadUwebsockets } from './uwebsockets.ts';
import type { NativeRequest, NativeResponse } from './uwebsockets_native.ts';
import { addressText, headOf } from './uwebsockets_requests.ts';

const MAX_BODY_BYTES = 100_000;
const MAX_BUFFERED_BYTES = 1_000_000;

const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const BARE = {
  host: '127.0.0.1',
  port: 0,
  routes: [],
  webSockets: [],
  maxBodyBytes: MAX_BODY_BYTES,
  maxBufferedBytes: MAX_BUFFERED_BYTES,
  onError(error: unknown) {
    throw error;
  },
};

const SILENT: WebSocketRoute = { path: '/silent', onOpen() {}, onMessage() {}, onClose() {} };

const text = (body: string) => ({ status: 200, contentType: 'text/plain', body });

describe.each(ENGINES)('a server on %s', (engine) => {
  interface Probe extends Server {
    readonly defects: unknown[];
    readonly opened: Connection[];
    readonly closed: Connection[];
    readonly requests: HttpRequest[];
    /** Those of `/slow`, once they are there. */
    readonly slow: RequestHead[];
  }

  async function open(changes: Partial<ServerOptions> = {}): Promise<Probe> {
    const defects: unknown[] = [];
    const opened: Connection[] = [];
    const closed: Connection[] = [];
    const requests: HttpRequest[] = [];
    const slow: RequestHead[] = [];
    const signals: WebSocketRoute = {
      path: '/signals',
      onOpen(connection) {
        opened.push(connection);
        for (const topic of connection.query.getAll('topic')) connection.subscribe(topic);
        if (connection.query.has('greet')) connection.send('welcome');
        if (connection.query.has('stranger')) throw new MinutehandError('USAGE', { seen: 'a stranger' });
      },
      onMessage(connection, message) {
        if (message === 'refuse') throw new MinutehandError('BAR_MALFORMED', { seen: 'this' });
        if (message === 'break') throw new TypeError('broken on purpose');
        if (message === 'bye') connection.close(4000, 'as you wish');
        else if (message.startsWith('+')) connection.subscribe(message.slice(1));
        else if (message.startsWith('-')) connection.unsubscribe(message.slice(1));
        else connection.send(`echo ${message}`);
      },
      onClose: (connection) => closed.push(connection),
    };
    const server = await openServer({
      host: '127.0.0.1',
      port: 0,
      engine,
      maxBodyBytes: MAX_BODY_BYTES,
      maxBufferedBytes: MAX_BUFFERED_BYTES,
      onError: (error) => defects.push(error),
      webSockets: [signals, { ...signals, path: '/bars' }],
      routes: [
        { method: 'GET', path: '/hello', handle: () => text('hello') },
        {
          method: 'POST',
          path: '/bars',
          handle(request) {
            requests.push(request);
            return text(`${request.body.length} bytes`);
          },
        },
        { method: 'POST', path: '/echo', handle: (request) => text(request.body.toString()) },
        {
          method: 'GET',
          path: '/facts',
          async handle(request) {
            await delay(1);
            const facts = {
              method: request.method,
              path: request.path,
              query: [...request.query],
              token: request.header('X-Token'),
              absent: request.header('x-absent'),
              address: request.remoteAddress,
            };
            return {
              status: 203,
              contentType: 'application/json',
              body: JSON.stringify(facts),
              headers: { 'x-a': '1' },
            };
          },
        },
        {
          method: 'GET',
          path: '/slow',
          async handle(request) {
            slow.push(request);
            await delay(Number(request.query.get('ms')));
            return text(`after ${request.query.get('ms')}`);
          },
        },
        { method: 'GET', path: '/large', handle: () => ({ ...text(''), body: Buffer.alloc(5_000_000, 'y') }) },
        {
          method: 'GET',
          path: '/refuse',
          handle() {
            throw new MinutehandError('BAR_FUTURE', { seen: '2099' });
          },
        },
        { method: 'GET', path: '/break', handle: () => Promise.reject(new TypeError('broken on purpose')) },
        { method: 'GET', path: '/smuggle', handle: () => ({ ...text(''), headers: { 'x-a': 'a\r\nx-b: b' } }) },
      ],
      ...changes,
    });
    cleanups.push(() => server.close());
    return {
      engine: server.engine,
      engineNote: server.engineNote,
      port: server.port,
      get connections() {
        return server.connections;
      },
      publish: (topic, text) => server.publish(topic, text),
      publishAll: (messages, everything) => server.publishAll(messages, everything),
      close: () => server.close(),
      defects,
      opened,
      closed,
      requests,
      slow,
    };
  }

  function url(server: Server, path: string): string {
    return `http://127.0.0.1:${server.port}${path}`;
  }

  interface Reader {
    readonly socket: WebSocket;
    readonly messages: string[];
    /** The close code, once it is there. */
    readonly ended: Promise<number>;
    next(count: number): Promise<string[]>;
    pause(): void;
    resume(): void;
  }

  async function listen(server: Server, path: string): Promise<Reader> {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`);
    cleanups.push(() => socket.terminate());
    const messages: string[] = [];
    socket.on('message', (data) => messages.push((data as Buffer).toString()));
    const ended = new Promise<number>((resolve) => socket.on('close', resolve));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.on('error', (error) => messages.push(`ERROR ${error.message}`));
    return {
      socket,
      messages,
      ended,
      async next(count) {
        await until(() => messages.length >= count);
        return messages;
      },
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    };
  }

  /** A bare TCP client that keeps all it reads. */
  async function dial(server: Server): Promise<{ socket: Socket; read(): string; closed: Promise<void> }> {
    const socket = connect(server.port, '127.0.0.1');
    cleanups.push(() => void socket.destroy());
    const parts: Buffer[] = [];
    socket.on('data', (part) => parts.push(part));
    socket.on('error', () => {});
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await new Promise((resolve) => socket.once('connect', resolve));
    return { socket, read: () => Buffer.concat(parts).toString('latin1'), closed };
  }

  async function errorOf(response: Response): Promise<{ code: string; message: string; next: string }> {
    expect(response.headers.get('content-type')).toBe('application/json');
    return ((await response.json()) as { error: { code: string; message: string; next: string } }).error;
  }

  describe('as an HTTP server', () => {
    it('names its engine and the free port it chose', async () => {
      const server = await open();
      expect(server.engine).toBe(engine);
      expect(server.port).toBeGreaterThan(0);
      expect(await (await fetch(url(server, '/hello'))).text()).toBe('hello');
    });

    it('keeps query, headers and address of its request for an asynchronous handler', async () => {
      const server = await open();
      const response = await fetch(url(server, '/facts?a=1&b=%C3%A9&a=2'), { headers: { 'X-Token': 'Secret' } });
      expect(response.status).toBe(203);
      expect(response.headers.get('x-a')).toBe('1');
      expect(await response.json()).toEqual({
        method: 'GET',
        path: '/facts',
        query: [
          ['a', '1'],
          ['b', 'é'],
          ['a', '2'],
        ],
        token: 'Secret',
        absent: '',
        address: '127.0.0.1',
      });
    });

    it('joins the lines of a repeated header', async () => {
      const server = await open();
      const client = await dial(server);
      client.socket.write('GET /facts HTTP/1.1\r\nHost: a\r\nX-Token: one\r\nX-Token: two\r\n\r\n');
      await until(() => client.read().includes('}'));
      expect(client.read()).toContain('"token":"one, two"');
    });

    it('answers an unknown path with 404, another method with 405 and the allowed ones', async () => {
      const server = await open();
      const unknown = await fetch(url(server, '/nothing?a=1'));
      expect(unknown.status).toBe(404);
      expect(await errorOf(unknown)).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('/nothing') });
      const wrong = await fetch(url(server, '/bars'));
      expect(wrong.status).toBe(405);
      expect(wrong.headers.get('allow')).toBe('POST');
      expect((await errorOf(wrong)).code).toBe('METHOD_NOT_ALLOWED');
      for (const method of ['PUT', 'DELETE', 'PATCH']) {
        expect((await fetch(url(server, '/hello'), { method, body: 'x' })).status).toBe(405);
      }
    });

    it('answers HEAD as GET, without a body, and only where GET is', async () => {
      const server = await open();
      for (const path of ['/hello', '/refuse', '/nothing', '/bars']) {
        const got = await fetch(url(server, path));
        const head = await fetch(url(server, path), { method: 'HEAD' });
        expect([path, head.status, await head.text()]).toEqual([path, got.status, '']);
        expect([path, head.headers.get('content-type')]).toEqual([path, got.headers.get('content-type')]);
        // The refusal of a method names it.
        if (got.status !== 405) expect(head.headers.get('content-length')).toBe(got.headers.get('content-length'));
      }
      expect((await fetch(url(server, '/hello'), { method: 'PUT', body: 'x' })).headers.get('allow')).toBe('GET, HEAD');
      const client = await dial(server);
      for (const method of ['HEAD', 'HEAD', 'GET']) {
        const before = client.read().length;
        client.socket.write(`${method} /hello HTTP/1.1\r\nHost: a\r\n\r\n`);
        await until(() =>
          client
            .read()
            .slice(before)
            .includes(method === 'GET' ? '\r\n\r\nhello' : '\r\n\r\n'),
        );
      }
      expect(client.read().split('hello')).toHaveLength(2);
    });

    it('turns an error of a handler into its status, a defect into 500, and continues', async () => {
      const server = await open();
      const refused = await fetch(url(server, '/refuse'));
      expect(refused.status).toBe(422);
      expect(await errorOf(refused)).toMatchObject({ code: 'BAR_FUTURE', next: expect.stringContaining('NTP') });
      expect(server.defects).toEqual([]);
      for (const path of ['/break', '/smuggle']) {
        const broken = await fetch(url(server, path));
        expect(broken.status).toBe(500);
        expect(broken.headers.get('x-b')).toBeNull();
        expect((await errorOf(broken)).code).toBe('INTERNAL');
      }
      expect(server.defects).toHaveLength(2);
      expect((await fetch(url(server, '/hello'))).status).toBe(200);
    });

    it('passes on any body up to the limit byte for byte, however it is split in transit', async () => {
      const server = await open();
      const client = await dial(server);
      let expected = '';
      const body = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '{', '漢'), maxLength: 400 });
      await fc.assert(
        fc.asyncProperty(body, fc.array(fc.nat(500), { maxLength: 4 }), fc.boolean(), async (sent, cuts, chunked) => {
          const bytes = Buffer.from(sent);
          const pieces = slices(bytes, cuts);
          const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length}`;
          client.socket.write(`POST /echo HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
          for (const piece of pieces) {
            await delay(1);
            if (!chunked) client.socket.write(piece);
            else if (piece.length > 0) {
              client.socket.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, CRLF]));
            }
          }
          if (chunked) client.socket.write('0\r\n\r\n');
          expected += bytes.toString('latin1');
          await until(() => bodies(client.read()) === expected);
        }),
        { numRuns: 40 },
      );
    });

    it('accepts a body of exactly the limit and refuses one byte more with 413', async () => {
      const server = await open();
      const fits = await fetch(url(server, '/bars'), { method: 'POST', body: Buffer.alloc(MAX_BODY_BYTES) });
      expect(await fits.text()).toBe(`${MAX_BODY_BYTES} bytes`);
      const large = await fetch(url(server, '/bars'), { method: 'POST', body: Buffer.alloc(MAX_BODY_BYTES + 1) });
      expect(large.status).toBe(413);
      expect(await errorOf(large)).toMatchObject({
        code: 'BODY_TOO_LARGE',
        message: expect.stringContaining(`${MAX_BODY_BYTES}`),
      });
      expect(server.requests).toHaveLength(1);
    });

    it('refuses a body declared as huge before it arrives, and closes', async () => {
      const server = await open();
      const client = await dial(server);
      client.socket.write('POST /bars HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\nsome');
      await client.closed;
      expect(client.read()).toMatch(/^HTTP\/1\.1 413 [^]*BODY_TOO_LARGE/);
      expect(server.requests).toEqual([]);
    });

    it('stops reading a body without end soon after the limit', async () => {
      const server = await open();
      const client = await dial(server);
      client.socket.write('POST /bars HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
      const piece = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), CRLF]);
      let gone = false;
      void client.closed.then(() => (gone = true));
      while (!gone) {
        client.socket.write(piece);
        await delay(1);
      }
      expect(client.socket.bytesWritten).toBeLessThan(20_000_000);
      expect(server.requests).toEqual([]);
    });

    it('does not wait for the rest of a body that is known to be too large', async () => {
      const server = await open();
      const client = await dial(server);
      client.socket.write(`POST /bars HTTP/1.1\r\nHost: a\r\nContent-Length: ${MAX_BODY_BYTES + 10}\r\n\r\nsome`);
      await client.closed;
      expect(client.read()).toMatch(/^HTTP\/1\.1 413 /);
    });

    it('bounds the total size of unfinished bodies, refuses those that stalled for longest, and accepts whole ones meanwhile', async () => {
      const server = await open();
      const whole = { method: 'POST', body: 'z'.repeat(MAX_BODY_BYTES) };
      await fetch(url(server, '/bars'), whole);
      const atFirst = await settledBytes();
      const part = Buffer.alloc(MAX_BODY_BYTES - 10);
      const clients: Awaited<ReturnType<typeof dial>>[] = [];
      const framings = [`Content-Length: ${MAX_BODY_BYTES}\r\n\r\n`, 'Transfer-Encoding: chunked\r\n\r\n186a0\r\n'];
      for (let i = 0; i < 80; i++) {
        const client = await dial(server);
        client.socket.write(`POST /bars HTTP/1.1\r\nHost: a\r\n${framings[i % 2]}`);
        client.socket.write(part);
        clients.push(client);
        await delay(1);
      }
      await until(() => clients.slice(0, 60).every((client) => client.read().includes('BODIES_TOO_MANY')));
      for (const client of clients.slice(0, 60)) expect(client.read()).toMatch(/^HTTP\/1\.1 503 /);
      expect(clients.at(-1)!.read()).toBe('');
      expect((await settledBytes()) - atFirst).toBeLessThan(20 * MAX_BODY_BYTES);
      expect(await (await fetch(url(server, '/bars'), whole)).text()).toBe(`${MAX_BODY_BYTES} bytes`);
      clients.at(-1)!.socket.write(clients.length % 2 === 0 ? 'y'.repeat(10) + '\r\n0\r\n\r\n' : 'y'.repeat(10));
      await until(() => clients.at(-1)!.read().endsWith(`${MAX_BODY_BYTES} bytes`));
      for (const client of clients) client.socket.resetAndDestroy();
      server.requests.length = 0;
      await delay(20);
      expect((await settledBytes()) - atFirst).toBeLessThan(2 * MAX_BODY_BYTES);
      expect(server.defects).toEqual([]);
    }, 30_000);

    it('passes on a body of many small chunks', async () => {
      const server = await open();
      const client = await dial(server);
      client.socket.write('POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
      const sent = letters(70_000, 1);
      for (let at = 0; at < sent.length; at += 700) {
        if (at % 7000 === 0) await delay(1);
        client.socket.write(`2bc\r\n${sent.slice(at, at + 700)}\r\n`);
      }
      client.socket.write('0\r\n\r\n');
      await until(() => bodies(client.read()) === sent);
    });

    it.each([
      ['an impossible chunk', 'POST /bars HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n', 400],
      ['a length that is no number', 'POST /bars HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\nabc', 400],
      ['a negative length', 'POST /bars HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc', 400],
      ['two lengths', 'POST /bars HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', 400],
      [
        'a length and chunks',
        'POST /bars HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        400,
      ],
      ['an unknown transfer coding', 'POST /bars HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc', 400],
      ['another protocol', 'hello there\r\n\r\n', 400],
      ['a TLS handshake', Buffer.from('16030102000100fc0303', 'hex'), 400],
    ])('refuses %s, closes, and continues', async (name, sent, status) => {
      const server = await open();
      const client = await dial(server);
      client.socket.write(sent);
      await client.closed;
      // uWebSockets.js answers what its own parser refuses, by a text that cannot be changed.
      const isNative = engine === 'uwebsockets' && !['two lengths', 'an unknown transfer coding'].includes(name);
      if (isNative) expect(client.read()).toMatch(/^HTTP\/1\.1 (400|505) /);
      else {
        expect(client.read()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*content-type: application/json`));
        expect(JSON.parse(bodies(client.read()))).toMatchObject({ error: { code: 'HTTP_MALFORMED' } });
      }
      expect(server.requests).toEqual([]);
      expect(server.defects).toEqual([]);
      expect((await fetch(url(server, '/hello'))).status).toBe(200);
    });

    it('drops a client that disconnects in the middle of a body or of an answer', async () => {
      const server = await open();
      for (const start of [
        'POST /bars HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf',
        `POST /bars HTTP/1.1\r\nHost: a\r\nContent-Length: ${MAX_BODY_BYTES + 5}\r\n\r\nhalf`,
        'GET /slow?ms=30 HTTP/1.1\r\nHost: a\r\n\r\n',
        'GET /large HTTP/1.1\r\nHost: a\r\n\r\n',
      ]) {
        const client = await dial(server);
        client.socket.write(start);
        await delay(10);
        client.socket.resetAndDestroy();
      }
      await delay(100);
      expect(server.requests).toEqual([]);
      expect(server.defects).toEqual([]);
      expect((await fetch(url(server, '/hello'))).status).toBe(200);
      expect(await endsSoonerThan(CLOSE_GRACE_MS, () => server.close())).toBe(true);
    });

    it('answers many requests on one connection, also when they arrive together or after a refusal', async () => {
      const server = await open();
      const client = await dial(server);
      const requests = ['GET /hello', 'GET /nothing', 'GET /refuse', 'GET /slow?ms=5', 'GET /hello'];
      for (const request of requests) {
        const before = client.read().length;
        client.socket.write(`${request} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await until(() => /\r\n\r\n[^]+/.test(client.read().slice(before)));
        await delay(10);
      }
      client.socket.write('POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody');
      client.socket.write('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlast');
      await until(() => client.read().endsWith('last'));
      expect([...client.read().matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual([
        '200',
        '404',
        '422',
        '200',
        '200',
        '404',
        '200',
      ]);
    });

    it('answers concurrent requests each with its own answer', async () => {
      const server = await open();
      const waits = Array.from({ length: 40 }, (_, i) => (i * 7) % 41);
      const answers = await Promise.all(waits.map(async (ms) => (await fetch(url(server, `/slow?ms=${ms}`))).text()));
      expect(answers).toEqual(waits.map((ms) => `after ${ms}`));
    });

    it('delivers a large answer whole to a client that reads slowly', async () => {
      const server = await open();
      const client = await dial(server);
      client.socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
      await delay(5);
      client.socket.pause();
      await delay(100);
      client.socket.resume();
      await until(() => client.read().length > 5_000_000);
      expect(client.read().split('\r\n\r\n')[1]).toBe('y'.repeat(5_000_000));
    });

    it('ignores an offer to upgrade to anything but WebSocket', async () => {
      const server = await open();
      const client = await dial(server);
      const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
      client.socket.write(`POST /echo HTTP/1.1\r\nHost: a\r\n${offer}Content-Length: 8\r\n\r\nfirst`);
      await delay(20);
      client.socket.write('end');
      await until(() => client.read().endsWith('firstend'));
      client.socket.write('GET /hello HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => client.read().endsWith('hello'));
      expect(client.read()).not.toContain(' 101 ');
    });

    it('calls authorize for every request and upgrade before anything else', async () => {
      const asked: string[] = [];
      const server = await open({
        authorize({ method, path, query, header, remoteAddress }) {
          asked.push(`${method} ${path} ${remoteAddress}`);
          if (header('authorization') === 'crash') throw new TypeError('broken on purpose');
          return query.get('token') === 'good' ? null : new MinutehandError('FEED_CLOSED');
        },
      });
      expect((await fetch(url(server, '/hello?token=good'))).status).toBe(200);
      expect((await fetch(url(server, '/hello'))).status).toBe(409);
      const hidden = await fetch(url(server, '/nothing'));
      expect((await errorOf(hidden)).code).toBe('FEED_CLOSED');
      expect((await fetch(url(server, '/hello'), { headers: { authorization: 'crash' } })).status).toBe(500);
      expect(server.defects).toHaveLength(1);
      await expect(listen(server, '/signals')).rejects.toThrow('409');
      await listen(server, '/signals?token=good');
      expect(asked.slice(0, 2)).toEqual(['GET /hello 127.0.0.1', 'GET /hello 127.0.0.1']);
      expect(asked.slice(-2)).toEqual(['GET /signals 127.0.0.1', 'GET /signals 127.0.0.1']);
    });
  });

  describe('as a WebSocket server', () => {
    it('opens, echoes text and closes, and calls the handler once for each', async () => {
      const server = await open();
      const reader = await listen(server, '/signals?greet=1&x=2');
      reader.socket.send('grüß');
      expect(await reader.next(2)).toEqual(['welcome', 'echo grüß']);
      expect(server.connections).toBe(1);
      expect(server.opened[0]!.query.get('x')).toBe('2');
      expect(server.opened[0]!.remoteAddress).toBe('127.0.0.1');
      reader.socket.close(1000);
      await until(() => server.closed.length > 0);
      expect(server.closed).toEqual(server.opened);
      expect(server.connections).toBe(0);
      expect(server.defects).toEqual([]);
    });

    it('decodes a binary message as UTF-8 and answers with text', async () => {
      const server = await open();
      const reader = await listen(server, '/signals');
      const kinds: boolean[] = [];
      reader.socket.on('message', (_, isBinary) => kinds.push(isBinary));
      reader.socket.send(Buffer.from('größer'));
      expect(await reader.next(1)).toEqual(['echo größer']);
      expect(kinds).toEqual([false]);
    });

    it('serves an address as HTTP and as WebSocket at once', async () => {
      const server = await open();
      const reader = await listen(server, '/bars');
      reader.socket.send('a');
      expect(await reader.next(1)).toEqual(['echo a']);
      expect((await fetch(url(server, '/bars'), { method: 'POST', body: 'abc' })).status).toBe(200);
    });

    it('answers an upgrade at an unknown path with 404 and a plain request at a WebSocket path with 426', async () => {
      const server = await open();
      await expect(listen(server, '/elsewhere')).rejects.toThrow('404');
      await expect(listen(server, '/hello')).rejects.toThrow('404');
      const plain = await fetch(url(server, '/signals'));
      expect(plain.status).toBe(426);
      expect((await errorOf(plain)).code).toBe('UPGRADE_REQUIRED');
      expect(server.opened).toEqual([]);
    });

    it.each([
      ['of an old version', 'Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
      ['without a key', 'Sec-WebSocket-Version: 13'],
      ['with a key of another length', 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhl'],
    ])('answers an upgrade %s with 426', async (_, headers) => {
      const server = await open();
      const client = await dial(server);
      client.socket.write(
        `GET /signals HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n\r\n`,
      );
      await until(() => client.read().includes('UPGRADE_REQUIRED'));
      expect(client.read()).toMatch(/^HTTP\/1\.1 426 [^]*sec-websocket-version: 13/);
    });

    it('survives a handler that throws, sends the client the error, and keeps the connection', async () => {
      const server = await open();
      const reader = await listen(server, '/signals?stranger=1');
      reader.socket.send('refuse');
      reader.socket.send('break');
      reader.socket.send('still here');
      const messages = await reader.next(4);
      const codes = messages
        .slice(0, 3)
        .map((message) => (JSON.parse(message) as { error: { code: string } }).error.code);
      expect(codes).toEqual(['USAGE', 'BAR_MALFORMED', 'INTERNAL']);
      expect(messages[3]).toBe('echo still here');
      expect(server.defects).toHaveLength(1);
    });

    it('closes with the code and the reason of the handler, cut to what a close frame can carry', async () => {
      const server = await open();
      const reader = await listen(server, '/signals');
      const reasons: string[] = [];
      reader.socket.on('close', (_, reason) => reasons.push(reason.toString()));
      reader.socket.send('bye');
      expect(await reader.ended).toBe(4000);
      const other = await listen(server, '/signals');
      other.socket.on('close', (_, reason) => reasons.push(reason.toString()));
      server.opened[1]!.close(4001, 'ü'.repeat(100));
      expect(await other.ended).toBe(4001);
      expect(reasons).toEqual(['as you wish', 'ü'.repeat(61)]);
    });

    it('ignores every call on a closed connection', async () => {
      const server = await open();
      const reader = await listen(server, '/signals?topic=t');
      const connection = server.opened[0]!;
      connection.close(1000, '');
      expect(server.closed).toEqual([connection]);
      expect(connection.send('late')).toBe(false);
      connection.subscribe('t');
      connection.unsubscribe('t');
      connection.close(1000, '');
      expect(connection.bufferedBytes).toBe(0);
      server.publish('t', 'late');
      expect(await reader.ended).toBe(1000);
      await delay(20);
      expect(reader.messages).toEqual([]);
      expect(server.closed).toHaveLength(1);
    });

    it('closes only the connection whose message is over the limit, with 1009 and a reason', async () => {
      const server = await open();
      const loud = await listen(server, '/signals');
      const calm = await listen(server, '/signals');
      for (const [reader, length] of [
        [loud, MAX_BODY_BYTES + 1],
        [await listen(server, '/signals'), 3 * MAX_BODY_BYTES],
      ] as const) {
        const closed = new Promise((resolve) =>
          reader.socket.on('close', (code, reason) => resolve([code, reason.toString()])),
        );
        reader.socket.send('x'.repeat(length));
        expect(await closed).toEqual([1009, `BODY_TOO_LARGE: a message has at most ${MAX_BODY_BYTES} bytes`]);
      }
      await until(() => server.connections === 1);
      calm.socket.send('y'.repeat(MAX_BODY_BYTES - 10));
      expect((await calm.next(1))[0]).toHaveLength(MAX_BODY_BYTES - 5);
    });
  });

  it('lets any number of WebSockets of one address in while plain connections of it stand idle', async () => {
    const server = await open({ connectionLimits: { total: 60, perAddress: 40, burst: 2, graceMs: 100 } });
    const idle: Awaited<ReturnType<typeof dial>>[] = [];
    for (let i = 0; i < 30; i++) idle.push(await dial(server));
    const readers = await Promise.all(Array.from({ length: 120 }, () => listen(server, '/signals?topic=t')));
    for (let i = 0; i < 100; i++) {
      const plain = await dial(server);
      if (i % 2 === 0) plain.socket.write('GET /hello HTTP/1.1\r\nHost: a\r\nX-Slow: ');
      idle.push(plain);
    }
    // A request whose upgrade is ignored counts once.
    const offer = await dial(server);
    offer.socket.write('GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    await until(() => offer.read().includes('hello'));
    if (engine === 'ws') {
      const standing = (): number => idle.filter(({ socket }) => !socket.destroyed).length;
      await until(() => standing() <= 40);
      expect(offer.socket.destroyed).toBe(false);
    }
    expect(await (await fetch(url(server, '/hello'))).text()).toBe('hello');
    readers.push(await listen(server, '/signals?topic=t'));
    server.publish('t', 'to all');
    for (const reader of readers) expect(await reader.next(1)).toEqual(['to all']);
    expect(server.closed).toEqual([]);
  });

  it('gives a WebSocket path its own limits of message length and connections', async () => {
    const narrow: WebSocketRoute = { ...SILENT, path: '/narrow', maxMessageBytes: 100, maxConnections: 2 };
    const server = await open({ webSockets: [narrow, SILENT] });
    const first = await listen(server, '/narrow');
    await listen(server, '/narrow');
    await expect(listen(server, '/narrow')).rejects.toThrow('503');
    const wide = await listen(server, '/silent');
    first.socket.send('x'.repeat(100));
    wide.socket.send('x'.repeat(101));
    await delay(20);
    first.socket.send('x'.repeat(101));
    expect(await first.ended).toBe(1009);
    await until(() => server.connections === 2);
    expect(wide.socket.readyState).toBe(WebSocket.OPEN);
    await listen(server, '/narrow');
  });

  it('limits the WebSockets of a path without limits of its own, in total and of one address', async () => {
    const server = await open({ webSocketLimits: { total: 5, perAddress: 3 } });
    const connectFrom = async (localAddress: string): Promise<WebSocket> => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/signals`, { localAddress });
      cleanups.push(() => Promise.resolve(socket.terminate()));
      await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
      return socket;
    };
    const first = await connectFrom('127.0.0.1');
    for (let i = 0; i < 2; i++) await connectFrom('127.0.0.1');
    await expect(connectFrom('127.0.0.1')).rejects.toThrow('503');
    for (let i = 0; i < 2; i++) await connectFrom('127.0.0.2');
    await expect(connectFrom('127.0.0.2')).rejects.toThrow('503');
    const upgrade = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
    const client = await dial(server);
    const lines = Object.entries({ ...upgrade, 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    client.socket.write(`GET /signals HTTP/1.1\r\nHost: localhost\r\n${head}\r\n`);
    await until(() => client.read().includes('CONNECTIONS_TOO_MANY'));
    first.close();
    await until(() => server.connections === 4);
    await connectFrom('127.0.0.1');
  });

  it('refuses a parameter that a path does not have, where its parameters are known', async () => {
    const handled: string[] = [];
    const post = { method: 'POST', path: '/bars', query: { backfill: ['0', '1'], boot_id: null } } as const;
    const server = await open({
      routes: [{ ...post, handle: ({ query }) => (handled.push(query.toString()), text('')) }],
      webSockets: [{ ...SILENT, path: '/signals', query: { pairs: null } }],
    });
    const answer = (query: string) => fetch(url(server, `/bars${query}`), { method: 'POST', body: 'x' });
    for (const query of ['', '?backfill=1', '?backfill=0&boot_id=a']) expect((await answer(query)).status).toBe(200);
    for (const query of ['?backfil=1', '?backfill=true', '?boot_id=a&x']) {
      const refused = await answer(query);
      expect([refused.status, (await errorOf(refused)).code], query).toEqual([400, 'QUERY_UNKNOWN']);
    }
    expect(handled).toEqual(['', 'backfill=1', 'backfill=0&boot_id=a']);
    await listen(server, '/signals?pairs=A_B');
    await listen(server, '/signals');
    await expect(listen(server, '/signals?pair=A_B')).rejects.toThrow('400');
  });

  describe('as a publisher', () => {
    it('reaches only the subscribers of a topic, in order', async () => {
      const server = await open();
      const a = await listen(server, '/signals?topic=a');
      const both = await listen(server, '/signals?topic=a&topic=b');
      const none = await listen(server, '/signals');
      for (let i = 0; i < 100; i++) server.publish(i % 2 ? 'b' : 'a', `${i}`);
      server.publishAll([
        { topic: 'b', text: 'end' },
        { topic: 'nobody', text: '?' },
        { topic: 'a', text: 'end' },
      ]);
      const all = Array.from({ length: 100 }, (_, i) => `${i}`);
      expect(await both.next(102)).toEqual([...all, 'end', 'end']);
      expect(await a.next(51)).toEqual([...all.filter((_, i) => i % 2 === 0), 'end']);
      none.socket.send('ping');
      expect(await none.next(1)).toEqual(['echo ping']);
    });

    it('follows changing subscriptions, like a simple list of topics per client', async () => {
      const server = await open();
      const readers = await Promise.all([1, 2, 3].map(() => listen(server, '/signals')));
      const wanted: Set<string>[] = [new Set(), new Set(), new Set()];
      const expected: string[][] = [[], [], []];
      const step = fc.record({ who: fc.nat(2), topic: fc.constantFrom('a', 'b', 'c'), on: fc.boolean() });
      let count = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 6 }), fc.constantFrom('a', 'b', 'c'), async (steps, topic) => {
          for (const { who, topic: changed, on } of steps) {
            if (on) server.opened[who]!.subscribe(changed);
            else server.opened[who]!.unsubscribe(changed);
            wanted[who]![on ? 'add' : 'delete'](changed);
          }
          server.publish(topic, `${++count}`);
          wanted.forEach((topics, i) => topics.has(topic) && expected[i]!.push(`${count}`));
        }),
      );
      for (const connection of server.opened) connection.send('end');
      for (const [i, reader] of readers.entries()) {
        expect(await reader.next(expected[i]!.length + 1)).toEqual([...expected[i]!, 'end']);
      }
    });

    it('delivers every message whole and in order to a reader that pauses but stays within the limit', async () => {
      const server = await open({ maxBufferedBytes: 20_000_000 });
      const sizes = fc.array(fc.oneof(fc.constantFrom(1, 700, 16_384, 65_536, 200_000, 1_048_576), fc.nat(40_000)), {
        minLength: 1,
        maxLength: 12,
      });
      await fc.assert(
        fc.asyncProperty(fc.array(sizes, { minLength: 1, maxLength: 3 }), async (batches) => {
          const reader = await listen(server, '/signals?topic=t');
          const connection = server.opened.at(-1)!;
          reader.pause();
          const sent: string[] = [];
          while (connection.bufferedBytes < 300_000) {
            for (const batch of batches) {
              const messages = batch.map((size, i) => ({ topic: 't', text: letters(size, sent.length + i) }));
              sent.push(...messages.map((message) => message.text));
              server.publishAll(messages);
            }
            sent.push(letters(50_000, sent.length));
            connection.send(sent.at(-1)!);
          }
          reader.resume();
          await reader.next(sent.length);
          expect(reader.messages.every((message, i) => message === sent[i])).toBe(true);
          reader.socket.terminate();
        }),
        { numRuns: 8 },
      );
    });

    it('drops a stalled reader with 1013, and others are not affected', async () => {
      const server = await open();
      const still = await listen(server, '/signals?topic=t');
      const lively = await listen(server, '/signals?topic=t');
      const dropped = server.opened[0]!;
      still.pause();
      let published = 0;
      while (server.closed.length === 0) {
        expect(dropped.bufferedBytes).toBeLessThanOrEqual(MAX_BUFFERED_BYTES);
        for (let i = 0; i < 10; i++) server.publish('t', letters(10_000, published++));
        await lively.next(published);
      }
      expect(server.closed).toEqual([dropped]);
      expect(server.connections).toBe(1);
      expect(dropped.send('more')).toBe(false);
      server.publish('t', 'after');
      expect((await lively.next(published + 1)).at(-1)).toBe('after');
      still.resume();
      expect(await still.ended).toBe(1013);
      expect(still.messages.every((message, i) => message === letters(10_000, i))).toBe(true);
      expect(still.messages).not.toContain('after');
      expect(server.defects).toEqual([]);
    });

    it('cuts a dropped reader that never reads again', async () => {
      const server = await open();
      const client = await dial(server);
      client.socket.write(
        'GET /signals HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      await until(() => client.read().includes('\r\n\r\n'));
      client.socket.pause();
      while (server.opened[0]!.send('z'.repeat(50_000)));
      expect(server.closed).toHaveLength(1);
      await delay(CLOSE_GRACE_MS + 200);
      client.socket.resume();
      await client.closed;
      expect(server.defects).toEqual([]);
    });

    it('sends one message that is larger than the limit to a reader that keeps up', async () => {
      const server = await open({ maxBufferedBytes: 100_000 });
      const reader = await listen(server, '/signals');
      expect(server.opened[0]!.send('x'.repeat(80_000))).toBe(true);
      expect((await reader.next(1))[0]).toHaveLength(80_000);
    });
  });

  describe('at its beginning and end', () => {
    it.each([...ENGINES, 'another program'] as const)('reports a port in use by %s', async (owner) => {
      const port = await occupy(owner);
      const error = await open({ port }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(MinutehandError);
      expect(error).toMatchObject({ code: 'PORT_TAKEN', message: expect.stringContaining(`127.0.0.1:${port}`) });
    });

    it('reports that a host is not one of this machine', async () => {
      await expect(open({ host: '192.0.2.1' })).rejects.toMatchObject({
        code: 'ADDRESS_UNUSABLE',
        message: expect.stringContaining('EADDRNOTAVAIL'),
      });
    });

    it('closes its clients with 1001, finishes a request, refuses new ones and frees the port', async () => {
      const server = await open();
      const readers = await Promise.all([1, 2, 3].map(() => listen(server, '/signals')));
      const idle = await dial(server);
      idle.socket.write('GET /hello HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => idle.read().endsWith('hello'));
      const slow = fetch(url(server, '/slow?ms=150'));
      await until(() => server.slow.length === 1);
      const closed = server.close();
      expect(server.closed).toHaveLength(3);
      expect(server.connections).toBe(0);
      expect(await Promise.all(readers.map((reader) => reader.ended))).toEqual([1001, 1001, 1001]);
      await expect(fetch(url(server, '/hello'))).rejects.toThrow();
      expect(await (await slow).text()).toBe('after 150');
      await closed;
      await idle.closed;
      const successor = await open({ port: server.port });
      expect(successor.port).toBe(server.port);
      await server.close();
      expect((await fetch(url(successor, '/hello'))).status).toBe(200);
    });

    it('frees its port for a successor at once, also when it closed first', async () => {
      const server = await open();
      for (let i = 0; i < 3; i++) {
        const client = await dial(server);
        client.socket.write('GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        await client.closed;
      }
      await server.close();
      const successor = await open({ port: server.port });
      expect((await fetch(url(successor, '/hello'))).status).toBe(200);
    });

    it('does not wait for a request or a client that never ends', async () => {
      const server = await open();
      void fetch(url(server, '/slow?ms=600000')).catch(() => {});
      const still = await listen(server, '/signals');
      still.pause();
      while (server.opened[0]!.bufferedBytes < 100_000) server.opened[0]!.send('z'.repeat(50_000));
      await server.close();
      await open({ port: server.port });
    });
  });
});

describe('the ws engine', () => {
  afterEach(() => void vi.useRealTimers());

  // uWebSockets.js does the same with a clock of its own that no test can turn.
  it('cuts a client that does not even answer pings, and keeps one that does', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const server = await openServer({ ...BARE, engine: 'ws', webSockets: [SILENT] });
    cleanups.push(() => server.close());
    const alive = new WebSocket(`ws://127.0.0.1:${server.port}/silent`);
    const dead = new WebSocket(`ws://127.0.0.1:${server.port}/silent`, { autoPong: false });
    cleanups.push(() => [alive, dead].forEach((socket) => socket.terminate()));
    await until(() => server.connections === 2);
    const pinged = new Promise((resolve) => alive.once('ping', resolve));
    // Proxies cut a connection that is silent for 60 s.
    vi.advanceTimersByTime(45_000);
    await pinged;
    await delay(50);
    vi.advanceTimersByTime(IDLE_S * 500);
    await until(() => dead.readyState === WebSocket.CLOSED);
    await delay(50);
    expect(alive.readyState).toBe(WebSocket.OPEN);
    expect(server.connections).toBe(1);
  });
});

describe('the choice of the engine', () => {
  const missing = () => loadUwebsockets((name) => createRequire(import.meta.url)(`${name}-missing`));

  it('falls back to ws when uWebSockets.js cannot be loaded, and says why', () => {
    expect(chooseEngine('auto', missing)).toEqual({
      native: null,
      note: `uWebSockets.js cannot be loaded on this machine. Seen: Node ${process.version}: @btc-vision/uwebsockets.js is not installed.`,
    });
  });

  it('says what the loader says of a build that this machine does not load', () => {
    const refused = (): never => {
      throw new Error("This version of uWS.js supports only …\n\nError: version `GLIBC_2.38' not found");
    };
    expect(() => chooseEngine('uwebsockets', () => loadUwebsockets(refused))).toThrowError(
      /@btc-vision\/uwebsockets\.js does not load: Error: version `GLIBC_2\.38' not found/,
    );
  });

  it('is uWebSockets.js where it loads, else ws with a note, also of the server', async () => {
    const { native, note } = chooseEngine('auto', loadUwebsockets);
    expect([native === null, note === null]).toEqual(ENGINES.includes('uwebsockets') ? [false, true] : [true, false]);
    const server = await openServer({ ...BARE, engine: 'auto' });
    cleanups.push(() => server.close());
    expect([server.engine, server.engineNote]).toEqual([ENGINES[0], note]);
  });

  it('does not load uWebSockets.js for ws', () => {
    expect(
      chooseEngine('ws', () => {
        throw new Error('must not be loaded');
      }),
    ).toEqual({ native: null, note: null });
  });

  it('reports clearly that an engine requested by name is missing', () => {
    expect(() => chooseEngine('uwebsockets', missing)).toThrowError(/uWebSockets\.js cannot be loaded.*Node v/);
  });
});

describe('the head of a request', () => {
  it('has all headers, those of one name joined', () => {
    const request = {
      getCaseSensitiveMethod: () => 'GET',
      getUrl: () => '/facts',
      getQuery: () => 'a=1',
      forEach(each: (header: string, value: string) => void) {
        for (const value of ['one', 'two']) each('x-token', value);
      },
    } as unknown as NativeRequest;
    const response = { getRemoteAddress: () => Uint8Array.from([127, 0, 0, 1]).buffer } as unknown as NativeResponse;
    const head = headOf(response, request);
    expect([head.method, head.path, head.query.get('a'), head.remoteAddress]).toEqual([
      'GET',
      '/facts',
      '1',
      '127.0.0.1',
    ]);
    expect([head.header('X-Token'), head.header('absent')]).toEqual(['one, two', '']);
  });
});

describe('an address in bytes', () => {
  it.each([
    ['127.0.0.1', [127, 0, 0, 1]],
    ['10.1.2.3', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3]],
    ['::1', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ['2001:db8::ff00:42', [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0x42]],
    ['', []],
  ])('is written as %s', (written, bytes) => {
    expect(addressText(Uint8Array.from(bytes))).toBe(written);
  });
});

/** Bytes of all Buffers of this process that are in use; V8 frees what it has collected a moment later. */
async function settledBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let before = Infinity; ; await delay(20)) {
    collect();
    const { arrayBuffers } = process.memoryUsage();
    if (arrayBuffers === before) return arrayBuffers;
    before = arrayBuffers;
  }
}

const CRLF = Buffer.from('\r\n');

async function until(condition: () => boolean, limitMs = 20_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${limitMs} ms: ${condition.toString()}`);
    await delay(2);
  }
}

/** Text of a given length that differs from message to message and along its way. */
function letters(length: number, seed: number): string {
  const line = `${seed}:abcdefghijklmnopqrstuvwxyz${seed % 7};`;
  return line.repeat(Math.ceil(length / line.length)).slice(0, length);
}

function slices(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const marks = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
  return marks.slice(1).map((mark, i) => bytes.subarray(marks[i], mark));
}

/** The bodies of all whole answers on a connection, one after the other. */
function bodies(read: string): string {
  let rest = read;
  let found = '';
  for (;;) {
    const headEnd = rest.indexOf('\r\n\r\n');
    const length = /content-length: (\d+)/i.exec(rest.slice(0, headEnd + 2));
    if (headEnd < 0 || !length) return found;
    const end = headEnd + 4 + Number(length[1]);
    if (rest.length < end) return found;
    found += rest.slice(headEnd + 4, end);
    rest = rest.slice(end);
  }
}

/** A port in the hands of a server of ours, or of a stranger. */
async function occupy(owner: (typeof ENGINES)[number] | 'another program'): Promise<number> {
  if (owner === 'another program') {
    const stranger = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => stranger.once('listening', resolve));
    cleanups.push(() => new Promise((resolve) => stranger.close(() => resolve())));
    return (stranger.address() as AddressInfo).port;
  }
  const server = await openServer({ ...BARE, engine: owner });
  cleanups.push(() => server.close());
  return server.port;
}
