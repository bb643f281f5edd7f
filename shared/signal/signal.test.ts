import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksum, encodeBody, encodeSignal } from './encode.ts';
import { BODY_FIELDS, SIGNAL_SCHEMA, type SignalBody, type SignalEnvelope } from './signal.ts';
import { verifySignal } from './verify.ts';

const id = '67f8e94af64ddbf11ea6f8dc9a890cde';
const BODY: SignalBody = {
  timestamp: '2025-10-14T12:35:00Z',
  pair: 'XAU/USD vs XAG/USD',
  z_score: 2.34,
  return_prob: 0.81,
  risk_score: 0.12,
  entry: 'SELL_XAUUSD, BUY_XAGUSD',
  confidence: 0.7128,
  risk_flag: 0,
  theta1: 0.7,
  theta2: 0.3,
  position_scale: 0.5,
  action: 'ENTER',
  reason: 'ENTRY',
  target: -1,
  position_id: id,
  max_age_bars: 60,
  beta: 0.8,
  price_a: 4100.5,
  price_b: 51.2,
  pair_id: 'XAUUSD_XAGUSD',
  signal_id: id,
  model_version: '20251014_1200',
  feature_schema: '0123456789abcdef',
  policy_hash: 'fedcba9876543210',
  mode: 'OK',
};
const ENVELOPE: SignalEnvelope = {
  schema: SIGNAL_SCHEMA,
  market: 'live',
  boot_id: '20251014T120000000Z-1a2b',
  seq: 7,
  generated_at_ms: 1760445300123,
  valid_until_ms: 1760445450123,
};
const encode = (body: Partial<SignalBody> = {}, envelope: Partial<SignalEnvelope> = {}): string =>
  encodeSignal(encodeBody({ ...BODY, ...body }), { ...ENVELOPE, ...envelope });

describe('a signal', () => {
  it('starts with the eleven published fields, in order, and ends with crc32', () => {
    const keys = Object.keys(JSON.parse(encode()) as object);
    expect(keys.slice(0, 11).join()).toBe(
      'timestamp,pair,z_score,return_prob,risk_score,entry,confidence,risk_flag,theta1,theta2,position_scale',
    );
    expect(keys.slice(0, BODY_FIELDS.length)).toEqual([...BODY_FIELDS]);
    expect(keys.at(-1)).toBe('crc32');
  });

  it('comes back from its text with the same values', () => {
    expect(verifySignal(encode())).toMatchObject({ ...BODY, ...ENVELOPE });
    expect(verifySignal(encode() + '\n').seq).toBe(7);
  });

  it('is the text that JSON.stringify gives, whatever its numbers', () => {
    const number = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, -0, 5e-324, 1.7976931348623157e308, 1e21, 1e-7, 123456789012345680000),
      fc.constant(null),
    );
    fc.assert(
      fc.property(
        fc.record({ z_score: number, return_prob: number, confidence: number, beta: number, price_a: number }),
        (numbers) => {
          const body = { ...BODY, ...numbers };
          expect(`${encodeBody(body)}}`).toBe(JSON.stringify(body));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never has a number that JSON does not know', () => {
    const body = JSON.parse(
      `${encodeBody({ ...BODY, z_score: NaN, beta: Infinity, price_b: -Infinity })}}`,
    ) as SignalBody;
    expect([body.z_score, body.beta, body.price_b]).toEqual([null, null, null]);
  });

  it('has the CRC-32 of the standard check string', () => {
    expect(checksum('123456789')).toBe('cbf43926');
  });

  it('is refused when any one character was changed or any part is missing', () => {
    const text = encode();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: text.length - 1 }),
        fc.string({ minLength: 1, maxLength: 1 }),
        (at, other) => {
          fc.pre(text[at] !== other && other.trim() !== '');
          expect(() => verifySignal(text.slice(0, at) + other + text.slice(at + 1))).toThrow(/SIGNAL|checksum|JSON/);
          expect(() => verifySignal(text.slice(0, at))).toThrow();
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ['an ENTER without legs', { entry: '' }],
    ['a HOLD with legs', { action: 'HOLD', reason: 'NO_SETUP' }],
    ['an ENTER in HALT', { mode: 'HALT' }],
    ['an EXIT that keeps a target', { action: 'EXIT', reason: 'STOP', entry: '' }],
    ['null numbers in mode OK', { z_score: null }],
    ['silence that enters', { reason: 'SILENCE', mode: 'DEGRADED' }],
    ['silence in mode OK', { reason: 'SILENCE', action: 'HOLD', entry: '' }],
    ['a shutdown that enters', { reason: 'SHUTDOWN' }],
    ['a shutdown that is no HALT', { reason: 'SHUTDOWN', action: 'HOLD', entry: '', mode: 'DEGRADED' }],
    ['a probability above 1', { return_prob: 1.1 }],
    ['an unknown reason', { reason: 'BECAUSE' }],
    ['a target without a position', { action: 'HOLD', reason: 'IN_POSITION', entry: '', position_id: '' }],
  ] as [string, Partial<SignalBody>][])('is refused as %s even with a right checksum', (_, change) => {
    expect(() => verifySignal(encode(change))).toThrowError(
      expect.objectContaining({ code: 'SIGNAL_FORMAT' }) as Error,
    );
  });

  it('may have null numbers in warm-up', () => {
    const nothing = {
      z_score: null,
      return_prob: null,
      risk_score: null,
      confidence: null,
      risk_flag: null,
      theta1: null,
      theta2: null,
      position_scale: null,
      beta: null,
    };
    expect(
      verifySignal(
        encode({ ...nothing, mode: 'WARMUP', action: 'HOLD', reason: 'WARMUP', target: 0, position_id: '', entry: '' }),
      ).mode,
    ).toBe('WARMUP');
  });

  it('is stale only against a clock', () => {
    expect(() => verifySignal(encode(), ENVELOPE.valid_until_ms + 1)).toThrowError(
      expect.objectContaining({ code: 'SIGNAL_STALE' }) as Error,
    );
    expect(verifySignal(encode(), ENVELOPE.valid_until_ms).seq).toBe(7);
  });

  it('is refused with its fields in another order', () => {
    const { crc32: _, ...fields } = JSON.parse(encode()) as Record<string, unknown>;
    const covered = JSON.stringify({ pair: fields.pair, ...fields }).slice(0, -1);
    expect(() => verifySignal(`${covered},"crc32":"${checksum(covered)}"}`)).toThrowError(
      expect.objectContaining({ code: 'SIGNAL_FORMAT' }) as Error,
    );
  });
});
