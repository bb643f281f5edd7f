import { describe, expect, it } from 'vitest';
import { NO_LIMITS, type RuleLimits } from '../../../shared/strategies/formula_rule/formula_rule.ts';
import { createRng } from '../../../shared/rng.ts';
import { randomBars, subjectOfBars } from '../formula_rules/rule_subject.fixture.ts';
import { findExit } from '../formula_rules/rule_trades.ts';
import { NO_EXIT, PlanExits, UNFILLED } from './plan_exits.ts';

const FROM = 20;
const TO = 380;
const SUBJECT = subjectOfBars(randomBars('plan exits', 400));
const PLANS: readonly RuleLimits[] = [Infinity, 40, 90].flatMap((stopBps) =>
  [Infinity, 30, 90, 200].flatMap((targetBps) =>
    [1, 3, 12, 500].map((maxAgeBars) => ({ ...NO_LIMITS, stopBps, targetBps, maxAgeBars })),
  ),
);

/** The instrument, and a pair whose second leg moves on its own. */
function subjects() {
  const { history } = SUBJECT;
  const rng = createRng('leg b');
  let price = 0;
  const lnB = history.lnB.map(() => (price += 0.003 * rng.normal()));
  const pair = { ...SUBJECT, history: { ...history, lnB, beta: history.beta.map((_, t) => 0.4 + (t % 7) / 5) } };
  return [SUBJECT, pair];
}

describe('the exits of all plans', () => {
  it('are those that a backtest finds for each plan, in whatever order they are asked for', () => {
    const rng = createRng('asked');
    for (const subject of subjects()) {
      const exits = new PlanExits(subject.history, PLANS, FROM, TO);
      let open = 0;
      for (let i = 0; i < 12_000; i++) {
        const plan = rng.integer(PLANS.length);
        const side = rng.integer(2) === 0 ? -1 : 1;
        const entry = FROM + rng.integer(TO - FROM);
        const rule = { limits: PLANS[plan]!, entryLong: null, entryShort: null, exit: null };
        const expected = findExit(subject, rule, side, entry, TO);
        if (expected === null) open++;
        expect(exits.exitOf(plan, side, entry)).toBe(expected?.bar ?? NO_EXIT);
      }
      expect(open).toBeGreaterThan(500);
      expect(open).toBeLessThan(6000);
    }
  });

  it('do not lie behind a hole in the bars', () => {
    const { history } = SUBJECT;
    const time = history.time.map((at, t) => at + (t < 200 ? 0 : 30 * 86_400));
    const exits = new PlanExits({ ...history, time }, PLANS, FROM, TO);
    const old = PLANS.findIndex(
      ({ stopBps, targetBps, maxAgeBars }) => stopBps + targetBps === Infinity && maxAgeBars === 500,
    );
    expect([190, 197, 198, 199].map((entry) => exits.exitOf(old, 1, entry))).toEqual([198, 198, UNFILLED, UNFILLED]);
    expect(exits.exitOf(old, 1, 200)).toBe(NO_EXIT);
    const short = PLANS.findIndex(
      ({ stopBps, targetBps, maxAgeBars }) => stopBps + targetBps === Infinity && maxAgeBars === 3,
    );
    expect([190, 196, 200].map((entry) => exits.exitOf(short, 1, entry))).toEqual([193, 198, 203]);
  });
});
