import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SentArrays, unpackMessage } from './child_arrays.ts';

const ARRAYS = [
  ...Array.from({ length: 6 }, (_, i) => new Float64Array(1000 * (i + 1)).fill(i)),
  Int32Array.from({ length: 5000 }, (_, i) => i),
  // Part of their messages.
  Float32Array.of(1, -0, NaN),
];
/** As messages are. */
const PLAIN = { noNullPrototype: true };
const array = fc.constantFrom(...ARRAYS);
const message = fc.record(
  {
    kind: fc.constantFrom('fit', null, undefined),
    rows: fc.record({ x: array, y: array }, PLAIN),
    more: fc.array(fc.oneof(array, fc.double(), fc.record({ z: array }, PLAIN))),
  },
  PLAIN,
);

describe('the arrays of a child', () => {
  it('are those of each message, whatever was sent before and however little it keeps', () => {
    fc.assert(
      fc.property(fc.array(message), fc.integer({ min: 0, max: 200_000 }), (messages, most) => {
        const sent = new SentArrays(most);
        const kept = new Map<number, never>();
        for (const one of messages) {
          expect(isDeepStrictEqual(unpackMessage(structuredClone(sent.pack(one)), kept), one)).toBe(true);
          const bytes = [...kept.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
          expect(bytes).toBe(sent.bytes);
        }
        // A message without arrays makes it drop what is too much.
        const { dropped } = sent.pack({});
        for (const name of dropped) kept.delete(name);
        expect(sent.bytes).toBeLessThanOrEqual(most);
      }),
    );
  });

  it('are sent once while they are kept', () => {
    const sent = new SentArrays(1e6);
    const pack = (x: Float64Array | Int32Array): number => sent.pack({ x }).given.size;
    const [a, b] = ARRAYS as [Float64Array, Float64Array];
    expect([pack(a), pack(a), pack(b), pack(a)]).toEqual([1, 0, 1, 0]);
  });
});
