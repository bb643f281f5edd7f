import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { homePaths } from '../../../shared/home.ts';
import { packageRoot } from '../../../shared/root.ts';
import { createWorkplace } from '../../../test/cli_process.ts';
import { tinyBars, tinyModels } from '../../../test/tiny_models.ts';
import { compareBacktests } from '../api/backtest_comparison.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { BacktestRequest } from './backtest_queue.ts';
import { jobSchema } from '../../jobs/kinds/registry.ts';
import { jobHost, JobRecords } from '../../jobs/records/job_records.ts';
import { markOf } from '../../jobs/records/process_mark.ts';
import { BacktestRunner } from './backtest_runner.ts';

const REQUEST: BacktestRequest = {
  models: ['20240105_1200'],
  from: null,
  to: null,
  pairs: null,
  theta1: null,
  theta2: null,
  costs: 'profile',
};
const wanted = (request: Partial<BacktestRequest> = {}) => ({
  request: { ...REQUEST, ...request },
  reason: 'a test',
  by: 'ann',
  policyHash: 'p',
});
/** A program that never ends by itself, and one that refuses. */
const HANGS = [process.execPath, '-e', 'setInterval(() => undefined, 1000)', '--'];
/** Programs that go on when they are asked to end: to an answer, and for good. */
const ANSWERS = [
  process.execPath,
  '-e',
  `setInterval(() => undefined, 1000);
   process.on('SIGTERM', () => setTimeout(() => { console.log('{"pairs": []}'); process.exit(0); }, 300));
   require('node:fs').appendFileSync(process.env.TEST_BEGUN, process.pid + '\\n');`,
  '--',
];
const STAYS = [
  process.execPath,
  '-e',
  `process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000);
   require('node:fs').appendFileSync(process.env.TEST_BEGUN, process.pid + '\\n');`,
  '--',
];
const REFUSES = [
  process.execPath,
  '-e',
  'console.log(JSON.stringify({error: {code: "USAGE", message: "no", next: "Ask."}}))',
  '--',
];

let root: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-backtests-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

function runnerOf(store: Store, command: readonly string[], home: string, limitMs?: number) {
  return new BacktestRunner({
    market: 'simulated',
    log: pino({ level: 'silent' }),
    clock: MACHINE_CLOCK,
    command,
    yields: false,
    ...(limitMs === undefined ? {} : { limitMs }),
    paths: homePaths({ MINUTEHAND_HOME: home }),
    store: () => Promise.resolve(store),
    onChange: () => undefined,
  });
}

async function endOf(runner: BacktestRunner, id: number) {
  const find = async () => (await runner.queue()).find(id);
  await expect.poll(async () => (await find()).finished_ms, { timeout: 120_000 }).not.toBeNull();
  return find();
}

describe.each([
  { kind: 'sqlite', note: '', newUrl: (folder: string) => Promise.resolve(join(folder, 'trainer.db')) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('a backtest that was requested, on $kind $note', ({ note, newUrl }) => {
  let home: string;
  let store: Store;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    home = mkdtempSync(join(root, 'home-'));
    store = await openStore(await newUrl(home));
  });
  afterEach(async () => {
    if (note === '') await store.close();
  });

  it('waits for the one before it, and is canceled once, queued or running', async () => {
    const runner = runnerOf(store, HANGS, home);
    const first = await runner.request(wanted());
    const second = await runner.request(wanted());
    await expect.poll(async () => (await (await runner.queue()).find(first.backtest_id)).status).toBe('running');
    expect(await runner.cancel(second.backtest_id)).toMatchObject({ status: 'canceled' });
    await runner.cancel(first.backtest_id);
    expect(await endOf(runner, first.backtest_id)).toMatchObject({ status: 'canceled', error: null, result: null });
    await expect(runner.cancel(first.backtest_id)).rejects.toMatchObject({ code: 'BACKTEST_ENDED' });
    await expect(runner.cancel(99)).rejects.toMatchObject({ code: 'BACKTEST_UNKNOWN' });
    await runner.stop();
  });

  it('begins although it was added while the queue was found empty', async () => {
    const runner = runnerOf(store, REFUSES, home);
    const queue = await runner.queue();
    const begin = queue.begin.bind(queue);
    let added: Promise<{ readonly backtest_id: number }> | undefined;
    vi.spyOn(queue, 'begin').mockImplementation(async (nowMs) => {
      const next = await begin(nowMs);
      // On PostgreSQL, the addition may be known before the answer that there was none.
      if (next === null) await (added ??= runner.request(wanted()));
      return next;
    });
    runner.begin();
    await expect.poll(() => added).toBeDefined();
    expect(await endOf(runner, (await added!).backtest_id)).toMatchObject({ status: 'failed' });
    await runner.stop();
  });

  it('is canceled although its process goes on to an answer, which nobody gets', async () => {
    const begun = join(home, 'begun');
    process.env['TEST_BEGUN'] = begun;
    const runner = runnerOf(store, ANSWERS, home);
    const { backtest_id: id } = await runner.request(wanted());
    await expect.poll(async () => (await (await runner.queue()).find(id)).status).toBe('running');
    // Before it does, the signal ends it.
    await expect.poll(() => existsSync(begun)).toBe(true);
    await runner.cancel(id);
    expect(await endOf(runner, id)).toMatchObject({ status: 'canceled', result: null, error: null });
    await expect(runner.cancel(id)).rejects.toMatchObject({ code: 'BACKTEST_ENDED' });
    await runner.stop();
    const late = runnerOf(store, ANSWERS, home, 1000);
    const { backtest_id: second } = await late.request(wanted());
    expect(await endOf(late, second)).toMatchObject({
      status: 'failed',
      result: null,
      error: expect.stringMatching(/^not done within/) as string,
    });
    await late.stop();
  });

  it('that is canceled and does not end is killed before the next one begins', async () => {
    const begun = join(home, 'begun');
    process.env['TEST_BEGUN'] = begun;
    const pids = (): number[] => (existsSync(begun) ? readFileSync(begun, 'utf8').trim().split('\n').map(Number) : []);
    const isThere = (pid: number): boolean => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    const runner = runnerOf(store, STAYS, home);
    const { backtest_id: first } = await runner.request(wanted());
    const { backtest_id: second } = await runner.request(wanted());
    const queue = await runner.queue();
    await expect.poll(() => pids().length, { timeout: 20_000 }).toBe(1);
    await runner.cancel(first);
    // It was asked to end, and has not: it still counts as the running one.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect([(await queue.find(first)).status, (await queue.find(second)).status]).toEqual(['running', 'queued']);
    await expect.poll(() => pids().length, { timeout: 20_000 }).toBe(2);
    expect(pids().map(isThere)).toEqual([false, true]);
    expect(await queue.find(first)).toMatchObject({ status: 'canceled', result: null });
    await runner.cancel(second);
    expect(await endOf(runner, second)).toMatchObject({ status: 'canceled' });
    await runner.stop();
    delete process.env['TEST_BEGUN'];
  });

  it('is refused when twenty wait, ended after its time limit, and fails with the error of its process', async () => {
    const late = runnerOf(store, HANGS, home, 50);
    const { backtest_id: id } = await late.request(wanted());
    expect(await endOf(late, id)).toMatchObject({ status: 'failed', error: expect.stringMatching(/^not done within/) });
    await late.stop();
    const refused = runnerOf(store, REFUSES, home);
    const { backtest_id: own } = await refused.request(wanted());
    expect(await endOf(refused, own)).toMatchObject({ status: 'failed', error: 'USAGE: no → Ask.' });
    await refused.stop();
    const queue = await refused.queue();
    for (let waiting = 0; waiting < 20; waiting += 1) await queue.add(wanted(), 1);
    await expect(queue.add(wanted(), 1)).rejects.toMatchObject({ code: 'BACKTESTS_TOO_MANY' });
  });

  it('is queued again when its trainer is stopped, and the next start runs it', async () => {
    const stopped = runnerOf(store, HANGS, home);
    const { backtest_id: id } = await stopped.request(wanted());
    const find = async (runner: BacktestRunner) => (await runner.queue()).find(id);
    await expect.poll(async () => (await find(stopped)).status).toBe('running');
    await stopped.stop();
    expect(await find(stopped)).toMatchObject({ status: 'queued', started_ms: null, finished_ms: null, error: null });
    const runner = runnerOf(store, REFUSES, home);
    runner.begin();
    expect(await endOf(runner, id)).toMatchObject({ status: 'failed', error: 'USAGE: no → Ask.' });
    await runner.stop();
  });

  it('is begun again once when its trainer was killed, after its left process; killed twice, it has failed', async () => {
    const dead = runnerOf(store, HANGS, home);
    const queue = await dead.queue();
    const { backtest_id: id } = await queue.add(wanted(), 1);
    await queue.begin(2);
    const records = new JobRecords(store, { market: 'simulated', host: jobHost({ home }), clock: MACHINE_CLOCK });
    const left = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => left.once('exit', (_code, signal) => resolve(signal)));
    const job = jobSchema.parse({
      kind: 'backtest',
      market: 'simulated',
      models: [home],
      period: { from: null, to: null },
      pairs: null,
      source: { folder: null },
      parameters: { theta1: null, theta2: null, costs: 'profile', cost_table: false },
      output: { folder: home },
      resources: { workers: 1 },
      trigger: { code: 'request', values: { door: 'api', options: {}, settings: {} } },
    });
    await records.begin({ job, requestedBy: 'me', cores: 1, origin: `backtest:${id}` }, markOf(left.pid!));
    const next = runnerOf(store, HANGS, home);
    await next.queue();
    expect(await ended).toBe('SIGKILL');
    expect(await queue.find(id)).toMatchObject({
      status: 'queued',
      percent: 0,
      error: null,
      restarts: 1,
    });
    await queue.begin(3);
    const runner = runnerOf(store, REFUSES, home);
    const { backtest_id: later } = await queue.add(wanted(), 4);
    runner.begin();
    expect(await endOf(runner, later)).toMatchObject({ status: 'failed', error: 'USAGE: no → Ask.' });
    const { status, error } = await queue.find(id);
    expect([status, error]).toEqual(['failed', expect.stringContaining('killed twice while it ran')]);
    await runner.stop();
  });
});

describe('a backtest by the command line itself', () => {
  it(
    'uses the bars of the installation, keeps result and files, and compares before with after',
    { timeout: 240_000 },
    async () => {
      const workplace = createWorkplace();
      const { home, config, models, settings } = workplace;
      const { version } = await tinyModels(models, { settings });
      const paths = homePaths({ MINUTEHAND_HOME: home });
      const store = await openStore(paths.trainer);
      const program = [process.execPath, join(packageRoot(), 'bin', 'minutehand.mjs')];
      const environment = [`MINUTEHAND_HOME=${home}`, `MINUTEHAND_CONFIG=${config}`, 'NODE_OPTIONS='];
      const seen: number[] = [];
      const runner = new BacktestRunner({
        market: 'simulated',
        log: pino({ level: 'silent' }),
        clock: MACHINE_CLOCK,
        paths,
        command: ['env', ...environment, ...program],
        yields: false,
        store: () => Promise.resolve(store),
        onChange: ({ percent }) => seen.push(percent),
      });
      try {
        for (const bars of tinyBars(settings).values()) await store.bars.put('simulated', bars);
        const one = { models: [version], from: '2024-01-03', pairs: ['XAUUSD_XAGUSD'] };
        const before = await runner.request(wanted({ ...one, theta1: 0.3 }));
        const after = await runner.request(wanted({ ...one, theta1: 0.99 }));
        const first = await endOf(runner, before.backtest_id);
        expect(first).toMatchObject({ status: 'done', error: null, percent: 100 });
        expect(first.result).toMatchObject({ version, data: null, pairs: ['XAUUSD_XAGUSD'], theta1: 0.3 });
        const second = await endOf(runner, after.backtest_id);
        const compared = compareBacktests(first, second);
        const trades = ({ result }: typeof first) => (result!['all_pairs'] as { trades: number }).trades;
        expect(trades(first)).toBeGreaterThan(trades(second));
        expect(compared).toMatchObject({ is_same_period: true, all_pairs: { trades: trades(second) - trades(first) } });
        for (const name of ['trades.csv', 'equity.csv', 'report.html'])
          expect(existsSync(join(runner.folder(before.backtest_id), name)), name).toBe(true);
        const lines = readFileSync(join(runner.folder(before.backtest_id), 'trades.csv'), 'utf8')
          .trim()
          .split('\n');
        expect(lines.length - 1).toBeGreaterThanOrEqual(trades(first));
        expect(seen.some((percent) => percent > 0 && percent < 100)).toBe(true);
      } finally {
        await runner.stop();
        await store.close();
        await workplace.remove();
      }
    },
  );
});
