import { FAILED_GATE } from './passed_gates.ts';
import { scheduled } from '../shared/run_trigger/run_triggers.fixture.ts';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { adopt } from './activate.ts';
import type { Manifest } from '../shared/bundle/manifest.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { configAuthor, configValues, MAX_CONFIG_STARTS, noteConfigStart } from '../shared/policy/config_starts.ts';
import { homePaths } from '../shared/home.ts';
import { createRegistry, type Registry } from '../trainer/control/registry/registry.ts';
import { followConfigStarts, noteConfigChanges } from '../trainer/control/schedule/config_changes.ts';
import { newRun, type RetrainRun } from '../trainer/control/schedule/run.ts';
import { openRunAudit, runUuid } from '../trainer/control/schedule/run_audit.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore, type Store } from '../trainer/store/store.ts';
import { skipNote } from './skip_note.ts';
import { copyUnder, tinySettings, tinyModels } from './tiny_models.ts';

/*
 * The tables and columns of the specification, on a real database of each kind.
 */

const MODEL_REGISTRY_COLUMNS = [
  ...['model_version', 'model_type', 'status', 'train_period_start', 'train_period_end', 'theta1', 'theta2'],
  ...['metrics', 'artifact_path', 'notes', 'created_at', 'updated_at'],
  ...['feature_schema_hash', 'seed', 'data_hash', 'conditions'],
];
const RETRAIN_RUNS_COLUMNS = [
  ...['run_id', 'started_at', 'ended_at', 'status', 'retry_count', 'model_version', 'theta1', 'theta2', 'metrics'],
  ...['log_path', 'error_message'],
];

let root: string;
let models: string;
let version: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-tables-'));
  models = join(root, 'models');
  [server, { version }] = await Promise.all([startPostgres(), tinyModels(models)]);
});
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

const KINDS = [
  {
    kind: 'sqlite' as const,
    note: '',
    newUrl: () => Promise.resolve(join(mkdtempSync(join(root, 'home-')), 'trainer.db')),
  },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
];

const NO_TYPES = { sqlite: skipNote(true, 'SQLite has no such types'), postgres: '' };

describe.each(KINDS)('on $kind $note', ({ kind, note, newUrl }) => {
  let store: Store;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    store = await openStore(await newUrl());
  });
  afterEach(async () => {
    if (note === '') await store.close();
  });
  const query = async (text: string): Promise<Record<string, unknown>[]> =>
    (await sql.raw<Record<string, unknown>>(text).execute(store.db)).rows;
  const typesOf = async (table: string): Promise<Record<string, string>> =>
    Object.fromEntries(
      (
        await query(
          `SELECT column_name, data_type FROM information_schema.columns WHERE table_schema || '.' || table_name = '${table}'`,
        )
      ).map(({ column_name, data_type }) => [column_name, data_type]),
    );

  describe('model_registry', () => {
    let registry: Registry;
    beforeEach(async () => {
      registry = createRegistry(store, models);
      await registry.register(version);
    });
    const manifest = (): Manifest =>
      JSON.parse(readFileSync(join(models, version, 'manifest.json'), 'utf8')) as Manifest;

    it('has one row per model, in exactly the specified columns', async () => {
      const rows = await query(`SELECT ${MODEL_REGISTRY_COLUMNS.join(', ')} FROM model_registry ORDER BY model_type`);
      expect(Object.keys((await query('SELECT * FROM model_registry'))[0]!)).toEqual(MODEL_REGISTRY_COLUMNS);
      const own = manifest();
      const { theta1, theta2, backtest, metrics, period, created } = own;
      expect(rows.map((row) => row['model_type'])).toEqual(['AI1', 'AI2', 'AI3']);
      for (const [i, name] of (['ai1', 'ai2', 'ai3'] as const).entries()) {
        const row = rows[i]!;
        const shown = typeof row['metrics'] === 'string' ? (JSON.parse(row['metrics']) as unknown) : row['metrics'];
        expect(shown).toEqual({
          auc: metrics[name].holdout.auc,
          brier: metrics[name].holdout.brier,
          skill: name === 'ai1' ? (own.skill?.skill ?? null) : null,
          skill_error: name === 'ai1' ? (own.skill?.standard_error ?? null) : null,
          sharpe: backtest!.net_sharpe,
          win_rate: backtest!.win_rate,
          mean_pnl_bps: backtest!.mean_net_bps,
          max_drawdown: backtest!.max_drawdown,
          trades: backtest!.trades,
        });
        expect(row).toMatchObject({
          model_version: version,
          status: 'candidate',
          artifact_path: join(models, version, `${name}.onnx`),
          notes: null,
        });
        expect([Number(row['theta1']), Number(row['theta2'])]).toEqual([theta1, theta2]);
        const time = (name: string): number => new Date(row[name] as string | Date).getTime();
        // The holdout is no part of the training period; no bar of it was learned from.
        const lastLearned = new Date(Date.parse(period.holdout_from) - 1).toISOString();
        expect(row['train_period_start']).toBe(period.from.slice(0, 10));
        expect(row['train_period_end']).toBe(lastLearned.slice(0, 10));
        expect(row).toMatchObject({ feature_schema_hash: own.feature_schema, data_hash: own.data_hash });
        expect(Number(row['seed'])).toBe(own.seed);
        const { conditions } = row;
        const shownConditions = typeof conditions === 'string' ? (JSON.parse(conditions) as unknown) : conditions;
        expect(shownConditions).toMatchObject({
          market: own.market,
          pairs: own.pairs,
          windows: own.windows,
          engine: own.engine,
          label_policy: own.label_policy,
          period,
          git_commit: own.git_commit,
        });
        expect([time('created_at'), time('updated_at')]).toEqual([Date.parse(created), Date.parse(created)]);
      }
      expect(backtest!.trades).toBeGreaterThan(0);
    });

    it('follows the status of the bundle', async () => {
      const statuses = async (): Promise<unknown[]> =>
        (await query('SELECT DISTINCT status FROM model_registry')).map(({ status }) => status);
      // Never active: not archived.
      expect(await statuses()).toEqual(['candidate']);
      await registry.reject(version, [FAILED_GATE]);
      expect(await statuses()).toEqual(['rejected']);
      await adopt(registry, models, version);
      expect(await statuses()).toEqual(['active']);
      const next = copyUnder(models, version, '20300101_0000', { created: '2030-01-01T00:00:00.000Z' });
      await adopt(registry, models, next);
      const rows = await query('SELECT DISTINCT model_version, status FROM model_registry ORDER BY model_version');
      expect(rows.map(({ status }) => status)).toEqual(['archived', 'active']);
      rmSync(join(models, 'active.json'));
      rmSync(join(models, next), { recursive: true });
    });

    it('lets its notes be edited by UPDATE and by the registry, and nothing else', async () => {
      await sql.raw(`UPDATE model_registry SET notes = 'quiet summer' WHERE model_type = 'AI2'`).execute(store.db);
      await registry.note(version, ['AI1'], 'first on ten pairs');
      await registry.note(version, ['AI1'], 'on ten pairs');
      const notes = async (): Promise<unknown[]> =>
        (await query('SELECT notes FROM model_registry ORDER BY model_type')).map((row) => row['notes']);
      expect(await notes()).toEqual(['on ten pairs', 'quiet summer', null]);
      const [edited] = await query(`SELECT created_at, updated_at FROM model_registry WHERE model_type = 'AI2'`);
      const [created, updated] = ['created_at', 'updated_at'].map((name) =>
        new Date(edited![name] as string).getTime(),
      );
      expect(updated).toBeGreaterThan(created!);
      await expect(sql.raw(`UPDATE model_registry SET status = 'active'`).execute(store.db)).rejects.toThrow();
      await expect(registry.note('20200101_0000', ['AI1'], 'x')).rejects.toMatchObject({ code: 'MODEL_MISSING' });
      expect(await registry.models()).toMatchObject([
        { model_type: 'AI1', notes: 'on ten pairs', metrics: { trades: manifest().backtest!.trades } },
        { model_type: 'AI2' },
        { model_type: 'AI3' },
      ]);
    });

    it('has the day of the last bar learned from, where the holdout begins at midnight and within a day', async () => {
      const holdouts = ['2024-01-03T00:00Z', '2024-01-03T00:01Z', '2024-01-03T23:59Z'];
      const ends = holdouts.map(async (holdout_from, i) => {
        const period = { from: '2023-12-31T23:59Z', to: '2024-01-05T00:00Z', holdout_from };
        const copy = copyUnder(models, version, `2030010${i + 1}_0000`, { period });
        await registry.register(copy);
        rmSync(join(models, copy), { recursive: true });
        const [row] = await query(`SELECT * FROM model_registry WHERE model_version = '${copy}'`);
        return [row!['train_period_start'], row!['train_period_end']];
      });
      expect(await Promise.all(ends)).toEqual([
        ['2023-12-31', '2024-01-02'],
        ['2023-12-31', '2024-01-03'],
        ['2023-12-31', '2024-01-03'],
      ]);
    });

    it.runIf(kind === 'postgres')(`has the specified types on PostgreSQL${NO_TYPES[kind]}`, async () => {
      expect(await typesOf('public.model_registry')).toMatchObject({
        theta1: 'numeric',
        theta2: 'numeric',
        metrics: 'jsonb',
        train_period_start: 'date',
        train_period_end: 'date',
        seed: 'bigint',
        conditions: 'jsonb',
        created_at: 'timestamp with time zone',
      });
    });
  });

  describe('audit.retrain_runs', () => {
    const table = kind === 'sqlite' ? 'audit_retrain_runs' : 'audit.retrain_runs';
    const { retrain } = tinySettings();
    const begun = {
      run_id: 7,
      kind: 'full',
      trigger: scheduled(),
      started_at: '2026-11-20T03:00:00.000Z',
    } as const;
    const run = (attempt: number, change: Partial<RetrainRun>): RetrainRun => ({
      ...newRun({ ...begun, attempt }),
      ...change,
    });

    it('has the specified columns first, of the specified types', async () => {
      const audit = await openRunAudit(store, retrain, '/var/log/train.log');
      const metrics = { ai1: { auc: 0.6 }, backtest: { trades: 12 } };
      const done = {
        finished_at: '2026-11-20T03:20:00.000Z',
        model_version: version,
        theta1: 0.7,
        theta2: 0.35,
        metrics,
      };
      await audit.write(run(2, { ...done, status: 'adopted' }));
      const [row] = await query(`SELECT ${RETRAIN_RUNS_COLUMNS.join(', ')} FROM ${table}`);
      expect(Object.keys((await query(`SELECT * FROM ${table}`))[0]!).slice(0, 11)).toEqual(RETRAIN_RUNS_COLUMNS);
      const { metrics: shown, started_at, ended_at, theta1, theta2, ...others } = row!;
      expect(others).toEqual({
        run_id: runUuid(7, begun.started_at),
        status: 'success',
        retry_count: 1,
        model_version: version,
        log_path: '/var/log/train.log',
        error_message: null,
      });
      expect(typeof shown === 'string' ? (JSON.parse(shown) as unknown) : shown).toEqual(metrics);
      expect([started_at, ended_at].map((time) => new Date(time as string).toISOString())).toEqual([
        begun.started_at,
        done.finished_at,
      ]);
      expect([Number(theta1), Number(theta2)]).toEqual([0.7, 0.35]);
      if (kind === 'sqlite') return;
      expect(await typesOf('audit.retrain_runs')).toMatchObject({
        run_id: 'uuid',
        started_at: 'timestamp with time zone',
        retry_count: 'smallint',
        theta1: 'numeric',
        metrics: 'jsonb',
      });
    });

    it('has one of the four statuses of the specification at every time, and why a run did not succeed', async () => {
      const audit = await openRunAudit(store, retrain, 'train.log');
      const told: readonly (readonly [number, Partial<RetrainRun>, string, string | null])[] = [
        [1, { status: 'running' }, 'retrying', null],
        [1, { status: 'failed', error: 'DATA_TOO_SHORT: 3 bars' }, 'failed', 'DATA_TOO_SHORT: 3 bars'],
        [1, { status: 'killed', error: 'killed' }, 'failed', 'killed'],
        [2, { status: 'running' }, 'retrying', null],
        [2, { status: 'adopted' }, 'success', null],
        [2, { status: 'rollout_started' }, 'success', null],
        [2, { status: 'rejected', reasons: ['ai1 auc 0.5', 'ai1 f1 0.1'] }, 'failed', 'ai1 auc 0.5; ai1 f1 0.1'],
        [1, { status: 'nothing_new', reasons: ['no new bars'] }, 'aborted', 'no new bars'],
        [3, { status: 'aborted', error: 'odd' }, 'aborted', 'odd'],
        [3, { status: 'stopped' }, 'aborted', null],
      ];
      for (const [attempt, change, status, error_message] of told) {
        await audit.write(run(attempt, change));
        const [row] = await query(`SELECT status, retry_count, outcome, error_message FROM ${table}`);
        expect(row).toMatchObject({ status, error_message, outcome: change.status });
        expect(Number(row!['retry_count'])).toBe(attempt - 1);
      }
    });

    it('accepts columns as maps of name, type and comment', async () => {
      const columns = [
        { name: 'run_id', type: 'UUID', comment: 'key' },
        { name: 'status', type: 'VARCHAR(16)', comment: "the run's outcome" },
      ] as const;
      await (
        await openRunAudit(store, { ...retrain, retrain_runs_columns: [...columns] }, 'train.log')
      ).write(run(1, { status: 'adopted' }));
      expect(await query(`SELECT * FROM ${table}`)).toEqual([
        { run_id: runUuid(7, begun.started_at), status: 'success' },
      ]);
      if (kind === 'sqlite') return;
      const comments = await query(`SELECT col_description('audit.retrain_runs'::regclass, 2) AS comment`);
      expect(comments).toEqual([{ comment: "the run's outcome" }]);
    });
  });

  it('audit.config_changes has who, when, why, key, before, after and policy_hash, of daemon and trainer alike', async () => {
    const table = kind === 'sqlite' ? 'audit_config_changes' : 'audit.config_changes';
    const home = mkdtempSync(join(root, 'config-'));
    mkdirSync(home, { recursive: true });
    const paths = homePaths({ MINUTEHAND_HOME: home });
    const trainer = tinySettings();
    const daemon = tinySettings({ core: { theta1_initial: 0.41 } });
    await noteConfigChanges(
      store,
      configValues(trainer),
      MACHINE_CLOCK,
      trainer.policyHash,
      configAuthor('trainer', {}),
    );
    const start = {
      ...configAuthor('daemon main', { SUDO_USER: 'kim', MINUTEHAND_CHANGE_REASON: 'fewer entries' }),
      at_ms: Date.UTC(2026, 10, 20),
      policy_hash: daemon.policyHash,
      values: configValues(daemon),
    };
    for (const shard of ['main', 'other']) noteConfigStart(paths.configStarts(shard), start);
    // The same configuration at the next start adds no row.
    noteConfigStart(paths.configStarts('main'), { ...start, at_ms: start.at_ms + 1 });
    // Both parts of the trainer that follow it may do so concurrently.
    const followed = await Promise.all([followConfigStarts(store, home), followConfigStarts(store, home)]);
    expect(followed.reduce((sum, count) => sum + count)).toBe(1);
    expect(await followConfigStarts(store, home)).toBe(0);
    const rows = await query(
      `SELECT changed_by, changed_at, reason, key, before, after, policy_hash, program FROM ${table} WHERE before IS NOT NULL`,
    );
    expect(rows).toEqual([
      {
        changed_by: expect.stringMatching(/^kim@/) as string,
        changed_at: '2026-11-20T00:00:00.000Z',
        reason: 'fewer entries',
        key: 'theta1_initial',
        before: '0.4',
        after: '0.41',
        policy_hash: daemon.policyHash,
        program: 'daemon main',
      },
    ]);
    const [first] = await query(`SELECT changed_by, program FROM ${table} WHERE before IS NULL`);
    expect(first).toMatchObject({ changed_by: expect.stringContaining('@') as string, program: 'trainer' });
  });

  it('audit.config_changes has each start once, also where the file of starts keeps the newest only', async () => {
    const table = kind === 'sqlite' ? 'audit_config_changes' : 'audit.config_changes';
    const home = mkdtempSync(join(root, 'starts-'));
    const path = homePaths({ MINUTEHAND_HOME: home }).configStarts('main');
    // One of four files: each start writes all values of the starts that are kept.
    const values = { ...configValues(tinySettings()), minutehand: {}, retrain: {} };
    let made = 0;
    const noteSome = (count: number): void => {
      const end = made + count;
      for (; made < end; made++)
        noteConfigStart(path, {
          ...configAuthor('daemon main', {}),
          at_ms: Date.UTC(2026, 10, 20) + made,
          policy_hash: `hash ${made}`,
          values,
        });
    };
    /** The first start has a row for each value. */
    const hashes = async (): Promise<string[]> => {
      const rows = await query(
        `SELECT policy_hash, count(*) AS rows_of FROM ${table} WHERE policy_hash LIKE 'hash %' GROUP BY policy_hash ORDER BY min(change_id)`,
      );
      // After the first start, only the hash changes.
      expect(rows.slice(1).filter(({ rows_of }) => Number(rows_of) !== 1)).toEqual([]);
      return rows.map(({ policy_hash }) => policy_hash as string);
    };
    noteSome(MAX_CONFIG_STARTS - 10);
    await followConfigStarts(store, home);
    noteSome(30);
    await followConfigStarts(store, home);
    expect(await hashes()).toEqual(Array.from({ length: made }, (_, index) => `hash ${index}`));
    // More than the file keeps: the trainer did not see all in time.
    noteSome(3 * MAX_CONFIG_STARTS);
    await followConfigStarts(store, home);
    const last = await hashes();
    expect(last.at(-1)).toBe(`hash ${made - 1}`);
    expect(new Set(last).size).toBe(last.length);
    expect(await followConfigStarts(store, home)).toBe(0);
  });
});
