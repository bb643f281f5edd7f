import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFormula } from '../../../shared/core/formula/formula.ts';
import { lookLevel } from '../backtest/edge.ts';
import { NO_LIMITS } from '../../../shared/strategies/formula_rule/formula_rule.ts';
import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import { strategySources } from '../../../shared/policy/strategy_file.ts';
import { backtestStrategy } from '../strategies/direction/strategy_backtest.ts';
import { NO_SERIES } from '../instruments/series_files.ts';
import { randomHistory } from '../history/pair_history.fixture.ts';
import { FIXTURE_COSTS, randomBars, subjectOfBars } from './rule_subject.fixture.ts';
import { formulaValues, type RuleSubject } from './rule_subject.ts';
import { oracleTrades } from './rule_trades.oracle.ts';
import { ruleReport } from './rule_report.ts';
import { ruleTrades, tradeOf, type RuleColumns } from './rule_trades.ts';

const BARS = randomBars('trades', 400);
const SUBJECT = subjectOfBars(BARS);
const FEE = FIXTURE_COSTS.commission_bps + FIXTURE_COSTS.slippage_bps;
const HOUR = 3600;

describe('the trades of a rule', () => {
  it('are those of a slow, obvious loop over the bars', () => {
    const column = fc.array(fc.constantFrom(0, 0, 0, 1, NaN), { minLength: 400, maxLength: 400 });
    const distance = fc.constantFrom(Infinity, 20, 60);
    const rules = fc.record({
      entryLong: fc.option(column),
      entryShort: fc.option(column),
      exit: fc.option(column),
      novelty: fc.option(
        fc.record({
          min: fc.constantFrom(0.01, 0.25),
          bars: fc.array(fc.constantFrom(NaN, 0, 0.1, 0.25, 1), { minLength: 400, maxLength: 400 }),
        }),
      ),
      stopBps: distance,
      targetBps: distance,
      maxAgeBars: fc.integer({ min: 1, max: 40 }),
      from: fc.nat(50),
      to: fc.integer({ min: 300, max: 400 }),
    });
    let seen = 0;
    fc.assert(
      fc.property(rules, ({ stopBps, targetBps, maxAgeBars, from, to, ...columns }) => {
        const rule: RuleColumns = { ...columns, limits: { ...NO_LIMITS, stopBps, targetBps, maxAgeBars } };
        const trades = ruleTrades(SUBJECT, rule, from, to);
        const oracle = oracleTrades(BARS, rule, from, to, FEE);
        expect(trades.map(({ side, entryBar, exitBar, reason }) => [side, entryBar, exitBar, reason])).toEqual(
          oracle.map(({ side, entryBar, exitBar, reason }) => [side, entryBar, exitBar, reason]),
        );
        trades.forEach(({ netBps }, i) => expect(netBps).toBeCloseTo(oracle[i]!.netBps, 9));
        seen += trades.length;
      }),
      { numRuns: 60 },
    );
    expect(seen).toBeGreaterThan(500);
  });

  it('earn what the backtest of an instrument takes and pays, funding included, to the bit', () => {
    const length = 60;
    const eventTime = Float64Array.from({ length }, (_, i) => BARS.time[0]! + i * 8 * HOUR);
    const value = eventTime.map((_, i) => (i % 3) * 1e-4);
    const series = { ...NO_SERIES, funding_rate: { length, eventTime, arrivalTime: eventTime, value } };
    const limits = { ...NO_LIMITS, stopBps: 60, targetBps: 50, maxAgeBars: 30 };
    // Entries that do not touch each other, so that a direction model without an opposite signal decides the same.
    const entryLong = Float64Array.from(BARS.time, (_, t) => (t % 40 === 3 ? 1 : 0));
    const trades = ruleTrades(subjectOfBars(BARS, series), { limits, entryLong, entryShort: null, exit: null }, 0, 400);
    const up = { ML_UP_PROB: 0.9, ML_DOWN_PROB: 0.05, ML_RANGE_PROB: 0.05 };
    const strategy = { theta_up: 0.5, theta_down: 0.5, stop: 0.006, target: 0.005, max_age_bars: 30 };
    const costs = { takerFeeBps: FIXTURE_COSTS.commission_bps, slippageBps: FIXTURE_COSTS.slippage_bps };
    const probabilities = [...entryLong].map((own) => (own === 1 ? up : null));
    const direction = backtestStrategy({ bars: BARS, series }, probabilities, () => strategy, costs);
    expect(trades.filter(({ exitSignal }) => exitSignal >= 0)).toMatchObject(
      direction.map(({ entryTime, exitTime, grossBps, netBps }) => ({ entryTime, exitTime, grossBps, netBps })),
    );
    expect(direction.length).toBeGreaterThan(5);
  });

  it('are held over no hole in the bars, like those of a direction model', () => {
    const time = BARS.time.map((at, t) => at + (t < 200 ? 0 : 212 * 86_400));
    const bars = { ...BARS, time };
    const limits = { ...NO_LIMITS, stopBps: 1e4, targetBps: 1e4, maxAgeBars: 24 };
    const entryLong = Float64Array.from(time, (_, t) => (t === 190 || t === 260 ? 1 : 0));
    const subject = subjectOfBars(bars);
    const trades = ruleTrades(subject, { limits, entryLong, entryShort: null, exit: null }, 0, 400);
    expect(trades).toMatchObject([
      { entryBar: 191, exitBar: 199, reason: 'HOLE', exitSignal: -1 },
      { entryBar: 261, exitBar: 285, reason: 'AGE_EXIT' },
    ]);
    // Late by more bars than are left, the fills stay before the hole.
    const { side, entrySignal: entry, exitBar, reason } = trades[0]!;
    const late = tradeOf(subject, { side, entry, exit: -1, exitBar, reason }, 3);
    expect([late.entryBar, late.exitBar]).toEqual([194, 199]);
    const up = { ML_UP_PROB: 0.9, ML_DOWN_PROB: 0.05, ML_RANGE_PROB: 0.05 };
    const strategy = { theta_up: 0.5, theta_down: 0.5, stop: 1, target: 1, max_age_bars: 24 };
    const costs = { takerFeeBps: FIXTURE_COSTS.commission_bps, slippageBps: FIXTURE_COSTS.slippage_bps };
    const answers = [...entryLong].map((own) => (own === 1 ? up : null));
    const direction = backtestStrategy({ bars, series: NO_SERIES }, answers, () => strategy, costs);
    const shown = ({ entryTime, exitTime, reason: why }: (typeof direction)[0]) => [entryTime, exitTime, why];
    expect(direction.map(shown)).toEqual(trades.map(shown));
  });

  it('of a pair end by the spread that was frozen at the entry', () => {
    const history = randomHistory('sigmas', 500, 1);
    const costs = {
      a: { spread_bps: 1, commission_bps: 0, slippage_bps: 0 },
      b: { spread_bps: 1, commission_bps: 0, slippage_bps: 0 },
    };
    const none = { swap_long_bps_per_night: 0, swap_short_bps_per_night: 0 };
    const subject: RuleSubject = {
      id: 'AAA_BBB',
      history,
      costs,
      overnight: { rolls: [], swaps: { a: none, b: none } },
      direction: null,
      funding: null,
      evaluate: () => undefined,
      novelty: () => null,
      withSeriesLater: () => subject,
    };
    const entryShort = Float64Array.from(history.z, (z) => (z > 1 ? 1 : 0));
    const limits = { ...NO_LIMITS, stopSigmas: 1, targetSigmas: 1.5, maxAgeBars: 60 };
    const trades = ruleTrades(subject, { limits, entryLong: null, entryShort, exit: null }, 0, 500);
    const ended = trades.filter(({ reason }) => reason === 'STOP_EXIT' || reason === 'TARGET_EXIT');
    expect(new Set(ended.map(({ reason }) => reason))).toEqual(new Set(['STOP_EXIT', 'TARGET_EXIT']));
    for (const { entrySignal, exitSignal, reason } of ended) {
      const spread = (t: number): number => history.lnA[t]! - history.beta[entrySignal]! * history.lnB[t]!;
      const earned = (t: number): number => (spread(entrySignal) - spread(t)) / history.zStd[entrySignal]!;
      const isOver = (t: number): boolean => (reason === 'STOP_EXIT' ? earned(t) <= -1 : earned(t) >= 1.5);
      expect([isOver(exitSignal), isOver(exitSignal - 1)]).toEqual([true, false]);
    }
  });
});

describe('the report of a rule', () => {
  const sources = strategySources('instrument', DEFAULT);
  const [entryLong] = formulaValues(SUBJECT, [parseFormula('close < mean(close, 12)', sources)]);
  const rule: RuleColumns = {
    limits: { ...NO_LIMITS, maxAgeBars: 3 },
    entryLong: entryLong!,
    entryShort: null,
    exit: null,
  };
  const trades = ruleTrades(SUBJECT, rule, 0, 400);
  const report = ruleReport({ subject: SUBJECT, trades, later: rule, look: 2 }, 0, 400);

  it('charges doubled costs, and fills one bar later at the opens of the next bars', () => {
    const { open } = BARS;
    const late = trades.map(({ entryBar, exitBar }) => {
      const last = open.length - 1;
      return (open[Math.min(last, exitBar + 1)]! / open[Math.min(last, entryBar + 1)]! - 1) * 1e4 - 2 * FEE;
    });
    const mean = (values: readonly number[]): number => values.reduce((sum, own) => sum + own, 0) / values.length;
    expect(trades.length).toBeGreaterThan(20);
    expect(report.one_bar_later_net_bps).toBeCloseTo(mean(late), 9);
    expect(report.doubled_costs_net_bps).toBeCloseTo(report.performance.mean_net_bps! - 2 * FEE, 9);
  });

  it('shows no edge of a random walk, and its days sum to its trades', () => {
    expect(report.edge).toMatchObject({ has_edge: false, level: lookLevel(2) });
    expect(ruleReport({ subject: SUBJECT, trades, later: rule, look: null }, 0, 400).edge).toEqual({
      ...report.edge,
      has_edge: null,
      level: null,
    });
    expect((report.performance.annual_return! / 252) * report.performance.trading_days).toBeCloseTo(
      report.performance.net_return,
      9,
    );
  });
});
