import { beforeAll, describe, expect, it } from 'vitest';
import type { DecisionPolicy } from '../../shared/strategies/pair_reversion/pair_input.ts';
import type { Bar } from '../../shared/bar.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import { expectedDecision } from '../../shared/strategies/pair_reversion/decide.oracle.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import { parsePair } from '../../shared/pair.ts';
import { tradingCosts } from '../../shared/policy/costs.ts';
import { decisionPolicy } from '../../shared/policy/policy.ts';
import { createRng } from '../../shared/rng.ts';
import { tinyBars, tinySettings } from '../../test/tiny_settings.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import { FeatureMatrix } from '../features/feature_matrix.ts';
import { readSeries } from '../features/series_reader.ts';
import { SeriesBook } from '../../shared/core/series/series_book.ts';
import { byMinute } from '../pipeline.fixture.ts';
import type { MinuteItem } from '../queue/queue.ts';
import type { MinuteAnswer } from './answer.ts';
import { Decider } from './decider.ts';
import { encodeBody } from '../../shared/signal/encode.ts';
import { signalId } from './signal_ids.ts';

// AUDUSD_USDCAD mostly has a negative beta.
const settings = tinySettings();
const { windows } = settings.minutehand;
const PAIRS = settings.minutehand.pairs.map(parsePair);
const POLICY = decisionPolicy(settings);
const SCHEMA = featureSchema(windows);
const WARMUP = warmupBars(windows);
const NONE_HALTED = new Uint8Array(PAIRS.length);
const MODELS = {
  version: '20240101_0000',
  modelsHash: 'hash of the models',
  schema: SCHEMA,
  theta1: 0.5,
  theta2: 0.7,
  hasEdge: () => true,
} as unknown as ModelSet;

let market: ReturnType<typeof byMinute>;
beforeAll(() => {
  market = byMinute(tinyBars(settings, 600)).filter(({ bars }) => bars.length === 6);
});

interface Setting {
  readonly models?: ModelSet | null;
  readonly scores?: BatchScores | null;
  readonly halted?: Uint8Array;
  readonly isDegraded?: boolean;
  readonly policy?: typeof POLICY;
}

/** A decider at a minute of the market, after all minutes before it. */
function createDesk(isDegraded = false, policy = POLICY) {
  const matrix = new FeatureMatrix(PAIRS, windows, SCHEMA.definitions.length, readSeries(new SeriesBook()));
  const decider = new Decider({
    pairs: PAIRS,
    schema: SCHEMA,
    policy,
    policyHash: 'hash of the policy',
    costs: tradingCosts(settings),
    matrix,
    degradations: { isPairDegraded: isDegraded, isSubjectDegraded: () => false },
  });
  let at = 0;
  const legs = (index: number, pairIndex: number): [Bar, Bar] => {
    const bar = (symbol: string): Bar => market[index]!.bars.find((one) => one.symbol === symbol)!;
    return [bar(PAIRS[pairIndex]!.a), bar(PAIRS[pairIndex]!.b)];
  };
  const minuteOf = (pairIndex: number, changes: Partial<AnsweredMinute> = {}): AnsweredMinute => {
    const [a, b] = legs(at, pairIndex);
    return {
      pairIndex,
      time: market[at]!.time,
      a,
      b,
      outcome: 'COMPLETE',
      backfill: false,
      ...changes,
    } as AnsweredMinute;
  };
  const itemsOf = (minutes: readonly AnsweredMinute[]): MinuteItem[] =>
    minutes.map((minute) => ({ kind: 'minute', minute, publish: true, arrivedUs: 0 }));
  return {
    decider,
    matrix,
    minuteOf,
    warmUp(bars: number): void {
      for (; at < bars; at++) matrix.step(itemsOf(PAIRS.map((_, pairIndex) => minuteOf(pairIndex))));
    },
    /** Answers these minutes of the next bar. */
    answer(
      minutes: readonly AnsweredMinute[],
      { models = MODELS, scores = null, halted = NONE_HALTED }: Setting,
    ): MinuteAnswer[] {
      const items = itemsOf(minutes);
      for (const { minute } of items) decider.ids.note(minute);
      matrix.step(items);
      return decider.decide(items, models, scores, halted);
    },
    next: () => void at++,
  };
}

const scoresOf = (rows: readonly (readonly number[])[]): BatchScores => ({
  return_prob: Float64Array.from(rows, (row) => row[0]!),
  risk_score: Float64Array.from(rows, (row) => row[1]!),
  position_scale: Float64Array.from(rows, (row) => row[2] ?? 1),
  risk_prob: Float64Array.from(rows, (row) => row[3] ?? 0.5),
  result_sigmas: Float64Array.from(rows, () => NaN),
});
const same = (...row: number[]): BatchScores => scoresOf(PAIRS.map(() => row));

/** The answer to one pair at its first warm bar, or at another one. */
function answerAt(pairIndex: number, changes: Partial<AnsweredMinute>, setting: Setting, bars = WARMUP): MinuteAnswer {
  const desk = createDesk(setting.isDegraded, setting.policy);
  desk.warmUp(bars);
  return desk.answer([desk.minuteOf(pairIndex, changes)], setting)[0]!;
}

const heartbeat = (outcome: 'SILENCE' | 'SHUTDOWN', isHalted: boolean): Partial<AnsweredMinute> => ({
  outcome,
  isHalted,
  a: null,
  b: null,
});

describe('a decider', () => {
  it('matches the documented decision rules bar after bar, and publishes the inputs of each decision', () => {
    const desk = createDesk();
    desk.warmUp(WARMUP);
    const rng = createRng('scores');
    const positions: Position[] = PAIRS.map(() => FLAT);
    const reasons = new Set<string>();
    const entries = new Set<string>();
    for (let bar = WARMUP; bar < 500; bar++) {
      const minutes = PAIRS.map((_, pairIndex) => desk.minuteOf(pairIndex));
      const rows = PAIRS.map(() => [rng.uniform(), rng.uniform(), rng.uniform(), rng.uniform()]);
      const answers = desk.answer(minutes, { scores: scoresOf(rows) });
      answers.forEach(({ minute, body, bodyText, riskProb, position, seq }, pairIndex) => {
        const frame = desk.matrix.features.frame(pairIndex);
        const [return_prob, risk_score, scale, risk_prob] = rows[pairIndex]! as [number, number, number, number];
        const held = positions[pairIndex]!;
        const { time } = market[bar]!;
        const { action, reason, target } = expectedDecision({
          bar: frame,
          scores: { return_prob, risk_score, expected_net_bps: 1 },
          time,
          noEntryWindows: [],
          hasEdge: true,
          isHalted: false,
          theta1: 0.5,
          theta2: 0.7,
          policy: POLICY,
          position: { ...held, ageBars: held.ageBars + 1 },
        });
        const id = signalId(PAIRS[pairIndex]!.id, time, 'hash of the models', 'hash of the policy');
        const { a, b } = PAIRS[pairIndex]!;
        const sideB = -target * Math.sign(frame.beta);
        const side = (of: number, symbol: string): string => `${of > 0 ? 'BUY' : 'SELL'}_${symbol}`;
        const entry = action === 'ENTER' ? `${side(target, a)}, ${side(sideB, b)}` : '';
        const positionId = action === 'ENTER' ? id : held.positionId;
        expect(body).toEqual({
          timestamp: new Date((time + 60) * 1000).toISOString().replace('.000', ''),
          pair: `${a.slice(0, 3)}/${a.slice(3)} vs ${b.slice(0, 3)}/${b.slice(3)}`,
          z_score: frame.z,
          return_prob,
          risk_score,
          entry,
          confidence: return_prob * (1 - risk_score),
          risk_flag: risk_score >= 0.7 ? 1 : 0,
          theta1: 0.5,
          theta2: 0.7,
          position_scale: scale,
          action,
          reason,
          target,
          position_id: positionId,
          max_age_bars: POLICY.max_age_bars,
          beta: frame.beta,
          price_a: minute.a!.close,
          price_b: minute.b!.close,
          pair_id: PAIRS[pairIndex]!.id,
          signal_id: id,
          model_version: '20240101_0000',
          feature_schema: SCHEMA.hash,
          policy_hash: 'hash of the policy',
          mode: 'OK',
          expected_net_bps: Math.abs(frame.z) < POLICY.z_entry ? null : (expect.any(Number) as number),
          leverage_reduction_rate: 1,
        });
        expect(JSON.parse(`${bodyText}}`)).toEqual(JSON.parse(JSON.stringify(body)));
        expect(bodyText).toBe(encodeBody(body));
        expect([riskProb, seq]).toEqual([risk_prob, 0]);
        expect(position.side).toBe(target);
        if (action === 'ENTER')
          expect(position).toMatchObject({
            positionId: id,
            entryTime: time,
            entryZ: frame.z,
            beta: frame.beta,
            ageBars: 0,
          });
        if (action === 'HOLD' && held.side !== 0) expect(position).toEqual({ ...held, ageBars: held.ageBars + 1 });
        positions[pairIndex] = position;
        reasons.add(reason);
        if (entry !== '') entries.add(entry);
      });
      desk.next();
    }
    expect([...reasons]).toEqual(
      expect.arrayContaining(['ENTRY', 'Z_EXIT', 'IN_POSITION', 'NO_SETUP', 'PROB_LOW', 'RISK_HIGH', 'RISK_EXIT']),
    );
    expect([...entries].some((entry) => /^(BUY|SELL)_AUDUSD, \1_USDCAD$/.test(entry))).toBe(true);
    expect([...entries].some((entry) => /^BUY_XAUUSD, SELL_XAGUSD$/.test(entry))).toBe(true);
  });

  it('publishes only prices for a pair that is not warm', () => {
    const { body, riskProb, position } = answerAt(0, {}, { scores: same(0.9, 0.1) }, WARMUP - 2);
    expect(body).toMatchObject({
      action: 'HOLD',
      reason: 'WARMUP',
      target: 0,
      mode: 'WARMUP',
      position_id: '',
      entry: '',
    });
    expect(body).toMatchObject({
      z_score: null,
      return_prob: null,
      risk_score: null,
      confidence: null,
      risk_flag: null,
    });
    expect(body).toMatchObject({ position_scale: null, beta: null, theta1: 0.5, theta2: 0.7 });
    const [a, b] = ['XAUUSD', 'XAGUSD'].map(
      (symbol) => market[WARMUP - 2]!.bars.find((bar) => bar.symbol === symbol)!.close,
    );
    expect([body.price_a, body.price_b, riskProb, position]).toEqual([a, b, null, FLAT]);
    // The bar that fills the last window is answered with a decision.
    expect(answerAt(0, {}, { scores: same(0.9, 0.1) }, WARMUP - 1).body).toMatchObject({
      mode: 'OK',
      return_prob: 0.9,
    });
  });

  it('holds a minute without a leg for that reason, with the available price, and keeps the position', () => {
    for (const outcome of ['LEG_MISSING', 'LEG_EMPTY', 'BAR_SUSPECT'] as const) {
      const desk = createDesk();
      desk.warmUp(WARMUP);
      const held: Position = { ...FLAT, side: -1, positionId: 'entered', entryZ: 2, zStd: 1, ageBars: 3 };
      desk.decider.setPosition('XAUUSD_XAGUSD', held);
      const minute = desk.minuteOf(0, { outcome, b: null } as Partial<AnsweredMinute>);
      const [{ body, position }] = desk.answer([minute], {}) as [MinuteAnswer];
      expect(body).toMatchObject({ action: 'HOLD', reason: outcome, target: -1, position_id: 'entered', mode: 'OK' });
      expect(body).toMatchObject({ z_score: null, beta: null, price_a: minute.a!.close, price_b: null });
      expect(position).toBe(held);
    }
  });

  it('repeats the values of the last bar in a heartbeat, and does not change the position', () => {
    const desk = createDesk();
    desk.warmUp(WARMUP);
    const held: Position = { ...FLAT, side: 1, positionId: 'entered', entryZ: -2, zStd: 1, ageBars: 3 };
    desk.decider.setPosition('XAUUSD_XAGUSD', held);
    const { z, beta, a, b } = desk.matrix.features.frame(0);
    const frame = { z_score: z, beta, price_a: a!.close, price_b: b!.close };
    const answerTo = (outcome: 'SILENCE' | 'SHUTDOWN', isHalted: boolean, setting: Setting = {}): MinuteAnswer =>
      desk.answer([desk.minuteOf(0, heartbeat(outcome, isHalted))], { scores: same(0.9, 0.99), ...setting })[0]!;
    const silence = answerTo('SILENCE', false);
    expect(silence.body).toMatchObject({
      ...frame,
      action: 'HOLD',
      reason: 'SILENCE',
      target: 1,
      position_id: 'entered',
    });
    expect(silence.body).toMatchObject({ mode: 'DEGRADED', return_prob: 0.9, risk_score: 0.99, risk_flag: 1 });
    expect(silence.position).toBe(held);
    expect(answerTo('SILENCE', true).body).toMatchObject({ ...frame, mode: 'HALT', reason: 'SILENCE' });
    expect(answerTo('SHUTDOWN', true).body).toMatchObject({ ...frame, mode: 'HALT', reason: 'SHUTDOWN', target: 1 });
    expect(answerTo('SILENCE', false, { models: null, scores: null }).body.mode).toBe('HALT');
    const cold = createDesk();
    cold.warmUp(WARMUP - 5);
    const cool = (isHalted: boolean): string =>
      cold.answer([cold.minuteOf(0, heartbeat('SILENCE', isHalted))], {})[0]!.body.mode;
    expect([cool(false), cool(true)]).toEqual(['WARMUP', 'HALT']);
  });

  it('is in mode HALT without models, and without scores of a complete minute', () => {
    const { body, riskProb } = answerAt(0, {}, { models: null });
    expect(body).toMatchObject({ mode: 'HALT', reason: 'NO_MODEL', theta1: null, theta2: null, model_version: '' });
    expect(body).toMatchObject({ return_prob: null, risk_score: null, confidence: null, risk_flag: null });
    expect([body.position_scale, riskProb, typeof body.z_score]).toEqual([null, null, 'number']);
    expect(answerAt(0, {}, { scores: null }).body).toMatchObject({ mode: 'HALT', reason: 'NO_MODEL', theta1: 0.5 });
    // Nothing is scored where a leg is missing: models that are there are no reason to halt.
    const missing = { outcome: 'LEG_MISSING', a: null } as Partial<AnsweredMinute>;
    expect(answerAt(0, missing, { scores: null }).body.mode).toBe('OK');
    expect(answerAt(0, missing, { scores: null, models: null }).body.mode).toBe('HALT');
  });

  it('halts the pairs of the mask and no others', () => {
    const desk = createDesk();
    desk.warmUp(WARMUP);
    const minutes = PAIRS.map((_, pairIndex) => desk.minuteOf(pairIndex));
    const answers = desk.answer(minutes, { scores: same(0.9, 0.1), halted: Uint8Array.of(0, 1, 0) });
    expect(answers.map(({ body }) => body.mode)).toEqual(['OK', 'HALT', 'OK']);
    expect(answers.map(({ body }) => body.reason === 'KPI_HALT')).toEqual([false, true, false]);
  });

  it('refuses an entry that raises the exposure of its positions above the limit, and counts its own positions', () => {
    const policy = { ...POLICY, z_entry: 0.2, beta_min: 0, min_expected_net_bps: -Infinity };
    const trace = (exposure?: DecisionPolicy['exposure']): string[] => {
      const desk = createDesk(false, { ...policy, ...(exposure && { exposure }) });
      desk.warmUp(WARMUP);
      return Array.from({ length: 60 }, () => {
        const minutes = PAIRS.map((_, pairIndex) => desk.minuteOf(pairIndex));
        const answers = desk.answer(minutes, { scores: same(0.99, 0) });
        desk.next();
        return answers.map(({ body }) => body.reason).join(' ');
      });
    };
    const open = trace();
    expect(open.join()).not.toContain('EXPOSURE');
    expect(trace({ symbol: 100, currency: 100 })).toEqual(open);
    // No position is ever open: where the entry is first allowed it is refused.
    const closed = trace({ symbol: 0.001, currency: null });
    expect(closed.join()).not.toContain('ENTRY');
    expect(closed[0]).toBe(open[0]!.replaceAll('ENTRY', 'EXPOSURE'));
    // One position of a currency fits, a second one of the same side does not.
    const some = trace({ symbol: null, currency: 0.6 });
    expect(some.join()).toContain('ENTRY');
    expect(some.join()).toContain('EXPOSURE');
  });

  it('is DEGRADED while there is any degradation, unless it halts', () => {
    const isDegraded = true;
    expect(answerAt(0, {}, { scores: same(0.9, 0.1), isDegraded }).body.mode).toBe('DEGRADED');
    expect(answerAt(0, {}, { scores: null, isDegraded }).body.mode).toBe('HALT');
    expect(answerAt(0, {}, { isDegraded }, WARMUP - 5).body.mode).toBe('WARMUP');
  });

  it('reads the edge of its own pair from the models where the policy requires one', () => {
    const policy = { ...POLICY, require_edge: true };
    const models = { ...MODELS, hasEdge: (id: string) => id === 'EURUSD_GBPUSD' };
    const reasonOf = (pairIndex: number): string =>
      answerAt(pairIndex, {}, { scores: same(0.9, 0.1), models, policy }).body.reason;
    expect([0, 1, 2].map((pairIndex) => reasonOf(pairIndex) === 'NO_EDGE')).toEqual([true, false, true]);
  });

  it('flags a risk score exactly at its threshold', () => {
    const flagOf = (risk: number): number | null => answerAt(0, {}, { scores: same(0.9, risk) }).body.risk_flag;
    expect([0.69, 0.7].map(flagOf)).toEqual([0, 1]);
  });

  it('names in the signal of an exit the position that it closes', () => {
    const desk = createDesk();
    desk.warmUp(WARMUP);
    // Entered far out by parameters by which the spread is back.
    const held: Position = { ...FLAT, side: -1, positionId: 'entered', entryZ: 3, zMean: 1e6, zStd: 1 };
    desk.decider.setPosition('EURUSD_GBPUSD', held);
    desk.decider.setPosition('NOT_OURS', { ...held, positionId: 'of another daemon' });
    const scores = same(0.1, 0.1);
    const [exit] = desk.answer([desk.minuteOf(1)], { scores }) as [MinuteAnswer];
    expect(exit.body).toMatchObject({ action: 'EXIT', reason: 'Z_EXIT', target: 0, position_id: 'entered' });
    expect(exit.position).toEqual(FLAT);
    desk.next();
    expect(desk.answer([desk.minuteOf(1)], { scores })[0]!.body).toMatchObject({
      action: 'HOLD',
      target: 0,
      position_id: '',
    });
  });

  it('reduces the size by the risk score where the policy has steps of it', () => {
    const leverage = { drawdown: [], risk_score: [[0.05, 0.5] as const], costs: tradingCosts(settings) };
    const sizeAt = (risk: number): unknown[] => {
      const { body } = answerAt(0, {}, { scores: same(0.9, risk, 0.75), policy: { ...POLICY, leverage } });
      return [body.leverage_reduction_rate, body.position_scale];
    };
    expect([0.04, 0.05].map(sizeAt)).toEqual([
      [1, 0.75],
      [0.5, 0.375],
    ]);
  });

  it('keeps the account of a position exactly as long as the policy has steps of leverage', () => {
    const account = { settled: 0.01, value: 0.01, peak: 0.02, scale: 0.5 };
    const held: Position = { ...FLAT, side: 1, positionId: 'entered', account };
    const { account: _, ...bare } = held;
    const leverage = { drawdown: [], risk_score: [], costs: tradingCosts(settings) };
    const record = { policyHash: 'next', text: '', policy: POLICY, costs: tradingCosts(settings) };
    const heldAfter = (
      policy: typeof POLICY,
      next: typeof POLICY | null,
      position: Position = held,
    ): readonly Position[] => {
      const desk = createDesk(false, policy);
      for (const { id } of PAIRS) desk.decider.setPosition(id, position);
      if (next !== null) desk.decider.setPolicy({ ...record, policy: next });
      const minutes = PAIRS.map((_, index) => desk.minuteOf(index, { outcome: 'LEG_MISSING', a: null } as never));
      return desk.answer(minutes, {}).map((answer) => answer.position);
    };
    const reduced = { ...POLICY, leverage };
    expect(heldAfter(reduced, null)).toEqual([held, held, held]);
    expect(heldAfter(reduced, reduced)).toEqual([held, held, held]);
    expect(heldAfter(reduced, POLICY)).toEqual([bare, bare, bare]);
    expect(heldAfter(POLICY, null)).toEqual([bare, bare, bare]);
    expect(heldAfter(POLICY, reduced)).toEqual([bare, bare, bare]);
    expect(heldAfter(POLICY, POLICY, bare)[0]).toBe(bare);
  });

  it('decides by another policy, its costs and its hash from the next minute on', () => {
    const desk = createDesk();
    desk.warmUp(WARMUP);
    const flat = (spread_bps: number) => ({ spread_bps, commission_bps: 0, slippage_bps: 0 });
    const all = (spread_bps: number) =>
      Object.fromEntries(PAIRS.flatMap(({ a, b }) => [a, b]).map((symbol) => [symbol, flat(spread_bps)]));
    const policy = { ...POLICY, z_entry: 0, require_edge: true };
    const minute = desk.minuteOf(0);
    const scores = same(0.9, 0.1);
    desk.answer([minute], { scores });
    const netAfter = (spread_bps: number): number => {
      const policyHash = `spread ${spread_bps}`;
      desk.decider.setPolicy({ policyHash, text: '', policy, costs: all(spread_bps) as never });
      const items: MinuteItem[] = [{ kind: 'minute', minute, publish: true, arrivedUs: 0 }];
      const [{ body }] = desk.decider.decide(items, MODELS, scores, NONE_HALTED) as [MinuteAnswer];
      const id = signalId(PAIRS[0]!.id, minute.time, 'hash of the models', policyHash);
      expect([body.policy_hash, body.signal_id]).toEqual([policyHash, id]);
      return body.expected_net_bps!;
    };
    expect([desk.decider.requireEdge, desk.decider.policyHash]).toEqual([POLICY.require_edge, 'hash of the policy']);
    expect(netAfter(0) - netAfter(10)).toBeCloseTo(10, 9);
    expect([desk.decider.requireEdge, desk.decider.policyHash]).toEqual([true, 'spread 10']);
    const refused = { policyHash: 'refused', text: '', policy: POLICY, costs: {} };
    expect(() => desk.decider.setPolicy(refused)).toThrow(new RangeError(`no costs of ${PAIRS[0]!.a}`));
    expect([desk.decider.requireEdge, desk.decider.policyHash]).toEqual([true, 'spread 10']);
  });

  it('names the arm of a rollout, and the rollout in an open position of its challenger', () => {
    const desk = createDesk();
    desk.warmUp(WARMUP);
    const minute = desk.minuteOf(0, { outcome: 'LEG_MISSING', a: null } as never);
    desk.answer([minute], {});
    const held: Position = { ...FLAT, side: 1, positionId: 'entered' };
    const answerOf = (arm: 'champion' | 'challenger' | null, position: Position): MinuteAnswer => {
      const rollout = arm === null ? undefined : { id: 'rollout 1', arm };
      const context = desk.decider.contextOf(MODELS, null, NONE_HALTED, undefined, rollout);
      return desk.decider.answer(context, minute, position, 'id');
    };
    const challenger = answerOf('challenger', held);
    expect(challenger.body).toMatchObject({ arm: 'challenger', rollout: 'rollout 1', reason: 'LEG_MISSING' });
    expect(challenger).toMatchObject({ minute, bodyText: encodeBody(challenger.body), riskProb: null, seq: 0 });
    expect(challenger.position).toEqual({ ...held, rollout: 'rollout 1' });
    expect(answerOf('challenger', FLAT).position).toEqual(FLAT);
    const champion = answerOf('champion', held);
    expect(champion.body).toMatchObject({ arm: 'champion', rollout: 'rollout 1' });
    expect(champion.position).toEqual(held);
    expect(answerOf(null, held).body).not.toHaveProperty('arm');
  });
});
