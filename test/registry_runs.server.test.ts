import { counted } from '../shared/counted.ts';
import { REQUESTED, scheduled } from '../shared/run_trigger/run_triggers.fixture.ts';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate } from './activate.ts';
import { listVersions } from '../shared/bundle/bundle.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { homePaths } from '../shared/home.ts';
import { createRetrainer, type Retrainer } from '../trainer/control/schedule/retrainer.ts';
import type { RetrainRun } from '../trainer/control/schedule/run.ts';
import { BEAT_MS } from '../trainer/control/schedule/run_queue.ts';
import { createRunLog } from '../trainer/control/schedule/run_log.ts';
import { SCAN_JOB } from '../trainer/jobs/kinds/scan_job.fixture.ts';
import { jobHost, JobRecords } from '../trainer/jobs/records/job_records.ts';
import { markOf } from '../trainer/jobs/records/process_mark.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore, storeUrl, type Store } from '../trainer/store/store.ts';
import { isRunning } from './cli_process.ts';
import { buildProgram, type Program, type RunningProgram } from './program.ts';
import { tinySettings, tinyVersions, type SettingsOverrides } from './tiny_models.ts';

const VERSIONS = [1, 2, 3].map((day) => `2024010${day}_1200`);
const [A, B, C] = VERSIONS as [string, string, string];
/** A beat that is asked for is that of now or the next one. */
const LATEST_BEAT_MS = 2 * BEAT_MS;

let root: string;
let trained: string;
let trainer: Program;
let server: PostgresServer | null = null;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-runs-'));
  trained = join(root, 'trained');
  await tinyVersions(trained, VERSIONS.length);
  [trainer, server] = await Promise.all([buildProgram('trainer_program'), startPostgres()]);
});
afterAll(async () => {
  await server?.stop();
  await trainer.remove();
  rmSync(root, { recursive: true, force: true });
});

let home: string;
let printed: string[];
/** Keys of alerts that could not be stored. */
let told: string[];
let retrainer: Retrainer | null;
let homes = 0;
beforeEach(() => {
  home = join(root, `home-${homes++}`);
  mkdirSync(home);
  printed = [];
  told = [];
  retrainer = null;
});
afterEach(async () => {
  delete process.env['MINUTEHAND_DATABASE_URL'];
  await retrainer?.stop();
});

/** A program that replaces `minutehand`: it receives the arguments of a training run. */
function program(body: string): string {
  const path = join(home, `program-${printed.length}.mjs`);
  writeFileSync(path, body);
  return path;
}
/** It reports its pid as its stage. */
const HANGS = `process.stderr.write(JSON.stringify({ progress: { stage: String(process.pid), share: 0 } }) + '\\n'); setInterval(() => undefined, 1000);`;
const FAILS = `process.stderr.write('something odd\\n'); process.exitCode = 1;`;
const resources = { cpu_seconds: 12.5, peak_memory_bytes: 3_000_000_000, duration_ms: 4321 };
const answer = (version: string, adopted: boolean): string =>
  `process.stdout.write(JSON.stringify(${JSON.stringify({
    version,
    adopted,
    gates: [{ name: 'auc', passed: adopted, seen: '0.5', limit: 'at least 0.52' }],
    resources,
  })}));`;

function open(body: string, retrain: SettingsOverrides['retrain'] = {}): Retrainer {
  const log = pino({ level: 'silent' });
  retrainer = createRetrainer(
    {
      settings: tinySettings({ retrain: { retrain_retry_delay_minutes: 0, ...retrain } }),
      paths: homePaths({ MINUTEHAND_HOME: home }),
      log,
      command: [process.execPath, program(body)],
      print: (line) => void printed.push(line),
    },
    createRunLog(log),
    { raise: ({ key }) => Promise.resolve(void told.push(key)), clear: () => Promise.resolve() },
  );
  return retrainer;
}
const until = (fits: (runs: readonly RetrainRun[]) => boolean) => expect.poll(() => fits(retrainer!.runs())).toBe(true);
async function inStore<Result>(work: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await openStore(storeUrl(process.env, homePaths({ MINUTEHAND_HOME: home })));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const alerts = () =>
  inStore(({ db }) =>
    db.selectFrom('core.alerts').select(['alert_key', 'text', 'resolved_ms']).orderBy('alert_id').execute(),
  );

const STORES = [
  { kind: 'sqlite', note: '' },
  { kind: 'postgres', note: POSTGRES_NOTE },
] as const;
/** The store of this test and of the programs it starts. */
const useStore = async ({ kind, note }: (typeof STORES)[number], skip: (note: string) => void): Promise<void> => {
  if (note !== '') return skip(note);
  if (kind === 'postgres') process.env['MINUTEHAND_DATABASE_URL'] = await server!.createDatabase();
};

describe('a run that exceeds its limits', () => {
  it('is killed if its process ignores SIGTERM, recorded as aborted and reported, and the next run begins', async () => {
    const runs = open(`process.on('SIGTERM', () => undefined); ${HANGS}`, { retrain_limit_minutes: 0.05 });
    expect(await runs.request({ trigger: REQUESTED })).not.toBeNull();
    await until(([run]) => run!.status !== 'running');
    expect(runs.runs()).toMatchObject([{ status: 'aborted', attempt: 1 }]);
    // On a busy machine it may have been ended before it could report its process id.
    const pid = Number(runs.runs()[0]!.stage);
    if (pid > 1) expect(isRunning(pid)).toBe(false);
    expect(runs.runs()[0]!.error).toMatch(/^RUN_TIMEOUT: not done within 0.05 minutes/);
    expect(await alerts()).toMatchObject([{ alert_key: 'retrain_aborted:full', resolved_ms: null }]);
    expect(await inStore(async ({ db }) => db.selectFrom('core.training_runs').select('status').execute())).toEqual([
      { status: 'aborted' },
    ]);
    expect(await runs.request({ trigger: REQUESTED })).toMatchObject({ run_id: 2, status: 'running' });
  });

  it('does not start without enough memory, and is retried, then given up', async () => {
    const runs = open(HANGS, { retrain_min_free_mb: 9_000_000, retrain_retry_max: 1 });
    await runs.request({ trigger: REQUESTED });
    await until(([run]) => run!.status === 'aborted');
    expect(runs.runs()).toMatchObject([
      { attempt: 2, status: 'aborted', error: expect.stringMatching(/^RUN_MEMORY: \d+ MB/) as string },
      { attempt: 1, status: 'failed' },
    ]);
    expect(await alerts()).toMatchObject([{ alert_key: 'retrain_failed:full' }, { alert_key: 'retrain_aborted:full' }]);
  });
});

describe('a run for which this machine lacks room', () => {
  const WANTED = { trigger: REQUESTED };

  it('waits until the other jobs have ended, says so, and begins', async () => {
    const paths = homePaths({ MINUTEHAND_HOME: home });
    const runs = open(HANGS, { retrain_retry_delay_minutes: 60 });
    await runs.waiting();
    const jobId = await inStore(async (store) => {
      const records = new JobRecords(store, { market: 'simulated', host: jobHost(paths), clock: MACHINE_CLOCK });
      const id = await records.queue({ job: SCAN_JOB, requestedBy: 'ann', cores: 1 });
      await records.start(id, markOf(process.pid));
      return id;
    });
    expect(await runs.request(WANTED)).toMatchObject({ run_id: 1, status: 'queued' });
    expect(await runs.startOrWait({ trigger: scheduled('incremental'), kind: 'incremental' })).toBe(true);
    const cores = Math.max(1, availableParallelism() - 1);
    const reason = `needs ${counted(cores, 'core')}, ${cores - 1} free; running: job ${jobId}`;
    await expect.poll(async () => (await runs.waiting()).map(({ reasons }) => reasons)).toEqual([[reason], []]);
    expect(printed).toContain(`Training run 1 (request) waits: ${reason}.`);
    expect(runs.runs()).toEqual([]);
    await inStore((store) =>
      new JobRecords(store, { market: 'simulated', host: jobHost(paths), clock: MACHINE_CLOCK }).end(jobId, {
        status: 'done',
        error: null,
      }),
    );
    await expect.poll(() => runs.runs().length, { timeout: LATEST_BEAT_MS }).toBe(1);
    expect(runs.runs()).toMatchObject([{ run_id: 1, kind: 'full', status: 'running' }]);
  }, 60_000);

  it('waits for memory; a process that is gone takes no cores', async () => {
    const paths = homePaths({ MINUTEHAND_HOME: home });
    const runs = open(HANGS, { retrain_retry_delay_minutes: 60, retrain_min_free_mb: 9_000_000 });
    await runs.waiting();
    await inStore(async (store) => {
      const records = new JobRecords(store, { market: 'simulated', host: jobHost(paths), clock: MACHINE_CLOCK });
      const id = await records.queue({ job: SCAN_JOB, requestedBy: 'ann', cores: 1 });
      await records.start(id, { pid: process.pid, start: 'another process had this number' });
    });
    expect(await runs.request(WANTED)).toMatchObject({ status: 'queued' });
    expect(await runs.request(WANTED)).toBeNull();
    await expect
      .poll(async () => (await runs.waiting())[0]!.reasons.join())
      .toMatch(/^needs 9000000 MB of memory, \d+ MB free$/);
    expect(runs.runs()).toEqual([]);
    expect(await alerts()).toEqual([]);
    expect(await runs.drop(1)).toMatchObject({ run_id: 1 });
    expect(await runs.waiting()).toEqual([]);
  });
});

describe.each(STORES)('a trainer that is killed, its store on $kind $note', (on) => {
  beforeEach(({ skip }) => useStore(on, skip));
  /** A trainer in its own process, in the middle of a run. */
  async function midRun(retrain: SettingsOverrides['retrain']): Promise<{ running: RunningProgram; pid: number }> {
    const overrides: SettingsOverrides = { retrain: { retrain_retry_delay_minutes: 0, ...retrain } };
    const running = trainer.start([home, JSON.stringify(overrides), program(HANGS)]);
    let line = '';
    while (!line.startsWith('port ')) line = await running.line();
    const api = `http://127.0.0.1:${line.slice('port '.length)}`;
    expect((await fetch(`${api}/retrain`, { method: 'POST' })).status).toBe(202);
    let pid = 0;
    await expect
      .poll(async () => {
        const { runs } = (await (await fetch(`${api}/runs`)).json()) as { runs: RetrainRun[] };
        return (pid = Number(runs[0]?.stage));
      })
      .toBeGreaterThan(1);
    // The store has recorded the run too.
    await expect
      .poll(() =>
        inStore(
          async ({ db }) => (await db.selectFrom('core.training_runs').select('worker_pid').execute())[0]?.worker_pid,
        ),
      )
      .toBe(pid);
    return { running, pid };
  }

  it('leaves a run that the next trainer finds, marks and retries, and no training process', async () => {
    const { running, pid } = await midRun({ retrain_retry_max: 1 });
    await running.kill('SIGKILL');
    expect(isRunning(pid)).toBe(true);
    cpSync(trained, join(home, 'models'), { recursive: true });
    // The same file with another ending: a process of the dead trainer is recognized by its command line.
    open(answer(A, false), { retrain_retry_max: 1 });
    await until((runs) => runs[0]?.status === 'rejected');
    await expect.poll(() => isRunning(pid)).toBe(false);
    expect(retrainer!.runs()).toMatchObject([
      { run_id: 2, trigger: REQUESTED, attempt: 2, status: 'rejected', model_version: A },
      {
        run_id: 1,
        trigger: REQUESTED,
        attempt: 1,
        status: 'killed',
        error: 'the trainer ended during the run',
      },
    ]);
    const rejected = expect.stringMatching(/^retrain_rejected:2:/) as string;
    expect(await alerts()).toMatchObject([
      { alert_key: 'retrain_failed:full', resolved_ms: expect.any(Number) as number },
      { alert_key: rejected },
    ]);
  });

  it('again and again ends in an aborted run, which is in the outbox', async () => {
    const first = await midRun({ retrain_retry_max: 0 });
    await first.running.kill('SIGKILL');
    open(FAILS, { retrain_retry_max: 0 });
    await until((runs) => runs.length === 1);
    expect(retrainer!.runs()).toMatchObject([{ run_id: 1, attempt: 1, status: 'aborted' }]);
    expect(await alerts()).toMatchObject([
      {
        alert_key: 'retrain_aborted:full',
        text: expect.stringContaining('the trainer ended during the run') as string,
      },
    ]);
    expect(printed).toContain('Training run 1 was the last attempt: aborted.');
  });
});

describe.each(STORES)('runs, kept on $kind $note', (on) => {
  beforeEach(({ skip }) => useStore(on, skip));

  it('are there after a restart, and keep counting', async () => {
    cpSync(trained, join(home, 'models'), { recursive: true });
    activate(join(home, 'models'), B);
    open(answer(A, false));
    await retrainer!.request({ trigger: REQUESTED });
    await until(([run]) => run!.status === 'rejected');
    const before = structuredClone(retrainer!.runs());
    await retrainer!.stop();

    open(HANGS);
    await until((runs) => runs.length === 1);
    expect(retrainer!.runs()).toEqual(before);
    const manifest = JSON.parse(readFileSync(join(trained, A, 'manifest.json'), 'utf8')) as {
      seed: number;
      data_hash: string;
      period: { from: string; to: string };
      metrics: { ai1: { holdout: { auc: number } } };
    };
    expect(before[0]).toMatchObject({
      ...resources,
      previous_version: B,
      model_version: A,
      seed: manifest.seed,
      data_from: manifest.period.from,
      data_to: manifest.period.to,
      data_hash: manifest.data_hash,
      metrics: { ai1: { auc: manifest.metrics.ai1.holdout.auc } },
      gate: [{ name: 'auc', passed: false }],
      reasons: ['auc 0.5 (at least 0.52)'],
    });
    // Two simultaneous requests start one run, which is stopped with its trainer and stays so.
    const begun = await Promise.all([
      retrainer!.request({ trigger: scheduled() }),
      retrainer!.request({ trigger: REQUESTED }),
    ]);
    expect(begun.map((run) => run?.run_id ?? null)).toEqual([2, null]);
    await retrainer!.stop();
    open(HANGS);
    await until((runs) => runs.length === 2);
    expect(retrainer!.runs()[0]).toMatchObject({
      run_id: 2,
      status: 'stopped',
      duration_ms: expect.any(Number) as number,
    });
    expect(printed.filter((line) => line.startsWith('Next attempt'))).toEqual([]);
  });

  it('that wait for a retry still wait after a restart', async () => {
    open(FAILS, { retrain_retry_delay_minutes: 60, retrain_retry_max: 1 });
    await retrainer!.request({ trigger: scheduled() });
    await until(([run]) => run!.status === 'failed');
    await retrainer!.stop();
    open(FAILS, { retrain_retry_max: 1 });
    await until((runs) => runs.length === 1);
    // An hour later.
    await retrainer!.stop();
    await inStore(({ db }) =>
      db.updateTable('core.training_runs').set({ due_ms: Date.now() }).where('status', '=', 'queued').execute(),
    );
    open(FAILS, { retrain_retry_max: 1 });
    await until(([run]) => run?.status === 'aborted');
    expect(retrainer!.runs()).toMatchObject([
      { attempt: 2, trigger: scheduled(), status: 'aborted' },
      { attempt: 1, trigger: scheduled(), status: 'failed' },
    ]);
    expect(await alerts()).toMatchObject([
      { alert_key: 'retrain_failed:full', resolved_ms: null },
      { alert_key: 'retrain_aborted:full', resolved_ms: null },
    ]);
  });

  it('record their bundles in the registry, and old ones are removed', async () => {
    const models = join(home, 'models');
    cpSync(trained, models, { recursive: true });
    for (const version of VERSIONS) {
      // As the training process does when all gates pass.
      activate(models, version);
      open(answer(version, true), { model_version_retention: 2 });
      await retrainer!.request({ trigger: REQUESTED });
      await until(([run]) => run?.status === 'adopted' && run.model_version === version);
      await retrainer!.stop();
    }
    expect(listVersions(models)).toEqual([B, C]);
    await inStore(async ({ db }) => {
      const rows = await db
        .selectFrom('core.model_registry')
        .select(['version', 'status'])
        .orderBy('version')
        .execute();
      expect(rows.map(({ version, status }) => [version, status])).toEqual([
        [A, 'archived'],
        [B, 'archived'],
        [C, 'active'],
      ]);
    });
  });
});

describe('runs', () => {
  it('can be stopped by an operator, and are not retried', async () => {
    open(HANGS);
    expect(retrainer!.cancel('a person')).toBeNull();
    await retrainer!.request({ trigger: REQUESTED });
    await until(([run]) => Number(run!.stage) > 0);
    expect(retrainer!.cancel('a person')).toMatchObject({ run_id: 1 });
    await until(([run]) => run!.status === 'stopped');
    expect(retrainer!.cancel('a person')).toBeNull();
    expect(await retrainer!.request({ trigger: REQUESTED })).toMatchObject({ run_id: 2 });
  });

  it('are audited in the policy’s table, with the configuration', async () => {
    open(FAILS, { retrain_retry_max: 0, retrain_runs_table: 'audit.retrainings' });
    await retrainer!.request({ trigger: REQUESTED });
    await until(([run]) => run!.status === 'aborted');
    await retrainer!.stop();
    await inStore(async ({ db }) => {
      const { rows } = await sql<object>`SELECT * FROM ${sql.table('audit.retrainings')}`.execute(db);
      expect(rows).toMatchObject([
        { run_number: 1, status: 'aborted', error_message: 'the training process ended with 1: something odd' },
      ]);
      const changes = await db
        .selectFrom('audit.config_changes')
        .selectAll()
        .where('key', '=', 'retrain_retry_max')
        .execute();
      expect(changes).toMatchObject([{ part: 'retrain', before: null, after: '0' }]);
      const transports = db.selectFrom('audit.config_changes').selectAll().where('key', '=', 'transports');
      expect(await transports.execute()).toEqual([]);
    });
  });

  it('are kept in memory if no store can be opened, which is reported', async () => {
    process.env['MINUTEHAND_DATABASE_URL'] = 'postgres://u:secret@127.0.0.1:1/d';
    open(FAILS, { retrain_retry_max: 1 });
    expect(await retrainer!.request({ trigger: REQUESTED })).toMatchObject({ run_id: 1 });
    await until((runs) => runs.length === 2 && runs[0]!.status === 'aborted');
    expect(printed[0]).toMatch(/^Training runs are kept in memory only: /);
    expect(printed.join(' ')).not.toContain('secret');
    expect(told).toEqual(['retrain_failed:full', 'retrain_aborted:full']);
  });

  it(`continue in memory if the store becomes unavailable${POSTGRES_NOTE}`, async ({ skip }) => {
    const server = await startPostgres();
    if (server === null) return skip(POSTGRES_NOTE);
    process.env['MINUTEHAND_DATABASE_URL'] = await server.createDatabase();
    open(FAILS, { retrain_retry_max: 0 });
    await retrainer!.request({ trigger: REQUESTED });
    await until(([run]) => run?.status === 'aborted');
    await server.stop();
    expect(await retrainer!.request({ trigger: REQUESTED })).toMatchObject({ run_id: 2 });
    await until((runs) => runs.length === 2 && runs[0]!.status === 'aborted');
  });

  it('are audited from their start, and those of a killed trainer at the next start', async () => {
    const audited = () =>
      inStore(
        async ({ db }) => (await sql<{ outcome: string }>`SELECT outcome FROM audit_retrain_runs`.execute(db)).rows,
      );
    open(HANGS);
    await retrainer!.request({ trigger: REQUESTED });
    expect(await audited()).toEqual([{ outcome: 'running' }]);
    await retrainer!.stop();
    expect(await audited()).toEqual([{ outcome: 'stopped' }]);
    await inStore(({ db }) => sql`DELETE FROM audit_retrain_runs`.execute(db));
    open(HANGS);
    await until((runs) => runs.length === 1);
    await expect.poll(audited).toEqual([{ outcome: 'stopped' }]);
  });
});
