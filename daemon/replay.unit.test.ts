import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bar } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { ALL_PAIRS, parseStanding, type StandingHalt } from '../shared/bundle/halts.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../shared/clock.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { IMPORTANCES } from '../shared/core/news/news_event.ts';
import { sigmoid } from '../shared/elementary.ts';
import { createExplainer } from '../shared/explain/explain_minute.ts';
import { parsePair } from '../shared/pair.ts';
import { decisionRecord } from '../shared/policy/decision_record.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { openJournal, type JournalStore } from '../shared/store/journal.ts';
import { tinyBars, tinySettings, tinyModels } from '../test/tiny_models.ts';
import { createJournal } from './journal/journal.ts';
import { writeInPlace } from './journal/journal_writer.ts';
import { recoveryStart } from './journal/recovery.ts';
import { bodyOf, byMinute, openBench, withInference, type Bench } from './pipeline.fixture.ts';
import { replayJournal, type JournalReplaySummary } from './replay.ts';
import { Database } from '../shared/store/sqlite.ts';
import { barInput, emptyInput, type NewsInput } from './queue/input.ts';

const NEWS_STOP = { importance: 'medium', minutes_before: 15, minutes_after: 10, close: true } as const;
const settings = tinySettings();
const { windows, pairs: pairIds, feed } = settings.minutehand;
const WARMUP = warmupBars(windows);
const MARKET = byMinute(tinyBars(settings, 800));
const schema = featureSchema(windows);

let folder: string;
let versions: string[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-replay-'));
  versions = [];
  for (const seed of [1, 2]) versions.push((await tinyModels(folder, { seed })).version);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Each version is loaded once: most of a load is its proof against onnxruntime, and there are hundreds of swaps here.
 */
const loaded = new Map<string, Promise<ModelSet>>();
async function loadModels(version: string): Promise<ModelSet> {
  if (!loaded.has(version)) loaded.set(version, loadModelSet(join(folder, version), schema, pairIds.length));
  return { ...(await loaded.get(version)!), release: () => Promise.resolve() };
}

/**
 * One day's weather on a journal file: late and empty legs, bad ticks, swaps, halts, a degradation, and processes that
 * end and restart.
 */
async function liveThrough(
  path: string,
  seed: string,
  how = settings,
  policies: readonly Settings[] = [],
): Promise<void> {
  const rng = createRng(seed);
  const ticks = createRng(`${seed} bad ticks`);
  const bad = ({ high, ...bar }: Bar): Bar => ({ ...bar, high: ticks.uniform() < 0.01 ? high * 1000 : high });
  const store = openJournal(path);
  let inEffect = how;
  const boot = async (): Promise<Bench> => {
    const bootId = `boot ${rng.uniform()}`;
    const { policyHash, text: policyText } = decisionRecord(inEffect);
    if (policies.length > 0)
      store.addBoot({ bootId, market: 'live', featureSchema: schema.hash, policyHash, policyText, startedMs: 1 });
    const journal = createJournal({
      writer: writeInPlace(store),
      scheduler: MACHINE_SCHEDULER,
      onFailure: () => undefined,
      onRecovered: () => undefined,
    });
    const halts = parseStanding(store.lastHalts());
    const bench = openBench(inEffect, { journal, bootId, halts });
    const pairs = pairIds.map(parsePair);
    const from = recoveryStart(store, pairs, WARMUP);
    await bench.pipeline.recover([...store.inputsFrom(from)], store.lastSignals(), async () => {
      // Sometimes the file has changed while there was no daemon.
      if (rng.integer(2) === 0)
        bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: someHalts(), resumed: [] } });
      bench.pipeline.inputs.apply({ kind: 'swap', set: await loadModels(versions[0]!) });
      if (policies.length > 0) bench.pipeline.inputs.apply(someNews());
    });
    return bench;
  };
  const someHalts = (): StandingHalt[] =>
    Array.from({ length: rng.integer(4) }, () => ({
      pair_id: [ALL_PAIRS, ...pairIds][rng.integer(1 + pairIds.length)]!,
      version: versions[rng.integer(2)]!,
    }));
  const happening = createRng(`${seed} news`);
  const someNews = (): NewsInput => ({
    kind: 'news',
    events: Array.from({ length: happening.integer(200) }, () => ({
      time: MARKET[happening.integer(MARKET.length)]!.time,
      currency: ['USD', 'EUR', 'JPY', 'CAD'][happening.integer(4)]!,
      importance: IMPORTANCES[happening.integer(3)]!,
      name: `event ${happening.integer(9)}`,
    })),
  });
  let bench = await boot();
  for (const { bars } of MARKET.slice(0, WARMUP - 20))
    for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, true));
  for (const { bars } of MARKET.slice(WARMUP - 20)) {
    const dice = rng.uniform();
    const missingSymbol = bars[rng.integer(bars.length)]!.symbol;
    for (const bar of bars.map(bad)) {
      if (bar.symbol !== missingSymbol || dice > 0.1) bench.pipeline.inputs.take(barInput(bar, false));
      else if (dice > 0.05) bench.pipeline.inputs.take(emptyInput(bar.symbol, bar.time, false));
    }
    if (dice < 0.03) {
      bench.passMs(feed.straggler_timeout_ms);
      bench.pipeline.inputs.expire();
    }
    if (dice > 0.97) bench.pipeline.inputs.apply({ kind: 'degraded', what: 'file' });
    else if (dice > 0.94) bench.pipeline.inputs.apply({ kind: 'recovered', what: 'file' });
    else if (dice > 0.92)
      bench.pipeline.inputs.apply({ kind: 'swap', set: await loadModels(versions[rng.integer(2)]!) });
    else if (dice > 0.88 && dice < 0.91)
      bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: someHalts(), resumed: [] } });
    if (policies.length > 0 && dice > 0.84 && dice < 0.87) {
      inEffect = policies[rng.integer(policies.length)]!;
      bench.pipeline.inputs.apply({ kind: 'policy', record: decisionRecord(inEffect) });
    }
    if (policies.length > 0 && happening.integer(20) === 0) bench.pipeline.inputs.apply(someNews());
    await bench.pipeline.settled();
    // Sometimes another policy was approved while there was no daemon.
    if (dice > 0.91 && dice < 0.92 && policies.length > 0) inEffect = policies[rng.integer(policies.length)]!;
    if (dice > 0.91 && dice < 0.92) bench = await boot();
  }
  store.close();
}

const lived = new Map<string, Promise<void>>();
/** The journal of a day, lived through once: not to be changed. */
async function journalOf(day: string): Promise<string> {
  const path = join(folder, `${day}.db`);
  if (!lived.has(day)) lived.set(day, liveThrough(path, day));
  await lived.get(day);
  return path;
}

/** A journal of the same day that a test may change. */
async function copyOf(day: string, name: string): Promise<string> {
  const path = join(folder, name);
  copyFileSync(await journalOf(day), path);
  return path;
}

function replayOf(store: JournalStore, how = settings): Promise<JournalReplaySummary> {
  return replayJournal({
    settings: how,
    pairIds,
    clock: MACHINE_CLOCK,
    bootId: 'replay',
    store,
    loadModels,
    onSignals: () => undefined,
  });
}

function byFirstRules(how: Settings): Settings {
  const first = { ...how, rules: 1 as const };
  return { ...first, policyHash: decisionRecord(first).policyHash };
}

describe('an explanation', () => {
  it(
    'computes every answered minute again to the bit, through bad weather, and its scores add up',
    { timeout: 90_000 },
    async () => {
      const path = await journalOf('monday');
      const explainer = createExplainer(settings, { models: folder, journal: () => path });
      const store = openJournal(path, { readOnly: true });
      const minutes = [...store.signals()];
      store.close();
      let scored = 0;
      for (const [index, { pairId, time, body, featuresCrc }] of minutes.entries()) {
        if (index % 13 !== 0) continue;
        const why = await explainer.explain(pairId, time);
        expect(why.reproduced).toEqual({ equal: true, code: null, differences: [] });
        expect(JSON.stringify(why.signal)).toBe(`${body}}`);
        if (why.models === null) continue;
        scored++;
        expect(featuresCrc).not.toBeNull();
        expect(why.signal.action === 'ENTER').toBe(why.to_enter.length === 0);
        for (const { answer, score, contributions, expected } of Object.values(why.models)) {
          const sum = contributions!.reduce((total, { logits }) => total + logits, expected!);
          expect(sum).toBeCloseTo(score!, 9);
          expect(sigmoid(score!)).toBeCloseTo(answer, 5);
        }
        if (why.to_enter.length > 0 && why.signal.target === 0 && why.signal.action === 'HOLD')
          expect(why.conditions.find(({ holds }) => !holds)!.reason).toBe(why.signal.reason);
        const z = why.features.find(({ name }) => name === 'z_score')!;
        expect(z.value).toBe(why.signal.z_score);
        expect(z.percentile).toBeGreaterThanOrEqual(0);
      }
      expect(scored).toBeGreaterThan(minutes.length / 30);
    },
  );
});

describe('replayJournal', () => {
  it(
    'gives every signal of the journal again, to the byte, through bad weather, swaps, halts, degradations and restarts',
    { timeout: 90_000 },
    async () => {
      for (const seed of ['monday', 'tuesday']) {
        const path = await journalOf(seed);
        const store = openJournal(path, { readOnly: true });
        const signals = [...store.signals()];
        const summary = await replayOf(store);
        const again = await replayOf(store);
        store.close();
        expect(summary.differences).toEqual([]);
        expect(summary.equal).toBe(signals.length);
        expect(summary.signals).toBe(signals.length);
        expect(again.sha256).toBe(summary.sha256);
        const bodies = signals.map(({ body }) => body).join('\n');
        for (const word of [
          '"mode":"DEGRADED"',
          '"reason":"LEG_MISSING"',
          '"reason":"LEG_EMPTY"',
          '"reason":"BAR_SUSPECT"',
          '"mode":"WARMUP"',
          '"reason":"KPI_HALT"',
          '"action":"ENTER"',
          ...versions,
        ]) {
          expect(bodies).toContain(word);
        }
      }
    },
  );

  it(
    'gives every signal, its leverage_reduction_rate and the virtual account again, over restarts and wherever pruning stops',
    { timeout: 90_000 },
    async () => {
      const how = tinySettings({
        core: {
          leverage_reduction_rate: {
            drawdown: [
              [0.0005, 0.8],
              [0.001, 0.5],
              [0.004, 0.1],
            ],
            risk_score: [[0.5, 0.5]],
          },
        },
      });
      const path = join(folder, 'leverage.db');
      await liveThrough(path, 'friday', how);
      const store = openJournal(path);
      const signals = [...store.signals()];
      const first = await replayOf(store, how);
      expect([first.differences, first.equal]).toEqual([[], signals.length]);
      const rates = new Set(signals.map(({ body }) => bodyOf({ body }).leverage_reduction_rate));
      for (const rate of [1, 0.8, 0.5, 0.4]) expect(rates).toContain(rate);
      store.prune({ throughRow: signals.length, publishedBeforeMs: Infinity }, Math.floor(signals.length / 2));
      const second = await replayOf(store, how);
      expect([second.differences, second.equal]).toEqual([[], [...store.signals()].length]);
      // Without the policy every signal differs: its hash is another one.
      expect((await replayOf(store)).equal).toBe(0);
      store.close();
    },
  );

  it(
    'gives every signal again, to the byte, when the policy changed between bars and between processes',
    { timeout: 90_000 },
    async () => {
      const drawdown: [number, number][] = [[0.0005, 0.5]];
      const limited = tinySettings({ core: { max_currency_exposure: 0.6 } });
      const policies = [
        settings,
        tinySettings({ core: { require_edge: false, leverage_reduction_rate: { drawdown, risk_score: [] } } }),
        tinySettings({ minutehand: { decision: { z_entry: 1.2 } } }),
        limited,
        tinySettings({
          core: { require_edge: false, news_stop: NEWS_STOP },
          minutehand: { decision: { z_entry: 1.2 } },
        }),
        // As the first version decided: without swaps in the expected result, with logarithmic returns.
        byFirstRules(tinySettings({ core: { leverage_reduction_rate: { drawdown, risk_score: [] } } })),
      ];
      const path = join(folder, 'policies.db');
      await liveThrough(path, 'sunday', limited, policies);
      const store = openJournal(path);
      const signals = [...store.signals()];
      const hashes = new Set(signals.map(({ body }) => bodyOf({ body }).policy_hash));
      expect(hashes).toEqual(new Set(policies.map(({ policyHash }) => policyHash)));
      // Whatever configuration is loaded by now.
      for (const how of policies.slice(0, 2)) {
        const { differences, equal } = await replayOf(store, how);
        expect([differences, equal]).toEqual([[], signals.length]);
      }
      // Explained with the positions of the other pairs at that minute, by the policy of that minute.
      const explainer = createExplainer(settings, { models: folder, journal: () => path });
      const refused = signals.filter(({ body }) => bodyOf({ body }).reason === 'EXPOSURE');
      expect(refused.length).toBeGreaterThan(2);
      for (const { pairId, time } of refused) {
        const { gate, to_enter, reproduced } = await explainer.explain(pairId, time);
        expect(reproduced.equal).toBe(true);
        expect(to_enter).toMatchObject([{ name: 'exposure', value: gate!.exposure!.net, limit: 0.6, relation: '<=' }]);
        expect(gate!.exposure!.net).toBeGreaterThan(0.6);
      }
      // And with the calendar that the daemon had at that minute.
      const stopped = signals.filter(({ body }) => bodyOf({ body }).reason === 'NEWS');
      expect(stopped.length).toBeGreaterThan(3);
      for (const { pairId, time } of stopped.slice(0, 20)) {
        const { conditions, gate, reproduced } = await explainer.explain(pairId, time);
        expect(reproduced.equal).toBe(true);
        expect(conditions.find(({ holds }) => !holds)).toMatchObject({ name: 'news', value: gate!.news!.minutes_left });
        expect(gate!.news!.minutes_left).toBeGreaterThan(0);
        expect(gate!.news!.name).toContain('event');
      }
      store.prune({ throughRow: signals.length, publishedBeforeMs: Infinity }, Math.floor(signals.length / 2));
      const pruned = await replayOf(store);
      expect([pruned.differences, pruned.equal]).toEqual([[], [...store.signals()].length]);
      store.close();
    },
  );

  it(
    'gives every signal that is left again, to the byte, wherever pruning has stopped',
    { timeout: 90_000 },
    async () => {
      const path = await copyOf('monday', 'pruned.db');
      const store = openJournal(path);
      const total = [...store.signals()].length;
      for (let passed = 0; passed < total;) {
        // Most batches end in the middle of a minute.
        for (let batch = 0; batch < 3; batch++)
          passed += store.prune({ throughRow: total, publishedBeforeMs: Infinity }, Math.ceil(total / 12) + 1);
        const { differences, equal } = await replayOf(store);
        expect(differences).toEqual([]);
        expect(equal).toBe(total - passed);
      }
      expect(store.lastSignals()).toHaveLength(pairIds.length);
      store.close();
    },
  );

  it('reproduces every signal after a bar whose models fail while a swap waits in the queue', async () => {
    const store = openJournal(join(folder, 'failing.db'));
    const journal = createJournal({
      writer: writeInPlace(store),
      scheduler: MACHINE_SCHEDULER,
      onFailure: () => undefined,
      onRecovered: () => undefined,
    });
    const bench = openBench(settings, { journal });
    const takeMinute = (index: number, backfill: boolean): void => {
      for (const bar of MARKET[index]!.bars) bench.pipeline.inputs.take(barInput(bar, backfill));
    };
    const predecessor = await loadModels(versions[0]!);
    const successor = await loadModels(versions[1]!);
    let isFailing = false;
    const failing = withInference(predecessor, (right) => (features, rows) => {
      if (isFailing) throw new Error('session lost');
      return right(features, rows);
    });
    for (let i = 0; i < WARMUP; i++) takeMinute(i, true);
    bench.pipeline.inputs.apply({ kind: 'swap', set: predecessor });
    bench.pipeline.inputs.apply({ kind: 'swap', set: failing });
    takeMinute(WARMUP, false);
    await bench.pipeline.settled();
    isFailing = true;
    takeMinute(WARMUP + 1, false);
    bench.pipeline.inputs.apply({ kind: 'swap', set: successor });
    takeMinute(WARMUP + 2, false);
    await bench.pipeline.settled();
    for (let i = WARMUP + 3; i < WARMUP + 40; i++) {
      takeMinute(i, false);
      await bench.pipeline.settled();
    }
    const { differences } = await replayOf(store);
    store.close();
    expect(bench.failures).toHaveLength(1);
    // Only this bar is DEGRADED, in the replay too, whose models do not fail.
    const failedAt = bench.signals.filter(({ mode }) => mode === 'DEGRADED').map(({ timestamp }) => timestamp);
    expect(new Set(failedAt)).toEqual(
      new Set([new Date(1000 * (MARKET[WARMUP + 1]!.time + 60)).toISOString().replace('.000', '')]),
    );
    expect(failedAt).toHaveLength(pairIds.length);
    expect(differences).toEqual([]);
  });

  describe.each([
    { title: 'a fallback that answers', healthy: 1 },
    { title: 'no set that could answer', healthy: 0 },
  ])('of models that fail, with $title', ({ healthy }) => {
    /** Two sets fail at a bar; the journal may lose its answers, as a kill in that moment does. */
    const live = async (path: string, isKilled: boolean) => {
      const store = openJournal(path);
      const journal = createJournal({
        writer: writeInPlace(store),
        scheduler: MACHINE_SCHEDULER,
        onFailure: () => undefined,
        onRecovered: () => undefined,
      });
      const boot = (bootId: string): Bench => openBench(settings, { journal, bootId });
      let bench = boot('first');
      const answer = async (first: number, end: number, backfill = false): Promise<void> => {
        for (const { bars } of MARKET.slice(first, end)) {
          for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, backfill));
          await bench.pipeline.settled();
        }
      };
      let isFailing = false;
      const sets: ModelSet[] = [];
      for (const [index, version] of versions.entries()) {
        const set = await loadModels(version);
        sets.push(
          withInference(set, (right) => (features, rows) => {
            if (isFailing && index >= healthy) throw new Error('session lost');
            return right(features, rows);
          }),
        );
      }
      await answer(0, WARMUP, true);
      for (const set of sets) bench.pipeline.inputs.apply({ kind: 'swap', set });
      await answer(WARMUP, WARMUP + 3);
      isFailing = true;
      await answer(WARMUP + 3, WARMUP + 4);
      isFailing = false;
      const failures = bench.failures.length;
      const failedAt = MARKET[WARMUP + 3]!.time;
      if (isKilled) {
        const db = new Database(path);
        db.prepare('DELETE FROM signals WHERE time = ?').run(failedAt);
        db.close();
        bench = boot('second');
        const from = recoveryStart(store, pairIds.map(parsePair), WARMUP);
        await bench.pipeline.recover([...store.inputsFrom(from)], store.lastSignals(), () => {
          bench.pipeline.inputs.apply({ kind: 'swap', set: sets[1]! });
          return Promise.resolve();
        });
      }
      await answer(WARMUP + 4, WARMUP + 30);
      const modes = [...store.signals()].filter(({ time }) => time === failedAt).map((row) => bodyOf(row).mode);
      const replay = await replayOf(store);
      // From the state behind the failure on.
      store.prune({ throughRow: 20 * pairIds.length, publishedBeforeMs: Infinity }, 20 * pairIds.length);
      const rest = await replayOf(store);
      store.close();
      return { failures, modes: new Set(modes), replay, rest };
    };

    it('answers the bar at which they fail as the daemon did', async () => {
      const { failures, modes, replay, rest } = await live(join(folder, `failed_${healthy}.db`), false);
      expect(failures).toBe(2 - healthy);
      expect(modes).toEqual(new Set([healthy === 1 ? 'DEGRADED' : 'HALT']));
      expect([replay.differences, replay.equal]).toEqual([[], 30 * pairIds.length]);
      expect([rest.differences, rest.equal]).toEqual([[], 10 * pairIds.length]);
    });

    it('answers it with the models of the process that did, where the one whose models failed was killed', async () => {
      const { modes, replay } = await live(join(folder, `killed_${healthy}.db`), true);
      expect(modes).toEqual(new Set(['OK']));
      expect([replay.differences, replay.equal]).toEqual([[], 30 * pairIds.length]);
    });
  });

  it('reports the differences when the journal was changed afterward', async () => {
    const path = await copyOf('tuesday', 'changed.db');
    const db = new Database(path);
    db.exec(
      "UPDATE inputs SET close = close * 1.0001 WHERE input_id = (SELECT max(input_id) FROM inputs WHERE kind = 'bar')",
    );
    db.exec('DELETE FROM signals WHERE signal_row = 10');
    db.close();
    const store = openJournal(path, { readOnly: true });
    const { differences, equal } = await replayOf(store);
    const total = [...store.signals()].length;
    store.close();
    expect(differences.some(({ journal, replay }) => journal === null && replay !== null)).toBe(true);
    expect(differences.some(({ journal, replay }) => journal !== null && replay !== null)).toBe(true);
    expect(equal).toBeLessThan(total);
  });

  it('counts signals after the last one of the journal as unanswered, and one missing before it as a difference', async () => {
    const path = await copyOf('tuesday', 'cut.db');
    const remove = async (where: string): Promise<JournalReplaySummary> => {
      const db = new Database(path);
      db.exec(`DELETE FROM signals WHERE ${where}`);
      db.close();
      const store = openJournal(path, { readOnly: true });
      const summary = await replayOf(store);
      store.close();
      return summary;
    };
    const last = await remove('signal_row = (SELECT max(signal_row) FROM signals)');
    expect([last.unanswered, last.differences]).toEqual([1, []]);
    expect(last.equal).toBe(last.signals - 1);
    const middle = await remove('signal_row = (SELECT max(signal_row) - 5 FROM signals)');
    expect([middle.unanswered, middle.differences.length]).toEqual([1, 1]);
  });
});
