import { describe, expect, it } from 'vitest';
import { encodeBody, encodeSignal } from './encode.ts';
import { encodeInstrumentBody, INSTRUMENT_SIGNAL_SCHEMA, type InstrumentBody } from './instrument_signal.ts';
import { bodyOf, idOf } from './signal.fixture.ts';
import { SIGNAL_SCHEMA } from './signal.ts';
import { verifyAnySignal, verifyInstrumentSignal } from './verify_instrument.ts';

const id = idOf(1);
const BODY: InstrumentBody = {
  timestamp: '2025-10-14T13:00:00Z',
  pair: 'BTC/USDT',
  z_score: null,
  return_prob: null,
  risk_score: null,
  entry: 'BUY_BTCUSDT',
  confidence: 0.625,
  risk_flag: null,
  theta1: null,
  theta2: null,
  position_scale: 1,
  ml_up_prob: 0.625,
  ml_down_prob: 0.125,
  ml_range_prob: 0.25,
  action: 'ENTER',
  reason: 'ENTRY',
  target: 1,
  position_id: id,
  max_age_bars: 24,
  stop: 0.02,
  take_profit: 0.03,
  price: 110_000.5,
  pair_id: 'BTCUSDT@1h',
  signal_id: id,
  model_version: '20251014_1200',
  feature_schema: '0123456789abcdef',
  policy_hash: 'fedcba9876543210',
  mode: 'OK',
};
const ENVELOPE = {
  schema: INSTRUMENT_SIGNAL_SCHEMA,
  market: 'live' as const,
  boot_id: '20251014T120000000Z-1a2b',
  seq: 7,
  generated_at_ms: 1_760_446_800_123,
  valid_until_ms: 1_760_450_400_123,
};
const encode = (body: object = {}, envelope: { fence?: number } = {}): string =>
  encodeSignal(encodeInstrumentBody({ ...BODY, ...body }), { ...ENVELOPE, ...envelope });
const refusal = (seen: unknown): Error => expect.objectContaining({ code: 'SIGNAL_FORMAT', seen }) as Error;

const HOLD = { action: 'HOLD', entry: '', target: 0, position_id: '' };
const NOTHING = {
  confidence: null,
  position_scale: null,
  ml_up_prob: null,
  ml_down_prob: null,
  ml_range_prob: null,
  max_age_bars: null,
  stop: null,
  take_profit: null,
  price: null,
};

describe('the signal of an instrument', () => {
  it('is the text of JSON.stringify, and read as it was written', () => {
    for (const body of [BODY, { ...BODY, ...HOLD, ...NOTHING, reason: 'WARMUP', mode: 'WARMUP' } as InstrumentBody]) {
      expect(`${encodeInstrumentBody(body)}}`).toBe(JSON.stringify(body));
      expect(verifyInstrumentSignal(encode(body))).toMatchObject({ ...body, ...ENVELOPE });
    }
    expect(verifyInstrumentSignal(encode({}, { fence: 3 })).fence).toBe(3);
    expect(verifyInstrumentSignal(encode({ novelty: 0.01 }, { fence: 3 }))).toMatchObject({ novelty: 0.01, fence: 3 });
    expect('novelty' in verifyInstrumentSignal(encode())).toBe(false);
    expect(verifyInstrumentSignal(encode({ entry: 'SELL_BTCUSDT', target: -1 })).target).toBe(-1);
  });

  it.each([
    ['an ENTER in HALT', { mode: 'HALT' }, 'ENTER in mode HALT'],
    ['an ENTER of the other side', { target: -1 }, 'entry "BUY_BTCUSDT" with target -1'],
    ['an ENTER of another symbol', { entry: 'BUY_ETHUSDT' }, 'entry "BUY_ETHUSDT" with target 1'],
    ['probabilities beyond 1', { ml_up_prob: 0.626 }, 'probabilities 0.626, 0.125 and 0.25, whose sum is not 1'],
    ['probabilities below 1', { ml_up_prob: 0.624 }, 'probabilities 0.624, 0.125 and 0.25, whose sum is not 1'],
    ['half of its probabilities', { ml_down_prob: null }, 'probabilities 0.625, null and 0.25, whose sum is not 1'],
    ['two of its probabilities', { ml_range_prob: null }, 'probabilities 0.625, 0.125 and null, whose sum is not 1'],
    ['a null in mode OK', { price: null }, 'price is null in mode OK'],
    ['a null in mode DEGRADED', { stop: null, mode: 'DEGRADED' }, 'stop is null in mode DEGRADED'],
    ['another second', { timestamp: '2025-10-14T13:00:01Z' }, expect.stringMatching(/^timestamp: /)],
    ['text before its time', { timestamp: 'x2025-10-14T13:00:00Z' }, expect.stringMatching(/^timestamp: /)],
    ['text behind its time', { timestamp: '2025-10-14T13:00:00Zx' }, expect.stringMatching(/^timestamp: /)],
    ['no name', { pair: '' }, expect.stringMatching(/^pair: /)],
    ['a novelty above 1', { novelty: 1.01 }, expect.stringMatching(/^novelty: /)],
    ['a negative stop', { stop: -0.02 }, expect.stringMatching(/^stop: /)],
    ['a pair', { pair_id: 'XAUUSD_XAGUSD' }, expect.stringMatching(/^pair_id: /)],
    ['a reason of a pair', { ...HOLD, reason: 'NO_SETUP' }, expect.stringMatching(/^reason: /)],
    ['a short id', { signal_id: id.slice(1) }, expect.stringMatching(/^signal_id: /)],
  ])('is refused with %s', (_, change, seen) => {
    expect(() => verifyInstrumentSignal(encode(change))).toThrowError(refusal(seen));
  });

  it('has a sum of probabilities within rounding, of which none may be missing alone', () => {
    expect(verifyInstrumentSignal(encode({ ml_up_prob: 0.6250005 })).ml_up_prob).toBe(0.6250005);
    expect(() => verifyInstrumentSignal(encode({ ...HOLD, reason: 'THETA', ml_up_prob: null }))).toThrowError(
      refusal('ml_up_prob is null in mode OK'),
    );
  });

  it.each([
    ['mode WARMUP', { reason: 'WARMUP', mode: 'WARMUP' }],
    ['mode HALT', { reason: 'NO_MODEL', mode: 'HALT' }],
    ['a missing bar', { reason: 'LEG_MISSING' }],
    ['an empty bar', { reason: 'LEG_EMPTY' }],
    ['a suspect bar', { reason: 'BAR_SUSPECT' }],
  ])('may have null numbers with %s', (_, change) => {
    expect(verifyInstrumentSignal(encode({ ...HOLD, ...NOTHING, ...change }))).toMatchObject(NOTHING);
  });

  it('is refused with its fields in another order', () => {
    const { pair, timestamp, ...others } = BODY;
    const text = encodeSignal(JSON.stringify({ pair, timestamp, ...others }).slice(0, -1), ENVELOPE);
    expect(() => verifyInstrumentSignal(text)).toThrowError(refusal(expect.stringMatching(/^fields pair,timestamp,/)));
  });

  it('is refused with its novelty in another place', () => {
    const { mode, ...others } = BODY;
    const text = encodeSignal(JSON.stringify({ ...others, novelty: 0.5, mode }).slice(0, -1), ENVELOPE);
    expect(() => verifyInstrumentSignal(text)).toThrowError(refusal(expect.stringMatching(/^fields timestamp,/)));
  });

  it('is stale only against a clock', () => {
    expect(verifyInstrumentSignal(encode(), ENVELOPE.valid_until_ms).seq).toBe(7);
    for (const verify of [verifyInstrumentSignal, verifyAnySignal])
      expect(() => verify(encode(), ENVELOPE.valid_until_ms + 1)).toThrowError(
        expect.objectContaining({ code: 'SIGNAL_STALE' }) as Error,
      );
  });
});

describe('a signal of any subject', () => {
  it('is read by its own contract', () => {
    const pair = encodeSignal(encodeBody(bodyOf({})), { ...ENVELOPE, schema: SIGNAL_SCHEMA });
    expect(verifyAnySignal(encode())).toMatchObject(BODY);
    expect(verifyAnySignal(pair).schema).toBe(SIGNAL_SCHEMA);
    expect(() => verifyAnySignal(pair, ENVELOPE.valid_until_ms + 1)).toThrowError(
      expect.objectContaining({ code: 'SIGNAL_STALE' }) as Error,
    );
    expect(() => verifyInstrumentSignal(pair)).toThrowError(
      expect.objectContaining({ code: 'SIGNAL_FORMAT' }) as Error,
    );
  });
});
