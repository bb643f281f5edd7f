import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import type { ActiveRollout } from '../../shared/bundle/rollout.ts';
import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { decisionRecord } from '../../shared/policy/decision_record.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { openJournal, type JournalFile, type JournalStore } from '../../shared/store/journal.ts';
import { Database } from '../../shared/store/sqlite.ts';
import { tinyBars, tinySettings } from '../../test/tiny_settings.ts';
import { barInput, pairInput } from '../queue/input.ts';
import { createJournal } from '../journal/journal.ts';
import { writeInPlace } from '../journal/journal_writer.ts';
import { bodyOf, byMinute, openBench, type Bench } from '../pipeline.fixture.ts';
import type { Publication } from '../publish/publish.ts';
import { replayBars, replayJournal, type JournalReplayOptions, type JournalReplaySummary } from '../replay.ts';

const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'] as const;
const settings = tinySettings({ minutehand: { pairs: PAIRS } });
const changed = tinySettings({ minutehand: { pairs: PAIRS, decision: { z_entry: 1.2 } } });
const WARMUP = warmupBars(settings.minutehand.windows);
const SCHEMA = featureSchema(settings.minutehand.windows);
const COLUMNS = SCHEMA.definitions.length;
const BARS = tinyBars(settings, WARMUP + 120);
const MARKET = byMinute(BARS);
const [A, B, C] = ['20240101_0000', '20240102_0000', '20240103_0000'] as const;
const ROLLOUT: ActiveRollout = {
  id: 'r1',
  stage: 'pilot',
  share: 0.5,
  champion: B,
  challenger: C,
  key: '0f'.repeat(16),
  block_minutes: 2,
};

/** Models whose answers depend on the features and on the version. */
function setOf(version: string, fails = (): boolean => false): ModelSet {
  const columns = (scores: Float64Array, rows: number, matrix: Float32Array, phase: number): Float64Array => {
    for (let row = 0; row < rows; row++) {
      let sum = phase + Number(version.slice(4, 8));
      for (let i = 0; i < COLUMNS; i++) sum += 10 * matrix[row * COLUMNS + i]!;
      scores[row] = 0.5 + 0.5 * Math.sin(sum);
    }
    return scores;
  };
  const infer = (matrix: Float32Array, rows: number): BatchScores => {
    if (fails()) throw new Error(`${version} is broken`);
    const scores = (phase: number): Float64Array => columns(new Float64Array(rows), rows, matrix, phase);
    const return_prob = scores(0);
    const risk_score = scores(1);
    const position_scale = scores(2);
    return {
      return_prob,
      risk_score,
      risk_prob: risk_score,
      position_scale,
      result_sigmas: new Float64Array(rows).fill(NaN),
    };
  };
  const release = (): Promise<void> => Promise.resolve();
  const set = {
    version,
    modelsHash: version,
    schema: SCHEMA,
    theta1: 0.4,
    theta2: 0.9,
    hasEdge: () => true,
    infer,
    release,
  };
  return set as unknown as ModelSet;
}

let folder: string;
let path: string;
/** The minutes of the first and of the last signal, and between. */
let answeredMinutes: OpenTime[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-replay-rules-'));
  path = join(folder, 'whole.db');
  await liveThrough(path);
  const store = openJournal(path, { readOnly: true });
  answeredMinutes = [...new Set([...store.signals()].map(({ time }) => time))];
  store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function boot(store: JournalFile, bootId: string, how: Settings, models: () => ModelSet | null): Promise<Bench> {
  const { policyHash, text: policyText } = decisionRecord(how);
  store.addBoot({ bootId, market: 'live', featureSchema: 'f', policyHash, policyText, startedMs: 1 });
  const journal = createJournal({
    writer: writeInPlace(store),
    scheduler: MACHINE_SCHEDULER,
    onFailure: () => undefined,
    onRecovered: () => undefined,
  });
  const bench = openBench(how, { journal, bootId });
  await bench.pipeline.recover([...store.inputsFrom(0 as OpenTime)], store.lastSignals(), () => {
    const set = models();
    if (set !== null) bench.pipeline.inputs.apply({ kind: 'swap', set });
    return Promise.resolve();
  });
  return bench;
}

/** Every kind of input, with minutes between them. */
async function liveThrough(file: string): Promise<void> {
  const store = openJournal(file);
  let minute = 0;
  let bench = await boot(store, 'boot 1', settings, () => setOf(A));
  const { inputs } = bench.pipeline;
  const take = async (count: number, { backfill = false, skip = '', bad = '' } = {}): Promise<void> => {
    for (let i = 0; i < count; i++, minute++) {
      for (const bar of MARKET[minute]!.bars)
        if (bar.symbol !== skip)
          bench.pipeline.inputs.take(barInput(bar.symbol === bad ? { ...bar, high: bar.high * 1000 } : bar, backfill));
      if (!backfill) await bench.pipeline.settled();
    }
    await bench.pipeline.settled();
  };
  await take(WARMUP - 2, { backfill: true });
  await take(8);
  inputs.apply({ kind: 'degraded', what: 'redis' });
  await take(2);
  inputs.apply({ kind: 'degraded', what: 'models' });
  await take(2);
  inputs.apply({ kind: 'swap', set: setOf(B) });
  await take(2);
  inputs.apply({ kind: 'recovered', what: 'redis' });
  await take(2);
  inputs.apply({ kind: 'halts', standing: { halts: [{ pair_id: PAIRS[0], version: B }], resumed: [] } });
  await take(3);
  inputs.apply({ kind: 'halts', standing: { halts: [], resumed: [] } });
  await take(2, { bad: 'EURUSD' });
  await take(1, { skip: 'XAGUSD' });
  await take(2);
  for (const kind of ['silence', 'silence', 'silence_halt'] as const)
    inputs.apply(pairInput(kind, PAIRS[1], MARKET[minute - 1]!.time));
  inputs.apply({ kind: 'rollout', rollout: ROLLOUT, set: setOf(C) });
  await take(12);
  inputs.apply({ kind: 'policy', record: decisionRecord(changed) });
  await take(4);
  inputs.apply({ kind: 'rollout', rollout: null, set: null });
  await take(2);
  inputs.apply({ kind: 'rollout', rollout: { ...ROLLOUT, id: 'r2' }, set: setOf(C) });
  await take(2);
  inputs.apply({ kind: 'degraded', what: 'file' });
  await take(3);
  bench = await boot(store, 'boot 2', settings, () => null);
  await take(4);
  bench.pipeline.inputs.apply({ kind: 'swap', set: setOf(A) });
  await take(20);
  bench.pipeline.inputs.apply({ kind: 'swap', set: setOf(B) });
  await take(3);
  store.close();
}

/** A copy of the journal, with what `change` does to its file. */
function changedJournal(name: string, ...statements: string[]): JournalFile {
  const copy = join(folder, `${name}.db`);
  cpSync(path, copy);
  const db = new Database(copy);
  for (const statement of statements) db.exec(statement);
  db.close();
  return openJournal(copy);
}

function replayOf(store: JournalStore, changes: Partial<JournalReplayOptions> = {}): Promise<JournalReplaySummary> {
  return replayJournal({
    settings,
    pairIds: PAIRS,
    clock: MACHINE_CLOCK,
    bootId: 'replay',
    store,
    loadModels: (version) => Promise.resolve(setOf(version)),
    onSignals: () => undefined,
    ...changes,
  });
}

const rowsOf = (store: JournalFile): ReturnType<typeof store.signals> => store.signals();
const isoOf = (time: number): string => new Date(time * 1000).toISOString();

describe('a replay of a journal', () => {
  it('gives every signal again, whatever configuration is loaded, and its figures are those of its signals', async () => {
    const store = openJournal(path, { readOnly: true });
    const rows = [...rowsOf(store)];
    const bodies = rows.map(bodyOf);
    const kinds = new Set([...store.inputsFrom(0 as OpenTime)].map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([
      'bar',
      'boot',
      'degraded',
      'halts',
      'policy',
      'recovered',
      'rollout',
      'silence',
      'silence_halt',
      'suspect',
      'swap',
    ]);
    for (const reason of ['NO_MODEL', 'KPI_HALT', 'SILENCE', 'ENTRY', 'BAR_SUSPECT', 'WARMUP'])
      expect(bodies.map((body) => body.reason)).toContain(reason);
    expect(new Set(bodies.map(({ arm }) => arm))).toEqual(new Set([undefined, 'champion', 'challenger']));
    const hash = createHash('sha256');
    for (const { body } of rows) hash.update(body).update('\n');
    const texts: string[] = [];
    const onSignals = (batch: readonly Publication[]): void => void texts.push(...batch.map(({ text }) => text));
    const expected = {
      signals: rows.length,
      enters: bodies.filter(({ action }) => action === 'ENTER').length,
      exits: bodies.filter(({ action }) => action === 'EXIT').length,
      equal: rows.length,
      unanswered: 0,
      different: 0,
      differences: [],
    };
    expect(expected.enters).toBeGreaterThan(1);
    expect(expected.exits).toBeGreaterThan(1);
    expect(await replayOf(store, { onSignals })).toEqual({ ...expected, sha256: hash.digest('hex') });
    expect(texts.every((text) => text.includes('"market":"replay","boot_id":"replay"'))).toBe(true);
    expect(texts).toHaveLength(rows.length);
    expect(await replayOf(store, { settings: changed })).toMatchObject(expected);
    store.close();
  });

  it('gives every signal again from any minute on and up to any minute', async () => {
    const store = openJournal(path, { readOnly: true });
    const rows = [...rowsOf(store)];
    const end = (answeredMinutes.at(-1)! + 60) as OpenTime;
    for (let i = 0; i < answeredMinutes.length; i += 2) {
      const middle = answeredMinutes[i]!;
      const count = rows.filter(({ time }) => time >= middle).length;
      const later = await replayOf(store, { settings: changed, period: { from: middle, to: end } });
      expect([isoOf(middle), later.differences, later.equal]).toEqual([isoOf(middle), [], count]);
      if (i % 8 !== 0) continue;
      const short = { from: middle, to: (answeredMinutes[i + 5] ?? end) as OpenTime };
      const inside = rows.filter(({ time }) => time >= short.from && time < short.to).length;
      const between = await replayOf(store, { period: short });
      expect([between.differences, between.equal, between.unanswered]).toEqual([[], inside, 0]);
    }
    store.close();
  });

  it('gives the signals again that pruning has left, wherever it has stopped', async () => {
    const store = changedJournal('pruned');
    const total = [...rowsOf(store)].length;
    for (let passed = 0; passed < total - 20;) {
      passed += store.prune({ throughRow: total, publishedBeforeMs: Infinity }, 23);
      for (const how of [settings, changed]) {
        const { differences, equal, unanswered } = await replayOf(store, { settings: how });
        expect([differences, equal, unanswered]).toEqual([[], total - passed, 0]);
      }
    }
    store.close();
  });

  it('resumes behind pruned signals of a pair that is no longer configured', async () => {
    const store = changedJournal('fewer');
    const total = [...rowsOf(store)].length;
    store.prune({ throughRow: total, publishedBeforeMs: Infinity }, 60);
    const { equal, different } = await replayOf(store, { pairIds: [PAIRS[0]] });
    const left = [...store.signals({ after: 60 })];
    // The challenger's arm and the policy are of a pair each; the other pair has no answer here.
    expect(equal).toBe(left.filter(({ pairId }) => pairId === PAIRS[0]).length);
    expect(different).toBe(left.filter(({ pairId }) => pairId === PAIRS[1]).length);
    store.close();
  });

  it('works on a journal in memory, which was never pruned', async () => {
    const store = openJournal(path, { readOnly: true });
    const memory = {
      snapshot: (read) => read(memory),
      inputsFrom: () => store.inputsFrom(0 as OpenTime),
      earlierChanges: () => store.earlierChanges(),
      signals: () => store.signals(),
      policyText: (hash) => store.policyText(hash),
      policyTextOfBoot: (bootId) => store.policyTextOfBoot(bootId),
    } as Partial<JournalStore> as JournalStore;
    const { equal, different } = await replayOf(memory);
    expect([equal, different]).toEqual([[...store.signals()].length, 0]);
    store.close();
  });

  it('decides by the settings on request', async () => {
    const store = openJournal(path, { readOnly: true });
    for (const how of [settings, changed]) {
      const texts: string[] = [];
      const onSignals = (batch: readonly Publication[]): void => void texts.push(...batch.map(({ text }) => text));
      await replayOf(store, { settings: how, policy: 'of settings', onSignals });
      expect(texts.every((text) => text.includes(`"policy_hash":"${how.policyHash}"`))).toBe(true);
    }
    const summary = await replayOf(store, { settings: changed, policy: 'of settings' });
    expect(summary.different).toBeGreaterThan(100);
    expect(summary.differences).toHaveLength(20);
    store.close();
  });

  it('decides by the settings where the journal names no policy', async () => {
    const store = changedJournal(
      'unnamed',
      'DELETE FROM policies',
      `UPDATE signals SET body = replace(body, '"policy_hash":"${settings.policyHash}"', '"policy_hash":"none"')`,
    );
    const { signals, equal, different } = await replayOf(store);
    expect([signals, equal]).toEqual([[...rowsOf(store)].length, expect.any(Number)]);
    expect(different).toBeGreaterThan(0);
    store.close();
  });

  it('names pair, minute and both texts of a difference', async () => {
    const store = changedJournal('different', `UPDATE signals SET position = '{}' WHERE signal_row = 7`);
    const row = [...rowsOf(store)][6]!;
    const { differences, different, equal } = await replayOf(store);
    const text = (position: string): string => `${row.body}} features ${row.featuresCrc} position ${position}`;
    expect(differences).toEqual([
      {
        pair_id: row.pairId,
        time: isoOf(row.time),
        journal: text('{}'),
        replay: expect.stringContaining(`${row.body}} features`),
      },
    ]);
    expect([different, equal]).toEqual([1, [...rowsOf(store)].length - 1]);
    store.close();
  });

  it('counts what the journal or the replay lacks, and what nothing follows as unanswered', async () => {
    const store = changedJournal('holes', 'DELETE FROM signals WHERE signal_row IN (3, 4)');
    const rows = [...rowsOf(store)];
    const holes = await replayOf(store);
    expect([holes.different, holes.unanswered, holes.equal]).toEqual([2, 0, rows.length]);
    expect(holes.differences.map(({ journal, replay }) => [journal, typeof replay])).toEqual([
      [null, 'string'],
      [null, 'string'],
    ]);
    store.close();

    const silent = changedJournal('silent', 'DELETE FROM signals');
    const none = await replayOf(silent);
    expect([none.different, none.unanswered, none.equal]).toEqual([0, none.signals, 0]);
    silent.close();

    const last = changedJournal('last', 'DELETE FROM signals WHERE signal_row > 2');
    const two = await replayOf(last);
    expect([two.different, two.unanswered, two.equal]).toEqual([0, two.signals - 2, 2]);
    last.close();

    const strange = changedJournal(
      'strange',
      'DELETE FROM signals WHERE signal_row > 1',
      'UPDATE signals SET time = time - 600',
    );
    const unknown = await replayOf(strange);
    expect([unknown.different, unknown.unanswered, unknown.equal]).toEqual([1, unknown.signals, 0]);
    expect(unknown.differences).toMatchObject([{ journal: expect.any(String) as string, replay: null }]);
    strange.close();
  });

  it('names signals that are missing at the end of a period as differences where the journal goes on behind it', async () => {
    const middle = answeredMinutes[Math.floor(answeredMinutes.length / 2)]!;
    const from = answeredMinutes[0]!;
    const store = changedJournal('end_of_period', `DELETE FROM signals WHERE time = ${middle - 60}`);
    const missing = await replayOf(store, { period: { from, to: middle } });
    expect([missing.different, missing.unanswered]).toEqual([PAIRS.length, 0]);
    expect(new Set(missing.differences.map(({ time, journal }) => `${time} ${journal}`))).toEqual(
      new Set([`${isoOf((middle - 60) as OpenTime)} null`]),
    );
    store.close();
    const killed = changedJournal('killed_then', `DELETE FROM signals WHERE time >= ${middle - 60}`);
    const waiting = await replayOf(killed, { period: { from, to: middle } });
    expect([waiting.different, waiting.unanswered]).toEqual([0, PAIRS.length]);
    killed.close();
  });

  it('compares minutes of a period that were answered behind the first one of the next', async () => {
    const middle = answeredMinutes[Math.floor(answeredMinutes.length / 2)]!;
    const whole = openJournal(path, { readOnly: true });
    const first = 1 + [...rowsOf(whole)].findIndex(({ time }) => time === middle);
    whole.close();
    // The first answer of the next period comes before the last one of this.
    const move = (from: number, to: number): string =>
      `UPDATE signals SET signal_row = ${to} WHERE signal_row = ${from}`;
    const store = changedJournal('crossed', move(first, -1), move(first - 1, first), move(-1, first - 1));
    const { equal, different, unanswered } = await replayOf(store, {
      period: { from: answeredMinutes[0]!, to: middle },
    });
    const expected = [...rowsOf(store)].filter(({ time }) => time < middle).length;
    expect([equal, different, unanswered]).toEqual([expected, 0, 0]);
    store.close();
  });

  it('ends with the error of a model that fails, active or challenger', async () => {
    const store = openJournal(path, { readOnly: true });
    for (const broken of [A, C]) {
      const loadModels = (version: string): Promise<ModelSet> =>
        Promise.resolve(setOf(version, () => version === broken));
      await expect(replayOf(store, { loadModels })).rejects.toThrow(`${broken} is broken`);
    }
    await expect(
      replayOf(store, { loadModels: (version) => Promise.reject(new Error(`no ${version}`)) }),
    ).rejects.toThrow(`no ${A}`);
    store.close();
  });
});

describe('a replay of bars', () => {
  it('answers the minutes from `from` on and before `to`, warmed by those before', async () => {
    const from = MARKET[WARMUP + 10]!.time;
    const to = MARKET[WARMUP + 40]!.time;
    const seen: OpenTime[] = [];
    const signals: string[] = [];
    const { minutes, ...summary } = await replayBars({
      settings,
      pairIds: PAIRS,
      clock: MACHINE_CLOCK,
      bootId: 'replay',
      bars: BARS,
      models: setOf(A),
      from,
      to,
      onMinute: (time) => void seen.push(time),
      onSignals: (batch) => void signals.push(...batch.map(({ text }) => text)),
    });
    expect(seen).toEqual(MARKET.slice(0, WARMUP + 40).map(({ time }) => time));
    expect(minutes).toBe(30);
    expect(summary.signals).toBe(60);
    expect(signals).toHaveLength(60);
    expect(signals[0]).toContain(`"timestamp":"${isoOf(from + 60).slice(0, 19)}Z"`);
    expect(signals.every((text) => text.includes(`"model_version":"${A}"`) && text.includes('"mode":"OK"'))).toBe(true);
  });

  it('ends a minute whose leg is missing before the next one', async () => {
    const from = MARKET[WARMUP + 2]!.time;
    const to = MARKET[WARMUP + 4]!.time;
    const gold = BARS.get('XAUUSD')!;
    const at = gold.time.indexOf(from);
    const without = Object.fromEntries(
      Object.entries(gold).map(([name, values]) => [
        name,
        typeof values === 'object' ? (values as Float64Array).filter((_, index) => index !== at) : values,
      ]),
    ) as unknown as typeof gold;
    const seen: string[] = [];
    let signals = 0;
    const { enters, exits } = await replayBars({
      settings,
      pairIds: PAIRS,
      clock: MACHINE_CLOCK,
      bootId: 'replay',
      models: setOf(A),
      from,
      to,
      bars: new Map([...BARS, ['XAUUSD', without]]),
      onMinute: (time) => void seen.push(`${isoOf(time)} ${signals}`),
      onSignals: (batch) => void (signals += batch.length),
    });
    expect(seen.slice(-2)).toEqual([`${isoOf(from)} 2`, `${isoOf(from + 60)} 4`]);
    expect(enters + exits).toBeLessThan(4);
  });

  it('ends with the error of a model that fails', async () => {
    const from = MARKET[WARMUP]!.time;
    const to = MARKET[WARMUP + 3]!.time;
    const replay = replayBars({
      settings,
      pairIds: PAIRS,
      clock: MACHINE_CLOCK,
      bootId: 'replay',
      bars: BARS,
      from,
      to,
      models: setOf(A, () => true),
      onMinute: () => undefined,
      onSignals: () => undefined,
    });
    await expect(replay).rejects.toThrow(`${A} is broken`);
  });
});
