import { DELIVERED_LEARNER } from './direction_learner.ts';
import { PREDICTION_BIAS_LIMITS } from './gates/bias_limits.fixture.ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EXPECTED_OF_DIRECTION, gateKey } from '../../../../shared/bundle/gates/gate_codes.ts';
import { isExplained, keyOf, type GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { writtenGate } from '../../../../test/written_gate.ts';
import { INSTRUMENT_WINDOWS } from '../../../../shared/core/features/instrument/definitions.ts';
import type { SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import { SERIES_NAMES, type SeriesName } from '../../../../shared/core/series/series_names.ts';
import { loadSettings } from '../../../../shared/policy/policy.ts';
import { createRng } from '../../../../shared/rng.ts';
import { directionLabels, EVALUATION_LABEL, UP } from './label/direction.ts';
import { openFitPool } from '../../learners/trees/fit_pool.ts';
import { delayedEdge } from './delayed_edge.ts';
import { DIRECTION_GATES, directionGates } from './gates/registry.ts';
import type { DirectionEvidence } from './gates/direction_gate.ts';
import { walkForwardNet } from './direction_net.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import { instrumentRows, type Instrument, type InstrumentRows } from './instrument_rows.ts';
import { OUTSIDE_COLUMNS, refuseForeseeingColumns } from './series_foresight.ts';
import { NO_SERIES } from '../../instruments/series_files.ts';
import { successTargets } from './success_targets.ts';
import { DIRECTION_PARAMS, DIRECTION_WALK_FORWARD, trainDirection, type DirectionPlan } from './train_direction.ts';
import { f1Floor } from '../../validate/quality_gate.ts';
import { calibrateBlocks, scoreBlocks } from './walk_forward.ts';

const HOUR = 3600;
const START = 1_600_000_000 - (1_600_000_000 % HOUR);
const PLAN: DirectionPlan = {
  windows: { ...INSTRUMENT_WINDOWS, short_window: 8, medium_window: 16, long_window: 24 },
  label: EVALUATION_LABEL,
  learner: DELIVERED_LEARNER,
  balance: 'class_weights',
  classWeightRatio: 1,
  stride: 2,
  params: { ...DIRECTION_PARAMS, rounds: 15, learningRate: 0.2, leaves: 6, minDataInLeaf: 30 },
  walkForward: { ...DIRECTION_WALK_FORWARD, blocks: 4 },
  costs: { takerFeeBps: 5, slippageBps: 1 },
  f1Floor: null,
  biasLimits: PREDICTION_BIAS_LIMITS,
  search: null,
  seed: '1',
  workers: 0,
  balances: [],
  peers: [],
};

/** Hourly bars with these log returns. */
function barsOf(symbol: string, returns: readonly number[]): InstrumentBars {
  const rng = createRng(`bars ${symbol}`);
  let price = 100;
  const open = new Float64Array(returns.length);
  const close = Float64Array.from(returns, (own, t) => {
    open[t] = price;
    return (price *= Math.exp(own));
  });
  const high = close.map((own, t) => Math.max(own, open[t]!));
  const low = close.map((own, t) => Math.min(own, open[t]!));
  const time = close.map((_, t) => START + t * HOUR);
  const volume = close.map(() => 1 + rng.uniform());
  const takerBuyVolume = volume.map((own) => own * rng.uniform());
  return { symbol, timeframe: HOUR, length: close.length, time, open, high, low, close, volume, takerBuyVolume };
}

/** A random walk: its past does not predict its future. */
function walk(symbol: string, length: number, sigma = 0.006): InstrumentBars {
  const rng = createRng(`walk ${symbol}`);
  return barsOf(
    symbol,
    Array.from({ length }, () => sigma * rng.normal()),
  );
}

/** One value per bar, stamped `lateBars` after its close. */
function seriesOf({ time }: InstrumentBars, lateBars: number, valueAt: (t: number) => number): SeriesHistory {
  const eventTime = time.map((open) => open + (1 + lateBars) * HOUR);
  return {
    length: time.length,
    eventTime,
    arrivalTime: eventTime,
    value: Float64Array.from(time, (_, t) => valueAt(t)),
  };
}

function withSeries(bars: InstrumentBars, name: SeriesName, history: SeriesHistory): Instrument {
  return { bars, series: { ...NO_SERIES, [name]: history } };
}

const train = (instruments: readonly Instrument[]) => trainDirection(instruments, PLAN, () => undefined);
const failed = (gates: readonly GateResult[]): string[] => gates.filter(({ passed }) => !passed).map(keyOf);

/** Open interest that moves with the price, as its value at the close of each bar. */
function openInterest(bars: InstrumentBars): (t: number) => number {
  const rng = createRng('open interest');
  const values = Float64Array.from(bars.close, (own) => 1000 * own ** 2 * Math.exp(0.002 * rng.normal()));
  return (t) => values[t]!;
}

afterEach(() => vi.unstubAllEnvs());

describe('the training of a direction model', () => {
  it('names an engine that this machine lacks before anything is learned', async () => {
    vi.stubEnv('MINUTEHAND_XGBOOST_LIBRARY', 'no-such-library-anywhere.so');
    const stages = new Set<string>();
    const plan: DirectionPlan = { ...PLAN, peers: ['xgboost'] };
    const training = trainDirection(
      [withSeries(walk('A', 400), 'open_interest', NO_SERIES.open_interest)],
      plan,
      (stage) => stages.add(stage),
    );
    await expect(training).rejects.toMatchObject({ code: 'LEARNER_MISSING' });
    expect([...stages]).toEqual([]);
  });

  it('passes an honest series, and finds no edge in a random walk', async () => {
    const bars = walk('HONEST', 3000);
    const { gates, net } = await train([withSeries(bars, 'open_interest', seriesOf(bars, 0, openInterest(bars)))]);
    expect(gates.map(({ code }) => code)).toEqual(DIRECTION_GATES.map(({ code }) => code));
    expect(gates.map(keyOf)).toEqual(EXPECTED_OF_DIRECTION.map(gateKey));
    expect(gates.filter((gate) => !isExplained(gate))).toEqual([]);
    expect(failed(gates)).toEqual([]);
    expect(writtenGate(gates[2]!).seen).toBe('none of open_interest, volume, taker_buy_volume');
    expect([net.result.no_edge, net.edge['HONEST']!.no_edge]).toEqual([true, true]);
  });

  it('refuses a series that knows the next 24 hours, naming it', async () => {
    const bars = walk('NEXTDAY', 3000);
    const next = (t: number): number => {
      const move = Math.log(bars.close[Math.min(t + 24, bars.length - 1)]! / bars.close[t]!);
      return Math.min(100, Math.max(0, 50 + 500 * move));
    };
    await expect(train([withSeries(bars, 'sentiment', seriesOf(bars, 0, next))])).rejects.toMatchObject({
      code: 'SERIES_FORESIGHT',
      seen: expect.stringMatching(/^sentiment knows the next (12|24) h of NEXTDAY/),
    });
  });

  it('refuses open interest that comes six hours early, naming it', async () => {
    const bars = walk('PEEK', 3000);
    const early = seriesOf(bars, -6, openInterest(bars));
    await expect(train([withSeries(bars, 'open_interest', early)])).rejects.toMatchObject({
      code: 'SERIES_FORESIGHT',
      seen: expect.stringMatching(/^open_interest moves 6 h before PEEK/),
    });
  });

  it('refuses a series or a volume that is the label, however it is coded', async () => {
    const bars = walk('LABEL', 3000);
    const { label } = directionLabels(bars, EVALUATION_LABEL);
    const coded = (t: number): number => (label[t] === UP ? 30 : label[t]! < 0 ? 10 : 20);
    await expect(train([withSeries(bars, 'long_short_ratio', seriesOf(bars, 0, coded))])).rejects.toMatchObject({
      seen: expect.stringContaining('long_short_ratio'),
    });
    const volume = Float64Array.from(bars.volume, (_, t) => coded(t));
    await expect(train([{ bars: { ...bars, volume }, series: NO_SERIES }])).rejects.toMatchObject({
      seen: expect.stringContaining('volume'),
    });
  });

  it('fails the gate of plausibility, and meets no AUC target, where prices alone tell up from down', async () => {
    // 30 hours up, 40 flat, 30 down, 40 flat.
    const rng = createRng('waves');
    const wave = Array.from({ length: 3000 }, (_, t) => {
      const hour = t % 140;
      const drift = hour < 30 ? 0.004 : hour >= 70 && hour < 100 ? -0.004 : 0;
      return drift + 0.001 * rng.normal();
    });
    const { gates, metrics, bias, net } = await train([{ bars: barsOf('WAVES', wave), series: NO_SERIES }]);
    expect(metrics.up_or_down_auc).toBeGreaterThan(0.7);
    expect(failed(gates)).toContain('direction.plausible');
    const targets = successTargets({ metrics, bias, net, instruments: 1, seconds: 1, isPlausible: false });
    const [, up, down, range] = targets;
    expect(up).toMatchObject({ met: false, implausible: true });
    expect(down).toMatchObject({ met: false, implausible: true });
    expect(range).not.toHaveProperty('implausible');
  });
});

describe('refuseForeseeingColumns', () => {
  const bars = walk('COLUMNS', 2000);
  const instrument = withSeries(
    bars,
    'sentiment',
    seriesOf(bars, 0, () => 50),
  );
  const rows = instrumentRows([instrument], PLAN);

  /** The rows with other values of a column. */
  function spoiled(name: string, valueAt: (row: number) => number): InstrumentRows {
    const values = rows.x.values.slice();
    const column = rows.columns.indexOf(name);
    for (let row = 0; row < rows.x.rows; row++) values[row * rows.x.columns + column] = valueAt(row);
    return { ...rows, x: { ...rows.x, values } };
  }
  const train = (length: number): Int32Array => Int32Array.from({ length }, (_, row) => row);
  const all = train(rows.x.rows);

  it('names the column that is the label', () => {
    const label = spoiled('market_sentiment_score', (row) => rows.evaluation[row]!);
    expect(() => refuseForeseeingColumns(label, all)).toThrow(/market_sentiment_score with an AUC of 1\.000/);
    const inverted = spoiled('funding_rate', (row) => (rows.evaluation[row] === UP ? -1 : 0));
    expect(() => refuseForeseeingColumns(inverted, all)).toThrow(/funding_rate/);
  });

  it('passes noise in every column, on many rows and on few', () => {
    for (let seed = 0; seed < 30; seed++) {
      const rng = createRng(`noise ${seed}`);
      let slow = 0;
      const noise = spoiled('funding_rate', () => (slow = 0.95 * slow + rng.normal()));
      expect(refuseForeseeingColumns(noise, all)).not.toBeNull();
      for (const length of [150, 800, 1200]) expect(() => refuseForeseeingColumns(noise, train(length))).not.toThrow();
    }
  });

  it('reads every column that depends on a series or a volume, and no other', () => {
    const rng = createRng('other series');
    const other = (): SeriesHistory => seriesOf(bars, 0, () => 10 + 80 * rng.uniform());
    const series = Object.fromEntries(SERIES_NAMES.map((name) => [name, other()])) as Instrument['series'];
    const volume = bars.volume.map(() => 1 + rng.uniform());
    const takerBuyVolume = volume.map((own) => own * rng.uniform());
    const changed = instrumentRows([{ bars: { ...bars, volume, takerBuyVolume }, series }], PLAN);
    const width = rows.x.columns;
    const depends = rows.columns.filter((_, column) =>
      [...all].some((row) => !Object.is(rows.x.values[row * width + column], changed.x.values[row * width + column])),
    );
    expect(depends.sort()).toEqual([...OUTSIDE_COLUMNS].sort());
  });
});

describe('an edge with every series one bar later', () => {
  it('is gone when the series knew only the next bar, and stays when it knew the next day', async () => {
    const delayed = async (ahead: number) => {
      const bars = walk('LATER', 3000, 0.012);
      const next = (t: number): number => {
        const move = Math.log(bars.close[Math.min(t + ahead, bars.length - 1)]! / bars.close[t]!);
        return Math.min(100, Math.max(0, 50 + 1000 * move));
      };
      const instruments = [withSeries(bars, 'sentiment', seriesOf(bars, 0, next))];
      const rows = instrumentRows(instruments, PLAN);
      const pool = openFitPool(0);
      try {
        const learning = {
          learner: DELIVERED_LEARNER,
          params: { ...PLAN.params, seed: '1' },
          stride: 1,
          balance: { balance: PLAN.balance, classWeightRatio: 1, seed: '1' },
        };
        const scored = await scoreBlocks(rows, learning, PLAN.walkForward, pool, () => undefined);
        const calibrated = calibrateBlocks(rows, scored, PLAN.walkForward);
        const net = walkForwardNet({ rows, instruments, scored, calibrated, costs: PLAN.costs, variants: 1 });
        expect(net.result.no_edge).toBe(false);
        return delayedEdge({ rows, instruments, plan: PLAN }, calibrated, net);
      } finally {
        await pool.close();
      }
    };
    const bar = await delayed(1);
    const day = await delayed(24);
    expect(bar.net_bps).toBeGreaterThan(10);
    expect(oneBarLaterPasses({ delayed: bar })).toBe(false);
    expect(oneBarLaterPasses({ delayed: day })).toBe(true);
  });

  it('must keep half of its net result; without a claim there is nothing to lose', () => {
    const of = (net_bps: number, delayed_net_bps: number | null) => ({
      delayed: { net_bps, delayed_net_bps, delayed_trades: 30 },
    });
    expect(oneBarLaterPasses(of(20, 10))).toBe(true);
    expect(oneBarLaterPasses(of(20, 9.9))).toBe(false);
    expect(oneBarLaterPasses(of(20, null))).toBe(false);
    expect(oneBarLaterPasses({ delayed: null })).toBe(true);
    expect(oneBarLaterPasses({ hasEdge: false, delayed: null })).toBe(true);
  });

  function oneBarLaterPasses(change: Partial<DirectionEvidence>): boolean {
    return directionGates(evidenceOf(change)).find(({ code }) => code === 'one_bar_later')!.passed;
  }
});

describe('the gate of plausibility', () => {
  it('passes up to 0.57, and above it what may be chance', () => {
    const passes = (auc: number, standard_error: number): boolean =>
      directionGates(evidenceOf({ upOrDown: { auc, standard_error, days: 200 } }))[1]!.passed;
    expect([passes(0.57, 0.001), passes(0.58, 0.005), passes(0.58, 0.02), passes(0.951, 0.01)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(passes(0.624, 0.01)).toBe(false);
    // An honest model of five months: 1.1 standard errors above 0.55.
    expect(passes(0.568, 0.023)).toBe(true);
    expect(directionGates(evidenceOf({ upOrDown: null }))[1]!.passed).toBe(true);
  });
});

describe('the gate of F1', () => {
  const gate = (f1: number, f1Floor: number | null) =>
    writtenGate(
      directionGates(
        evidenceOf({ f1: { f1, f1_by_class: [f1, f1, f1], f1_chance: 0.333, f1_gain_lower: 0.05 }, f1Floor }),
      ).find(({ code }) => code === 'f1')!,
    );

  it('is the floor of the policy, where the policy names direction', () => {
    expect(gate(0.599, 0.6)).toMatchObject({ passed: false, limit: 'at least 0.6' });
    expect(gate(0.6, 0.6)).toMatchObject({
      passed: true,
      seen: '0.600, by chance 0.333, above it by at least 0.050',
    });
    expect(gate(0.1, null)).toMatchObject({ passed: true, limit: 'no limit in the policy' });
    const { retrain } = loadSettings({ env: {} });
    expect(f1Floor({ retrain }, 'direction')).toBe(0.6);
    expect([f1Floor({ retrain }, 'ai1'), f1Floor({ retrain }, 'ai2')]).toEqual([null, null]);
    expect(f1Floor({ retrain: { ...retrain, quality_f1_gates: [] } }, 'direction')).toBeNull();
  });

  it('refuses a model of a random walk, whose card shows both F1', async () => {
    const bars = walk('F1', 3000);
    const { gates, metrics } = await trainDirection(
      [{ bars, series: NO_SERIES }],
      { ...PLAN, f1Floor: 0.6 },
      () => undefined,
    );
    expect(failed(gates)).toContain('direction.f1');
    expect(metrics.f1).toBeLessThan(0.45);
    expect(metrics.f1_gain_lower!).toBeLessThan(metrics.f1 - metrics.f1_chance);
  });
});

function evidenceOf(change: Partial<DirectionEvidence>): DirectionEvidence {
  const outcome = { rows: 0, predicted: null, observed: null, p_value: null };
  return {
    bias: {
      overall_balance: 0.5,
      prediction_min: 0.3,
      prediction_max: 0.7,
      outcome,
      biased: [],
      largest_variance_24h: null,
      buy_sell_ratio: null,
      bull_market_buy_ratio: null,
      bear_market_sell_ratio: null,
    },
    upOrDown: null,
    series: [],
    column: null,
    delayed: null,
    hasEdge: true,
    f1: { f1: 0.7, f1_by_class: [0.7, 0.7, 0.7], f1_chance: 0.3, f1_gain_lower: 0.1 },
    f1Floor: null,
    biasLimits: PREDICTION_BIAS_LIMITS,
    ...change,
  };
}
