import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InputNovelty, inputDescriptionSchema, type InputDescription } from '../input_novelty.ts';
import { expectedNovelty } from '../input_novelty.oracle.ts';
import type { DirectionManifest } from './direction_manifest.ts';
import { candidateNovelty } from './direction_scores.ts';

const FEATURES = ['return_1', 'rsi', 'funding_rate', 'steep'];
const ROWS = 3;
const MOST_BARS = 3;
const finite = fc.double({ min: -20, max: 20, noNaN: true });
const value = fc.oneof(finite, fc.constantFrom(NaN, Infinity, -Infinity, 0));
const list = <T>(of: fc.Arbitrary<T>, length: number): fc.Arbitrary<T[]> =>
  fc.array(of, { minLength: length, maxLength: length });

const descriptionArbitrary: fc.Arbitrary<InputDescription> = fc.subarray(FEATURES, { minLength: 1 }).chain((columns) =>
  fc.record({
    columns: fc.shuffledSubarray(columns, { minLength: columns.length }),
    median: list(finite, columns.length),
    scale: list(fc.double({ min: 0.01, max: 5, noNaN: true }), columns.length),
    missing: list(fc.constantFrom(0, 8), columns.length),
    centers: fc.array(list(fc.double({ min: -8, max: 8, noNaN: true }), columns.length), {
      minLength: 1,
      maxLength: 9,
    }),
    distances: fc.constant([0, 0.5, 2, 6]),
    farther: fc.constant([1, 0.5, 0.1, 0]),
  }),
);
const thetas = fc.record({ theta_up: fc.double({ min: 0, max: 1 }), theta_down: fc.double({ min: 0, max: 1 }) });
const shares = fc.record({
  ML_UP_PROB: fc.constantFrom(0, 0.2, 0.4, 0.6, 1),
  ML_DOWN_PROB: fc.constantFrom(0, 0.2, 0.4, 0.6, 1),
  ML_RANGE_PROB: fc.constant(0),
});

/** As docs/reference/PROTOCOL.md has it: the more probable side, where it is above its threshold. */
function callsASide(up: number, down: number, thetaUp: number, thetaDown: number): boolean {
  if (up === down) return false;
  return up > down ? up > thetaUp : down > thetaDown;
}

it('is that of the slow reference, to the bit, of a row that calls a side, and not known of any other', () => {
  const rows = list(value, ROWS * MOST_BARS * FEATURES.length);
  const barsTogether = fc.integer({ min: 1, max: MOST_BARS });
  fc.assert(
    fc.property(
      descriptionArbitrary,
      rows,
      thetas,
      shares,
      barsTogether,
      (inputs, values, strategy, probabilities, bars) => {
        expect(inputDescriptionSchema.parse(inputs)).toEqual(inputs);
        const features = Float32Array.from(values);
        const windows = bars === 1 ? {} : { sequence: bars };
        const manifest = { features: FEATURES, strategy, windows } as unknown as DirectionManifest;
        const model = { manifest, novelty: new InputNovelty(inputs, FEATURES) };
        const { ML_UP_PROB: up, ML_DOWN_PROB: down } = probabilities;
        for (let row = 0; row < ROWS; row++) {
          const named = FEATURES.map(
            (name, column) => [name, features[((row + 1) * bars - 1) * FEATURES.length + column]!] as const,
          );
          const isCalled = callsASide(up, down, strategy.theta_up, strategy.theta_down);
          const expected = isCalled ? expectedNovelty(inputs, Object.fromEntries(named)) : NaN;
          expect(candidateNovelty(model, probabilities, features, row)).toBe(expected);
          // An earlier bundle describes no rows.
          expect(candidateNovelty({ manifest }, probabilities, features, row)).toBe(NaN);
        }
      },
    ),
  );
});
