import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { replayBars } from '../daemon/replay.ts';
import type { OpenTime } from '../shared/bar.ts';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { screenBars } from '../shared/bar_file/screened_bars.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { prepareModels } from '../shared/bundle/prepared_models.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { barAt } from '../shared/bar_file/bar_file.ts';
import { parsePair } from '../shared/pair.ts';
import { decisionPolicy, screenPolicy, type Settings } from '../shared/policy/policy.ts';
import type { Rng } from '../shared/ports.ts';
import { packageRoot } from '../shared/root.ts';
import { createRng } from '../shared/rng.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { equityCsv, isoSecond, tradesCsv } from '../trainer/learning/strategies/pair_reversion/backtest/ledger.ts';
import {
  backtestPeriod,
  isTrainedOn,
  ROWS_PER_SCORE,
  type BundleResult,
  type PeriodOptions,
  type PeriodResult,
  type TradeRecord,
} from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { renderReport, verdict } from '../trainer/learning/strategies/pair_reversion/backtest/report/report.ts';
import { buildPairHistory } from '../trainer/learning/history/pair_history.ts';
import {
  EVALUATION_BARRIERS,
  isCandidate,
  reversionLabel,
} from '../trainer/learning/strategies/pair_reversion/label/reversion.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { modelMetrics } from '../trainer/learning/measures/model_metrics.ts';
import { tinyBars, tinySettings, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MINUTES = 3400;
let folder: string;
let settings: Settings;
let bars: Map<string, BarColumns>;
let bundle: string;
let models: ModelSet;
let from: OpenTime;
let result: PeriodResult;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-backtest-'));
  settings = tinySettings();
  bars = tinyBars(settings, MINUTES);
  bundle = (await tinyModels(folder, { settings })).path;
  models = await loadModelSet(bundle, featureSchema(settings.minutehand.windows), ROWS_PER_SCORE);
  const { time } = bars.get('XAUUSD')!;
  from = time[Math.floor(time.length * 0.6)]! as OpenTime;
  result = await run();
});
afterAll(async () => {
  await models.release();
  rmSync(folder, { recursive: true, force: true });
});

function optionsOf(changes: Partial<PeriodOptions> = {}): PeriodOptions {
  return {
    pairs: settings.minutehand.pairs.map(parsePair),
    bars,
    from,
    sets: [models],
    policy: decisionPolicy(settings),
    labels: datasetPolicy(settings),
    costs: settings.minutehand.symbols,
    workers: 0,
    onProgress: () => undefined,
    ...changes,
  };
}

function run(changes: Partial<PeriodOptions> = {}): Promise<PeriodResult> {
  return backtestPeriod(optionsOf(changes));
}

/** A trade in the form of signals. */
function wordsOf(trade: TradeRecord): object {
  return {
    pair: trade.pairId,
    entered: isoSecond(trade.entrySignalTime),
    exited: trade.exitSignalTime === null ? null : isoSecond(trade.exitSignalTime),
    reason: trade.exitSignalTime === null ? null : trade.reason,
    target: trade.side,
    beta: trade.beta,
    scale: trade.scale,
  };
}

/** ENTER and EXIT signals of a replay, matched by position_id. */
async function replayedTrades(replayed = bars, how = settings): Promise<object[]> {
  const signals: Signal[] = [];
  await replayBars({
    settings: how,
    pairIds: settings.minutehand.pairs,
    bars: replayed,
    models,
    clock: MACHINE_CLOCK,
    bootId: 'backtest',
    from,
    to: Infinity as OpenTime,
    onSignals: (batch) => signals.push(...batch.map(({ text }) => JSON.parse(text) as Signal)),
    onMinute: () => undefined,
  });
  const exits = new Map(signals.filter(({ action }) => action === 'EXIT').map((exit) => [exit.position_id, exit]));
  return signals
    .filter(({ action }) => action === 'ENTER')
    .map((enter) => {
      const exit = exits.get(enter.signal_id);
      return {
        pair: enter.pair_id,
        entered: enter.timestamp,
        exited: exit?.timestamp ?? null,
        reason: exit?.reason ?? null,
        target: enter.target,
        beta: enter.beta,
        scale: enter.position_scale,
      };
    });
}

/** Multiplies one bar in three hundred by 1000. */
function withBadTicks(columns: BarColumns, rng: Rng): BarColumns {
  const isBad = Array.from(columns.time, () => rng.uniform() < 1 / 300);
  const spoil = (column: Float64Array): Float64Array => column.map((value, i) => (isBad[i] ? value * 1000 : value));
  const { open, high, low, close } = columns;
  return { ...columns, open: spoil(open), high: spoil(high), low: spoil(low), close: spoil(close) };
}

const byPairAndTime = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

describe('a backtest', () => {
  it('makes exactly the trades that a replay of the same period and bundle signals', async () => {
    const replayed = (await replayedTrades()).sort(byPairAndTime);
    const trades = result.bundles[0]!.edge_pairs.trades.map(wordsOf).sort(byPairAndTime);
    expect(trades.length).toBeGreaterThan(30);
    expect(new Set(result.bundles[0]!.edge_pairs.trades.map(({ side }) => side))).toEqual(new Set([-1, 1]));
    // Decisions of the last two bars are signaled but can no longer be filled.
    const end = isoSecond(result.last);
    const fillable = replayed.filter((trade) => (trade as { entered: string }).entered < end);
    const known = fillable.map((trade) => {
      const { exited } = trade as { exited: string | null };
      return exited !== null && exited > end ? { ...trade, exited: null, reason: null } : trade;
    });
    expect(trades).toEqual(known);
  });

  it('reduces each position by drawdown and risk as a replay signals it, and has a smaller drawdown than without', async () => {
    const steps = { drawdown: [[0.0005, 0.6] as const], risk_score: [[0.2, 0.5] as const] };
    const how = tinySettings({ core: { leverage_reduction_rate: steps } });
    const { bundles, last } = await run({ policy: decisionPolicy(how) });
    const { trades, total, fullLeverage } = bundles[0]!.edge_pairs;
    const end = isoSecond(last);
    const replayed = (await replayedTrades(bars, how)).filter((trade) => (trade as { exited: string }).exited <= end);
    const closed = trades.filter(({ exitSignalTime }) => exitSignalTime !== null);
    expect(closed.map(wordsOf).sort(byPairAndTime)).toEqual(replayed.sort(byPairAndTime));
    const rates = new Set(trades.map(({ scale, fullScale }) => (scale / fullScale).toFixed(6)));
    expect([...rates].sort()).toEqual(['0.300000', '0.500000', '0.600000', '1.000000']);
    const { total: before } = result.bundles[0]!.edge_pairs;
    expect(fullLeverage!.net_return).toBeCloseTo(before.net_return, 12);
    expect(fullLeverage!.max_drawdown).toBeCloseTo(before.max_drawdown, 12);
    expect(total.max_drawdown).toBeLessThan(before.max_drawdown);
  });

  it('makes the trades of a replay when bad ticks are held back, and different ones when they are accepted', async () => {
    const rng = createRng('bad ticks');
    const spoilt = new Map([...bars].map(([symbol, columns]) => [symbol, withBadTicks(columns, rng)]));
    const screened = screenBars(spoilt, screenPolicy(settings));
    const enteredOf = async (given: Map<string, BarColumns>): Promise<object[]> => {
      const { bundles, last } = await run({ bars: given });
      const end = isoSecond(last - 3600);
      const isEarly = (trade: object): boolean => ((trade as { exited: string | null }).exited ?? end) < end;
      return bundles[0]!.edge_pairs.trades.map(wordsOf).filter(isEarly).sort(byPairAndTime);
    };
    const trades = await enteredOf(screened);
    const replayed = (await replayedTrades(spoilt)).sort(byPairAndTime);
    expect(trades.length).toBeGreaterThan(20);
    expect(replayed).toEqual(expect.arrayContaining(trades));
    expect(replayed.length - trades.length).toBeLessThan(10);
    expect(await enteredOf(spoilt)).not.toEqual(trades);
  });

  it('fills every trade at the opens of the bars after its signals, and charges the costs of both symbols', () => {
    for (const trade of result.bundles[0]!.all_pairs.trades) {
      const { a, b } = parsePair(trade.pairId);
      const openAt = (symbol: string, time: number): number => {
        const columns = bars.get(symbol)!;
        return columns.open[columns.time.indexOf(time)]!;
      };
      expect(trade.entryTime).toBeGreaterThanOrEqual(trade.entrySignalTime);
      expect(trade.entryPrices).toEqual([openAt(a, trade.entryTime), openAt(b, trade.entryTime)]);
      expect(trade.exitPrices).toEqual([openAt(a, trade.exitTime), openAt(b, trade.exitTime)]);
      const share = 1 / (1 + Math.abs(trade.beta));
      const leg = (symbol: string): number => {
        const { spread_bps, commission_bps, slippage_bps } = settings.minutehand.symbols[symbol]!;
        return spread_bps + 2 * commission_bps + 2 * slippage_bps;
      };
      expect(trade.costBps).toBeCloseTo(share * leg(a) + (1 - share) * leg(b), 9);
      const moved = (prices: 0 | 1): number => trade.exitPrices[prices] / trade.entryPrices[prices] - 1;
      const gross = trade.side * share * (moved(0) - trade.beta * moved(1)) * 1e4;
      expect(trade.grossBps).toBeCloseTo(gross, 8);
      expect(trade.netBps).toBeCloseTo(gross - trade.costBps - trade.swapBps, 8);
    }
  });

  it('evaluates AI1 on its evaluation label at all candidates of all pairs', async () => {
    const { windows } = settings.minutehand;
    const scores: number[] = [];
    const labels: number[] = [];
    for (const pair of settings.minutehand.pairs.map(parsePair)) {
      const history = buildPairHistory(pair, bars.get(pair.a)!, bars.get(pair.b)!, windows, () => true);
      const columns = history.features.length / history.rows;
      for (let t = 0; t < history.length; t++) {
        if (history.time[t]! < from || !isCandidate(history, t, EVALUATION_BARRIERS)) continue;
        const outcome = reversionLabel(history, t, EVALUATION_BARRIERS);
        if (outcome === null) continue;
        const answer = await models.infer(history.features.subarray(t * columns, (t + 1) * columns), 1);
        scores.push(answer.return_prob[0]!);
        labels.push(outcome.label);
      }
    }
    expect(labels.length).toBeGreaterThan(100);
    expect(result.bundles[0]!.models.ai1).toEqual(modelMetrics(Float64Array.from(scores), Float64Array.from(labels)));
    expect(result.bundles[0]!.models.ai2.auc).toBeGreaterThan(0);
    expect(result.bundles[0]!.models.ai3.brier).toBeGreaterThan(0);
  });

  it('is consistent: trades, daily results, curve and pairs agree', () => {
    const { all_pairs } = result.bundles[0]!;
    const { total, pairs, trades, curve, days } = all_pairs;
    const count = result.pairs.length;
    const net = trades.reduce((sum, { scale, netBps }) => sum + scale * netBps, 0) / 1e4 / count;
    expect(total.net_return).toBeCloseTo(net, 12);
    expect(curve.at(-1)).toBeCloseTo(net, 12);
    expect(days.reduce((sum, day) => sum + day, 0)).toBeCloseTo(net, 12);
    expect(Object.values(pairs).reduce((sum, { net_return }) => sum + net_return, 0) / count).toBeCloseTo(net, 12);
    expect(Object.values(pairs).reduce((sum, pair) => sum + pair.candidates, 0)).toBe(total.candidates);
    const refused = Object.values(total.refusals).reduce((sum, reasons) => sum + reasons, 0);
    // An entry at the last bar but one has no fill.
    expect(total.candidates - refused - trades.length).toBeLessThanOrEqual(count);
    const { RISK_HIGH = 0, COST_HIGH = 0 } = total.refusals;
    expect(RISK_HIGH).toBeGreaterThan(0);
    expect(total.refusal_rate).toBe(RISK_HIGH / (RISK_HIGH + COST_HIGH + total.candidates - refused));
    expect(result.bars).toBe(Object.values(result.barsOf).reduce((sum, bars) => sum + bars, 0));
  });

  it.each(['threads', 'caller'])('is the same where threads build and the %s score', async (scorer) => {
    const program = pathToFileURL(
      join(packageRoot(), 'dist/trainer/learning/strategies/pair_reversion/backtest/period.js'),
    ).href;
    const built = (await import(program)) as { backtestPeriod: typeof backtestPeriod };
    const prepared = [await prepareModels(bundle, featureSchema(settings.minutehand.windows))];
    const options = optionsOf({ workers: 2, ...(scorer === 'threads' && { prepared }) });
    // Scores not computed by the caller are computed by the threads.
    const sets = scorer === 'threads' ? [{ ...models, infer: () => expect.fail('the caller scores') }] : [models];
    expect(await built.backtestPeriod({ ...options, sets })).toEqual(result);
  });

  it('does not depend on the number of bars before the period, if there are enough', async () => {
    const firstOf = (before: number): Map<string, BarColumns> =>
      new Map(
        [...bars].map(([symbol, columns]) => {
          const at = columns.time.findIndex((time) => time >= from - before * 60);
          const cut = Object.fromEntries(
            (['time', 'open', 'high', 'low', 'close', 'volume'] as const).map((name) => [
              name,
              columns[name].slice(at),
            ]),
          ) as unknown as BarColumns;
          return [
            symbol,
            { ...columns, ...cut, spread: columns.spread?.slice(at) ?? null, length: columns.length - at },
          ];
        }),
      );
    const { pair, warm } = { pair: parsePair('XAUUSD_XAGUSD'), warm: new PairFeatures(settings.minutehand.windows) };
    let needed = 0;
    while (!warm.ready) warm.step(barAt(bars.get(pair.a)!, needed), barAt(bars.get(pair.b)!, needed++));
    const short = await run({ bars: firstOf(2 * needed) });
    expect(short.bundles[0]!.all_pairs.trades.map(wordsOf)).toEqual(result.bundles[0]!.all_pairs.trades.map(wordsOf));
    expect(short.bundles[0]!.models).toEqual(result.bundles[0]!.models);
  });

  it('uses given thresholds instead of the bundle’s', async () => {
    const none = await run({ thresholds: { theta1: 1 } });
    expect(none.bundles[0]!.thresholds).toEqual({ theta1: 1, theta2: models.theta2 });
    expect(none.bundles[0]!.all_pairs.total).toMatchObject({ trades: 0, net_sharpe: null, refusal_rate: null });
    const all = await run({ thresholds: { theta1: 0, theta2: 1 } });
    expect(all.bundles[0]!.all_pairs.total.trades).toBeGreaterThan(result.bundles[0]!.all_pairs.total.trades);
  });

  it('refuses a period without bars, and one without warm features', async () => {
    await expect(run({ bars: new Map() })).rejects.toMatchObject({ code: 'DATA_MISSING' });
    const late = bars.get('XAUUSD')!.time.at(-1)! + 60;
    await expect(run({ from: late as OpenTime })).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
  });
});

describe('NO_EDGE', () => {
  it('excludes a pair from the trades of pairs with an edge, and not from those of all pairs', async () => {
    const edges = { ...models, hasEdge: (pairId: string) => pairId === 'EURUSD_GBPUSD' };
    const policy = { ...decisionPolicy(settings), require_edge: true };
    const [bundle] = (await run({ sets: [edges], policy })).bundles;
    expect(bundle!.noEdge).toEqual(['XAUUSD_XAGUSD', 'AUDUSD_USDCAD']);
    expect(bundle!.all_pairs.trades).toEqual(result.bundles[0]!.all_pairs.trades);
    expect(bundle!.edge_pairs.trades).toEqual(
      result.bundles[0]!.all_pairs.trades.filter(({ pairId }) => pairId === 'EURUSD_GBPUSD'),
    );
    const gated = bundle!.edge_pairs.pairs['XAUUSD_XAGUSD']!;
    expect(gated).toMatchObject({ trades: 0, refusal_rate: null, net_return: 0 });
    expect(gated.refusals).toEqual({ NO_EDGE: gated.candidates });
    expect(verdict(bundle!, 3, true)).toMatch(/2 of 3 pairs are NO_EDGE: the daemon would have made \d+ trades/);
    const none = { ...models, hasEdge: () => false };
    const [silent] = (await run({ sets: [none], policy })).bundles;
    expect(silent!.edge_pairs.total).toMatchObject({ trades: 0, net_return: 0, max_drawdown: 0, refusal_rate: null });
    expect(verdict(silent!, 3, true)).toMatch(/3 of 3 pairs are NO_EDGE: the daemon would not have traded/);
  });
});

describe('the written report', () => {
  it('is one line for each trade, and the value of each curve over time', () => {
    const lines = [...tradesCsv(result)].join('').trimEnd().split('\n');
    const { all_pairs, version } = result.bundles[0]!;
    expect(lines).toHaveLength(all_pairs.trades.length + 1);
    const header = lines[0]!.split(',');
    const cells = Object.fromEntries(lines[1]!.split(',').map((cell, i) => [header[i]!, cell]));
    const trade = all_pairs.trades[0]!;
    expect(cells).toMatchObject({
      model_version: version,
      published: '1',
      pair_id: trade.pairId,
      entry_signal: isoSecond(trade.entrySignalTime),
      net_bps: String(trade.netBps),
    });

    const curve = [...equityCsv(result)].join('').trimEnd().split('\n');
    expect(curve[0]).toBe(`time,all_pairs,edge_pairs,${result.pairs.join(',')}`);
    expect(curve).toHaveLength(all_pairs.curve.length + 1);
    const last = curve.at(-1)!.split(',');
    expect(last[0]).toBe(isoSecond(result.last + 60));
    expect(Number(last[1])).toBeCloseTo(all_pairs.total.net_return, 7);
    result.pairs.forEach((pair, i) => expect(Number(last[3 + i])).toBeCloseTo(all_pairs.pairs[pair]!.net_return, 7));
  });

  it('is one page that loads nothing, for one bundle and for two on the same bars', async () => {
    const other = { ...models, version: '20240106_0000', theta1: 0.5 };
    const two = await run({ sets: [models, other] });
    expect(two.bundles[0]!.all_pairs.trades).toEqual(result.bundles[0]!.all_pairs.trades);
    expect(two.bundles[1]!.all_pairs.total.trades).toBeLessThan(two.bundles[0]!.all_pairs.total.trades);
    const symbols = Object.fromEntries(
      [...bars.keys()].map((symbol) => [symbol, settings.minutehand.symbols[symbol]!]),
    );
    for (const [one, sets] of [
      [result, [models]],
      [two, [models, other]],
    ] as const) {
      const html = renderReport({
        result: one,
        manifests: sets.map(({ manifest }) => manifest),
        symbols,
        requireEdge: false,
      });
      expect(html).not.toMatch(/<script|<link|<img|https?:|url\(|NaN|Infinity|undefined/);
      expect(html.match(/<svg/g)!.length).toBe(html.match(/<\/svg>/g)!.length);
      expect(html).toContain('width=device-width');
      for (const pair of one.pairs) expect(html).toContain(pair);
      expect(html).toContain(verdict(one.bundles[0]!, 3, false).slice(0, 40));
      const [{ thresholds }] = one.bundles as [BundleResult];
      expect(html).toContain(`θ1 ${thresholds.theta1}, θ2 ${thresholds.theta2}.`);
      // The tiny models are trained on roughly the first day of bars.
      expect(html.includes('the figures flatter it')).toBe(isTrainedOn(one, models.manifest));
    }
  });

  it('shows no trades, small results and few trades plainly', async () => {
    const { all_pairs } = result.bundles[0]!;
    const [first] = all_pairs.trades;
    const few = (net_return: number, trades: number): BundleResult => ({
      ...result.bundles[0]!,
      all_pairs: {
        ...all_pairs,
        trades: all_pairs.trades.slice(0, trades),
        total: { ...all_pairs.total, net_return, trades, net_sharpe: -4.52 },
        pairs: {
          ...all_pairs.pairs,
          [first!.pairId]: { ...all_pairs.pairs[first!.pairId]!, trades: 0, net_return: 0, mean_net_bps: null },
        },
      },
    });
    expect(verdict(few(-0.0000123, 3), 3, false)).toMatch(/a loss of 0\.0012 % of the capital in 3 trades/);
    expect(verdict(few(-0.0000123, 3), 3, false)).toMatch(/ ± .* after\)\. Too few trades/);
    expect(verdict(few(-0.0000123, 3), 3, false)).not.toContain('Sharpe');
    expect(verdict(few(0, 1), 3, false)).toMatch(/neither gain nor loss in 1 trade \(/);
    expect(verdict(few(0.02, 20), 3, false)).toMatch(/a gain of 2\.00 % .*Sharpe -4\.52 ± \d+\.\d\d\)\. \d of/);
    const html = renderReport({
      result: { ...result, bundles: [few(-0.0000123, 3)] },
      manifests: [models.manifest],
      symbols: {},
      requireEdge: false,
    });
    expect(html).not.toMatch(/-0\.00 %|-4\.52/);
    expect(html).toMatch(/-0\.0012 %/);
    expect(html).toMatch(new RegExp(`<td>${first!.pairId}</td>(<td>[^<]*</td>){3}<td>0</td><td>no trades</td>`));
  });

  it('reports when other thresholds than those of the bundle were requested', async () => {
    const asked = await run({ thresholds: { theta1: 0.45 } });
    const symbols = Object.fromEntries(
      [...bars.keys()].map((symbol) => [symbol, settings.minutehand.symbols[symbol]!]),
    );
    const html = renderReport({ result: asked, manifests: [models.manifest], symbols, requireEdge: false });
    expect(html).toContain(
      `θ1 0.45, θ2 ${models.theta2}, asked for instead of its own ${models.theta1} and ${models.theta2}.`,
    );
  });

  it('is byte-identical every time', async () => {
    const again = await run();
    expect([...tradesCsv(again)]).toEqual([...tradesCsv(result)]);
    expect([...equityCsv(again)]).toEqual([...equityCsv(result)]);
    expect(again.bundles[0]!.all_pairs.total).toEqual(result.bundles[0]!.all_pairs.total);
  });
});
