import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createWorkplace, PROGRAM, type Workplace } from '../../../test/cli_process.ts';
import { readReceivedDecisions } from '../../jobs/bars/received_decisions.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from './api.fixture.ts';
import { barFile, MONDAY, receiveBars } from './sent_bars.fixture.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let place: Workplace;
let api: ApiWorkplace;
let headers: { readonly authorization: string };

beforeAll(async () => {
  place = createWorkplace();
  const waiting = { minutehand: { market: 'live' as const } };
  api = await openApiWorkplace(waiting, async () => undefined, [process.execPath, PROGRAM]);
  vi.stubEnv('MINUTEHAND_HOME', api.folder);
  vi.stubEnv('MINUTEHAND_CONFIG', place.config);
  headers = bearer(await api.token('approver', 'ann'));
});
afterAll(async () => {
  await api.close();
  vi.unstubAllEnvs();
  await place.remove();
});

const COUNT = 60;
const fileOf = (price: number): string => barFile(price, COUNT);

const FILE = { 'content-type': 'application/octet-stream' };
const send = (query: string, raw: string | Buffer, own: object = headers) =>
  api.ask('POST', `/api/imports?${query}`, { headers: { ...own, ...FILE }, raw });
const post = (path: string, body: object) => api.ask('POST', path, { headers, body });
const uploads = () => readdirSync(api.paths.uploads);
const closesOf = async (symbol: string): Promise<number[]> => {
  const { close, length } = await api.store.bars.read('live', symbol, {});
  return [...close.subarray(0, length)];
};

it('a file is imported by who sent it, replaces bars after a look, and each change is undone by its number', async () => {
  const looked = await send('name=EURUSD.csv&dry_run=true', fileOf(1.03));
  expect(looked.body, looked.text).toMatchObject({ import_number: null, dry_run: true, symbols: [{ added: COUNT }] });
  expect(await api.store.bars.symbols('live')).toEqual([]);

  const made = await send('name=EURUSD.csv&price=bid', fileOf(1.03));
  expect(made.body, made.text).toMatchObject({ refused: null, import_number: 1, symbols: [{ added: COUNT }] });
  const before = await closesOf('EURUSD');
  expect(before).toHaveLength(COUNT);

  // An import keeps stored bars. A replacement reports in its dry run what it would replace, and then replaces it.
  const other = fileOf(1.0301);
  expect((await send('name=EURUSD.csv', other)).body).toMatchObject({ symbols: [{ conflicts: COUNT, replaced: 0 }] });
  expect(await closesOf('EURUSD')).toEqual(before);
  const replace = 'name=EURUSD.csv&replace=true';
  expect((await send(`${replace}&dry_run=true`, other)).body).toMatchObject({ symbols: [{ replaced: COUNT }] });
  expect(await closesOf('EURUSD')).toEqual(before);
  const replaced = await send(replace, other);
  expect(replaced.body, replaced.text).toMatchObject({ symbols: [{ replaced: COUNT }] });
  expect(await closesOf('EURUSD')).not.toEqual(before);

  const [run] = await api.store.importRuns.list('live', 1);
  expect(run).toMatchObject({ kind: 'replace', source: 'EURUSD.csv', done_by: 'ann', removed: COUNT });
  expect((await post(`/api/imports/${run!.import_number}/undo`, {})).status).toBe(200);
  expect(await closesOf('EURUSD')).toEqual(before);
  await expect.poll(uploads).toEqual([]);
});

it('stored bars of a period are deleted after a look, and come back', async () => {
  const from = new Date((MONDAY + 600) * 1000).toISOString();
  const to = new Date((MONDAY + 1200) * 1000).toISOString();
  const before = await closesOf('EURUSD');
  const removed = [{ symbol: 'EURUSD', bars: 10, first: MONDAY + 600, last: MONDAY + 1140 }];
  const body = { symbol: 'eur/usd', from, to };
  expect((await post('/api/bars/delete?dry_run=true', body)).body).toEqual({
    import_number: null,
    dry_run: true,
    removed,
    models: [],
  });
  expect(await closesOf('EURUSD')).toEqual(before);
  const done = await post('/api/bars/delete', body);
  expect(done.body, done.text).toMatchObject({ dry_run: false, removed });
  expect(await closesOf('EURUSD')).toHaveLength(COUNT - 10);
  expect((await post('/api/bars/delete', body)).body).toMatchObject({ error: { code: 'DATA_MISSING' } });
  await post(`/api/imports/${Number(done.body['import_number'])}/undo`, {});
  expect(await closesOf('EURUSD')).toEqual(before);
  const turned = await post('/api/bars/delete', { ...body, from: to, to: from });
  expect(turned.body).toMatchObject({ error: { code: 'REQUEST_INVALID' } });
});

it('received bars of a period are learned from no longer, until that is undone', async () => {
  const bars = receiveBars(api.paths.journal('live', 'main'), 'GBPUSD', 30);
  const kept = async (): Promise<number> => [...(await readReceivedDecisions(api.store)).kept('GBPUSD', bars)].length;
  const body = { symbol: 'GBPUSD', from: new Date((MONDAY + 600) * 1000).toISOString(), reason: 'feeder was wrong' };
  const removed = [{ symbol: 'GBPUSD', bars: 20, first: MONDAY + 600, last: MONDAY + 29 * 60 }];
  expect((await post('/api/bars/leave-out?dry_run=true', body)).body).toMatchObject({ import_number: null, removed });
  expect(await kept()).toBe(30);
  const done = await post('/api/bars/leave-out', body);
  expect(done.body, done.text).toMatchObject({ removed, models: [] });
  expect(await kept()).toBe(10);
  expect((await api.store.importRuns.list('live', 1))[0]).toMatchObject({
    kind: 'leave_out',
    done_by: 'ann',
    source: expect.stringContaining('feeder was wrong'),
  });
  await post(`/api/imports/${Number(done.body['import_number'])}/undo`, {});
  expect(await kept()).toBe(30);
  expect((await post('/api/bars/leave-out', { ...body, reason: ' ' })).status).toBe(400);
  expect((await post('/api/bars/leave-out', { ...body, symbol: 'USDCHF' })).body).toMatchObject({
    error: { code: 'DATA_MISSING' },
  });
});

it('needs an approver, a file as the body, a name without a path, and a file that can be read', async () => {
  const operator = bearer(await api.token('operator'));
  expect((await send('name=EURUSD.csv', fileOf(1.03), operator)).status).toBe(403);
  expect((await send('name=EURUSD.csv', fileOf(1.03), {})).status).toBe(401);
  const json = await api.ask('POST', '/api/imports?name=EURUSD.csv', { headers, body: { file: '/etc/passwd' } });
  expect(json.body).toMatchObject({ error: { code: 'REQUEST_INVALID' } });
  expect((await send('name=..%2FEURUSD.csv', 'x')).body).toMatchObject({ error: { code: 'NAME_UNSAFE' } });
  expect((await send('name=EURUSD.parquet', 'no table')).body).toMatchObject({ refused: { code: expect.any(String) } });
  const elsewhere = { headers: { ...headers, ...FILE }, raw: 'x' };
  expect((await api.ask('POST', '/api/bars/delete', elsewhere)).body).toMatchObject({
    error: { code: 'REQUEST_INVALID' },
  });
  await expect.poll(uploads).toEqual([]);
});
