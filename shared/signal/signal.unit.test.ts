import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../errors.ts';
import { bootIdAt } from './boot_id.ts';
import { checksum, encodeBody, encodeSignal, encodeTimes } from './encode.ts';
import { BODY_FIELDS, SIGNAL_SCHEMA, type SignalBody, type SignalEnvelope } from './signal.ts';
import { idOf } from './signal.fixture.ts';
import { verifySignal } from './verify.ts';

const OTHER = idOf(1);
const id = idOf(2);
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
  expected_net_bps: 0.5,
  leverage_reduction_rate: 1,
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

  it('has arm and rollout behind the other fields of its body, or neither', () => {
    const keys = Object.keys(verifySignal(encode({ arm: 'challenger', rollout: '20261120T080000' })));
    expect(keys.slice(BODY_FIELDS.length, BODY_FIELDS.length + 3)).toEqual(['arm', 'rollout', 'schema']);
    expect(encode()).not.toMatch(/"arm"|"rollout"/);
  });

  it('is parsed from its text with the same values', () => {
    expect(verifySignal(encode())).toMatchObject({ ...BODY, ...ENVELOPE });
    expect(verifySignal(encode() + '\n').seq).toBe(7);
  });

  it('is the text of JSON.stringify, whatever its numbers', () => {
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

  it('never has a number that JSON does not have', () => {
    const body = JSON.parse(
      `${encodeBody({ ...BODY, z_score: NaN, beta: Infinity, price_b: -Infinity })}}`,
    ) as SignalBody;
    expect([body.z_score, body.beta, body.price_b]).toEqual([null, null, null]);
  });

  it('has the times of its envelope as numbers of JSON, at any time and with fractions', () => {
    const ms = fc.oneof(
      fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      fc.integer({ min: -1e7, max: 1e7 }),
      fc.double({ min: 1e12, max: 2e12, noNaN: true }),
      fc.constantFrom(999_999, 1_000_000, 1_760_999_999_999, 1_761_000_000_000, 1_761_000_001_000, 999_999_999_999_999),
      fc.constantFrom(1e15, 1e21),
    );
    fc.assert(
      fc.property(ms, ms, (generated, until) => {
        expect(encodeTimes(generated, until)).toBe(`,"generated_at_ms":${generated},"valid_until_ms":${until}`);
      }),
      { numRuns: 1000 },
    );
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
          expect(() => verifySignal(text.slice(0, at) + other + text.slice(at + 1))).toThrow(MinutehandError);
          expect(() => verifySignal(text.slice(0, at))).toThrow();
        },
      ),
      { numRuns: 500 },
    );
  });

  const HOLD: Partial<SignalBody> = { action: 'HOLD', entry: '' };
  it.each([
    ['an ENTER without legs', { entry: '' }, 'action ENTER with entry ""'],
    ['a HOLD with legs', { action: 'HOLD', reason: 'NO_SETUP' }, `action HOLD with entry "${BODY.entry}"`],
    ['an ENTER without a side', { target: 0 }, `ENTER with target 0 and position_id "${id}"`],
    ['an ENTER of another position', { position_id: OTHER }, `ENTER with target -1 and position_id "${OTHER}"`],
    ['an ENTER in HALT', { mode: 'HALT' }, 'ENTER in mode HALT'],
    ['an EXIT that keeps a target', { action: 'EXIT', reason: 'STOP', entry: '' }, 'EXIT with target -1'],
    ['null numbers in mode OK', { z_score: null }, 'z_score is null in mode OK'],
    ['silence that enters', { reason: 'SILENCE', mode: 'DEGRADED' }, 'action ENTER with reason SILENCE'],
    ['silence in mode OK', { ...HOLD, reason: 'SILENCE' }, 'mode OK with reason SILENCE'],
    ['a shutdown that enters', { reason: 'SHUTDOWN' }, 'action ENTER in mode OK with reason SHUTDOWN'],
    [
      'a shutdown that exits',
      { action: 'EXIT', entry: '', target: 0, reason: 'SHUTDOWN', mode: 'HALT' },
      'action EXIT in mode HALT with reason SHUTDOWN',
    ],
    [
      'a shutdown that is no HALT',
      { ...HOLD, reason: 'SHUTDOWN', mode: 'DEGRADED' },
      'action HOLD in mode DEGRADED with reason SHUTDOWN',
    ],
    ['a probability above 1', { return_prob: 1.1 }, 'return_prob: Too big: expected number to be <=1'],
    ['an unknown reason', { reason: 'BECAUSE' }, expect.stringMatching(/^reason: Invalid option/)],
    [
      'a target without a position',
      { ...HOLD, reason: 'IN_POSITION', position_id: '' },
      'target -1 with position_id ""',
    ],
  ] as [string, Partial<SignalBody>, string][])('is refused as %s even with a right checksum', (_, change, seen) => {
    expect(() => verifySignal(encode(change))).toThrowError(
      expect.objectContaining({ code: 'SIGNAL_FORMAT', seen }) as Error,
    );
  });

  it('may enter in mode DEGRADED and shut down with HOLD in HALT', () => {
    expect(verifySignal(encode({ mode: 'DEGRADED' })).action).toBe('ENTER');
    expect(verifySignal(encode({ ...HOLD, reason: 'SHUTDOWN', mode: 'HALT' })).reason).toBe('SHUTDOWN');
  });

  it.each([
    ['mode WARMUP', { mode: 'WARMUP', reason: 'WARMUP' }],
    ['mode HALT', { mode: 'HALT', reason: 'NO_MODEL' }],
    ['a missing leg', { reason: 'LEG_MISSING' }],
    ['an empty leg', { reason: 'LEG_EMPTY' }],
    ['a suspect bar', { reason: 'BAR_SUSPECT' }],
  ] as [string, Partial<SignalBody>][])('may have null numbers with %s', (_, change) => {
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
      price_a: null,
      price_b: null,
    };
    expect(verifySignal(encode({ ...HOLD, ...nothing, target: 0, position_id: '', ...change }))).toMatchObject(nothing);
  });

  it('is stale only against a clock', () => {
    expect(() => verifySignal(encode(), ENVELOPE.valid_until_ms + 1)).toThrowError(
      expect.objectContaining({
        code: 'SIGNAL_STALE',
        seen: 'valid until 2025-10-14T12:37:30.123Z',
        expected: 'after 2025-10-14T12:37:30.124Z',
      }) as Error,
    );
    expect(verifySignal(encode(), ENVELOPE.valid_until_ms).seq).toBe(7);
  });

  const signed = (covered: string): string => `${covered},"crc32":"${checksum(covered)}"}`;
  const { crc32: _, ...fields } = JSON.parse(encode()) as Record<string, unknown>;
  it.each([
    ['an empty text', ' \n', 'SIGNAL_FORMAT', { seen: 'an empty text' }],
    ['text without a checksum', `{${'x'.repeat(60)}`, 'SIGNAL_FORMAT', { seen: `{${'x'.repeat(39)}…` }],
    ['text before the object', signed(' ,').slice(1), 'SIGNAL_FORMAT', { seen: `,${signed(' ,').slice(2, 41)}…` }],
    [
      'a changed price',
      encode().replace('4100.5', '4100.6'),
      'SIGNAL_CRC',
      { seen: encode().slice(-19), expected: encode({ price_a: 4100.6 }).slice(-19) },
    ],
    ['no JSON', signed('{x'), 'SIGNAL_FORMAT', { seen: 'a line that is not JSON', cause: expect.any(SyntaxError) }],
    [
      'an unknown field',
      signed(JSON.stringify({ ...fields, more: 1 }).slice(0, -1)),
      'SIGNAL_FORMAT',
      { seen: 'signal: Unrecognized key: "more"' },
    ],
    [
      'fields in another order',
      signed(JSON.stringify({ pair: fields.pair, ...fields }).slice(0, -1)),
      'SIGNAL_FORMAT',
      {
        seen: expect.stringMatching(/^fields pair,timestamp,z_score,.*,crc32$/),
        expected: expect.stringMatching(/^timestamp,pair,z_score,.*,crc32$/),
      },
    ],
  ] as [string, string, string, object][])(
    'is refused as %s, with what was seen and expected',
    (_, text, code, detail) => {
      expect(() => verifySignal(text)).toThrowError(expect.objectContaining({ code, ...detail }) as Error);
    },
  );
});

describe('bootIdAt', () => {
  it('is the time of the start in digits', () => {
    expect(bootIdAt(Date.UTC(2026, 10, 20, 8, 26, 0, 7))).toBe('20261120T082600007Z');
  });
});
