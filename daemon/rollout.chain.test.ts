import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { armVersion, keyedHash, type ActiveRollout, type RolloutStage } from '../shared/bundle/rollout.ts';
import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../shared/clock.ts';
import type { Position } from '../shared/core/position/position.ts';
import { Assignment, type Arm } from '../shared/core/rollout/assignment.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { parsePair } from '../shared/pair.ts';
import { createRng } from '../shared/rng.ts';
import type { SignalBody } from '../shared/signal/signal.ts';
import { openJournal, type JournalStore } from '../shared/store/journal.ts';
import { tinyBars, tinySettings, tinyModels } from '../test/tiny_models.ts';
import { replayJournal } from './replay.ts';
import { barInput } from './queue/input.ts';
import { createJournal } from './journal/journal.ts';
import { writeInPlace } from './journal/journal_writer.ts';
import { recoveryStart } from './journal/recovery.ts';
import { bodyOf, byMinute, openBench, withInference, type Bench } from './pipeline.fixture.ts';

const settings = tinySettings();
const { windows, pairs: pairIds } = settings.minutehand;
const WARMUP = warmupBars(windows);
const MARKET = byMinute(tinyBars(settings, 800));
const schema = featureSchema(windows);
const SHARES: Readonly<Record<RolloutStage, number>> = { test: 0.1, pilot: 0.3, rollout: 0.7, full: 1 };

let folder: string;
let versions: string[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-rollout-'));
  versions = [];
  for (const seed of [1, 2]) versions.push((await tinyModels(folder, { seed })).version);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const loaded = new Map<string, Promise<ModelSet>>();
async function loadModels(version: string): Promise<ModelSet> {
  if (!loaded.has(version)) loaded.set(version, loadModelSet(join(folder, version), schema, pairIds.length));
  return { ...(await loaded.get(version)!), release: () => Promise.resolve() };
}

function rolloutAt(stage: RolloutStage, id = 'r1'): ActiveRollout {
  const [champion, challenger] = versions as [string, string];
  return { id, stage, share: SHARES[stage], champion, challenger, key: '0f'.repeat(16), block_minutes: 10 };
}

/** A daemon's pipeline on a journal file, which can be killed and started again. */
async function boot(store: JournalStore, bootId: string, rollout: ActiveRollout | null): Promise<Bench> {
  const journal = createJournal({
    writer: writeInPlace(store),
    scheduler: MACHINE_SCHEDULER,
    onFailure: () => undefined,
    onRecovered: () => undefined,
  });
  const bench = openBench(settings, { journal, bootId });
  const from = recoveryStart(store, pairIds.map(parsePair), WARMUP);
  await bench.pipeline.recover([...store.inputsFrom(from)], store.lastSignals(), async () => {
    bench.pipeline.inputs.apply({ kind: 'swap', set: await loadModels(versions[0]!) });
    if (rollout !== null) await begin(bench, store, rollout);
  });
  return bench;
}

async function begin(bench: Bench, store: JournalStore, rollout: ActiveRollout): Promise<void> {
  const positions = (version: string): Map<string, Position> =>
    new Map(
      store
        .lastShadows(armVersion(version, rollout.id))
        .map(({ pairId, position }) => [pairId, JSON.parse(position) as Position]),
    );
  bench.pipeline.inputs.apply({
    kind: 'rollout',
    rollout,
    set: await loadModels(rollout.challenger),
    positions: { champion: positions(rollout.champion), challenger: positions(rollout.challenger) },
  });
}

async function take(bench: Bench, from: number, to: number, backfill = false): Promise<void> {
  for (const { bars } of MARKET.slice(from, to)) {
    for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, backfill));
    if (!backfill) await bench.pipeline.settled();
  }
  await bench.pipeline.settled();
}

function replayOf(store: JournalStore): ReturnType<typeof replayJournal> {
  return replayJournal({
    settings,
    pairIds,
    clock: MACHINE_CLOCK,
    bootId: 'replay',
    store,
    loadModels,
    onSignals: () => undefined,
  });
}

/** A warm daemon on a journal of its own, which is closed after the test. */
async function warm(
  name: string,
  rollout: ActiveRollout | null = null,
): Promise<{ bench: Bench; store: JournalStore }> {
  const store = openJournal(join(folder, `${name}.db`));
  onTestFinished(() => store.close());
  const bench = await boot(store, 'boot', rollout);
  await take(bench, 0, WARMUP, true);
  return { bench, store };
}

const STAGES: readonly RolloutStage[] = ['test', 'pilot', 'rollout', 'full'];

/** All stages of a rollout, with kills at these minutes; the last 100 minutes are behind its end. */
async function liveThrough(path: string, kills: ReadonlySet<number>): Promise<void> {
  const store = openJournal(path);
  let bench = await boot(store, 'boot 0', null);
  await take(bench, 0, WARMUP - 5, true);
  const first = WARMUP + 20;
  const last = MARKET.length - 100;
  const length = Math.floor((last - first) / STAGES.length);
  for (let minute = WARMUP - 5; minute < MARKET.length; minute++) {
    const at = (minute - first) / length;
    const stage = minute >= first ? STAGES[Math.floor(at)] : undefined;
    if (stage !== undefined && Number.isInteger(at)) await begin(bench, store, rolloutAt(stage));
    if (minute === first + STAGES.length * length)
      bench.pipeline.inputs.apply({ kind: 'rollout', rollout: null, set: null });
    await take(bench, minute, minute + 1);
    if (!kills.has(minute)) continue;
    bench = await boot(store, `boot ${minute}`, stage === undefined ? null : rolloutAt(stage));
  }
  store.close();
}

function bodiesIn(path: string): SignalBody[] {
  const store = openJournal(path, { readOnly: true });
  const bodies = [...store.signals()].map(bodyOf);
  store.close();
  return bodies;
}

describe('a rollout in the daemon', () => {
  it('chooses the arm by the keyed hash at the entry and keeps it until the exit', { timeout: 90_000 }, async () => {
    const path = join(folder, 'whole.db');
    await liveThrough(path, new Set());
    const bodies = bodiesIn(path);
    const assignment = new Assignment(pairIds, keyedHash('0f'.repeat(16)), 600);
    const open = new Map<string, Arm>();
    const seen = { champion: 0, challenger: 0, kept: 0 };
    for (const body of bodies) {
      const { pair_id, arm, rollout, action, target, model_version, timestamp } = body;
      const [champion, challenger] = versions;
      if (rollout === undefined) {
        expect(arm).toBeUndefined();
        continue;
      }
      expect(rollout).toBe('r1');
      expect(model_version).toBe(arm === 'challenger' ? challenger : champion);
      const time = (Date.parse(timestamp) / 1000 - 60) as never;
      const shares = Object.values(SHARES);
      const assigned = shares.map((share) => assignment.armOf(pairIds.indexOf(pair_id), time, share));
      if (open.has(pair_id)) {
        expect(arm).toBe(open.get(pair_id));
        if (!assigned.includes(arm!) || new Set(assigned).size > 1) seen.kept++;
      } else expect(assigned).toContain(arm);
      seen[arm!]++;
      if (action === 'ENTER') open.set(pair_id, arm!);
      if (target === 0) open.delete(pair_id);
    }
    expect(Math.min(seen.champion, seen.challenger, seen.kept)).toBeGreaterThan(10);
    const entries = bodies.filter(({ action, arm }) => action === 'ENTER' && arm !== undefined);
    expect(new Set(entries.map(({ arm }) => arm))).toEqual(new Set(['champion', 'challenger']));
  });

  it('formats the constant part of a pair’s signals once for each arm, and not whenever the arm changes', async () => {
    const { bench, store } = await warm('templates');
    await begin(bench, store, rolloutAt('rollout'));
    await take(bench, WARMUP, WARMUP + 1);
    const write = vi.spyOn(Buffer.prototype, 'write');
    await take(bench, WARMUP + 1, WARMUP + 21);
    const formatted = write.mock.calls.filter(([text]: unknown[]) =>
      `${text as string}`.startsWith('","model_version":"'),
    );
    write.mockRestore();
    expect(bench.signals.length).toBeGreaterThanOrEqual(21 * pairIds.length);
    expect(formatted).toEqual([]);
  });

  it(
    'is the same over kills in every stage, virtual positions included, and replays to the byte',
    { timeout: 120_000 },
    async () => {
      const rng = createRng('kills');
      const kills = new Set(Array.from({ length: 12 }, () => WARMUP + rng.integer(MARKET.length - WARMUP)));
      const whole = join(folder, 'whole.db');
      const killed = join(folder, 'killed.db');
      rmSync(whole, { force: true });
      await liveThrough(whole, new Set());
      await liveThrough(killed, kills);
      const a = openJournal(whole, { readOnly: true });
      const b = openJournal(killed, { readOnly: true });
      const shadows = (store: JournalStore): string[] => [...store.shadows()].map((row) => JSON.stringify(row));
      const answers = (store: JournalStore): unknown[] =>
        [...store.signals()].map((signal) => ({ ...signal, bootId: '' }));
      expect(answers(b)).toEqual(answers(a));
      expect(shadows(b)).toEqual(shadows(a));
      expect(shadows(a).length).toBeGreaterThan(1000);
      for (const store of [a, b]) {
        const { differences, equal } = await replayOf(store);
        expect(differences).toEqual([]);
        expect(equal).toBe([...store.signals()].length);
        store.close();
      }
    },
  );

  it(
    'replays to the byte from the middle of a stage, when earlier signals were pruned',
    { timeout: 90_000 },
    async () => {
      const path = join(folder, 'pruned.db');
      await liveThrough(path, new Set([WARMUP + 100]));
      const store = openJournal(path);
      const total = [...store.signals()].length;
      for (let passed = 0; passed < total / 2;) {
        passed += store.prune({ throughRow: total, publishedBeforeMs: Infinity }, Math.ceil(total / 7) + 1);
        const { differences, equal } = await replayOf(store);
        expect(differences).toEqual([]);
        expect(equal).toBe(total - passed);
      }
      store.close();
    },
  );

  it('falls back to the champion between two bars when it is aborted, and the champion closes what is open', async () => {
    const { bench, store } = await warm('aborted');
    await begin(bench, store, rolloutAt('full'));
    await take(bench, WARMUP, WARMUP + 200);
    const before = bench.signals.length;
    expect(bench.signals.every(({ arm }) => arm === 'challenger')).toBe(true);
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout: null, set: null });
    await take(bench, WARMUP + 200, WARMUP + 300);
    const after = bench.signals.slice(before);
    expect(after.every((signal) => signal.arm === undefined && signal.model_version === versions[0])).toBe(true);
    const { differences } = await replayOf(store);
    expect(differences).toEqual([]);
  });

  it('lets the champion answer the very bar at which the challenger fails', async () => {
    const { bench, store } = await warm('failing');
    let isFailing = false;
    const set = withInference(await loadModels(versions[1]!), (right) => (features, rows) => {
      if (isFailing) throw new Error('session lost');
      return right(features, rows);
    });
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout: rolloutAt('full'), set });
    await take(bench, WARMUP, WARMUP + 5);
    isFailing = true;
    await take(bench, WARMUP + 5, WARMUP + 8);
    const published = bench.signals.slice(-3 * pairIds.length);
    expect(
      published.every(
        ({ arm, mode, model_version }) => arm === undefined && mode === 'OK' && model_version === versions[0],
      ),
    ).toBe(true);
    expect(bench.failures).toEqual([{ code: undefined, failed: versions[1], fallback: 'r1' }]);
    expect(
      [...store.inputsFrom(0 as never)]
        .filter(({ kind }) => kind === 'rollout')
        .map(({ subject }) => subject.split(' ')[0]),
    ).toEqual(['r1', 'failed']);
    const { differences, equal } = await replayOf(store);
    expect([differences, equal]).toEqual([[], bench.signals.length]);
  });

  it('drops a challenger that is slow in two successive batches, behind the second', async () => {
    const { bench } = await warm('slow');
    let slowMs = 0;
    const set = withInference(await loadModels(versions[1]!), (right) => async (features, rows) => {
      bench.passMs(slowMs);
      return right(features, rows);
    });
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout: rolloutAt('full'), set });
    for (const ms of [0, 10_000, 0, 10_000, 10_000, 0]) {
      slowMs = ms;
      const minute = WARMUP + bench.signals.length / pairIds.length;
      await take(bench, minute, minute + 1);
    }
    const arms = bench.signals.filter((_, i) => i % pairIds.length === 0).map(({ arm = 'none' }) => arm);
    expect(arms).toEqual([...Array<string>(5).fill('challenger'), 'none']);
    expect(bench.failures).toMatchObject([{ code: 'MODEL_SLOW', failed: versions[1], fallback: 'r1' }]);
  });

  it('is suspended while other models than its champion are active', async () => {
    const { bench } = await warm('suspended', rolloutAt('full'));
    await take(bench, WARMUP, WARMUP + 2);
    bench.pipeline.inputs.apply({ kind: 'swap', set: await loadModels(versions[1]!) });
    await take(bench, WARMUP + 2, WARMUP + 4);
    bench.pipeline.inputs.apply({ kind: 'swap', set: await loadModels(versions[0]!) });
    await take(bench, WARMUP + 4, WARMUP + 6);
    const armsOf = (first: number): Set<string> =>
      new Set(bench.signals.slice(first * pairIds.length, (first + 2) * pairIds.length).map(({ arm = 'none' }) => arm));
    expect(armsOf(0)).toEqual(new Set(['challenger']));
    expect(armsOf(2)).toEqual(new Set(['none']));
    // What was opened in between stays with the active models.
    expect(armsOf(4)).toContain('challenger');
    expect(bench.pipeline.status.rollout?.stage).toBe('full');
  });
});
