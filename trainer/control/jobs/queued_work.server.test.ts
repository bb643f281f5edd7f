import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../shared/bar.ts';
import type { Clock } from '../../../shared/ports.ts';
import { dropQueued, isQueueName, queuedWork } from '../../jobs/records/queued_work.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import { BacktestQueue, type NewBacktest } from '../schedule/backtest_queue.ts';
import { storeQueue, type RunQueue } from '../schedule/run_queue.ts';

const T0 = Date.UTC(2024, 0, 1);
const clock: Clock = { nowMs: () => T0 as EpochMs, monotonicUs: () => 0 };
const BY_COMMAND = { code: 'command', values: { command: 'train' } } as const;
const BACKTEST: NewBacktest = {
  request: {
    models: ['20240101_0000'],
    from: null,
    to: null,
    pairs: null,
    theta1: null,
    theta2: null,
    costs: 'profile',
  },
  reason: 'a look',
  by: 'ann',
  policyHash: 'hash',
};

let folder: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-queued-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('names of runs and backtests are told from numbers of jobs', () => {
  expect(['run:1', 'backtest:23'].map(isQueueName)).toEqual([true, true]);
  expect(['1', 'run:', 'run:x', 'run:0', 'run:-1', 'job:1', 'run:1e3'].filter(isQueueName)).toEqual([]);
});

describe.each([
  { kind: 'sqlite', note: '', newUrl: () => Promise.resolve(join(folder, 'store.db')) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('what waits in the queues of the trainer in $kind $note', ({ note, newUrl }) => {
  let store: Store;
  let runs: RunQueue;
  let backtests: BacktestQueue;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    store = await openStore(await newUrl());
    runs = storeQueue(store, { market: 'live', owner: 'here', clock });
    backtests = new BacktestQueue(store, 'live', 'here');
  });
  afterEach(() => store?.close());

  it('is listed by name, and taken out once, whichever queue it is in', async () => {
    const begun = await runs.begin({ trigger: { code: 'schedule', values: { schedule: 'full' } } });
    const run = await runs.add({ kind: 'thresholds', trigger: BY_COMMAND });
    const backtest = await backtests.add(BACKTEST, T0 + 1000);
    const ofRun = `run:${run!.run_id}`;
    const ofBacktest = `backtest:${backtest.backtest_id}`;
    expect(await queuedWork(store, 'live')).toEqual([
      { name: ofRun, kind: 'thresholds', trigger: BY_COMMAND, requested_by: null, due_ms: T0 },
      { name: ofBacktest, kind: 'backtest', trigger: null, requested_by: 'ann', due_ms: T0 + 1000 },
    ]);
    expect(await queuedWork(store, 'simulated')).toEqual([]);
    expect(await dropQueued(store, 'simulated', ofRun, T0)).toBe(false);

    for (const name of [ofRun, ofBacktest]) {
      expect(await dropQueued(store, 'live', name, T0)).toBe(true);
      expect(await dropQueued(store, 'live', name, T0)).toBe(false);
    }
    expect(await queuedWork(store, 'live')).toEqual([]);
    expect(await runs.waiting()).toEqual([]);
    expect(await backtests.find(backtest.backtest_id)).toMatchObject({ status: 'canceled', finished_ms: T0 });
    expect(await backtests.begin(T0)).toBeNull();
    // What has begun is ended by its job.
    expect(await dropQueued(store, 'live', `run:${begun!.run_id}`, T0)).toBe(false);
  });
});
