import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../../shared/policy/policy.ts';
import { rolloutRules } from '../rules.ts';
import { IS_WEEKLY } from '../../../../test/weekly.ts';
import { CHAMPION, IMPROVEMENT, REGRESSIONS } from './models.ts';
import { powerError, simulateRollout, simulateRollouts, statedPower } from './rollouts.ts';

const rules = rolloutRules(loadSettings().retrain);
/** Rollouts of each kind; of equal models ten times as many. */
const UNIT = IS_WEEKLY ? 100 : 3;
/** Of the stated power; the long form has the simulation's own. */
const PERIODS = IS_WEEKLY ? undefined : { count: 6, days: 60, repeats: 20 };

describe('simulated rollouts', () => {
  it('are the same for the same seed', () => {
    const short = { ...rules, timeoutMs: 3 * 86_400_000 };
    const run = (seed: string): unknown => simulateRollout(CHAMPION, CHAMPION, short, seed);
    expect(run('a')).toEqual(run('a'));
    expect(run('a')).not.toEqual(run('b'));
  });

  it('end a challenger that fails, enters too often, or gives no answers, within the loss budget', () => {
    const kinds = ['constant answer', 'cost +8 bps', 'pass rate 0.9', 'missing 0.5', 'failure 0.01', 'bias -1.5'];
    for (const { kind, model } of REGRESSIONS.filter((one) => kinds.includes(one.kind))) {
      const { end, lossBps } = simulateRollout(CHAMPION, model, rules, `short ${kind}`);
      expect([kind, end]).toEqual([kind, 'aborted']);
      expect(lossBps).toBeLessThanOrEqual(rules.guards.loss_budget_bps);
    }
  });

  it('promote or abort few of the equal challengers, and promote none before all stages are over', () => {
    const ends = Array.from({ length: 4 }, (_, i) => simulateRollout(CHAMPION, CHAMPION, rules, `short ${i}`));
    expect(ends.filter(({ end }) => end !== 'inconclusive').length).toBeLessThanOrEqual(1);
    const { champion, challenger } = IMPROVEMENT;
    const better = Array.from({ length: 4 }, (_, i) => simulateRollout(champion, challenger, rules, `better ${i}`));
    const promoted = better.filter(({ end }) => end === 'promoted');
    expect(promoted.length).toBeGreaterThan(0);
    for (const { days } of promoted) expect(days).toBeGreaterThanOrEqual(11);
  });

  it('are promoted as often as the power says that is stated before them', () => {
    const day = 86_400_000;
    const stages = rules.stages.map((stage) => ({ ...stage, durationMs: stage.durationMs && day }));
    const quick = { ...rules, stages, timeoutMs: 8 * day, promotionEValue: 3 };
    const { champion, challenger } = IMPROVEMENT;
    const rollouts = 60;
    const ends = Array.from({ length: rollouts }, (_, i) =>
      simulateRollout(champion, challenger, quick, `stated ${i}`),
    );
    const promoted = ends.filter(({ end }) => end === 'promoted').length;
    const stated = statedPower(quick, { count: 12, days: 60, repeats: 25 });
    const error = powerError({ size: '', rollouts, promoted, aborted: 0, ...stated });
    expect(stated.statedPower).toBeGreaterThan(0.1);
    expect(stated.statedPower).toBeLessThan(0.9);
    expect(Math.abs(promoted / rollouts - stated.statedPower)).toBeLessThan(3 * error);
    // At the e-value of a later candidate both are smaller.
    const later = { ...quick, promotionEValue: 9 };
    const laterStated = statedPower(later, { count: 12, days: 60, repeats: 25 }).statedPower;
    expect(laterStated).toBeLessThan(stated.statedPower - 0.1);
  });

  it(`keep their levels, budget and power in ${12 * UNIT} rollouts`, { timeout: 900_000 }, () => {
    const counts = { equal: 10 * UNIT, regressions: UNIT, improvements: UNIT };
    const { equal, regressions, improvements } = simulateRollouts(rules, counts, () => undefined, PERIODS);
    expect(equal.wrongShare).toBeLessThanOrEqual(IS_WEEKLY ? 0.05 : 0.1);
    expect(regressions.withinBudget).toBe(UNIT);
    expect(Math.abs(improvements.promoted / UNIT - improvements.statedPower)).toBeLessThanOrEqual(
      3 * powerError(improvements),
    );
  });

  it('have the stated power after candidates that were not promoted', { timeout: 900_000 }, () => {
    const counts = { equal: 0, regressions: 0, improvements: UNIT };
    const later = rolloutRules(loadSettings().retrain, [false]);
    const { improvements } = simulateRollouts(later, counts, () => undefined, PERIODS);
    expect(Math.abs(improvements.promoted / UNIT - improvements.statedPower)).toBeLessThanOrEqual(
      3 * powerError(improvements),
    );
  });
});
