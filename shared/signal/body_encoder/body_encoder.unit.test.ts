import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBody } from '../encode.ts';
import { bodyOf } from '../signal.fixture.ts';
import type { SignalBody } from '../signal.ts';
import { createBodyEncoder } from './body_encoder.ts';

const encoder = createBodyEncoder();

/** The text of a number as the encoder writes it. */
function written(value: number): string {
  const text = encoder.encode(0, { ...bodyOf(), z_score: value });
  return /"z_score":([^,]*),/.exec(text)![1]!;
}

/** Numbers that rounding, boundaries of exponents and the layout of digits treat differently. */
const EDGES = [
  ...[0, -0, 1, -1, 10, 12.5, 100, 1e20, 123456789012345680000, 1e21, 1.5e21, 1e22, 9007199254740991, 9007199254740993],
  ...[1e-6, 1.5e-6, 1e-7, 1.25e-7, 0.1, 0.30000000000000004, 2 / 3, 5e-324, 2.2250738585072014e-308, 1e23, 9.5e-323],
  ...[2.225073858507201e-308, Number.MAX_VALUE, Number.EPSILON, 4.35, 9e15, 2 ** 53, 2 ** 63, 2 ** 64, 1e16, 1e17],
];

describe('the body encoder', () => {
  it('writes every number as JavaScript does', () => {
    for (const value of EDGES) expect([value, written(value)]).toEqual([value, `${value}`]);
    const bits = new BigUint64Array(1);
    const anyFloat = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((pattern) => {
      bits[0] = pattern;
      return new Float64Array(bits.buffer)[0]!;
    });
    const decimal = fc.tuple(fc.integer(), fc.integer({ min: -30, max: 30 })).map(([m, e]) => Number(`${m}e${e}`));
    const values = fc.oneof(
      anyFloat,
      decimal,
      fc.double({ min: -10, max: 10, noNaN: true }),
      fc.float({ noNaN: true }),
    );
    const finite = values.filter(Number.isFinite);
    fc.assert(
      fc.property(finite, (value) => written(value) === `${value}`),
      { numRuns: 20_000 },
    );
  });

  it('writes every power of two and of ten, and its neighbors, as JavaScript does', () => {
    const values = [...Array(2098).keys()].map((n) => 2 ** (n - 1074));
    values.push(...[...Array(632).keys()].map((n) => Number(`1e${n - 323}`)));
    for (const value of values)
      for (const near of [value * (1 - Number.EPSILON), value, value * (1 + Number.EPSILON)])
        if (Number.isFinite(near)) expect(written(near)).toBe(`${near}`);
  });

  it('writes the same text as encodeBody, whatever changes between two bodies of a subject', () => {
    const number = fc.option(fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, 0)), { nil: null });
    const text = fc.constantFrom('', 'a', 'f5f344e68d459fcb9df4661e18d90fd2', 'é', '円', 'x'.repeat(300));
    const changes = fc.record(
      {
        z_score: number,
        return_prob: number,
        risk_score: number,
        confidence: number,
        theta1: number,
        theta2: number,
        position_scale: number,
        beta: number,
        price_a: number,
        price_b: number,
        expected_net_bps: number,
        risk_flag: fc.constantFrom(0 as const, 1 as const, null),
        position_id: text,
        entry: text,
        signal_id: text,
        model_version: text,
        pair: text,
        timestamp: text,
        max_age_bars: fc.nat(),
        action: fc.constantFrom('ENTER' as const, 'HOLD' as const),
        leverage_reduction_rate: fc.constantFrom(0, 0.5, 1),
        mode: fc.constantFrom('OK' as const, 'HALT' as const),
        novelty: fc.double({ min: 0, max: 1, noNaN: true }),
        arm: fc.constantFrom('champion' as const, 'challenger' as const),
        rollout: fc.constantFrom('r1', 'rollout 2'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), changes), { minLength: 1, maxLength: 8 }), (steps) => {
        const fresh = createBodyEncoder();
        for (const [subject, change] of steps) {
          const body = { ...bodyOf(), ...change };
          expect(fresh.encode(subject, body)).toBe(encodeBody(body));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('writes a field that rarely changes anew where it alone changes', () => {
    const fresh = createBodyEncoder();
    const before = bodyOf();
    const inRollout: SignalBody = { ...before, arm: 'champion', rollout: 'r1' };
    const changed: [SignalBody, Partial<SignalBody>][] = [
      [before, { pair: 'A vs B' }],
      [before, { theta1: 0.125 }],
      [before, { theta2: 0.125 }],
      [before, { max_age_bars: 7 }],
      [before, { pair_id: 'A_B' }],
      [before, { model_version: '20260102_0000' }],
      [before, { feature_schema: '0'.repeat(16) }],
      [before, { policy_hash: '1'.repeat(16) }],
      [inRollout, { arm: 'challenger' }],
      [inRollout, { rollout: 'r2' }],
    ];
    for (const [first, change] of changed) {
      const second = { ...first, ...change };
      expect(encodeBody(second)).not.toBe(encodeBody(first));
      for (const body of [first, second]) expect(fresh.encode(0, body)).toBe(encodeBody(body));
    }
  });

  it('keeps the templates of a thousand subjects', () => {
    const fresh = createBodyEncoder();
    const bodies = Array.from({ length: 1000 }, (_, i) => ({ ...bodyOf(), pair_id: `A${i}_B`, z_score: i / 7 }));
    for (let turn = 0; turn < 2; turn++)
      bodies.forEach((body, subject) => expect(fresh.encode(subject, body)).toBe(encodeBody(body)));
  });
});
