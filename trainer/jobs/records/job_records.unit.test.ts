import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EpochMs } from '../../../shared/bar.ts';
import { IN_MEMORY, openStore, type Store } from '../../store/store.ts';
import { SCAN_JOB } from '../kinds/scan_job.fixture.ts';
import type { ScanJob } from '../kinds/scan_job.ts';
import { artifactsOf } from './job_event.ts';
import { JobRecorder, type RecorderOptions } from './job_recorder.ts';
import { JobRecords } from './job_records.ts';
import { coresOf, lackFor } from './job_resources.ts';
import { isAlive, markOf } from './process_mark.ts';

const JOB: ScanJob = { ...SCAN_JOB, resources: { workers: 2 } };
const WANTED = { job: JOB, requestedBy: 'ann', cores: 2 };
const progress = { stage: 'scan', percent: 40, etaSeconds: 6, stages: [{ stage: 'reading bars', duration_ms: 4 }] };

let store: Store;
let nowMs: number;
const recordsOf = (host: string): JobRecords =>
  new JobRecords(store, { market: 'simulated', host, clock: { nowMs: () => nowMs as EpochMs, monotonicUs: () => 0 } });

beforeEach(async () => {
  store = await openStore(IN_MEMORY);
  nowMs = 1_000_000;
});
afterEach(() => store.close());

describe('the records of jobs', () => {
  it('keep state, progress and messages as typed events, in order', async () => {
    const records = recordsOf('here:/home');
    const id = await records.queue(WANTED);
    await records.wait(id, { code: 'cores', needed: 2, free: 0, jobs: [7] });
    // Another number of free cores is no news for the log.
    await records.wait(id, { code: 'cores', needed: 2, free: 1, jobs: [7] });
    expect(await records.find(id)).toMatchObject({ status: 'queued', waits_for: { code: 'cores', free: 1 } });
    expect(await records.start(id, markOf(process.pid))).toBe(true);
    const event = { type: 'progress', stage: 'scan', done: 4, total: 10 } as const;
    expect(await records.beat(id, progress, [event, { type: 'message', text: 'hello' }])).toBe(false);
    expect(await records.find(id)).toMatchObject({ percent: 40, eta_seconds: 6, waits_for: null, document: JOB });
    expect(await records.end(id, { status: 'done', error: null, peakMemoryBytes: 5e9 })).toBe('done');
    const events = await records.events(id, 0, 100);
    expect(events.map(({ event_id: _id, at_ms: _at, ...own }) => own)).toEqual([
      { type: 'state', status: 'queued', by: 'ann', error: null },
      { type: 'waits', waits_for: { code: 'cores', needed: 2, free: 0, jobs: [7] } },
      { type: 'state', status: 'running', by: null, error: null },
      event,
      { type: 'message', text: 'hello' },
      { type: 'state', status: 'done', by: null, error: null },
    ]);
    expect(await records.events(id, events[3]!.event_id, 1)).toEqual([events[4]]);
    expect(await records.lastOf('scan')).toEqual({ stages: progress.stages, peakMemoryBytes: 5e9 });
    // Whatever ends it a second time comes too late.
    expect(await records.end(id, { status: 'failed', error: 'late' })).toBeNull();
  });

  it('are listed with running ones first, then queued ones, then the others, the newest first', async () => {
    const records = recordsOf('here:/home');
    const begin = () => records.begin(WANTED, markOf(process.pid));
    const first = await begin();
    const done = await begin();
    const waiting = await records.queue(WANTED);
    const failed = await begin();
    const second = await begin();
    const waitingToo = await records.queue(WANTED);
    for (const [id, status] of [
      [failed, 'failed'],
      [done, 'done'],
    ] as const) {
      nowMs += 1000;
      await records.end(id, { status, error: null });
    }
    const ids = (await records.list({ limit: 10 })).map(({ job_id }) => job_id);
    expect(ids).toEqual([second, first, waitingToo, waiting, done, failed]);
    expect((await records.list({ limit: 2 })).map(({ status }) => status)).toEqual(['running', 'running']);
  });

  it('cancel a queued one at once, and ask a running one, by the same message', async () => {
    const records = recordsOf('here:/home');
    const queued = await records.queue(WANTED);
    expect(await records.cancel(queued, 'ben')).toMatchObject({ status: 'canceled', cancel_by: 'ben' });
    expect(await records.start(queued, markOf(process.pid))).toBe(false);
    const running = await records.begin(WANTED, markOf(process.pid));
    expect(await records.cancel(running, 'ben')).toMatchObject({ status: 'running', cancel_by: 'ben' });
    expect(await records.beat(running, progress, [])).toBe(true);
    expect(await records.end(running, { status: 'failed', error: 'SIGINT' })).toBe('canceled');
    expect(await records.find(running)).toMatchObject({ status: 'canceled', error: null });
    await expect(records.cancel(running, 'ben')).rejects.toMatchObject({ code: 'JOB_ENDED' });
    await expect(records.cancel(99, 'ben')).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
  });

  it('show none as running whose process is gone, here or on a machine that is silent', async () => {
    const records = recordsOf('here:/home');
    const alive = await records.begin(WANTED, markOf(process.pid));
    const dead = await records.begin(WANTED, { pid: process.pid, start: 'another process with its number' });
    const other = await recordsOf('there:/home').begin(WANTED, { pid: process.pid, start: null });
    const statuses = async () =>
      Object.fromEntries((await records.list({ limit: 10 })).map(({ job_id, status }) => [job_id, status]));
    await records.settleDead();
    expect(await statuses()).toEqual({ [alive]: 'running', [dead]: 'killed', [other]: 'running' });
    nowMs += 3_600_000;
    await records.settleDead();
    expect(await statuses()).toEqual({ [alive]: 'running', [dead]: 'killed', [other]: 'killed' });
    expect((await records.list({ limit: 1 })).map(({ job_id }) => job_id)).toEqual([alive]);
    expect(await records.list({ limit: 10, statuses: ['done'] })).toEqual([]);
  });

  it('of a host are listed however many another one has left', async () => {
    const records = recordsOf('here:/home');
    const own = await records.queue(WANTED);
    const gone = recordsOf('there:/home');
    for (let count = 0; count < 3; count++) await gone.queue(WANTED);
    const queued = await records.list({ limit: 2, statuses: ['queued'], isHere: true });
    expect(queued.map(({ job_id }) => job_id)).toEqual([own]);
    expect(await records.list({ limit: 2, statuses: ['queued'] })).toHaveLength(2);
  });
});

describe('the recorder of a job', () => {
  afterEach(() => void vi.useRealTimers());

  const options = (more: Partial<RecorderOptions> = {}): RecorderOptions => ({
    job: JOB,
    origin: {},
    user: 'ann',
    open: () => Promise.resolve({ records: recordsOf('here:/home'), close: () => Promise.resolve() }),
    firstStages: [],
    interrupt: () => undefined,
    peakMemory: () => 1,
    onLost: () => undefined,
    ...more,
  });

  it('records what a process does that a terminal has started', async () => {
    const recorder = new JobRecorder(options());
    for (let done = 0; done <= 100; done++) recorder.update('scan', done, 100);
    recorder.say('3 trials');
    recorder.made(artifactsOf({ version: '20260101_0000', files: { report: '/a.html' }, import_number: 3 }));
    await recorder.end({ status: 'done', error: null });
    const records = recordsOf('here:/home');
    const [job] = await records.list({ limit: 1 });
    expect(job).toMatchObject({ kind: 'scan', status: 'done', requested_by: 'ann', percent: 100, origin: null });
    const events = await records.events(job!.job_id, 0, 100);
    // One for each tenth of a stage.
    expect(events.filter(({ type }) => type === 'progress')).toHaveLength(11);
    expect(events.flatMap((event) => (event.type === 'artifact' ? [[event.what, event.name]] : []))).toEqual([
      ['bundle', '20260101_0000'],
      ['file', '/a.html'],
      ['import', '3'],
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'state', status: 'done' });
  });

  it('keeps of a job that is done what is missing of it', async () => {
    const recorder = new JobRecorder(options());
    await recorder.end({ status: 'done', error: 'partly done' });
    const [job] = await recordsOf('here:/home').list({ limit: 1 });
    expect(job).toMatchObject({ status: 'done', percent: 100, error: 'partly done' });
  });

  it('keeps a bounded number of progress events, and how far the job is', async () => {
    const recorder = new JobRecorder(options());
    // Stages that take turns: each is news.
    for (let round = 0; round < 1500; round++) for (const stage of ['fit', 'judge']) recorder.update(stage, 1, 4);
    recorder.update('write', 3, 4);
    await recorder.end({ status: 'failed', error: 'FAILED: something' });
    const records = recordsOf('here:/home');
    const [job] = await records.list({ limit: 1 });
    const events = await records.events(job!.job_id, 0, 10_000);
    expect(events.filter(({ type }) => type === 'progress')).toHaveLength(2000);
    expect(job).toMatchObject({ stage: 'write', percent: 75 });
  });

  it('takes a queued record over, and ends its process when a person cancels it', async () => {
    const records = recordsOf('here:/home');
    const job_id = await records.queue(WANTED);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const interrupted = new Promise<void>((resolve) => {
      const recorder = new JobRecorder(options({ origin: { job_id }, interrupt: () => resolve() }));
      recorder.update('scan', 1, 10);
    });
    await vi.waitFor(async () => expect(await records.find(job_id)).toMatchObject({ status: 'running' }), 20_000);
    await records.cancel(job_id, 'ben');
    await vi.advanceTimersByTimeAsync(2000);
    await interrupted;
    expect(await records.find(job_id)).toMatchObject({ status: 'canceled', stage: 'scan' });
  });

  it('does not disturb the work when the store is lost, and says so once', async () => {
    const lost: unknown[] = [];
    const recorder = new JobRecorder(
      options({ open: () => Promise.reject(new Error('gone')), onLost: (error) => lost.push(error) }),
    );
    recorder.update('scan', 1, 10);
    await recorder.end({ status: 'failed', error: 'FAILED: something' });
    expect(lost).toHaveLength(1);
    expect(await recordsOf('here:/home').list({ limit: 1 })).toEqual([]);
  });
});

describe('resources of jobs', () => {
  const machine = { cores: 3, freeMemoryMb: 4000 };
  it.each([
    [[], { cores: 8, memoryMb: 100 }, null],
    [[{ job_id: 1, cores: 1 }], { cores: 2, memoryMb: 100 }, null],
    [[{ job_id: 1, cores: 2 }], { cores: 2, memoryMb: 100 }, { code: 'cores', needed: 2, free: 1, jobs: [1] }],
    // More cores than there are: it waits until it is alone, not for ever.
    [[{ job_id: 1, cores: 1 }], { cores: 8, memoryMb: 100 }, { code: 'cores', needed: 3, free: 2, jobs: [1] }],
    [[], { cores: 1, memoryMb: 5000 }, { code: 'memory', needed_mb: 5000, free_mb: 4000 }],
  ])('beside %j a job of %j waits for %j', (running, needs, lack) => {
    expect(lackFor(needs, running, machine)).toEqual(lack);
  });

  it('are the threads of a document, where 0 means one for each core', () => {
    expect([
      coresOf(JOB, 8),
      coresOf({ kind: 'scan', resources: { workers: 0 } }, 8),
      coresOf({ kind: 'parity' }, 8),
    ]).toEqual([2, 8, 1]);
  });

  it('belong to a process, not to its number', () => {
    const own = markOf(process.pid);
    expect(isAlive(own)).toBe(true);
    if (own.start !== null) expect(isAlive({ ...own, start: `${own.start}0` })).toBe(false);
    expect(isAlive({ pid: 2 ** 22 + 1, start: null })).toBe(false);
  });
});
