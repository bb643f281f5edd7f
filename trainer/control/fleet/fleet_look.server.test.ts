import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { ownIdentity } from '../../jobs/fleet/fit_identity.ts';
import { DIFFERENCE_FAULT_MS } from '../../jobs/fleet/fleet_view.ts';
import { openFleet } from '../../jobs/fleet/open_fleet.ts';
import { TRAINER_METRICS, type TrainerMetricsSource } from '../metrics/metrics.ts';
import { FleetLook } from './fleet_look.ts';

const settings = tinySettings({});
const env = { MINUTEHAND_QUEUE: 'embedded' };
const KEPT = { hash: 'a'.repeat(64), maker: 'desk/12' };
const OTHER = { hash: 'b'.repeat(64), maker: 'attic/7' };

let home: string;
let paths: HomePaths;
let look: FleetLook;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-fleet-look-'));
  paths = homePaths({ MINUTEHAND_HOME: home });
  look = new FleetLook({ settings, paths, env });
});
afterEach(async () => {
  vi.useRealTimers();
  await look.close();
  rmSync(home, { recursive: true, force: true });
});

/** What Prometheus reads, by name. */
const read = (name: string): unknown =>
  TRAINER_METRICS.find((metric) => metric.name === name)!.read({ fleet: () => look.last() } as TrainerMetricsSource);

it('is a fault that names both workers for a day after two results of one task', async () => {
  const { queue, close } = (await openFleet(settings, paths, env))!;
  await look.check();
  expect(look.last()).toMatchObject({ kind: 'embedded', tasks: [], workers: [], differences: [] });
  await queue.report({ key: 'c'.repeat(64), learner: 'gbdt', kept: KEPT, other: OTHER });
  await expect(look.check()).rejects.toMatchObject({
    code: 'TASK_DIFFERS',
    seen: expect.stringMatching(/desk\/12 made a{64}, attic\/7 made b{64}$/) as string,
  });
  await queue.report({ key: 'd'.repeat(64), learner: 'gbdt', kept: KEPT, other: OTHER });
  await expect(look.check()).rejects.toMatchObject({
    seen: expect.stringMatching(/; 2 such in the last day$/) as string,
  });
  expect(read('minutehand_fleet_differences')).toBe(2);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + DIFFERENCE_FAULT_MS });
  await look.check();
  expect(read('minutehand_fleet_differences')).toBe(0);
  expect(look.last()!.differences).toHaveLength(2);
  await close();
});

it('is what the metrics show: tasks by state and outcome, workers by build, slots, seconds', async () => {
  const { queue, close } = (await openFleet(settings, paths, env))!;
  expect(read('minutehand_fleet_tasks')).toBeNull();
  await queue.lead(ownIdentity());
  const state = { identity: ownIdentity(), done: 5, running: [], cores: 4, freeMemoryMb: 900 };
  await queue.greet({ name: 'desk', learners: ['gbdt'], slots: 3 }, state);
  const older = { ...ownIdentity(), version: '0.0.1' };
  await queue.greet({ name: 'attic', learners: ['gbdt'], slots: 4 }, { ...state, identity: older });
  await queue.enqueue({ key: 'e'.repeat(64), needs: { learner: 'gbdt' }, isUrgent: false, payload: '{}' });
  await queue.tally('gbdt', { finished: 5, seconds: 12.5, known: 2, retried: 1, over_time: 3 });
  await look.check();
  expect(read('minutehand_fleet_tasks')).toEqual([
    [['gbdt', 'waiting'], 1],
    [['gbdt', 'running'], 0],
    [['gbdt', 'failed'], 0],
  ]);
  expect(read('minutehand_fleet_tasks_total')).toEqual([
    [['gbdt', 'finished'], 5],
    [['gbdt', 'given_up'], 0],
    [['gbdt', 'retried'], 1],
    [['gbdt', 'known'], 2],
    [['gbdt', 'over_memory'], 0],
    [['gbdt', 'over_time'], 3],
    [['gbdt', 'child_lost'], 0],
  ]);
  expect(read('minutehand_fleet_fit_seconds_total')).toEqual([['gbdt', 12.5]]);
  expect(read('minutehand_fleet_workers')).toEqual([
    ['same', 1],
    ['other', 1],
  ]);
  expect(read('minutehand_fleet_slots')).toBe(7);
  await close();
});

it('says which tasks nobody can do, and what each worker lacks', async () => {
  const { queue, close } = (await openFleet(settings, paths, env))!;
  const state = { identity: ownIdentity(), done: 0, running: [], cores: 4, freeMemoryMb: 900 };
  await queue.lead(ownIdentity());
  await queue.greet({ name: 'desk', learners: ['gbdt'], slots: 3, taskMemoryMb: 2048 }, state);
  const older = { ...ownIdentity(), version: '0.0.1' };
  await queue.greet({ name: 'attic', learners: ['gbdt', 'xgboost'], slots: 1 }, { ...state, identity: older });
  const needs = { learner: 'xgboost', memoryMb: 4096, gpu: true, data: ['a'.repeat(64)] };
  for (const key of ['1', '2']) await queue.enqueue({ key: key.repeat(64), needs, isUrgent: false, payload: '{}' });
  await queue.enqueue({
    key: '3'.repeat(64),
    needs: { learner: 'gbdt', memoryMb: 512 },
    isUrgent: false,
    payload: '{}',
  });
  await look.check();
  expect(look.last()!.unclaimed).toEqual([
    {
      needs: { learner: 'xgboost', memoryMb: 4096, gpu: true },
      waiting: 2,
      lacking: [
        { worker: 'attic', lacks: ['the build that leads'] },
        { worker: 'desk', lacks: ['the learner xgboost', '4096 MB a task: it has 2048', 'a GPU'] },
      ],
    },
  ]);
  expect(read('minutehand_fleet_unclaimed')).toBe(2);
  const able = { name: 'rack', learners: ['xgboost'], slots: 1, taskMemoryMb: 8192, gpu: true };
  await queue.greet(able, state);
  await look.check();
  expect(look.last()!.unclaimed).toEqual([]);
  await close();
});

it('is not used without MINUTEHAND_QUEUE, and a fault where the queue does not answer', async () => {
  expect(new FleetLook({ settings, paths, env: {} }).isUsed).toBe(false);
  expect(look.isUsed).toBe(true);
  const redis = tinySettings({ minutehand: { transports: { redis: { url: 'redis://127.0.0.1:1' } } } });
  const away = new FleetLook({
    settings: redis,
    paths,
    env: { MINUTEHAND_QUEUE: 'bullmq', MINUTEHAND_BLOBS: join(home, 'blobs') },
    answerMs: 300,
  });
  await expect(away.check()).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE', seen: 'no answer in 0.3 s' });
  // It is not asked a second time while it still may answer.
  await expect(away.check()).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' });
  expect(away.last()).toBeNull();
  await away.close();
});

it('says what this machine has: its daemons, also one that is down', async () => {
  await look.check();
  await expect.poll(async () => (await look.now()).installations.length).toBe(1);
  expect(look.last()!.installations).toMatchObject([
    {
      name: expect.stringMatching(/@/) as string,
      market: 'simulated',
      identity: ownIdentity(),
      daemons: [{ shard: 'main', presence: 'down', subjects: 3, signalUs: null }],
    },
  ]);
});
