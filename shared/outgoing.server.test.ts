import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { AnswerTooLarge, ask, jsonOf, MAX_REST_MS, retryAfterMs, ServerRests } from './outgoing.ts';

let server: Server;
let url: string;
let asked: string[];
let answer: (response: ServerResponse) => void;
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!);
    answer(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => (asked = []));

const resting = (status: number, retryAfter: string) => (response: ServerResponse) =>
  void response.writeHead(status, { 'retry-after': retryAfter }).end('{"a":1}');

it.each([418, 429, 503])(
  'a server that answers %d with Retry-After is left alone until then, path by path',
  async (status) => {
    answer = resting(status, '3600');
    const first = await ask(`${url}/ban/${status}`, { withinMs: 5000 });
    expect(first).toMatchObject({ ok: false, status, retryAfterMs: 3_600_000 });
    expect(jsonOf(first)).toEqual({ a: 1 });
    const error = await ask(`${url}/ban/${status}`, { withinMs: 5000 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ServerRests);
    expect((error as ServerRests).message).toContain(new Date((error as ServerRests).untilMs).toISOString());
    expect((error as ServerRests).untilMs - Date.now()).toBeGreaterThan(3_590_000);
    await ask(`${url}/other/${status}`, { withinMs: 5000 });
    expect(asked).toEqual([`/ban/${status}`, `/other/${status}`]);
  },
);

it('a wait that is over, one of another status, and one of a program of ours hold nothing up', async () => {
  for (const [status, header, place] of [
    [503, '0', undefined],
    [302, '3600', undefined],
    [503, '3600', null],
  ] as const) {
    answer = resting(status, header);
    const asking = { withinMs: 5000, redirect: 'manual' as const, ...(place === null && { place }) };
    for (let i = 0; i < 2; i++) expect((await ask(`${url}/free`, asking)).status).toBe(status);
  }
  expect(asked).toHaveLength(6);
});

it('an answer is bounded, whether its length is told or not, and a failure is cut', async () => {
  for (const told of [true, false]) {
    answer = (response) =>
      void response.writeHead(200, told ? { 'content-length': '1000' } : {}).end(Buffer.alloc(1000, 'x'));
    expect((await ask(`${url}/size`, { withinMs: 5000, maxBytes: 1000 })).body).toHaveLength(1000);
    const larger = ask(`${url}/size`, { withinMs: 5000, maxBytes: 999 });
    await expect(larger).rejects.toBeInstanceOf(AnswerTooLarge);
  }
  answer = (response) => void response.writeHead(500).end(Buffer.alloc(1 << 20, 'x'));
  expect((await ask(`${url}/size`, { withinMs: 5000 })).body).toHaveLength(64 << 10);
});

it('a server that takes the request and says nothing is given up in time', async () => {
  answer = () => undefined;
  await expect(ask(`${url}/mute`, { withinMs: 100 })).rejects.toMatchObject({ name: 'TimeoutError' });
  answer = (response) => void response.writeHead(200).write('half');
  await expect(ask(`${url}/mute`, { withinMs: 200 })).rejects.toMatchObject({ name: 'TimeoutError' });
});

it('a wait is read as seconds or a date, and counts to three days', () => {
  const now = Date.parse('2026-12-01T00:00:00Z');
  expect(retryAfterMs('7200', now)).toBe(7_200_000);
  expect(retryAfterMs('Wed, 02 Dec 2026 00:00:00 GMT', now)).toBe(86_400_000);
  expect(retryAfterMs('Mon, 30 Nov 2026 00:00:00 GMT', now)).toBe(0);
  expect(retryAfterMs('99999999', now)).toBe(MAX_REST_MS);
  expect(['', 'soon', null].map((header) => retryAfterMs(header, now))).toEqual([null, null, null]);
});
