import { describe, expect, it } from 'vitest';
import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import { checkStrategy, type FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { lookLevel } from '../backtest/edge.ts';
import { plantedDrift } from '../evolve/evolve.fixture.ts';
import type { InstrumentBars } from '../instruments/instrument_bars.ts';
import type { FilledTrade } from '../trades/backtest.ts';
import { judgeRule, type JudgedRule, type JudgeOptions } from './judge_rule.ts';
import { randomBars, subjectOfBars } from './rule_subject.fixture.ts';

const RULE = checkStrategy(
  {
    name: 'own',
    description: '',
    subject: 'instrument',
    entry_long: 'close / delay(close, 3) - 1 < -0.01',
    max_age: 1,
  },
  DEFAULT,
  () => '',
) as FormulaStrategy;
const BARS = randomBars('judged', 5000, plantedDrift(45));
const HOLDOUT_FROM = 4000;

function judged(change: Partial<JudgeOptions> = {}, bars: InstrumentBars = BARS): JudgedRule {
  const subject = subjectOfBars(bars);
  const range = { from: 200, to: bars.length };
  const common = { subject, strategy: RULE, trials: 1, bars: range, holdoutFrom: HOLDOUT_FROM };
  return judgeRule({ ...common, seed: '0', resamples: 200, lookAt: () => 1, ...change });
}

const checkOf = ({ checks }: JudgedRule, code: string) => checks.find((check) => check.code === code)!;

describe('the judgement of a rule', () => {
  it('asks its holdout at the level of the evaluation that it is, and states which one', () => {
    const [first, fourth] = [judged(), judged({ lookAt: () => 4 })];
    expect([first, fourth].map((one) => checkOf(one, 'HOLDOUT').limit)).toEqual([lookLevel(1), lookLevel(4)]);
    expect([first.holdout_look, fourth.holdout_look]).toEqual([1, 4]);
    expect(checkOf(fourth, 'HOLDOUT').value).toBe(checkOf(first, 'HOLDOUT').value);
  });

  it('counts an evaluation of the trades of the holdout alone', () => {
    let counted: readonly FilledTrade[] = [];
    const { trades, development, holdout } = judged({ lookAt: (given) => ((counted = given), 1) });
    expect(counted.length).toBe(holdout.performance.trades);
    expect(counted.every(({ entrySignal }) => entrySignal >= HOLDOUT_FROM)).toBe(true);
    expect(development.performance.trades + counted.length).toBe(trades.length);
  });

  it('by more trials needs more, on the development period alone', () => {
    const [one, many] = [judged(), judged({ trials: 100_000 })];
    expect(many.deflated_sharpe).toBeLessThan(one.deflated_sharpe);
    expect(many.holdout).toEqual(one.holdout);
  });

  it('reads the development period alone for all else: other bars in the holdout change nothing of it', () => {
    const other = randomBars('other', BARS.length, plantedDrift(-60));
    const changed = (name: 'open' | 'high' | 'low' | 'close'): Float64Array =>
      BARS[name].map((price, t) =>
        t < HOLDOUT_FROM ? price : (other[name][t]! * BARS.close[HOLDOUT_FROM - 1]!) / other.close[HOLDOUT_FROM - 1]!,
      );
    const [open, high, low, close] = [changed('open'), changed('high'), changed('low'), changed('close')];
    const [known, moved] = [judged(), judged({}, { ...BARS, open, high, low, close })];
    const own = ({ checks, development, deflated_sharpe, spa_p }: JudgedRule) => ({
      ...{ development, deflated_sharpe, spa_p },
      checks: checks.filter(({ code }) => code !== 'HOLDOUT'),
    });
    expect(own(moved)).toEqual(own(known));
    expect(moved.holdout).not.toEqual(known.holdout);
  });
});
