import type { MarketKind } from '../../../shared/signal/signal.ts';
import { monitored, REQUESTED, scheduled } from '../../../shared/run_trigger/run_triggers.fixture.ts';
import { verdict } from '../../../test/passed_gates.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../shared/bar.ts';
import type { Clock } from '../../../shared/ports.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import { noteConfigChanges } from './config_changes.ts';
import { FIRST_MODELS, type RetrainRun } from './run.ts';
import { openRunAudit, runUuid } from './run_audit.ts';
import { memoryQueue } from './memory_queue.ts';
import { MOST_WAITING, storeQueue, type RunQueue } from './run_queue.ts';

const T0 = Date.UTC(2024, 0, 1);
let nowMs = T0;
const clock: Clock = { nowMs: () => nowMs as EpochMs, monotonicUs: () => 0 };

let folder: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-queue-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  nowMs = T0;
});

let files = 0;
const newFile = () => Promise.resolve(join(folder, `${files++}.db`));
const STORES = [
  { kind: 'sqlite' as const, note: '', newUrl: newFile },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
];

const ended = (run: RetrainRun, status: RetrainRun['status'], change: Partial<RetrainRun> = {}): RetrainRun => ({
  ...run,
  finished_at: new Date(nowMs).toISOString(),
  status,
  ...change,
});

describe.each([...STORES, { kind: 'memory' as const, note: '', newUrl: newFile }])(
  'a queue of runs in $kind $note',
  ({ kind, note, newUrl }) => {
    let store: Store;
    let queue: RunQueue;
    beforeEach(async ({ skip }) => {
      if (note !== '') return skip(note);
      store = await openStore(await newUrl());
      queue = kind === 'memory' ? memoryQueue(clock) : storeQueue(store, { market: 'live', owner: 'here', clock });
    });
    afterEach(async () => {
      if (note === '') await store.close();
    });

    it('lets requests wait beside each other and beside those of the schedule, each once, in order of kind and age', async () => {
      const trigger = REQUESTED;
      const ask = (seed: number, kind: 'full' | 'direction' = 'full') =>
        queue.add({ kind, trigger, parameters: { seed } });
      const first = (await queue.begin({ trigger, parameters: { seed: 1 } }))!;
      const direction = (await ask(2, 'direction'))!;
      expect(direction).toMatchObject({ status: 'queued', kind: 'direction', parameters: { seed: 2 }, attempt: 1 });
      nowMs += 1000;
      const late = (await ask(3))!;
      const later = (await ask(4))!;
      expect(await ask(3)).toBeNull();
      await queue.wait({ trigger: scheduled() });
      await queue.wait({ trigger: scheduled() });
      const ids = async () => (await queue.waiting()).map(({ run_id, parameters }) => [run_id, parameters.seed]);
      const [, , third] = await queue.waiting();
      expect(await ids()).toEqual([
        [late.run_id, 3],
        [later.run_id, 4],
        [third!.run_id, undefined],
        [direction.run_id, 2],
      ]);
      expect(await queue.drop(later.run_id)).toMatchObject({ run_id: later.run_id });
      expect(await queue.drop(later.run_id)).toBeNull();
      expect(await queue.drop(first.run_id)).toBeNull();
      await queue.keep(ended(first, 'rejected'));
      // A run of the schedule takes no request's place, and only its own one.
      const begun = (await queue.begin({ trigger: scheduled() }))!;
      expect(begun.run_id).toBe(third!.run_id);
      expect(await ids()).toEqual([
        [late.run_id, 3],
        [direction.run_id, 2],
      ]);
      await queue.keep(ended(begun, 'rejected'));
      expect(await queue.beginDue()).toMatchObject({ run_id: late.run_id, parameters: { seed: 3 }, status: 'running' });
    });

    it('refuses more requests than may wait, but none of the schedule, and says so of no request that waits', async () => {
      const trigger = REQUESTED;
      const ask = (seed: number) => queue.add({ kind: 'full', trigger, parameters: { seed } });
      await queue.begin({ trigger, parameters: { seed: 0 } });
      for (let seed = 1; seed <= MOST_WAITING; seed++) expect(await ask(seed)).not.toBeNull();
      await expect(ask(MOST_WAITING + 1)).rejects.toMatchObject({ code: 'RUNS_TOO_MANY', seen: String(MOST_WAITING) });
      expect(await ask(1)).toBeNull();
      const [first] = await queue.waiting();
      await queue.drop(first!.run_id);
      expect(await ask(MOST_WAITING + 1)).toMatchObject({ status: 'queued' });
      await queue.wait({ trigger: scheduled() });
      expect(await queue.waiting()).toHaveLength(MOST_WAITING + 1);
    });

    it('has one run in progress at a time, and numbers them', async () => {
      const first = (await queue.begin({ trigger: REQUESTED }))!;
      expect(first).toMatchObject({
        run_id: 1,
        trigger: REQUESTED,
        attempt: 1,
        status: 'running',
        started_at: '2024-01-01T00:00:00.000Z',
        finished_at: null,
        reasons: [],
      });
      expect(await queue.begin({ trigger: scheduled() })).toBeNull();
      expect(await queue.beginDue()).toBeNull();
      await queue.keep(ended(first, 'adopted', { model_version: '20240101_0000' }));
      nowMs += 1000;
      expect(await queue.begin({ trigger: scheduled() })).toMatchObject({
        run_id: 2,
        trigger: scheduled(),
      });
      expect(await queue.list(9)).toMatchObject([
        { run_id: 2, status: 'running' },
        { run_id: 1, status: 'adopted', model_version: '20240101_0000', finished_at: '2024-01-01T00:00:00.000Z' },
      ]);
      expect(await queue.list(1)).toHaveLength(1);
    });

    it('returns all stored fields of a run', async () => {
      const run = (await queue.begin({ trigger: REQUESTED }))!;
      const whole = ended(run, 'rejected', {
        stage: 'learning',
        percent: 100,
        eta_seconds: 7,
        stages: [{ stage: 'learning', duration_ms: 12_000 }],
        model_version: 'v',
        previous_version: 'u',
        seed: 7,
        data_from: '2019-01-01T00:00:00Z',
        data_to: '2019-02-01T00:00:00Z',
        data_hash: 'ab',
        metrics: { ai1: { auc: 0.1 + 0.2, brier: null } },
        gate: [verdict({ passed: false })],
        reasons: ['auc 0.5', '“ä”'],
        error: 'none',
        cpu_seconds: 1.25,
        peak_memory_bytes: 3_000_000_000,
        duration_ms: 12_345,
      });
      await queue.keep(whole);
      expect(await queue.list(1)).toEqual([whole]);
    });

    it('keeps which triggers of the monitor a run answers, also of a waiting run and of its next attempt', async () => {
      const first = (await queue.begin({
        trigger: monitored(),
        kind: 'full',
        causes: ['model age', 'auc'],
      }))!;
      expect(first.causes).toEqual(['model age', 'auc']);
      expect(await queue.caused()).toEqual([]);
      await queue.keep(ended(first, 'rejected', { model_version: 'v' }));
      const other = (await queue.begin({ trigger: REQUESTED, kind: 'incremental' }))!;
      expect(other.causes).toEqual([]);
      await queue.wait({ trigger: monitored(), kind: 'full', causes: ['drift psi'] });
      await queue.keep(ended(other, 'nothing_new'));
      const waited = (await queue.beginDue())!;
      await queue.retryAt(waited, T0);
      await queue.keep(ended(waited, 'failed'));
      const again = (await queue.beginDue())!;
      expect(again).toMatchObject({ attempt: 2, causes: ['drift psi'] });
      await queue.keep(ended(again, 'aborted'));
      expect((await queue.caused()).map(({ run_id, status, causes }) => [run_id, status, causes])).toEqual([
        [4, 'aborted', ['drift psi']],
        [3, 'failed', ['drift psi']],
        [1, 'rejected', ['model age', 'auc']],
      ]);
    });

    it('begins the next attempt when it is due and not before, once', async () => {
      const run = (await queue.begin({ trigger: REQUESTED }))!;
      await queue.retryAt(run, T0 + 60_000);
      await queue.retryAt(run, T0 + 90_000);
      expect(await queue.beginDue()).toBeNull();
      await queue.keep(ended(run, 'failed', { error: 'why' }));
      expect(await queue.dueMs()).toBe(T0 + 60_000);
      expect(await queue.list(9)).toHaveLength(1);
      nowMs = T0 + 59_999;
      expect(await queue.beginDue()).toBeNull();
      nowMs = T0 + 60_000;
      expect(await queue.beginDue()).toMatchObject({
        run_id: 2,
        attempt: 2,
        trigger: REQUESTED,
        error: null,
      });
      expect(await queue.dueMs()).toBeNull();
      expect(await queue.beginDue()).toBeNull();
    });

    it('keeps the kind of a run for its next attempt, and the times of its stages for the next run of that kind', async () => {
      const stages = [{ stage: 'learning', duration_ms: 5 }];
      const run = (await queue.begin({ trigger: scheduled('incremental'), kind: 'incremental' }))!;
      expect(run).toMatchObject({ kind: 'incremental', percent: 0, eta_seconds: null, stages: [] });
      await queue.retryAt(run, T0);
      await queue.keep(ended(run, 'failed', { stages }));
      expect(await queue.lastStages('incremental')).toEqual([]);
      const second = (await queue.beginDue())!;
      expect(second).toMatchObject({ kind: 'incremental', attempt: 2 });
      await queue.keep(ended(second, 'rejected', { stages }));
      expect(await queue.lastStages('incremental')).toEqual(stages);
      expect(await queue.lastStages('full')).toEqual([]);
      // A run without a search does not predict one with it.
      const first = (await queue.begin({ trigger: FIRST_MODELS }))!;
      await queue.keep(ended(first, 'adopted', { stages }));
      expect(await queue.lastStages('full')).toEqual([]);
    });

    it('queues a full run behind an incremental one, which never replaces it', async () => {
      const run = (await queue.begin({ trigger: REQUESTED, kind: 'incremental' }))!;
      expect(await queue.begin({ trigger: scheduled() })).toBeNull();
      await queue.wait({ trigger: scheduled() });
      // The queued one replaces a retry of this one.
      await queue.retryAt(run, T0 + 60_000);
      expect(await queue.dueMs()).toBe(T0);
      await queue.keep(ended(run, 'failed'));
      nowMs += 1000;
      const other = (await queue.begin({ trigger: REQUESTED, kind: 'incremental' }))!;
      expect(other).toMatchObject({ kind: 'incremental', trigger: REQUESTED });
      expect(await queue.dueMs()).toBe(T0);
      await queue.keep(ended(other, 'adopted'));
      expect(await queue.beginDue()).toMatchObject({ kind: 'full', trigger: scheduled(), attempt: 1 });
      expect(await queue.dueMs()).toBeNull();
    });

    it('replaces a waiting incremental run by a full one', async () => {
      const run = (await queue.begin({ trigger: REQUESTED, kind: 'incremental' }))!;
      await queue.retryAt(run, T0 + 60_000);
      await queue.wait({ trigger: scheduled() });
      expect(await queue.dueMs()).toBe(T0);
      await queue.keep(ended(run, 'failed'));
      expect(await queue.begin({ trigger: REQUESTED })).toMatchObject({
        kind: 'full',
        trigger: REQUESTED,
        attempt: 1,
      });
      expect(await queue.dueMs()).toBeNull();
    });

    it('holds one queued run of each kind, begins them by priority, and a full one instead of all', async () => {
      const run = (await queue.begin({ trigger: REQUESTED, kind: 'incremental' }))!;
      await queue.retryAt(run, T0 + 60_000);
      await queue.wait({ trigger: monitored(), kind: 'thresholds' });
      await queue.wait({ trigger: monitored(1), kind: 'thresholds' });
      await queue.keep(ended(run, 'failed'));
      nowMs += 60_000;
      const second = (await queue.beginDue())!;
      expect(second).toMatchObject({ kind: 'thresholds', trigger: monitored(1) });
      await queue.keep(ended(second, 'adopted'));
      const third = (await queue.beginDue())!;
      expect(third).toMatchObject({ kind: 'incremental', attempt: 2 });
      await queue.wait({ trigger: monitored(), kind: 'thresholds' });
      await queue.wait({ trigger: scheduled() });
      await queue.retryAt(third, T0);
      await queue.keep(ended(third, 'failed'));
      expect(await queue.beginDue()).toMatchObject({ kind: 'full', trigger: scheduled() });
      expect(await queue.dueMs()).toBeNull();
    });

    it('keeps the next attempts of several runs of a kind, whatever else is asked for, until they are due', async () => {
      const of = (seed: number) => ({ kind: 'full' as const, trigger: REQUESTED, parameters: { seed } });
      for (const seed of [1, 2]) {
        const run = (await queue.begin(of(seed)))!;
        await queue.retryAt(run, T0 + seed * 60_000);
        await queue.keep(ended(run, 'failed'));
      }
      const other = (await queue.begin(of(3)))!;
      expect(other.run_id).toBe(5);
      // The same work waits for an hour, which is no answer to a request of now.
      expect(await queue.add(of(1))).toMatchObject({ run_id: 6, attempt: 1 });
      await queue.keep(ended(other, 'rejected'));
      expect((await queue.waiting()).map(({ run_id, attempt }) => [run_id, attempt])).toEqual([
        [6, 1],
        [2, 2],
        [4, 2],
      ]);
      // It takes the place of the next attempt at the same work, and not its number.
      const again = (await queue.beginDue())!;
      expect(again).toMatchObject({ run_id: 6, parameters: { seed: 1 } });
      await queue.keep(ended(again, 'rejected'));
      expect(await queue.beginDue()).toBeNull();
      nowMs = T0 + 120_000;
      expect(await queue.beginDue()).toMatchObject({ run_id: 4, attempt: 2, parameters: { seed: 2 } });
      expect(await queue.dueMs()).toBeNull();
    });

    it('begins a requested run in place of the next attempt at the same work, under a number of its own', async () => {
      const run = (await queue.begin({ trigger: scheduled() }))!;
      await queue.retryAt(run, T0 + 60_000);
      await queue.keep(ended(run, 'failed'));
      expect(await queue.begin({ trigger: REQUESTED })).toMatchObject({
        run_id: 3,
        attempt: 1,
        trigger: REQUESTED,
      });
      expect(await queue.dueMs()).toBeNull();
    });
  },
);

describe.each(STORES)('runs in the store on $kind $note', ({ kind, note, newUrl }) => {
  let store: Store;
  let other: Store;
  let url: string;
  const queueOf = (owner = 'here', market: MarketKind = 'live', of = store): RunQueue =>
    storeQueue(of, { market, owner, clock });
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    url = await newUrl();
    store = await openStore(url);
    other = await openStore(url);
  });
  afterEach(async () => {
    if (note === '') await Promise.all([store.close(), other.close()]);
  });

  it('are orphans at once for the next trainer of the same home, for others when their heartbeats have stopped', async () => {
    const before = queueOf();
    const elsewhere = queueOf('elsewhere', 'live', other);
    const run = (await before.begin({ trigger: scheduled() }))!;
    await before.beat({ ...run, stage: 'learning', percent: 25, eta_seconds: 90 }, 4711);
    expect(await before.orphans()).toEqual([]);
    const [orphan] = await queueOf().orphans();
    const shown = { run_id: 1, stage: 'learning', percent: 25, eta_seconds: 90, status: 'running' };
    expect(orphan).toMatchObject({ run: shown, workerPid: 4711 });
    expect(await elsewhere.list(1)).toMatchObject([shown]);
    expect(await elsewhere.begin({ trigger: REQUESTED })).toBeNull();
    expect(await elsewhere.orphans()).toEqual([]);
    nowMs += 59_000;
    await before.beat(run, 4711);
    nowMs += 59_000;
    expect(await elsewhere.orphans()).toEqual([]);
    nowMs += 2000;
    // A process id is meaningless on another machine.
    expect(await elsewhere.orphans()).toMatchObject([{ run: { run_id: 1 }, workerPid: null }]);
    await before.keep(ended(run, 'adopted'));
    expect(await elsewhere.orphans()).toEqual([]);
    expect(await elsewhere.begin({ trigger: REQUESTED })).not.toBeNull();
  });

  it('of two markets are independent', async () => {
    expect(await queueOf().begin({ trigger: REQUESTED })).not.toBeNull();
    const simulated = queueOf('here', 'simulated');
    expect(await simulated.begin({ trigger: REQUESTED })).not.toBeNull();
    expect(await simulated.list(9)).toHaveLength(1);
  });

  it('begin once at simultaneous requests', async () => {
    for (const prepare of ['nothing waits', 'one waits'] as const) {
      const market = prepare === 'one waits' ? 'simulated' : 'live';
      const queues = [store, other].flatMap((of) => [1, 2, 3].map((i) => queueOf(`trainer ${i}`, market, of)));
      if (prepare === 'one waits') {
        const run = (await queues[0]!.begin({ trigger: scheduled() }))!;
        await queues[0]!.retryAt(run, T0);
        await queues[0]!.keep(ended(run, 'failed'));
      }
      const begun = await Promise.all(
        queues.flatMap((queue) => [queue.begin({ trigger: REQUESTED }), queue.beginDue()]),
      );
      expect(begun.filter((run) => run !== null)).toHaveLength(1);
    }
  });

  describe('are audited', () => {
    const policy = {
      retrain_runs_table: 'audit.our_runs',
      retrain_runs_columns: [
        ...(['trigger', 'run_id', 'status', 'gate', 'error', 'kind'] as const),
        ...(['cpu_seconds', 'peak_memory_bytes', 'duration_ms'] as const),
      ],
    };
    const audited = async () =>
      (
        await sql<Record<string, unknown>>`SELECT * FROM ${sql.table('audit.our_runs')} ORDER BY run_id`.execute(
          store.db,
        )
      ).rows;
    const columnsOf = async () => (await audited()).map((row) => Object.keys(row))[0];

    it('in the table and columns of the policy, with their resource usage', async () => {
      const audit = await openRunAudit(store, policy, '/log/train.log');
      const run = (await queueOf().begin({ trigger: REQUESTED, kind: 'incremental' }))!;
      await audit.write(run);
      const done = { gate: [verdict({})], cpu_seconds: 1.5, peak_memory_bytes: 5_000_000_000, duration_ms: 7 };
      await audit.write(ended(run, 'rejected', done));
      const run_id = runUuid(1, run.started_at);
      const row = { trigger: 'request', run_id, kind: 'incremental', status: 'failed', error: null };
      const gate = kind === 'sqlite' ? JSON.stringify(done.gate) : done.gate;
      expect(await audited()).toEqual([{ ...row, ...done, gate }]);
      expect(await columnsOf()).toEqual(policy.retrain_runs_columns);
    });

    it('also after the policy lists other columns', async () => {
      const run = (await queueOf().begin({ trigger: REQUESTED }))!;
      await (await openRunAudit(store, policy, '/log/train.log')).write(run);
      const wider = { ...policy, retrain_runs_columns: ['run_id', 'attempt', 'seed'] as const };
      for (let opened = 0; opened < 2; opened++)
        await (await openRunAudit(store, wider, '/log/train.log')).write({ ...run, seed: 7 });
      expect(await audited()).toMatchObject([{ trigger: 'request', attempt: 1, seed: 7 }]);
      expect(kind).toBe(store.kind);
    });
  });

  it('are listed with every change of the configuration', async () => {
    const changes = async () =>
      (await store.db.selectFrom('audit.config_changes').selectAll().orderBy('change_id').execute()).map(
        ({ change_id: _id, ...row }) => row,
      );
    const first = { core: { theta1: 0.7, range: [0, 1] }, retrain: { cron: '0 3 1 * *' } };
    expect(await noteConfigChanges(store, first, clock)).toBe(3);
    expect(await noteConfigChanges(store, structuredClone(first), clock)).toBe(0);
    nowMs += 1000;
    const second = { core: { theta1: 0.65, range: [0, 1], theta2: 0.3 }, retrain: {} };
    expect(await noteConfigChanges(store, second, clock, 'fedcba9876543210')).toBe(3);
    const changed_at = '2024-01-01T00:00:01.000Z';
    const policy_hash = 'fedcba9876543210';
    const nobody = { changed_by: null, program: null, reason: null, approved_by: null, commit_id: null };
    expect((await changes()).slice(3)).toEqual([
      { changed_at, part: 'core', key: 'theta1', before: '0.7', after: '0.65', policy_hash, ...nobody },
      { changed_at, part: 'core', key: 'theta2', before: null, after: '0.3', policy_hash, ...nobody },
      { changed_at, part: 'retrain', key: 'cron', before: '"0 3 1 * *"', after: null, policy_hash, ...nobody },
    ]);
    expect(await noteConfigChanges(store, second, clock)).toBe(0);
    expect(await noteConfigChanges(store, first, clock)).toBe(3);
  });
});
