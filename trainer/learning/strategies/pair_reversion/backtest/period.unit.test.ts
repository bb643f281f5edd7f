import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../../../shared/bar.ts';
import { viewBars, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { featureSchema } from '../../../../../shared/bundle/feature_schema.ts';
import type { BatchScores, ModelSet } from '../../../../../shared/bundle/model_set.ts';
import type { ModelScores } from '../../../../../shared/strategies/pair_reversion/pair_input.ts';
import { featureDefinitions } from '../../../../../shared/core/features/features.ts';
import { parsePair } from '../../../../../shared/pair.ts';
import { decisionPolicy } from '../../../../../shared/policy/policy.ts';
import { tinyBars, tinySettings } from '../../../../../test/tiny_settings.ts';
import { datasetPolicy } from '../dataset/dataset_policy.ts';
import { buildPairHistory, type PairHistory } from '../../../history/pair_history.ts';
import { EVALUATION_BARRIERS, isCandidate, reversionLabel } from '../label/reversion.ts';
import { riskLabel } from '../label/risk.ts';
import { scaleLabel } from '../label/scale.ts';
import { modelMetrics } from '../../../measures/model_metrics.ts';
import { runBacktest, type FilledTrade } from '../../../trades/backtest.ts';
import { jointBacktest } from '../../../trades/joint_backtest.ts';
import { markToMarket } from '../../../backtest/equity.ts';
import { backtestPeriod, pool, type PeriodOptions, type PeriodResult } from './period.ts';

const settings = tinySettings();
const { pairs, symbols, windows } = settings.minutehand;
const policy = decisionPolicy(settings);
const labels = datasetPolicy(settings);
// Two days from a Tuesday on: 17:00 in New York occurs twice, the second time on a Wednesday.
const bars = tinyBars(tinySettings({ minutehand: { simulated: { seed: 46 } } }), 3008);
const PERIOD_FROM = '2024-01-02T12:00:30Z';
const ROLLS = ['2024-01-02T22:00Z', '2024-01-03T22:00Z'].map((text) => Date.parse(text) / 1000);
const from = (Date.parse(PERIOD_FROM) / 1000) as OpenTime;

/** Columns that the answers depend on: the same with other features beside them. */
const USED = ['beta', 'corr', 'z_score', 'z_fast', 'half_life', 'vol_a', 'vol_b', 'efficiency_ratio'];
const USED_AT = USED.map((used) => featureDefinitions(windows).findIndex(({ name }) => name === used));

/** A set's answer to a row: an arbitrary function of its features. */
function answerTo(row: Float32Array, shift: number): number {
  const sum = USED_AT.reduce((total, column, i) => total + row[column]! * (i + 1), shift);
  const share = Math.abs(Math.sin(sum * 23));
  return 0.02 + 0.96 * share;
}

function setOf(changes: Partial<ModelSet> = {}): ModelSet {
  const infer = (features: Float32Array, rows: number): BatchScores => {
    const columns = features.length / rows;
    const column = (shift: number): Float64Array =>
      Float64Array.from({ length: rows }, (_, i) => answerTo(features.subarray(i * columns, (i + 1) * columns), shift));
    return {
      return_prob: column(0),
      risk_prob: column(1),
      risk_score: column(2),
      position_scale: column(3),
      result_sigmas: new Float64Array(rows).fill(NaN),
    };
  };
  const schema = featureSchema(windows);
  return {
    version: '20240101_0000',
    schema,
    // Learned from nothing of these bars.
    manifest: { period: { from: '1970-01-01T00:00Z', to: '1970-01-02T00:00Z', holdout_from: '1970-01-02T00:00Z' } },
    theta1: 0.5,
    theta2: 0.7,
    hasEdge: () => true,
    infer,
    ...changes,
  } as ModelSet;
}

function run(changes: Partial<PeriodOptions> = {}): Promise<PeriodResult> {
  return backtestPeriod({
    pairs: pairs.map(parsePair),
    bars,
    from,
    sets: [setOf()],
    policy,
    labels,
    costs: symbols,
    workers: 0,
    onProgress: () => undefined,
    ...changes,
  });
}

/** The whole pair at once, with every bar scored. */
interface WholePair {
  readonly id: string;
  readonly history: PairHistory;
  readonly start: number;
  readonly answer: (t: number, shift: number) => number;
}

function wholePair(id: string, own: ReadonlyMap<string, BarColumns> = bars): WholePair {
  const pair = parsePair(id);
  const history = buildPairHistory(pair, own.get(pair.a)!, own.get(pair.b)!, windows, () => true);
  const columns = history.features.length / history.rows;
  return {
    id,
    history,
    start: history.time.findIndex((time) => time >= from),
    answer: (t, shift) => answerTo(history.features.subarray(t * columns, (t + 1) * columns), shift),
  };
}

function optionsOf({ id, answer }: WholePair) {
  const { a, b } = parsePair(id);
  const costs = { a: symbols[a]!, b: symbols[b]! };
  const rolls = ROLLS.map((time, i) => ({ time, swapDays: i === 0 ? 1 : 3 }));
  return {
    thresholds: { theta1: 0.5, theta2: 0.7 },
    policy,
    edge: true,
    costs,
    overnight: { rolls, swaps: costs },
    scores: (t: number): ModelScores => ({ return_prob: answer(t, 0), risk_score: answer(t, 2) }),
    scale: (t: number) => answer(t, 3),
  };
}

function tradesOf(own: WholePair) {
  const { history, start } = own;
  const options = optionsOf(own);
  const { trades, candidates, refusals } = runBacktest(history, start, history.length, options);
  return { trades, candidates, refusals, changes: markToMarket(history, trades, options.overnight) };
}

let result: PeriodResult;
let whole: WholePair[];

beforeAll(() => {
  whole = pairs.map((id) => wholePair(id));
});
beforeEach(async () => {
  result = await run();
});

describe('backtestPeriod', () => {
  it('gives the trades, value changes and counts of the whole pair computed at once', () => {
    const { all_pairs, edge_pairs } = result.bundles[0]!;
    expect(edge_pairs).toEqual(all_pairs);
    let charged = 0;
    for (const pair of whole) {
      const { trades, candidates, refusals, changes } = tradesOf(pair);
      const { history } = pair;
      expect(trades.length).toBeGreaterThan(10);
      expect(all_pairs.trades.filter(({ pairId }) => pairId === pair.id)).toEqual(
        trades.map((trade) => ({
          ...trade,
          entrySignalTime: history.time[trade.entrySignal]! + 60,
          exitSignalTime: trade.exitSignal < 0 ? null : history.time[trade.exitSignal]! + 60,
          entryPrices: [history.openA[trade.entryBar], history.openB[trade.entryBar]],
          exitPrices: [history.openA[trade.exitBar], history.openB[trade.exitBar]],
        })),
      );
      expect(all_pairs.changes[pair.id]).toEqual(changes);
      expect(all_pairs.pairs[pair.id]).toMatchObject({ candidates, refusals, trades: trades.length });
      charged += trades.filter(({ swapBps }) => swapBps !== 0).length;
    }
    expect(charged).toBeGreaterThan(0);
    expect(all_pairs.trades.map(({ pairId }) => pairs.indexOf(pairId))).toEqual(
      all_pairs.trades.map(({ pairId }) => pairs.indexOf(pairId)).sort(),
    );
    expect(all_pairs.trades.some(({ exitSignalTime }) => exitSignalTime === null)).toBe(true);
  });

  it('starts at the first decided bar, ends at the last, and counts the bars of each pair', () => {
    const times = whole.map(({ history, start }) => history.time.subarray(start));
    expect(result.pairs).toEqual(pairs);
    expect(result.first).toBe(Math.min(...times.map((time) => time[0]!)));
    expect(result.first).toBe(from + 30);
    expect(result.last).toBe(Math.max(...times.map((time) => time.at(-1)!)));
    expect(result.barsOf).toEqual(Object.fromEntries(pairs.map((id, i) => [id, times[i]!.length])));
    expect(result.bars).toBe(times.reduce((sum, { length }) => sum + length, 0));
  });

  it('has the results of each trading day: those of a pair, and the mean of all pairs', () => {
    const { all_pairs } = result.bundles[0]!;
    const times = whole.map(({ history, start }) => history.time.subarray(start));
    const edges = [-Infinity, ...ROLLS, Infinity];
    const firstOf = (time: Float64Array, day: number): number =>
      Math.min(...time.filter((at) => at >= edges[day]! && at < edges[day + 1]!));
    expect(result.days).toEqual([0, 1, 2].map((day) => Math.min(...times.map((time) => firstOf(time, day)))));
    const dailyOf = ({ id }: WholePair): number[] => {
      const { time, change } = all_pairs.changes[id]!;
      return [0, 1, 2].map((day) =>
        change
          .filter((_, i) => time[i]! >= edges[day]! && time[i]! < edges[day + 1]!)
          .reduce((sum, own) => sum + own, 0),
      );
    };
    const daily = whole.map(dailyOf);
    const mean = [0, 1, 2].map((day) => daily.reduce((sum, days) => sum + days[day]!, 0) / pairs.length);
    all_pairs.days.forEach((value, day) => expect(value).toBeCloseTo(mean[day]!, 12));
    expect(all_pairs.total.trading_days).toBe(3);
    expect(all_pairs.total.annual_return).toBeCloseTo(((mean[0]! + mean[1]! + mean[2]!) / 3) * 252, 10);
    whole.forEach(({ id }, i) => {
      expect(all_pairs.pairs[id]!.trading_days).toBe(3);
      expect(all_pairs.pairs[id]!.annual_return).toBeCloseTo(
        (daily[i]!.reduce((sum, day) => sum + day, 0) / 3) * 252,
        10,
      );
    });
  });

  it('aggregates curve, drawdowns and totals over the pairs', () => {
    const { all_pairs } = result.bundles[0]!;
    const { curve, changes, total, trades } = all_pairs;
    expect(curve).toHaveLength((result.last - result.first) / 60 + 1);
    let sum = 0;
    let peak = 0;
    let deepest = 0;
    const at = new Map<number, number>();
    for (const { time, change } of Object.values(changes))
      time.forEach((minute, i) => at.set(minute, (at.get(minute) ?? 0) + change[i]! / pairs.length));
    curve.forEach((value, minute) => {
      sum += at.get(result.first + minute * 60) ?? 0;
      expect(value).toBeCloseTo(sum, 12);
      peak = Math.max(peak, sum);
      deepest = Math.max(deepest, peak - sum);
    });
    expect(total.max_drawdown).toBeCloseTo(deepest, 12);
    const own = Object.values(all_pairs.pairs);
    expect(total.trades).toBe(trades.length);
    expect(total.candidates).toBe(own.reduce((count, { candidates }) => count + candidates, 0));
    expect(total.exposure).toBeCloseTo(
      trades.reduce((held, { entryBar, exitBar }) => held + exitBar - entryBar, 0) / result.bars,
      12,
    );
    for (const reason of ['PROB_LOW', 'RISK_HIGH'] as const) {
      const refused = own.reduce((count, { refusals }) => count + (refusals[reason] ?? 0), 0);
      expect(refused).toBeGreaterThan(0);
      expect(total.refusals[reason]).toBe(refused);
    }
    for (const id of pairs) {
      const { change } = changes[id]!;
      let value = 0;
      let top = 0;
      let fall = 0;
      for (const step of change) {
        value += step;
        top = Math.max(top, value);
        fall = Math.max(fall, top - value);
      }
      const { max_drawdown, exposure, turnover } = all_pairs.pairs[id]!;
      expect(max_drawdown).toBeCloseTo(fall, 12);
      const held = trades.filter(({ pairId }) => pairId === id);
      expect(exposure).toBeCloseTo(
        held.reduce((count, { entryBar, exitBar }) => count + exitBar - entryBar, 0) / result.barsOf[id]!,
        12,
      );
      expect(turnover).toBeCloseTo(
        held.reduce((both, { scale }) => both + 2 * scale, 0),
        12,
      );
    }
  });

  it('evaluates each model on its labels from the start of the period', () => {
    const pooled = (shift: number, labelOf: (history: PairHistory, t: number) => number | null) => {
      const scores: number[] = [];
      const found: number[] = [];
      for (const { history, start, answer } of whole)
        for (let t = start; t < history.length; t++) {
          const label = labelOf(history, t);
          if (label === null) continue;
          scores.push(answer(t, shift));
          found.push(label);
        }
      return { scores: Float64Array.from(scores), labels: Float64Array.from(found) };
    };
    const ai1 = pooled(0, (history, t) =>
      isCandidate(history, t, EVALUATION_BARRIERS)
        ? (reversionLabel(history, t, EVALUATION_BARRIERS)?.label ?? null)
        : null,
    );
    const isEvaluated = (history: PairHistory, t: number): boolean => (history.time[t]! / 60) % 7 === 0;
    const ai2 = pooled(1, (history, t) =>
      isEvaluated(history, t) ? (riskLabel(history, t, labels.risk)?.label ?? null) : null,
    );
    const ai3 = pooled(3, (history, t) =>
      isEvaluated(history, t) ? (scaleLabel(history, t, labels.scale)?.label ?? null) : null,
    );
    const bundle = result.bundles[0]!;
    expect(Object.keys(bundle.ai1)).toEqual(result.pairs);
    expect(pool(Object.values(bundle.ai1))).toEqual(ai1);
    for (const [name, { scores, labels: own }] of Object.entries({ ai1, ai2, ai3 })) {
      expect(own.length).toBeGreaterThan(50);
      expect(bundle.models[name as 'ai1']).toEqual(modelMetrics(scores, own));
    }
  });

  it('reports progress after each pair', async () => {
    const told: number[][] = [];
    await run({ onProgress: (done, total) => told.push([done, total]) });
    expect(told).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it('evaluates several bundles on the same bars, each with its own name, thresholds and edges', async () => {
    const other = setOf({ version: '20240102_0000', theta1: 0.9, theta2: 0.3, hasEdge: (id) => id === pairs[1] });
    const required = { ...policy, require_edge: true };
    const { bundles } = await run({ sets: [setOf(), other], policy: required });
    expect(bundles.map(({ version, thresholds, noEdge }) => [version, thresholds, noEdge])).toEqual([
      ['20240101_0000', { theta1: 0.5, theta2: 0.7 }, []],
      ['20240102_0000', { theta1: 0.9, theta2: 0.3 }, [pairs[0], pairs[2]]],
    ]);
    expect(bundles[0]!.all_pairs).toEqual(result.bundles[0]!.all_pairs);
    expect(bundles[0]!.edge_pairs).toEqual(result.bundles[0]!.all_pairs);
    const { all_pairs, edge_pairs } = bundles[1]!;
    expect(all_pairs.trades.length).toBeGreaterThan(edge_pairs.trades.length);
    expect(edge_pairs.trades).toEqual(all_pairs.trades.filter(({ pairId }) => pairId === pairs[1]));
    // If no edge is required, a missing one changes nothing.
    const [free] = (await run({ sets: [other] })).bundles;
    expect(free!.edge_pairs).toEqual(free!.all_pairs);
  });

  it('uses each given threshold instead of the bundle’s', async () => {
    const [{ thresholds, all_pairs }] = (await run({ thresholds: { theta2: 0.1 } })).bundles as [
      PeriodResult['bundles'][0],
    ];
    expect(thresholds).toEqual({ theta1: 0.5, theta2: 0.1 });
    expect(all_pairs.total.trades).toBeLessThan(result.bundles[0]!.all_pairs.total.trades);
  });

  it('gives the same in memory that threads share', async () => {
    expect(await run({ workers: 2 })).toEqual(result);
  });

  it('trades all pairs together where their exposure is limited', async () => {
    const exposure = { symbol: null, currency: 0.4 };
    const limited = await run({ policy: { ...policy, exposure } });
    const { trades, total, executability } = limited.bundles[0]!.all_pairs;
    const joint = jointBacktest(
      whole.map((own) => ({ history: own.history, from: own.start, to: own.history.length, options: optionsOf(own) })),
      exposure,
    );
    const entries = (all: readonly FilledTrade[]) =>
      all.map(({ pairId, entrySignal, exitSignal, netBps }) => ({ pairId, at: exitSignal - entrySignal, netBps }));
    expect(entries(trades)).toEqual(entries(joint.flatMap((own) => own.trades)));
    expect(total.refusals.EXPOSURE).toBeGreaterThan(10);
    expect(executability).toBeDefined();
    expect(trades.length).toBeLessThan(result.bundles[0]!.all_pairs.trades.length);
    // Views differ by what the pairs without an edge hold in the other one.
    const gated = await run({
      policy: { ...policy, exposure, require_edge: true },
      sets: [setOf({ hasEdge: (id) => id !== pairs[0] })],
    });
    const { edge_pairs, all_pairs } = gated.bundles[0]!;
    expect(all_pairs.trades).toEqual(trades);
    expect(edge_pairs.total.refusals.NO_EDGE).toBeGreaterThan(0);
    expect(edge_pairs.trades.filter(({ pairId }) => pairId === pairs[0])).toEqual([]);
    // In memory that threads share, in whatever order they end.
    const shared = await run({ policy: { ...policy, exposure }, workers: 2 });
    expect(shared.bundles[0]!.all_pairs.trades).toEqual(trades);
  });

  it('enters by the expectation of each bundle', async () => {
    // No cost is above ten deviations of the spread.
    const sets = [-10, 10].map((earned) => setOf({ expectation: { promised: [0, 1], earned: [earned, earned] } }));
    const { bundles } = await run({ sets, policy: { ...policy, min_expected_net_bps: 0 } });
    const [none, all] = bundles.map((bundle) => bundle.all_pairs.trades.length);
    expect(none).toBe(0);
    expect(all).toBeGreaterThan(30);
  });

  it('excludes a pair whose symbols share no minute, and one without a warm bar in the period', async () => {
    const [first, second, third] = pairs.map(parsePair);
    const apart = new Map(bars).set(first!.a, viewBars(bars.get(first!.a)!, 0, 0));
    const two = await run({ bars: apart });
    expect(two.pairs).toEqual([second!.id, third!.id]);
    expect(two.bundles[0]!.all_pairs.trades).toEqual(
      result.bundles[0]!.all_pairs.trades.filter(({ pairId }) => pairId !== first!.id),
    );
    const early = new Map(bars).set(third!.a, viewBars(bars.get(third!.a)!, 0, 400));
    const warm = await run({ bars: early });
    expect(warm.pairs).toEqual([first!.id, second!.id]);
    expect(warm.barsOf).toEqual({ [first!.id]: result.barsOf[first!.id], [second!.id]: result.barsOf[second!.id] });
    expect(warm.first).toBe(result.first);
  });

  it('has a day only if a pair has bars, counted per pair', async () => {
    const [first, second] = pairs.map(parsePair);
    // The first day of one pair only, the last day of the other only.
    const cut = new Map(bars);
    const at = (symbol: string, time: number): number => bars.get(symbol)!.time.findIndex((own) => own >= time);
    cut.set(first!.a, viewBars(bars.get(first!.a)!, 0, at(first!.a, ROLLS[0]!)));
    const found = await run({ bars: cut, pairs: [first!] });
    expect(found.days).toHaveLength(1);
    cut.set(second!.a, viewBars(bars.get(second!.a)!, at(second!.a, ROLLS[1]!), bars.get(second!.a)!.length));
    const both = await run({ bars: cut, pairs: [first!, second!] });
    expect(both.days).toHaveLength(2);
    expect(both.days[0]).toBe(both.first);
    expect(both.days[1]).toBeGreaterThanOrEqual(ROLLS[1]!);
    // A pair whose bars start later that day has the day's start of the earliest pair.
    const later = bars.get(second!.a)!;
    cut.set(first!.a, bars.get(first!.a)!);
    cut.set(second!.a, viewBars(later, at(second!.a, ROLLS[1]! + 3600), later.length));
    expect((await run({ bars: cut, pairs: [second!, first!] })).days).toEqual(result.days);
    const { total, pairs: own } = both.bundles[0]!.all_pairs;
    expect([total.trading_days, own[first!.id]!.trading_days, own[second!.id]!.trading_days]).toEqual([2, 1, 1]);
  });

  it('refuses bars without a common minute, a period without warm bars, and a symbol without costs', async () => {
    await expect(run({ bars: new Map() })).rejects.toMatchObject({
      code: 'DATA_MISSING',
      message: expect.stringContaining('no pair has minutes that both of its symbols have') as string,
    });
    const late = (result.last + 60) as OpenTime;
    await expect(run({ from: late })).rejects.toMatchObject({
      code: 'DATA_TOO_SHORT',
      message: expect.stringContaining('no bar of the period has warm features') as string,
    });
    await expect(run({ costs: {} })).rejects.toThrow(new RangeError('no costs of XAUUSD'));
  });

  it('reduces positions by drawdown and risk as recomputed from the trades, and shows the drawdown without', async () => {
    const free = { spread_bps: 0, commission_bps: 0, slippage_bps: 0 };
    const costs = Object.fromEntries(Object.keys(symbols).map((id) => [id, free]));
    const leverage = {
      drawdown: [
        [0.0005, 0.5],
        [0.002, 0.2],
      ] as const,
      risk_score: [[0.3, 0.7]] as const,
      costs,
    };
    const reduced = await run({ policy: { ...policy, leverage } });
    const with_ = reduced.bundles[0]!.all_pairs;
    const without = result.bundles[0]!.all_pairs;
    expect(with_.trades.map(({ scale: _, ...trade }) => trade)).toEqual(
      without.trades.map(({ scale: _, ...trade }) => trade),
    );
    expect(with_.fullLeverage!.net_return).toBeCloseTo(without.total.net_return, 12);
    expect(with_.fullLeverage!.max_drawdown).toBeCloseTo(without.total.max_drawdown, 12);
    expect(without.fullLeverage).toBeNull();
    expect(with_.total.max_drawdown).toBeLessThan(0.7 * without.total.max_drawdown);
    let halved = 0;
    for (const { id, history, answer } of whole) {
      let settled = 0;
      let peak = 0;
      for (const trade of with_.trades.filter(({ pairId }) => pairId === id)) {
        const drop = peak - settled;
        const rate = (drop >= 0.002 ? 0.2 : drop >= 0.0005 ? 0.5 : 1) * (answer(trade.entrySignal, 2) >= 0.3 ? 0.7 : 1);
        expect(trade.scale).toBeCloseTo(rate * trade.fullScale, 12);
        if (rate < 0.7) halved++;
        const last = trade.exitSignal < 0 ? history.length - 2 : trade.exitSignal;
        const worth = (t: number): number =>
          (trade.side *
            (history.lnA[t]! -
              history.lnA[trade.entrySignal]! -
              trade.beta * (history.lnB[t]! - history.lnB[trade.entrySignal]!))) /
          (1 + Math.abs(trade.beta));
        for (let t = trade.entrySignal; t <= last; t++) peak = Math.max(peak, settled + trade.scale * worth(t));
        settled += trade.scale * worth(last);
      }
    }
    expect(halved).toBeGreaterThan(3);
  });
});
