import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import { BacktestQueue, type NewBacktest } from './backtest_queue.ts';

const WANTED: NewBacktest = {
  request: { models: ['v'], from: null, to: null, pairs: null, theta1: null, theta2: null, costs: 'flat' },
  reason: '',
  by: 'ann',
  policyHash: 'p',
};

let folder: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-owners-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Two trainers may share one store: each runs, ends and abandons its own backtests only. */
describe.each([
  { kind: 'sqlite', note: '', newUrl: () => Promise.resolve(join(mkdtempSync(join(folder, 'store-')), 'trainer.db')) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('backtests of two trainers in one store, on $kind', ({ kind, note, newUrl }) => {
  let store: Store;
  let own: BacktestQueue;
  let other: BacktestQueue;
  beforeEach(async ({ skip }) => {
    if (kind === 'postgres' && server === null) return skip(note);
    store = await openStore(await newUrl());
    own = new BacktestQueue(store, 'simulated', 'a:/home/a');
    other = new BacktestQueue(store, 'simulated', 'b:/home/b');
  });
  afterEach(() => store?.close());

  it('are begun by the trainer that was asked', async () => {
    const { backtest_id: id } = await own.add(WANTED, 1);
    expect(await other.begin(2)).toBeNull();
    expect(await own.begin(3)).toMatchObject({ backtest_id: id, status: 'running', started_ms: 3 });
    expect(await own.begin(4)).toBeNull();
  });

  it('are ended and taken over by it only', async () => {
    const { backtest_id: id } = await own.add(WANTED, 1);
    await own.begin(2);
    await other.takeOver(3);
    expect(await own.find(id)).toMatchObject({ status: 'running', finished_ms: null });
    const done = { status: 'done', result: '{}', error: null } as const;
    expect(await other.end(id, done, 4)).toBe(false);
    expect(await own.find(id)).toMatchObject({ status: 'running', result: null });
    expect(await own.end(id, done, 5)).toBe(true);
    // A canceled or finished one is not ended again by a process that goes on.
    expect(await own.end(id, { status: 'failed', result: null, error: 'late' }, 6)).toBe(false);
    await own.progress(id, 'late', 7);
    expect(await own.find(id)).toMatchObject({
      status: 'done',
      stage: 'done',
      percent: 100,
      error: null,
      finished_ms: 5,
    });
  });

  it('count for their own limit, and new ones are taken while others wait', async () => {
    for (let i = 0; i < 20; i++) await other.add(WANTED, i);
    await expect(other.add(WANTED, 20)).rejects.toMatchObject({ code: 'BACKTESTS_TOO_MANY' });
    const { backtest_id: id } = await own.add(WANTED, 21);
    expect(await own.begin(22)).toMatchObject({ backtest_id: id });
    expect((await own.list(100)).length).toBe(21);
  });

  it('are begun once when several passes of a trainer begin at the same time', async () => {
    for (let i = 0; i < 3; i++) await own.add(WANTED, i);
    const begun = await Promise.all(
      [own.begin(5), own.begin(5), own.begin(5), own.begin(5)].map((one) => one.catch(() => null)),
    );
    const ids = begun.flatMap((one) => (one === null ? [] : [one.backtest_id]));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(0);
  });
});
