import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { otherSymbolsOf } from '../../../shared/bar_file/other_bars.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { warmupBars } from '../../../shared/core/features/features.ts';
import { sequenceBars } from '../../../shared/core/features/windows.ts';
import { barSecondsOf, type Pair } from '../../../shared/pair.ts';
import { createRng } from '../../../shared/rng.ts';
import type { Dataset, DatasetPolicy } from '../strategies/pair_reversion/dataset/dataset.ts';
import { buildPair, type PairBuild } from '../strategies/pair_reversion/dataset/pair_build.ts';
import { matchMinutes } from '../history/pair_history.ts';
import type { BarLabels } from '../strategies/pair_reversion/label/pair_labels.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { rowsOfTable } from '../learners/contract/past_rows.ts';
import { SCENARIOS, type Scenario } from '../splits/scenarios.ts';
import { drawBars, generatedPrices, type GeneratedPlan } from './generated_prices.ts';

/** Bars of a generated market behind its warm-up. */
const BARS = 2000;
/** Consecutive bars that are drawn together, for both legs: longer than a label, so that spreads revert as recorded. */
const BLOCK = 240;
/** A trend is what the price does in a sixth of so short a history (`scenariosOfPrices`). */
const TREND_PART = 6;
/** In a range, the distance from the start falls by this many e-folds in the bars of a trend. */
const RANGE_FOLDS = 8;
/** Share of bars that AI2 and AI3 answer. */
const SAMPLED_SHARE = 0.2;

/** Rows of one model in the generated market of one pair. */
export interface GeneratedRows {
  readonly pairId: string;
  readonly x: Matrix;
  /** [rows] */
  readonly y: Float64Array;
}

/** By scenario and model, the pairs in their order. */
export type GeneratedMarkets = Readonly<Record<Scenario, Readonly<Record<ModelName, readonly GeneratedRows[]>>>>;

/** Those of one model and the pairs of a dataset; empty where there are none. */
export type ModelMarkets = Readonly<Partial<Record<Scenario, readonly GeneratedRows[]>>>;

/** What a model answers in each scenario, for the pairs of this dataset alone. */
export function marketsOf(
  generated: GeneratedMarkets | null,
  name: ModelName,
  { histories }: Pick<Dataset, 'histories'>,
): ModelMarkets {
  if (generated === null) return {};
  const pairs = new Set(histories.map(({ pair }) => pair.id));
  return Object.fromEntries(
    SCENARIOS.map((scenario) => [scenario, generated[scenario][name].filter(({ pairId }) => pairs.has(pairId))]),
  );
}

export interface GeneratedOptions {
  readonly dataset: Pick<Dataset, 'histories' | 'outsideColumns'>;
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly policy: DatasetPolicy;
  readonly seed: string;
  onProgress(done: number, total: number): void;
}

/**
 * Markets of each scenario, made of the pairs' own bars: blocks of moves of both legs in random order, with the drift,
 * pull or size of the scenario in both. Labels of AI1 are those of its evaluation. Auxiliary series are as recorded at
 * the time of a generated bar.
 * @returns null where models have columns that these bars do not give
 */
export async function generatedMarkets(options: GeneratedOptions): Promise<GeneratedMarkets | null> {
  const { dataset, bars, policy, seed, onProgress } = options;
  if (dataset.outsideColumns.length > 0 || otherSymbolsOf(policy.windows).length > 0) return null;
  const pairs = dataset.histories.map(({ pair }) => pair);
  const total = SCENARIOS.length * pairs.length;
  let done = 0;
  const marketOf = async (scenario: Scenario): Promise<GeneratedMarkets[Scenario]> => {
    const rows: Readonly<Record<ModelName, GeneratedRows>>[] = [];
    for (const pair of pairs) {
      rows.push(rowsOfPair(pair, bars, policy, { scenario, seed: `${seed}/${scenario}/${pair.id}` }));
      onProgress(++done, total);
      // Ctrl-C is answered between two pairs, and not after all of them.
      await nextTurn();
    }
    return perModel((name) => rows.map((own) => own[name]));
  };
  const markets: [Scenario, GeneratedMarkets[Scenario]][] = [];
  for (const scenario of SCENARIOS) markets.push([scenario, await marketOf(scenario)]);
  return Object.fromEntries(markets) as unknown as GeneratedMarkets;
}

interface Draw {
  readonly scenario: Scenario;
  readonly seed: string;
}

function rowsOfPair(
  pair: Pair,
  bars: ReadonlyMap<string, BarColumns>,
  policy: DatasetPolicy,
  draw: Draw,
): Readonly<Record<ModelName, GeneratedRows>> {
  const { a, b } = generatedLegs(pair, bars, policy, draw);
  const build = buildPair({ pair, a, b, policy: { ...policy, share: SAMPLED_SHARE, holdoutFrom: -Infinity } });
  const { evaluation, ai2, ai3 } = build.labels;
  const labels = { ai1: evaluation, ai2, ai3 };
  return perModel((name) => ({ pairId: pair.id, ...labeledRows(build, labels[name], sequenceBars(policy.windows)) }));
}

/** Both legs at the minutes that both have, generated from the same drawn bars. */
export function generatedLegs(
  pair: Pair,
  bars: ReadonlyMap<string, BarColumns>,
  { windows }: Pick<DatasetPolicy, 'windows'>,
  { scenario, seed }: Draw,
): { readonly a: BarColumns; readonly b: BarColumns } {
  const a = legBars(bars, pair, 'a')!;
  const b = legBars(bars, pair, 'b')!;
  const { inA, inB } = matchMinutes(a, b);
  const recorded = inA.length;
  const length = warmupBars(windows) + BARS;
  const trendBars = Math.floor(length / TREND_PART);
  const plan: GeneratedPlan = { scenario, trendBars, returnShare: RANGE_FOLDS / trendBars };
  const drawn = drawBars(createRng(seed), length, recorded, BLOCK);
  const start = a.time[inA[0]!]!;
  const time = Float64Array.from(drawn, (_, t) => start + t * barSecondsOf(pair));
  const leg = (of: BarColumns, at: Int32Array): BarColumns => {
    const matched = (column: Float64Array): Float64Array => Float64Array.from(at, (bar) => column[bar]!);
    const taken = (column: Float64Array): Float64Array => Float64Array.from(drawn, (bar) => column[at[bar]!]!);
    const { open, high, low, close } = of;
    const prices = { open: matched(open), high: matched(high), low: matched(low), close: matched(close) };
    const { flow } = of;
    return {
      ...of,
      length,
      time,
      ...generatedPrices(prices, drawn, plan),
      volume: taken(of.volume),
      spread: of.spread && taken(of.spread),
      ...(flow && {
        flow: {
          takerBuyVolume: flow.takerBuyVolume && taken(flow.takerBuyVolume),
          trades: flow.trades && taken(flow.trades),
        },
      }),
    };
  };
  return { a: leg(a, inA), b: leg(b, inB) };
}

function labeledRows({ history }: PairBuild, { bar, label }: BarLabels, bars: number): Omit<GeneratedRows, 'pairId'> {
  const kept = [...bar.keys()].filter((i) => history.row[bar[i]!]! >= 0);
  const columns = history.rows === 0 ? 0 : history.features.length / history.rows;
  const all = rowsOfTable(history.features, { first: 0, rows: history.rows, columns, bars });
  const last = Int32Array.from(kept, (i) => history.row[bar[i]!]!);
  return { x: takeRows(all, last), y: Float64Array.from(kept, (i) => label[i]!) };
}
