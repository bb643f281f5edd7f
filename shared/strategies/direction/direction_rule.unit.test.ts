import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FLAT_INSTRUMENT,
  type DirectionProbabilities,
  type DirectionStrategy,
  type EntryVeto,
} from './direction_input.ts';
import { stepDirection } from './direction.ts';
import { entryStates, exitStates, failingConditions } from '../../core/rule/conditions.ts';
import type { DirectionQuestion } from './direction_input.ts';
import { DIRECTION_RULE, isCalled } from './direction_rule.ts';

const vetoes = fc.constantFrom<EntryVeto | null>(null, 'MODEL_BIASED', 'MODEL_WEAK', 'NO_EDGE');
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
/** Share of training rows that are farther out, and the smallest one of an entry. */
const noveltyArbitrary = fc.record(
  { novelty: fc.constantFrom(NaN, 0, 0.01, 0.25, 1), noveltyMin: fc.constantFrom(0.01, 0.25) },
  { requiredKeys: [] },
);
const questionOf = (
  strategy: DirectionStrategy,
  probabilities: DirectionProbabilities | null,
  veto: EntryVeto | null,
): DirectionQuestion => ({ strategy, probabilities, veto, close: 1, position: FLAT_INSTRUMENT });
const conditionsOf = (...asked: Parameters<typeof questionOf>) => entryStates(DIRECTION_RULE, 0, questionOf(...asked));
const step = (strategy: DirectionStrategy, probabilities: DirectionProbabilities | null, veto: EntryVeto | null) =>
  stepDirection(strategy, FLAT_INSTRUMENT, { close: 1, probabilities, veto });

describe('the conditions of an entry of an instrument', () => {
  it('all hold exactly when the decision enters, and the first that does not is its reason', () => {
    const answers = fc.option(probabilitiesArbitrary);
    fc.assert(
      fc.property(strategyArbitrary, answers, vetoes, (strategy, probabilities, veto) => {
        const conditions = conditionsOf(strategy, probabilities, veto);
        const { action, reason } = step(strategy, probabilities, veto);
        expect(failingConditions(conditions).length === 0).toBe(action === 'ENTER');
        expect(conditions.find(({ holds }) => !holds)?.reason ?? 'ENTRY').toBe(reason);
      }),
    );
  });

  it('state the smallest rise of a probability that enters: a little more does, a little less on either side does not', () => {
    fc.assert(
      fc.property(strategyArbitrary, probabilitiesArbitrary, (strategy, probabilities) => {
        const missing = failingConditions(conditionsOf(strategy, probabilities, null));
        fc.pre(missing.length > 0);
        const rise = Math.max(...missing.map(({ change }) => change!));
        const isUp = missing[0]!.name.startsWith('ml_up');
        const after = (up: number, down: number): string =>
          step(
            strategy,
            {
              ...probabilities,
              ML_UP_PROB: probabilities.ML_UP_PROB + up,
              ML_DOWN_PROB: probabilities.ML_DOWN_PROB + down,
            },
            null,
          ).action;
        expect(after(isUp ? rise + 1e-9 : 0, isUp ? 0 : rise + 1e-9)).toBe('ENTER');
        for (const less of [rise / 2, Math.max(0, rise - 1e-9)]) {
          expect(after(less, 0)).toBe('HOLD');
          expect(after(0, less)).toBe('HOLD');
        }
      }),
    );
  });

  it('are those of a position, a stop, a model and an edge where no model answered', () => {
    const asked = { ...questionOf(STRATEGY, null, 'NO_EDGE'), stop: 'entries' as const };
    const rows = entryStates(DIRECTION_RULE, 1, asked).map(({ name, reason, holds }) => [name, reason, holds]);
    expect(rows).toEqual([
      ['flat', 'IN_POSITION', false],
      ['stop', 'STOPPED', false],
      ['model', 'NO_MODEL', false],
      ['edge', 'NO_EDGE', false],
    ]);
  });

  it('tell a claim about the model only where it has failed, before the edge', () => {
    for (const [veto, name] of [
      ['MODEL_BIASED', 'unbiased'],
      ['MODEL_WEAK', 'quality'],
      ['NO_EDGE', 'edge'],
    ] as const) {
      const failed = conditionsOf(STRATEGY, answer(0.75, 0.125), veto).filter(({ holds }) => !holds);
      expect(failed.map((one) => [one.name, one.reason])).toEqual([[name, veto]]);
      expect(step(STRATEGY, answer(0.75, 0.125), veto)).toMatchObject({ action: 'HOLD', reason: veto });
    }
    expect(conditionsOf(STRATEGY, answer(0.75, 0.125), null).map(({ name }) => name)).not.toContain('unbiased');
    // An open position ends by the opposite call all the same.
    const position = { side: -1, entryClose: 1, ageBars: 1 } as const;
    const facts = { close: 1, probabilities: answer(0.75, 0.125), veto: 'MODEL_BIASED' } as const;
    expect(stepDirection(STRATEGY, position, facts)).toMatchObject({ action: 'EXIT', reason: 'OPPOSITE_EXIT' });
  });

  it('are those of the nearer side, up where both are equally near', () => {
    const sideOf = (up: number, down: number): unknown[] => conditionsOf(STRATEGY, answer(up, down), null).slice(4);
    const condition = (
      name: string,
      holds: boolean,
      value: number,
      limit: number,
      change: number,
      relative: number,
    ) => ({ name, reason: 'THETA', holds, value, limit, relation: '>', change, relative });
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

describe('an entry of a novel input', () => {
  it('is refused below the limit alone, where its novelty is known, and not before it is called', () => {
    fc.assert(
      fc.property(strategyArbitrary, probabilitiesArbitrary, noveltyArbitrary, (strategy, probabilities, novelty) => {
        const facts = { close: 1, probabilities, veto: null };
        const before = stepDirection(strategy, FLAT_INSTRUMENT, facts);
        const measured = isCalled(probabilities, strategy) ? novelty : { ...novelty, novelty: NaN };
        const after = stepDirection(strategy, FLAT_INSTRUMENT, { ...facts, ...measured });
        const { novelty: share, noveltyMin } = measured;
        const isNovel = share !== undefined && noveltyMin !== undefined && share < noveltyMin;
        if (isNovel) expect([before.reason, after.action, after.reason]).toEqual(['ENTRY', 'HOLD', 'NOVEL_INPUT']);
        else expect(after).toEqual(before);
      }),
    );
  });

  it('ends no position, and keeps none open', () => {
    const position = { side: 1 as const, entryClose: 100, ageBars: 3 };
    for (const [up, down] of [
      [0.75, 0.125],
      [0.125, 0.75],
    ] as const) {
      const facts = { close: 100, probabilities: answer(up, down), veto: null };
      expect(stepDirection(STRATEGY, position, { ...facts, novelty: 0, noveltyMin: 0.5 })).toEqual(
        stepDirection(STRATEGY, position, facts),
      );
    }
  });
});

describe('every condition of the rule of an instrument', () => {
  it('holds exactly when its value relates to its limit as stated, where it applies', () => {
    const inputs = fc.tuple(
      strategyArbitrary,
      probabilitiesArbitrary,
      fc.double({ min: 90, max: 110, noNaN: true }),
      fc.integer({ min: 0, max: 30 }),
      noveltyArbitrary,
    );
    fc.assert(
      fc.property(inputs, ([strategy, probabilities, close, ageBars, novelty]) => {
        const position = { side: 1 as const, entryClose: 100, ageBars };
        const input = { strategy, probabilities, veto: null, close, position, ...novelty };
        for (const condition of [...DIRECTION_RULE.exits, ...DIRECTION_RULE.entries]) {
          if (condition.measure === undefined || condition.applies?.(input) === false) continue;
          const { value, relation, limit } = condition.measure(input);
          const stated = { '>': value > limit, '>=': value >= limit, '<': value < limit, '<=': value <= limit }[
            relation
          ];
          expect([condition.name, condition.holds(input)]).toEqual([condition.name, stated]);
        }
      }),
    );
  });
});

describe('the conditions of an exit of an instrument', () => {
  it('come nearest first, and one that holds is the reason of the exit', () => {
    const position = { side: -1 as const, entryClose: 100, ageBars: 6 };
    const input = {
      strategy: STRATEGY,
      probabilities: answer(0.25, 0.125),
      veto: 'NO_EDGE' as const,
      close: 99,
      position,
    };
    const rows = (asked: DirectionQuestion) =>
      exitStates(DIRECTION_RULE, asked.position.side, asked).map(({ name, reason, holds }) => [name, reason, holds]);
    expect(rows(input)).toEqual([
      ['target', 'TARGET_EXIT', false],
      ['age', 'AGE_EXIT', false],
      ['stop_loss', 'STOP_EXIT', false],
      ['opposite', 'OPPOSITE_EXIT', false],
      ['close_all', 'CLOSE_ALL', false],
    ]);
    const called = { ...input, probabilities: answer(0.75, 0.125) };
    expect(rows(called)[0]).toEqual(['target', 'TARGET_EXIT', false]);
    expect(rows(called)).toContainEqual(['opposite', 'OPPOSITE_EXIT', true]);
    expect(rows({ ...input, position: FLAT_INSTRUMENT })).toEqual([]);
  });
});
