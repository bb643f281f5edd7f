import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAT_INSTRUMENT, stepDirection, type DirectionProbabilities, type DirectionStrategy } from './direction.ts';
import { directionConditions, type DirectionCondition, type DirectionQuestion } from './direction_conditions.ts';
import { missingConditions } from './entry_conditions.ts';

const share = fc.double({ min: 0, max: 1, noNaN: true });
const probabilitiesArbitrary = fc.tuple(share, share).map(([a, b]): DirectionProbabilities => {
  const low = Math.min(a, b);
  const high = Math.max(a, b);
  return { ML_UP_PROB: low, ML_DOWN_PROB: high - low, ML_RANGE_PROB: 1 - high };
});
const strategyArbitrary = fc.record({
  theta_up: share,
  theta_down: share,
  stop: fc.constant(0.02),
  target: fc.constant(0.02),
  max_age_bars: fc.constant(24),
});

const STRATEGY: DirectionStrategy = { theta_up: 0.5, theta_down: 0.5, stop: 0.02, target: 0.02, max_age_bars: 24 };
const answer = (up: number, down: number): DirectionProbabilities => ({
  ML_UP_PROB: up,
  ML_DOWN_PROB: down,
  ML_RANGE_PROB: 1 - up - down,
});
const conditionsOf = (
  strategy: DirectionStrategy,
  probabilities: DirectionProbabilities | null,
  hasEdge: boolean,
): DirectionCondition[] => directionConditions({ strategy, probabilities, hasEdge, isFlat: true, isStopped: false });
const step = (strategy: DirectionStrategy, probabilities: DirectionProbabilities | null, hasEdge: boolean) =>
  stepDirection(strategy, FLAT_INSTRUMENT, { close: 1, probabilities, hasEdge });

describe('the conditions of an entry of an instrument', () => {
  it('all hold exactly when the decision enters, and the first that does not is its reason', () => {
    const answers = fc.option(probabilitiesArbitrary);
    fc.assert(
      fc.property(strategyArbitrary, answers, fc.boolean(), (strategy, probabilities, hasEdge) => {
        const conditions = conditionsOf(strategy, probabilities, hasEdge);
        const { action, reason } = step(strategy, probabilities, hasEdge);
        expect(missingConditions(conditions).length === 0).toBe(action === 'ENTER');
        expect(conditions.find(({ holds }) => !holds)?.reason ?? 'ENTRY').toBe(reason);
      }),
    );
  });

  it('state the smallest rise of a probability that enters: a little more does, a little less on either side does not', () => {
    fc.assert(
      fc.property(strategyArbitrary, probabilitiesArbitrary, (strategy, probabilities) => {
        const missing = missingConditions(conditionsOf(strategy, probabilities, true));
        fc.pre(missing.length > 0);
        const rise = Math.max(...missing.map(({ change }) => change!));
        const isUp = missing[0]!.name.startsWith('ml_up');
        const after = (up: number, down: number): string =>
          step(strategy, { ...probabilities, ML_UP_PROB: probabilities.ML_UP_PROB + up, ML_DOWN_PROB: probabilities.ML_DOWN_PROB + down }, true).action; // prettier-ignore
        expect(after(isUp ? rise + 1e-9 : 0, isUp ? 0 : rise + 1e-9)).toBe('ENTER');
        for (const less of [rise / 2, Math.max(0, rise - 1e-9)]) {
          expect(after(less, 0)).toBe('HOLD');
          expect(after(0, less)).toBe('HOLD');
        }
      }),
    );
  });

  it('are those of a position, of a model and of its answer where there is one, and none', () => {
    const strategy = STRATEGY;
    const probabilities = answer(0.25, 0.125);
    const asked = (question: Partial<DirectionQuestion>): readonly (readonly [string, string, boolean])[] =>
      directionConditions({
        strategy: null,
        probabilities: null,
        hasEdge: false,
        isFlat: false,
        isStopped: true,
        ...question,
      }).map(({ name, reason, holds }) => [name, reason, holds]);
    const none = [
      ['flat', 'IN_POSITION', false],
      ['stop', 'STOPPED', false],
      ['model', 'NO_MODEL', false],
      ['edge', 'NO_EDGE', false],
    ];
    for (const part of [{}, { strategy }, { probabilities }]) expect(asked(part)).toEqual(none);
  });

  it('are those of the nearer side, up where both are equally near', () => {
    const sideOf = (up: number, down: number): unknown[] => conditionsOf(STRATEGY, answer(up, down), true).slice(4);
    const condition = (name: string, holds: boolean, value: number, limit: number, change: number, relative: number) =>
      ({ name, reason: 'THETA', holds, value, limit, relation: '>', change, relative }); // prettier-ignore
    expect(sideOf(0.25, 0.125)).toEqual([
      condition('ml_up_prob', false, 0.25, 0.5, 0.25, 0.5),
      condition('ml_up_lead', true, 0.25, 0.125, 0, 0),
    ]);
    expect(sideOf(0.125, 0.25)).toEqual([
      condition('ml_down_prob', false, 0.25, 0.5, 0.25, 0.5),
      condition('ml_down_lead', true, 0.25, 0.125, 0, 0),
    ]);
    expect(sideOf(0.25, 0.25)).toEqual([
      condition('ml_up_prob', false, 0.25, 0.5, 0.25, 0.5),
      condition('ml_up_lead', false, 0.25, 0.25, 0, 0),
    ]);
  });
});
