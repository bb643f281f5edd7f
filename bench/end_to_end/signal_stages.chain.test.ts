import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  processorWaitNs,
  readBatchStages,
  stagesByRank,
  stolenMs,
  type BatchStages,
  type TimedSignal,
} from './signal_stages.ts';

const timestamp = '2025-10-14T12:35:00Z';
const BATCH: BatchStages = { queue: 10, features: 20, infer: 15, decide: 12, publish: 40 };

/** Signals of 100 to 299 µs, one each second, in no order. */
const SIGNALS = Array.from({ length: 200 }, (_, i): TimedSignal => {
  return { pairId: `${i}`, timestamp, sentNs: 1e9 * i, us: 100 + ((i * 77) % 200), waitedUs: 2 };
});

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-stages-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('means of the signals around the median, and of the slowest hundredth', () => {
  const { middle, slowest } = stagesByRank(SIGNALS, () => BATCH, [])!;
  expect(middle).toEqual({ ...BATCH, signals: 20, total: 199.5, outside: 102.5, collections: 0, waited: 2 });
  expect(slowest).toEqual({ ...BATCH, signals: 2, total: 298.5, outside: 201.5, collections: 0, waited: 2 });
});

it('only signals whose batch is known count', () => {
  const known = ({ us }: TimedSignal): BatchStages | undefined => (us < 200 ? BATCH : undefined);
  expect(stagesByRank(SIGNALS, known, [])!.slowest).toMatchObject({ signals: 1, total: 199 });
  expect(stagesByRank(SIGNALS, () => undefined, [])).toBeNull();
});

it('a batch that waited for a bar before that of the signal was sent, waited with its first one', () => {
  const batch = { ...BATCH, queue: 3000 };
  const { slowest } = stagesByRank(SIGNALS.slice(0, 1), () => batch, [])!;
  expect(slowest).toMatchObject({ ...BATCH, total: 100, queue: 13, outside: 0 });
});

it('collections count with the part that is within a signal', () => {
  const signal: TimedSignal = { pairId: 'A', timestamp, sentNs: 1e6, us: 1000, waitedUs: NaN };
  const during = (fromUs: number, us: number) =>
    stagesByRank([signal], () => BATCH, [{ kind: 'minor', atNs: 1e6 + 1000 * fromUs, us }])!.slowest.collections;
  expect([
    during(100, 50),
    during(-30, 50),
    during(990, 50),
    during(-10, 2000),
    during(1001, 5),
    during(-9, 5),
  ]).toEqual([50, 20, 10, 1000, 0, 0]);
  expect(stagesByRank([signal], () => BATCH, [])!.slowest.waited).toBeNull();
});

it('the stages of a batch are read from the logs of the daemon, rolled ones and unfinished lines included', async () => {
  const line = (values: object): string => `${JSON.stringify(values)}\n`;
  const dispatch = { bar: timestamp, ids: 'A:1:a1 B:7:b1', bar_to_websocket_us: 100, publish_us: 70 };
  const inference = { features_us: 20, infer_us: 15, decide_us: 12 };
  writeFileSync(join(folder, 'signal_dispatch.log.1'), line({ ...dispatch, bar_to_redis_us: 130 }));
  writeFileSync(
    join(folder, 'inference.log'),
    line({ ...inference, ids: 'a1 b1' }) + line({ ...inference, ids: 'c1' }),
  );
  const unfinished = line({ ...dispatch, bar: 'later', ids: 'C:1:c1', bar_to_redis_us: null });
  writeFileSync(join(folder, 'signal_dispatch.log'), unfinished.slice(0, 30));
  setTimeout(() => appendFileSync(join(folder, 'signal_dispatch.log'), unfinished.slice(30)), 200);

  const stagesOf = await readBatchStages(folder, { pairId: 'C', timestamp: 'later' });
  const stages = { queue: 13, features: 20, infer: 15, decide: 12, publish: 40 };
  expect(['A', 'B'].map((pairId) => stagesOf({ pairId, timestamp }))).toEqual([stages, stages]);
  expect(stagesOf({ pairId: 'C', timestamp: 'later' })).toEqual({ ...stages, publish: 70, queue: -17 });
  expect(stagesOf({ pairId: 'A', timestamp: 'later' })).toBeUndefined();
});

it('the wait for a processor grows, and is unknown of a process that is gone', () => {
  const before = processorWaitNs([process.pid]);
  if (process.platform === 'linux') {
    expect(before).toBeGreaterThan(0);
    expect(processorWaitNs([process.pid])).toBeGreaterThanOrEqual(before);
  }
  expect(processorWaitNs([process.pid, 2 ** 30])).toBeNaN();
});

it('the time that the hypervisor took is that of all processors together', () => {
  const path = join(folder, 'stat');
  writeFileSync(path, 'cpu  10 20 30 40 50 60 70 12 0 0\ncpu0 5 10 15 20 25 30 35 9 0 0\n');
  expect(stolenMs(path)).toBe(120);
  expect(stolenMs(join(folder, 'none'))).toBeNaN();
});
