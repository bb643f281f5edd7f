import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { directionFolder, liveInstrumentSchema } from '../shared/bundle/direction/active_direction.ts';
import { loadDirectionModel, type DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { ruleFolder, ruleOpener } from '../shared/bundle/rule/active_rule.ts';
import { createExplainer } from '../shared/explain/explain_minute.ts';
import type { InstrumentExplanation } from '../shared/explain/explanation.ts';
import { openJournal } from '../shared/store/journal.ts';
import { writeTinyDirection } from '../test/tiny_direction.ts';
import { tinyRule } from '../test/tiny_rule.ts';
import { OWN_SERVICE } from '../shared/bundle/direction/own_service.fixture.ts';
import { armVersion, parseRolloutText, type ActiveRollout } from '../shared/bundle/rollout.ts';
import { fileRule, writeRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { FileRuleFormulas } from '../shared/bundle/rule/rule_formulas.ts';
import type { RuleManifest } from '../shared/bundle/rule/rule_manifest.ts';
import { ARMS } from '../shared/core/rollout/assignment.ts';
import type { RuleFormulas, RuleModel } from '../shared/bundle/rule/rule_model.ts';
import type { KeptExits } from '../shared/strategies/instrument_position.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../shared/core/features/instrument/instrument_features.ts';
import { parseInstrument } from '../shared/pair.ts';
import { instrumentStrategy, type StrategyDocument } from '../shared/policy/strategy_file.ts';
import { createRng } from '../shared/rng.ts';
import type { InstrumentSignal } from '../shared/signal/instrument_signal.ts';
import { tinySettings } from '../test/tiny_settings.ts';
import { withJournal } from './journaled_bench.fixture.ts';
import { openBench, START_MS, type Bench } from './pipeline.fixture.ts';
import type { PipelineOptions } from './options/pipeline_options.ts';
import { barInput, inputOf, minuteInputOf } from './queue/input.ts';
import { replayJournal } from './replay.ts';

const ID = 'BTCUSDT';
const settings = tinySettings({ core: { require_edge: false } });
const ALONE: Partial<PipelineOptions> = { pairs: [], instruments: [parseInstrument(ID)] };
/** Bars after which the hand-written features are warm. */
const WARM = new InstrumentFeatures(INSTRUMENT_WINDOWS, 60).warmupBars;
const BARS = WARM + 400;

const DOCUMENT: StrategyDocument = {
  name: 'reversal',
  description: 'a test',
  subject: 'instrument',
  entry_long: 'close / delay(close, 3) - 1 < -0.002 and rsi(14) < 50',
  entry_short: 'close / mean(close, 200) - 1 > 0.004',
  exit: 'rsi(14) > 70',
  stop: { bps: 25 },
  target: { bps: 45 },
  max_age: 9,
};

const SEEN = ['NO_ENTRY', 'BOTH_SIDES', 'ENTRY', 'IN_POSITION', 'STOP_EXIT', 'TARGET_EXIT', 'RULE_EXIT', 'AGE_EXIT'];

/** A kept rule. */
function ruleOf(document: StrategyDocument = DOCUMENT, no_edge = false, version = '20260101_0000-00000000'): RuleModel {
  const manifest = { version, instrument: ID, market: 'live', strategy: document, edge: { no_edge } };
  return fileRule(manifest as unknown as RuleManifest, `hash of ${version}`, instrumentStrategy(document, 'test'));
}

const market: readonly Bar[] = (() => {
  const rng = createRng('served rule');
  let close = 20_000;
  return Array.from({ length: BARS }, (_, n): Bar => {
    const open = close;
    close *= Math.exp(0.001 * rng.normal());
    const high = Math.max(open, close) * 1.0001;
    const low = Math.min(open, close) * 0.9999;
    const time = (START_MS / 1000 + 60 * n) as OpenTime;
    return { symbol: ID, time, open, high, low, close, volume: 3, takerBuyVolume: 3 * rng.uniform() };
  });
})();

async function feed({ pipeline }: Bench, from: number, to: number): Promise<void> {
  for (const bar of market.slice(from, to)) {
    pipeline.inputs.take(barInput(bar, false));
    await pipeline.settled();
  }
}

const signalsOf = ({ signals }: Bench): InstrumentSignal[] => signals as unknown as InstrumentSignal[];

describe('a rule that a pipeline serves', () => {
  it('answers in place of the direction model, each signal as a consumer reads it', async () => {
    const bench = openBench(settings, ALONE);
    const rule = ruleOf();
    bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule });
    await feed(bench, 0, BARS);
    const signals = signalsOf(bench);
    expect(new Set(signals.slice(0, 199).map(({ mode, reason }) => `${mode} ${reason}`))).toEqual(
      new Set(['WARMUP WARMUP']),
    );
    const decided = signals.slice(200);
    expect(new Set(decided.map(({ mode }) => mode))).toEqual(new Set(['OK']));
    expect(new Set(decided.map(({ reason }) => reason))).toEqual(new Set([...SEEN]));
    const enter = decided.find(({ action }) => action === 'ENTER')!;
    expect(enter).toMatchObject({
      model_version: 'rule/20260101_0000-00000000',
      ml_up_prob: null,
      position_scale: 1,
      max_age_bars: 9,
      stop: 0.0025,
      take_profit: 0.0045,
    });
    const exit = decided.find(({ action, position_id }) => action === 'EXIT' && position_id === enter.signal_id);
    expect(exit).toBeDefined();
    expect(bench.pipeline.status.rules).toEqual({ [ID]: '20260101_0000-00000000' });
  });

  it('is warmed from the journal, and replayed from it to the byte', async () => {
    const half = BARS - 150;
    const live = openBench(settings, ALONE);
    await feed(live, 0, half);
    const rule = ruleOf();
    await withJournal(live, async (journal) => {
      const warming = live.pipeline.warmRule(rule, journal);
      // Bars that come meanwhile.
      await feed(live, half, half + 2);
      await warming;
    });
    await feed(live, half + 2, half + 4);
    live.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule });
    await feed(live, half + 4, BARS - 10);
    live.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule: null });
    await feed(live, BARS - 10, BARS);

    const always = openBench(settings, ALONE);
    always.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule });
    await feed(always, 0, BARS - 10);
    // From the first bar on after which both are flat.
    const isFlat = (bench: Bench, n: number): boolean => signalsOf(bench)[n]!.target === 0;
    let first = half + 4;
    while (!isFlat(live, first) || !isFlat(always, first)) first++;
    const decisions = (bench: Bench): string[] =>
      signalsOf(bench)
        .slice(first + 1, BARS - 10)
        .map(({ timestamp, action, reason, target }) => `${timestamp} ${action} ${reason} ${target}`);
    expect(decisions(live)).toEqual(decisions(always));
    expect(new Set(decisions(live).map((text) => text.split(' ')[1]))).toEqual(new Set(['HOLD', 'ENTER', 'EXIT']));
    expect(signalsOf(live).at(-1)).toMatchObject({ model_version: '', mode: 'HALT' });

    const summary = await withJournal(live, (store) =>
      replayJournal({
        settings,
        pairIds: [ID],
        clock: { nowMs: () => START_MS as never, monotonicUs: () => 0 },
        bootId: '20251014T120000000Z',
        store,
        loadModels: () => Promise.reject(new Error('no pairs')),
        loadRule: () => ruleOf(),
        onSignals: () => undefined,
      }),
    );
    expect(summary).toMatchObject({ signals: BARS, equal: BARS, different: 0, differences: [] });
    expect(summary.enters).toBeGreaterThan(3);
  });

  it('holds NO_EDGE where its judgement shows none and the policy requires one', async () => {
    const strict = openBench(tinySettings({ core: { require_edge: true } }), ALONE);
    strict.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule: ruleOf(DOCUMENT, true) });
    await feed(strict, 0, BARS);
    expect(new Set(signalsOf(strict).map(({ reason }) => reason))).toEqual(new Set(['WARMUP', 'NO_EDGE']));
  });

  it('is explained without an edge where its bundle has none, though the policy requires none, as a model is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-explain-'));
    try {
      const edge = { no_edge: true, trades: 40, net_bps: -1, lower_net_bps: -3, p_value: 0.9 };
      const path = writeRuleBundle(ruleFolder(folder), new Date('2026-01-03'), tinyRule(ID, { edge }));
      const rule = ruleOpener(folder)(basename(path));
      // Its edge is of another instrument.
      const direction = writeTinyDirection(folder, 'ETHUSDT', '1m');
      const set = await loadDirectionModel(join(directionFolder(folder), direction), liveInstrumentSchema(60), 1);
      for (const input of [
        { kind: 'rule', instrument: ID, rule },
        { kind: 'direction', timeframe: '1m', set },
      ] as const) {
        const bench = openBench(settings, ALONE);
        bench.pipeline.inputs.apply(input);
        await feed(bench, 0, WARM + 3);
        const file = join(folder, `${input.kind}.db`);
        const journal = openJournal(file);
        journal.append(bench.inputs, bench.rows);
        journal.close();
        const own = { ...settings, minutehand: { ...settings.minutehand, instruments: [ID] } };
        const explainer = createExplainer(own, { models: folder, journal: () => file });
        const explained = await explainer.explain(ID, market[WARM + 2]!.time);
        expect(explained.reproduced.equal).toBe(true);
        const { rule: byRule, strategy } = explained as InstrumentExplanation;
        expect([byRule?.has_edge, strategy?.has_edge]).toEqual(
          input.kind === 'rule' ? [false, undefined] : [undefined, false],
        );
        expect(explained.to_enter.map(({ name }) => name)).not.toContain('edge');
      }
      await set.release();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('keeps stop, target and age of an entry when another rule follows', async () => {
    const bench = openBench(settings, ALONE);
    const always = { ...DOCUMENT, entry_long: 'close > 0', exit: undefined, stop: undefined, target: { bps: 5000 } };
    const { exit: _exit, stop: _stop, ...document } = always;
    bench.pipeline.inputs.apply({
      kind: 'rule',
      instrument: ID,
      rule: ruleOf({ ...document, entry_short: 'close < 0' }),
    });
    await feed(bench, 0, WARM);
    const { action, reason, stop } = signalsOf(bench).at(-1)!;
    expect([action, reason, stop]).toEqual(['ENTER', 'ENTRY', null]);
    const other = ruleOf(
      { ...document, entry_long: 'close < 0', stop: { bps: 1 }, max_age: 99 },
      false,
      '20260102_0000-0000000a',
    );
    bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule: other });
    await feed(bench, WARM, WARM + 20);
    const after = signalsOf(bench).slice(WARM);
    const end = after.findIndex((signal) => signal.action === 'EXIT');
    expect(after[end]).toMatchObject({ reason: 'AGE_EXIT', model_version: 'rule/20260102_0000-0000000a' });
    expect(end).toBe(8);
  });

  it('reads the answers of the direction model that it was judged with, and of no other', async () => {
    const versions = { own: '20260101_0000', other: '20260102_0000' };
    const direction = (version: string): DirectionModel => ({
      manifest: { version, timeframe: 60, edge: {} } as unknown as DirectionModel['manifest'],
      modelsHash: version,
      check: { rows: 0, largestDifference: 0 },
      ...OWN_SERVICE,
      // Up while the close is in the upper half of its last bars.
      infer: (values, rows) =>
        Float64Array.from({ length: 3 * rows }, (_, i) => (i % 3 === (values[0]! > 0 ? 0 : 1) ? 0.8 : 0.1)),
    });
    const rule = ruleOf({
      name: 'combined',
      description: 'a test',
      subject: 'instrument',
      entry_long: 'ML_UP_PROB > 0.7 and rsi(14) >= 45',
      exit: 'ML_DOWN_PROB > 0.7',
      max_age: 30,
    });
    Object.assign(rule.manifest, { direction: versions.own });
    const traded = async (version: string): Promise<InstrumentSignal[]> => {
      const bench = openBench(settings, ALONE);
      bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: direction(version) });
      bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule });
      await feed(bench, 0, BARS);
      return signalsOf(bench).slice(WARM);
    };
    const own = await traded(versions.own);
    const entered = own.filter(({ action }) => action === 'ENTER');
    expect(entered.length).toBeGreaterThan(3);
    expect(new Set(entered.map(({ ml_up_prob }) => ml_up_prob))).toEqual(new Set([0.8]));
    expect(own.every(({ reason, ml_down_prob }) => reason !== 'RULE_EXIT' || ml_down_prob === 0.8)).toBe(true);
    expect(own.some(({ reason }) => reason === 'RULE_EXIT')).toBe(true);
    const other = await traded(versions.other);
    expect(new Set(other.map(({ reason }) => reason))).toEqual(new Set(['NO_ENTRY']));
    expect(() => ruleOf({ ...DOCUMENT, entry_long: 'mean(ML_UP_PROB, 5) > 0.5' })).toThrow(
      /looks back over probabilities/,
    );
  });

  it('changes no byte with another rule in shadow, which answers as it would be served, over a restart too', async () => {
    const other: StrategyDocument = { ...DOCUMENT, name: 'other', entry_long: DOCUMENT.entry_short!, max_age: 30 };
    const shadow = ruleOf(other, false, '20260102_0000-00000000');
    const open = (rules: object[]): Bench => {
      const bench = openBench(settings, ALONE);
      for (const input of rules) bench.pipeline.inputs.apply(input as never);
      return bench;
    };
    const served = { kind: 'rule', instrument: ID, rule: ruleOf() };
    const alone = open([served]);
    const both = open([served, { kind: 'rule_shadow', instrument: ID, rule: shadow }]);
    const otherAlone = open([{ kind: 'rule', instrument: ID, rule: shadow }]);
    for (const bench of [alone, both, otherAlone]) await feed(bench, 0, BARS);
    expect(both.rows.map(({ body }) => body)).toEqual(alone.rows.map(({ body }) => body));
    expect(both.inputs).toEqual(alone.inputs);
    const decided = (body: string): unknown => {
      const { timestamp, action, reason, target } = JSON.parse(`${body}}`) as InstrumentSignal;
      return [timestamp, action, reason, target];
    };
    const answers = both.shadows.map(({ body }) => decided(body));
    expect(answers.length).toBe(BARS - 199);
    expect(answers).toEqual(otherAlone.rows.slice(-answers.length).map(({ body }) => decided(body)));
    both.pipeline.inputs.apply({ kind: 'rule_shadow', instrument: ID, rule: null });
    expect(alone.shadows).toEqual([]);
  });

  it('leaves the shadow of the direction models as it is, and its own bytes do not change with one', async () => {
    const direction = (version: string): DirectionModel => ({
      manifest: { version, timeframe: 60, edge: {} } as unknown as DirectionModel['manifest'],
      modelsHash: version,
      check: { rows: 0, largestDifference: 0 },
      ...OWN_SERVICE,
      infer: (_, rows) => Float64Array.from({ length: 3 * rows }, (_unused, i) => [0.8, 0.1, 0.1][i % 3]!),
    });
    const alone = openBench(settings, ALONE);
    const beside = openBench(settings, ALONE);
    for (const bench of [alone, beside]) bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule: ruleOf() });
    beside.pipeline.inputs.apply({ kind: 'shadow', slot: 'direction 1m', set: direction('20260102_0000') });
    for (const bench of [alone, beside]) await feed(bench, 0, BARS);
    expect(beside.texts).toEqual(alone.texts);
    expect([alone.shadows.length, beside.shadows.length]).toEqual([0, BARS - WARM + 1]);
    const answers = beside.shadows.map(({ body }) => JSON.parse(`${body}}`) as InstrumentSignal);
    expect(new Set(answers.map(({ model_version }) => model_version))).toEqual(new Set(['20260102_0000']));
  });

  const FAILS_AT = WARM + 100;
  const thrown = (): never => {
    throw new RangeError('a test');
  };
  /** A rule whose formulas are changed from a bar on. */
  function failingRule(change: (inner: RuleFormulas) => Partial<RuleFormulas>): RuleModel {
    const rule: RuleModel = {
      ...ruleOf(),
      createFormulas(barSeconds) {
        const inner = ruleOf().createFormulas(barSeconds);
        let bars = 0;
        const own = (name: keyof RuleFormulas): never =>
          ((bars > FAILS_AT ? change(inner)[name] : undefined) ?? inner[name]) as never;
        return {
          rule,
          warmUpBars: inner.warmUpBars,
          get isWarm() {
            return inner.isWarm;
          },
          get exits() {
            return own('exits') as KeptExits;
          },
          step(reading) {
            bars++;
            (own('step') as RuleFormulas['step']).call(inner, reading);
          },
          finish: (...given) => (own('finish') as RuleFormulas['finish']).call(inner, ...given),
          decide: (...asked) => (own('decide') as RuleFormulas['decide']).call(inner, ...asked),
          explain: (...asked) => inner.explain(...asked),
        };
      },
    };
    return rule;
  }

  it.each([
    ['step throws', () => ({ step: thrown })],
    ['finish throws', () => ({ finish: thrown })],
    ['decide throws', () => ({ decide: thrown })],
  ] as const)('that fails ends alone, and the direction model answers, degraded: %s', async (_, change) => {
    const strategy = { theta_up: 0.9, theta_down: 0.9, stop: 0.01, target: 0.01, max_age_bars: 5 };
    const model: DirectionModel = {
      manifest: {
        version: '20260101_0000',
        timeframe: 60,
        edge: {},
        strategy,
      } as unknown as DirectionModel['manifest'],
      modelsHash: 'a hash',
      check: { rows: 0, largestDifference: 0 },
      ...OWN_SERVICE,
      infer: (_values, rows) => Float64Array.from({ length: 3 * rows }, (_unused, i) => [0.8, 0.1, 0.1][i % 3]!),
    };
    for (const set of [model, null]) {
      const bench = openBench(settings, ALONE);
      const rule = failingRule(change);
      if (set !== null) bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set });
      bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule });
      await feed(bench, 0, BARS);
      expect(bench.failures).toEqual([{ code: 'RULE_FAILED', failed: '20260101_0000-00000000', fallback: ID }]);
      expect([...bench.pipeline.status.degradations]).toEqual(['rules']);
      const signals = signalsOf(bench);
      expect(signals.length).toBe(BARS);
      expect(signals[FAILS_AT - 1]).toMatchObject({ mode: 'OK', model_version: 'rule/20260101_0000-00000000' });
      const after = signals.slice(FAILS_AT).map(({ mode, model_version }) => `${mode} ${model_version}`);
      expect(new Set(after)).toEqual(new Set([set === null ? 'HALT ' : 'DEGRADED 20260101_0000']));
      const summary = await withJournal(bench, (store) =>
        replayJournal({
          settings,
          pairIds: [ID],
          clock: { nowMs: () => START_MS as never, monotonicUs: () => 0 },
          bootId: '20251014T120000000Z',
          store,
          loadModels: () => Promise.reject(new Error('no pairs')),
          loadDirection: () => Promise.resolve(model),
          loadRule: () => rule,
          onSignals: () => undefined,
        }),
      );
      expect(summary).toMatchObject({ equal: BARS, different: 0, differences: [] });
    }
  });

  it.each(['step', 'finish', 'decide'] as const)(
    'whose %s is slow twice in a row ends behind that bar',
    async (slow) => {
      const bench = openBench(settings, { ...ALONE, slowInferenceMs: 10 });
      const rule = failingRule((inner) => ({
        [slow]: (...given: never[]) => {
          bench.passMs(20);
          return (inner[slow] as (...same: never[]) => unknown).apply(inner, given);
        },
      }));
      bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule });
      await feed(bench, 0, FAILS_AT + 10);
      expect(bench.failures).toEqual([{ code: 'RULE_SLOW', failed: '20260101_0000-00000000', fallback: ID }]);
      expect([...bench.pipeline.status.degradations]).toEqual(['rules']);
      expect(bench.pipeline.status.rules).toEqual({});
      const signals = signalsOf(bench);
      expect(signals[FAILS_AT]).toMatchObject({ mode: 'OK', model_version: 'rule/20260101_0000-00000000' });
      expect(signals.at(-1)).toMatchObject({ mode: 'HALT', model_version: '' });
    },
  );

  describe('in a rollout of its instrument', () => {
    const other: StrategyDocument = {
      ...DOCUMENT,
      name: 'other',
      entry_long: 'close / delay(close, 2) - 1 < -0.001',
      max_age: 30,
    };
    const challenger = ruleOf(other, false, '20260102_0000-00000000');
    const champion = { kind: 'rule', instrument: ID, rule: ruleOf() } as const;
    const rollout = (share: number): ActiveRollout => ({
      id: '20260103T000000',
      stage: 'test',
      share,
      champion: '20260101_0000-00000000',
      challenger: '20260102_0000-00000000',
      key: '0123456789abcdef0123456789abcdef',
      block_minutes: 10,
      instrument: ID,
    });
    const open = (...inputs: object[]): Bench => {
      const bench = openBench(settings, ALONE);
      for (const input of inputs) bench.pipeline.inputs.apply(input as never);
      return bench;
    };
    const armsOf = (bench: Bench): Set<string> =>
      new Set(signalsOf(bench).map(({ model_version: version }) => version.slice('rule/'.length)));
    const decided = (body: string): unknown => {
      const { timestamp, action, reason, target } = JSON.parse(`${body}}`) as InstrumentSignal;
      return [timestamp, action, reason, target];
    };
    const replayed = (bench: Bench) =>
      withJournal(bench, (store) =>
        replayJournal({
          settings,
          pairIds: [ID],
          clock: { nowMs: () => START_MS as never, monotonicUs: () => 0 },
          bootId: '20251014T120000000Z',
          store,
          loadModels: () => Promise.reject(new Error('no pairs')),
          loadRule: (version) => (version === challenger.manifest.version ? ruleOf(other, false, version) : ruleOf()),
          onSignals: () => undefined,
        }),
      );

    it('the arm of each unit answers until its exit, both arms are journaled, and a replay has the same bytes', async () => {
      const live = open(champion, { kind: 'rollout', rollout: rollout(0.5), set: challenger });
      const alone = [open(champion), open({ kind: 'rule', instrument: ID, rule: challenger })];
      for (const bench of [live, ...alone]) await feed(bench, 0, BARS);
      expect(live.pipeline.status.rollout).toMatchObject({ instrument: ID, share: 0.5 });
      expect(armsOf(live)).toEqual(new Set([rollout(0).champion, rollout(0).challenger]));
      // A position belongs to the arm that entered it.
      const holder = new Map<string, string>();
      for (const { action, position_id: id, model_version: version, target } of signalsOf(live)) {
        if (action === 'ENTER') holder.set(id!, version);
        if (action === 'EXIT' || target !== 0) expect(version).toBe(holder.get(id!));
      }
      expect(new Set(holder.values()).size).toBe(2);
      // Each virtual arm answers as its rule does alone.
      ARMS.forEach((arm, i) => {
        const version = armVersion(rollout(0)[arm], rollout(0).id);
        const own = live.shadows
          .filter(({ modelVersion }) => modelVersion === version)
          .map(({ body }) => decided(body));
        expect(own.length).toBe(BARS - 199);
        expect(own).toEqual(alone[i]!.rows.slice(-own.length).map(({ body }) => decided(body)));
      });
      expect(await replayed(live)).toMatchObject({ signals: BARS, equal: BARS, different: 0, differences: [] });
    });

    it('a stage changes the share alone, and behind its end the champion answers as without it', async () => {
      const live = open(champion, { kind: 'rollout', rollout: rollout(0), set: challenger });
      await feed(live, 0, WARM);
      expect(armsOf(live)).toEqual(new Set([rollout(0).champion]));
      live.pipeline.inputs.apply({ kind: 'rollout', rollout: rollout(1), set: challenger });
      await feed(live, WARM, WARM + 150);
      expect(signalsOf(live).at(-1)!.model_version).toBe(`rule/${rollout(0).challenger}`);
      live.pipeline.inputs.apply({ kind: 'rollout', rollout: null, set: null });
      await feed(live, WARM + 150, BARS);
      expect(signalsOf(live).at(-1)!.model_version).toBe(`rule/${rollout(0).champion}`);
      expect(live.pipeline.status.rollout).toBeNull();
      expect(live.shadows.length).toBe(2 * (WARM + 150 - 199));
      expect(await replayed(live)).toMatchObject({ equal: BARS, different: 0 });
    });

    it('decides nothing while another rule than its champion is served, or none', async () => {
      const another = { kind: 'rule', instrument: ID, rule: ruleOf(DOCUMENT, false, '20260104_0000-00000000') };
      for (const served of [[another], []]) {
        const bench = open(...served, { kind: 'rollout', rollout: rollout(1), set: challenger });
        const without = open(...served);
        for (const own of [bench, without]) await feed(own, 0, WARM + 30);
        expect(bench.rows.map(({ body }) => body)).toEqual(without.rows.map(({ body }) => body));
        expect([bench.shadows, bench.pipeline.status.rollout]).toEqual([[], null]);
      }
    });

    it('a challenger that throws ends it before the bar is decided', async () => {
      const broken = ruleOf({ ...other, entry_long: 'ML_UP_PROB > 0.7' }, false, rollout(0).challenger);
      const bench = open(champion, { kind: 'rollout', rollout: rollout(1), set: broken });
      await feed(bench, 0, WARM);
      const finish = vi.spyOn(FileRuleFormulas.prototype, 'finish').mockImplementation(function (
        this: FileRuleFormulas,
      ) {
        if (this.rule === broken) throw new Error('broken');
      });
      await feed(bench, WARM, WARM + 1);
      finish.mockRestore();
      await feed(bench, WARM + 1, WARM + 5);
      expect(bench.pipeline.status.rollout).toBeNull();
      expect(bench.inputs.some(({ subject }) => subject.includes(`failed ${rollout(0).id}`))).toBe(true);
      expect(signalsOf(bench).at(-1)!.model_version).toBe(`rule/${rollout(0).champion}`);
    });

    it('is named in the journal by its instrument', async () => {
      const bench = open(champion, { kind: 'rollout', rollout: rollout(0.5), set: challenger });
      await bench.pipeline.settled();
      const row = bench.inputs.find(({ kind }) => kind === 'rollout')!;
      expect(parseRolloutText(row.subject)).toEqual(rollout(0.5));
      const load = vi.fn((version: string) => Promise.resolve(ruleOf(other, false, version)));
      await inputOf(row, () => Promise.reject(new Error()), undefined, load);
      expect(load.mock.calls).toEqual([[rollout(0).challenger, 'challenger']]);
    });
  });

  it('is an input that a journal names, and that a boot ends', async () => {
    const bench = openBench(settings, ALONE);
    bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule: ruleOf() });
    bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule: null });
    bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule: ruleOf() });
    bench.pipeline.inputs.apply({ kind: 'boot', bootId: '20251014T130000000Z' });
    await bench.pipeline.settled();
    expect(bench.inputs.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
      `rule ${ID} 20260101_0000-00000000`,
      `rule ${ID} `,
      `rule ${ID} 20260101_0000-00000000`,
      'boot 20251014T130000000Z',
    ]);
    expect(bench.pipeline.status.rules).toEqual({});
    const row = bench.inputs[0]!;
    const opened: string[] = [];
    const load = (version: string) => Promise.resolve((opened.push(version), ruleOf()));
    const input = minuteInputOf(row) ?? (await inputOf(row, () => Promise.reject(new Error()), undefined, load));
    expect([input.kind, opened]).toEqual(['rule', ['20260101_0000-00000000']]);
  });
});
