import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, hashedText, policyHash, textHash } from './policy_hash.ts';

/** The same value with the keys of every object in reverse order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe('canonicalJson', () => {
  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it('sorts keys at every depth and leaves lists as they are', () => {
    expect(canonicalJson({ b: [2, 1, { d: null, c: 'x' }], a: 0.1 })).toBe('{"a":0.1,"b":[2,1,{"c":"x","d":null}]}');
  });
});

it('policyHash is the first sixteen hex digits of SHA-256 of core policy, decision, symbols, and the rules after the first', () => {
  const [core, decision, symbols] = [{ theta_step: 0.01 }, { stop: 1.5 }, { EURUSD: { spread_bps: 1 } }] as never[];
  const first = '{"core":{"theta_step":0.01},"decision":{"stop":1.5},"symbols":{"EURUSD":{"spread_bps":1}}}';
  expect(hashedText(core!, decision!, symbols!, 1)).toBe(first);
  expect(policyHash(core!, decision!, symbols!, 1)).toBe(textHash(first));
  const text = first.replace('"symbols"', '"rules":2,"symbols"');
  expect(hashedText(core!, decision!, symbols!)).toBe(text);
  expect(policyHash(core!, decision!, symbols!)).toBe(textHash(text));
  expect(textHash('abc')).toBe('ba7816bf8f01cfea');
});
