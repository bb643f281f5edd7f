import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { FLAT_POSITION, type InstrumentPosition } from '../../shared/strategies/instrument_position.ts';
import { parseInstrument } from '../../shared/pair.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import { answerInstrument, type InstrumentAnswer, type InstrumentContext } from './instrument_answer.ts';

const INSTRUMENT = parseInstrument('BTCUSDT@1h');
const TIME = (Date.parse('2025-10-14T12:59:00Z') / 1000) as OpenTime;
const STRATEGY = { theta_up: 0.5, theta_down: 0.5, stop: 0.02, target: 0.03, max_age_bars: 4 };
const UP = Float64Array.of(0.625, 0.125, 0.25);

const modelOf = (edge: object = { BTCUSDT: { no_edge: false } }): DirectionModel =>
  ({ manifest: { version: '20250101_0000', edge, strategy: STRATEGY } }) as unknown as DirectionModel;
const BAR = { symbol: 'BTCUSDT', time: TIME, open: 99, high: 101, low: 98, close: 100, volume: 1 } as Bar;
const minuteOf = (changes: object = {}): AnsweredMinute =>
  ({ pairIndex: 0, time: TIME, a: BAR, b: BAR, outcome: 'COMPLETE', backfill: false, ...changes }) as AnsweredMinute;
const silence = (isHalted: boolean): AnsweredMinute => minuteOf({ outcome: 'SILENCE', isHalted, a: null, b: null });
const CONTEXT: InstrumentContext = {
  scores: { model: modelOf(), probabilities: UP },
  row: 0,
  isReady: true,
  close: 100,
  featureSchema: 'schema',
  policyHash: 'policy',
  requireEdge: true,
  isDegraded: false,
  stop: null,
  news: null,
};
const LONG: InstrumentPosition = {
  side: 1,
  entryClose: 100,
  ageBars: 2,
  positionId: 'entered',
  entryTime: 60 as OpenTime,
  exits: { stop: 0.05, target: 0.07, max_age_bars: 9 },
};

const answer = (
  changes: Partial<InstrumentContext> = {},
  minute = minuteOf(),
  before: InstrumentPosition = FLAT_POSITION,
): InstrumentAnswer => answerInstrument({ ...CONTEXT, ...changes }, INSTRUMENT, 'BTC/USDT', minute, before, 'id');

describe('a person who stops an instrument', () => {
  it('has nothing entered, and an open position held on or closed', () => {
    for (const stop of ['entries', 'close'] as const)
      expect(answer({ stop }).body).toMatchObject({ action: 'HOLD', reason: 'STOPPED', target: 0, mode: 'OK' });
    expect(answer({ stop: 'entries' }, minuteOf(), LONG).body).toMatchObject({ action: 'HOLD', reason: 'IN_POSITION' });
    const closed = answer({ stop: 'close' }, minuteOf(), LONG);
    expect(closed.body).toMatchObject({ action: 'EXIT', reason: 'CLOSE_ALL', target: 0, position_id: 'entered' });
    expect(closed.position).toEqual(FLAT_POSITION);
  });
});

const NOTHING = { z_score: null, return_prob: null, risk_score: null, risk_flag: null, theta1: null, theta2: null };
const ENTERED = {
  ...NOTHING,
  timestamp: '2025-10-14T13:00:00Z',
  pair: 'BTC/USDT',
  entry: 'BUY_BTCUSDT',
  confidence: 0.625,
  position_scale: 1,
  ml_up_prob: 0.625,
  ml_down_prob: 0.125,
  ml_range_prob: 0.25,
  action: 'ENTER',
  reason: 'ENTRY',
  target: 1,
  position_id: 'id',
  max_age_bars: 4,
  stop: 0.02,
  take_profit: 0.03,
  price: 100,
  pair_id: 'BTCUSDT@1h',
  signal_id: 'id',
  model_version: '20250101_0000',
  feature_schema: 'schema',
  policy_hash: 'policy',
  mode: 'OK',
};
const UNSCORED = { confidence: null, position_scale: null, ml_up_prob: null, ml_down_prob: null, ml_range_prob: null };
const HELD = { ...ENTERED, ...UNSCORED, entry: '', action: 'HOLD', target: 0, position_id: '' };

describe('the answer to a bar of an instrument', () => {
  it('enters with the exit rules of the model, and holds the position they belong to', () => {
    const { body, bodyText, riskProb, position, seq } = answer();
    expect(body).toEqual(ENTERED);
    expect(JSON.parse(`${bodyText}}`)).toEqual(body);
    expect([riskProb, seq]).toEqual([null, 0]);
    expect(position).toEqual({
      side: 1,
      entryClose: 100,
      ageBars: 0,
      positionId: 'id',
      entryTime: TIME,
      exits: { stop: 0.02, target: 0.03, max_age_bars: 4 },
    });
  });

  it('reads up, down and range of its own row', () => {
    const probabilities = Float64Array.of(0.1, 0.2, 0.7, 0.125, 0.75, 0.125, 0.3, 0.3, 0.4);
    expect(answer({ scores: { model: modelOf(), probabilities }, row: 1 }).body).toEqual({
      ...ENTERED,
      entry: 'SELL_BTCUSDT',
      target: -1,
      confidence: 0.75,
      ml_up_prob: 0.125,
      ml_down_prob: 0.75,
      ml_range_prob: 0.125,
    });
  });

  it('needs a proven edge of its symbol where the policy requires one', () => {
    const reasonOf = (requireEdge: boolean, edge: object): string =>
      answer({ requireEdge, scores: { model: modelOf(edge), probabilities: UP } }).body.reason;
    expect(reasonOf(true, { BTCUSDT: { no_edge: true } })).toBe('NO_EDGE');
    expect(reasonOf(true, { ETHUSDT: { no_edge: false } })).toBe('NO_EDGE');
    expect(reasonOf(false, { BTCUSDT: { no_edge: true } })).toBe('ENTRY');
    expect(reasonOf(false, {})).toBe('ENTRY');
  });

  it('has no rules and no version without a model, and then halts', () => {
    const { body, position } = answer({ scores: { model: null, probabilities: null } });
    const none = { max_age_bars: null, stop: null, take_profit: null, model_version: '' };
    expect(body).toEqual({ ...HELD, ...none, reason: 'NO_MODEL', mode: 'HALT' });
    expect(position).toBe(FLAT_POSITION);
  });

  it('halts where its row has no answer, and not where nothing was to be scored', () => {
    const scores = { model: modelOf(), probabilities: null };
    for (const row of [0, 1])
      expect(answer({ scores, row }).body).toEqual({ ...HELD, reason: 'NO_MODEL', mode: 'HALT' });
    expect(answer({ row: -1 }).body).toEqual({ ...HELD, reason: 'NO_MODEL' });
  });

  it('holds a position by the rules of its entry, and names it and them in the signal of its exit', () => {
    const held = answer({ close: 103 }, minuteOf(), LONG);
    const rules = { stop: 0.05, take_profit: 0.07, max_age_bars: 9 };
    expect(held.body).toEqual({
      ...ENTERED,
      ...rules,
      entry: '',
      action: 'HOLD',
      reason: 'IN_POSITION',
      position_id: 'entered',
    });
    expect(held.position).toEqual({ ...LONG, ageBars: 3 });
    const left = answer({ close: 95 }, minuteOf(), LONG);
    expect(left.body).toMatchObject({ ...rules, entry: '', action: 'EXIT', reason: 'STOP_EXIT', target: 0 });
    expect([left.body.position_id, left.position]).toEqual(['entered', FLAT_POSITION]);
  });

  it('decides on nothing before it is warm and without a bar, and keeps the position', () => {
    const cold = answer({ row: -1, isReady: false }, minuteOf(), LONG);
    expect(cold.body).toMatchObject({ action: 'HOLD', reason: 'WARMUP', mode: 'WARMUP', target: 1, stop: 0.05 });
    expect(cold.position).toBe(LONG);
    for (const outcome of ['LEG_MISSING', 'LEG_EMPTY', 'BAR_SUSPECT'] as const) {
      // A position would leave at this close.
      const { body, position } = answer({ row: -1, close: 50 }, minuteOf({ outcome, a: null }), LONG);
      expect(body).toMatchObject({ action: 'HOLD', reason: outcome, mode: 'OK', price: 50, position_id: 'entered' });
      expect(position).toBe(LONG);
    }
    expect(answer({ row: -1, close: NaN }, minuteOf({ outcome: 'LEG_EMPTY', a: null })).body.price).toBeNull();
  });

  it('is DEGRADED by a degradation or a heartbeat, and HALT by the last heartbeat, warm or not', () => {
    const modeOf = (changes: Partial<InstrumentContext>, minute?: AnsweredMinute): string =>
      answer({ row: -1, ...changes }, minute).body.mode;
    expect([modeOf({ isDegraded: true }), modeOf({}, silence(false)), modeOf({}, silence(true))]).toEqual([
      ...['DEGRADED', 'DEGRADED', 'HALT'],
    ]);
    const cold = { isReady: false, isDegraded: true };
    expect([modeOf(cold), modeOf(cold, silence(false)), modeOf(cold, silence(true))]).toEqual([
      ...['WARMUP', 'WARMUP', 'HALT'],
    ]);
    expect(answer({ row: -1 }, silence(false)).body).toMatchObject({ reason: 'SILENCE', price: 100 });
  });
});
