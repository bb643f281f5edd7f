import { describe, expect, it } from 'vitest';
import { parseFormula } from '../../../shared/core/formula/formula.ts';
import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import { checkStrategy, strategySources, type FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import type { InstrumentBars } from '../instruments/instrument_bars.ts';
import { NO_SERIES } from '../instruments/series_files.ts';
import { judgeRule } from './judge_rule.ts';
import { oneBarLaterCheck } from './rule_checks.ts';
import { randomBars, subjectOfBars } from './rule_subject.fixture.ts';
import { formulaValues } from './rule_subject.ts';

const BARS = randomBars('series later', 1500);
const HOUR = 3600;

/** An hourly sentiment that arrives with the close of each bar: above 50 where the next bar rises. */
function telling({ time, open, close, length }: InstrumentBars) {
  const eventTime = time.map((own) => own + HOUR);
  const next = (t: number): number => (t + 1 < length ? close[t + 1]! - open[t + 1]! : 0);
  const value = time.map((_, t) => (next(t) > 0 ? 80 : 20));
  return { ...NO_SERIES, sentiment: { length, eventTime, arrivalTime: eventTime, value } };
}

const SUBJECT = subjectOfBars(BARS, telling(BARS));

function strategyOf(entry: string): FormulaStrategy {
  const document = {
    name: 'own',
    description: 'for a test',
    subject: 'instrument' as const,
    entry_long: entry,
    max_age: 1,
  };
  return checkStrategy(document, DEFAULT, () => 'own') as FormulaStrategy;
}

function judged(entry: string) {
  const bars = { from: 200, to: BARS.length };
  const options = { subject: SUBJECT, bars, holdoutFrom: 1200, seed: '0', resamples: 100, trials: 1 };
  const { checks, development } = judgeRule({ ...options, strategy: strategyOf(entry), lookAt: () => 1 });
  return { development, check: checks.find(({ code }) => code === 'ONE_BAR_LATER')! };
}

describe('series one bar later', () => {
  it('are read as they were known at the bar before, and prices as they are', () => {
    const sources = strategySources('instrument', DEFAULT);
    const formulas = ['series("sentiment")', 'close'].map((text) => parseFormula(text, sources));
    const [sentiment, close] = formulaValues(SUBJECT, formulas);
    const [later, sameClose] = formulaValues(SUBJECT.withSeriesLater(), formulas);
    expect(new Set(sentiment)).toEqual(new Set([20, 80]));
    expect([...later!.subarray(1)]).toEqual([...sentiment!.subarray(0, -1)]);
    expect(later![0]).toBeNaN();
    expect(sameClose).toEqual(close);
  });

  it('take what a rule earns by knowing a series at once', () => {
    const { development, check } = judged('series("sentiment") > 50');
    expect(development.performance.mean_net_bps).toBeGreaterThan(15);
    expect(development.series_one_bar_later_net_bps).toBeLessThan(0);
    expect(check).toMatchObject({ passed: false });
    expect(check.value).toBeLessThanOrEqual(development.series_one_bar_later_net_bps!);
  });

  it('change nothing of a rule that reads none', () => {
    const { development } = judged('close < mean(close, 12)');
    expect(development.series_one_bar_later_net_bps).toBe(development.performance.mean_net_bps);
  });

  it.each([
    [3, -1, -1],
    [-2, 4, -2],
    [3, 4, 3],
    [3, null, null],
    [null, 3, null],
  ])('fills %s and series %s are judged by %s', (fills, series, value) => {
    const report = { one_bar_later_net_bps: fills, series_one_bar_later_net_bps: series };
    expect(oneBarLaterCheck(report)).toMatchObject({ value, passed: value !== null && value > 0 });
  });

  it('are no result without a rule', () => {
    expect(oneBarLaterCheck(undefined)).toMatchObject({ value: null, passed: false });
  });
});
