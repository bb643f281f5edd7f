import pino from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { SCAN_JOB } from '../../jobs/kinds/scan_job.fixture.ts';
import type { ScanJob } from '../../jobs/kinds/scan_job.ts';
import { markOf } from '../../jobs/records/process_mark.ts';
import { IN_MEMORY, openStore, type Store } from '../../store/store.ts';
import { JobRunner } from './job_runner.ts';

const JOB: ScanJob = {
  ...SCAN_JOB,
  parameters: { ...SCAN_JOB.parameters, costs: 'flat', level: 0.1, resamples: 100 },
  // As many as there are: a second one has to wait.
  resources: { workers: 0 },
};
/** A job that takes for ever, and one whose process breaks. */
const HANGS = [process.execPath, '-e', 'setInterval(() => undefined, 1000)', '--'];
const BREAKS = [process.execPath, '-e', 'console.error("no such thing"); process.exit(3)', '--'];

let store: Store;
let runner: JobRunner;
let ended: string[];
beforeEach(async () => {
  store = await openStore(IN_MEMORY);
  ended = [];
});
afterEach(async () => {
  await runner.stop();
  await store.close();
});

function open(command: readonly string[]): JobRunner {
  runner = new JobRunner({
    market: 'simulated',
    paths: { home: '/home' },
    log: pino({ level: 'silent' }),
    clock: MACHINE_CLOCK,
    command,
    leastFreeMb: 0,
    yields: false,
    store: () => Promise.resolve(store),
    cancelOrigin: (origin) => Promise.resolve(void ended.push(origin)),
    onChange: () => undefined,
  });
  return runner;
}

const statusOf = async (id: number): Promise<object> => {
  const { status, waits_for, error } = await (await runner.records()).find(id);
  return { status, waits: waits_for?.code ?? null, error };
};

it('queued jobs begin as cores allow, say what they wait for, and end when they are canceled', async () => {
  open(HANGS);
  const first = await runner.request(JOB, 'ann', 0);
  await vi.waitFor(async () => expect(await statusOf(first.job_id)).toMatchObject({ status: 'running' }), 20_000);
  const low = await runner.request(JOB, 'ann', 0);
  const high = await runner.request(JOB, 'ben', 1);
  await vi.waitFor(async () => {
    expect(await statusOf(high.job_id)).toMatchObject({ status: 'queued', waits: 'cores' });
    expect(await statusOf(low.job_id)).toMatchObject({ status: 'queued', waits: 'order' });
  }, 20_000);
  await runner.cancel(low.job_id, 'ann');
  await runner.cancel(first.job_id, 'ann');
  await vi.waitFor(async () => {
    expect(await statusOf(first.job_id)).toEqual({ status: 'canceled', waits: null, error: null });
    expect(await statusOf(high.job_id)).toMatchObject({ status: 'running', waits: null });
  }, 20_000);
  expect(await statusOf(low.job_id)).toMatchObject({ status: 'canceled' });
}, 60_000);

it('a job whose process breaks has failed, with its last words', async () => {
  open(BREAKS);
  const { job_id } = await runner.request(JOB, 'ann', 0);
  const error = 'the process of the job ended with 3: no such thing';
  await vi.waitFor(async () => expect(await statusOf(job_id)).toMatchObject({ status: 'failed', error }), 60_000);
}, 90_000);

it('a canceled run or backtest of the trainer is ended by its own name', async () => {
  open(HANGS);
  const records = await runner.records();
  const id = await records.begin({ job: JOB, requestedBy: 'trainer', cores: 1, origin: 'run:7' }, markOf(process.pid));
  await runner.cancel(id, 'ann');
  await vi.waitFor(() => expect(ended).toContain('run:7'), 20_000);
});
