import { isoMinute, type OpenTime } from '../shared/bar.ts';
import { isDirectionBundle, liveInstrumentSchema } from '../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../shared/bundle/direction/direction_bundle.ts';
import { EARLIER_COSTS } from '../shared/bundle/direction/direction_manifest.ts';
import { loadDirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import type { InstrumentWindows } from '../shared/core/features/instrument/definitions.ts';
import { parsePair, timeframeOf } from '../shared/pair.ts';
import { tradingCosts } from '../shared/policy/costs.ts';
import { decisionPolicy, loadSettings } from '../shared/policy/policy.ts';
import { isCalled } from '../shared/strategies/direction/direction_rule.ts';
import { readConfiguredBars } from '../trainer/jobs/bars/configured_bars.ts';
import { readInstruments } from '../trainer/jobs/bars/instruments.ts';
import { noAnswers, put } from '../trainer/learning/strategies/direction/direction_net.ts';
import {
  answersTo,
  firstUnseen,
  noveltiesOf,
  rowsPerScore,
} from '../trainer/learning/strategies/direction/evaluate_direction.ts';
import { instrumentRows } from '../trainer/learning/strategies/direction/instrument_rows.ts';
import { evaluationLabel } from '../trainer/learning/strategies/direction/label/direction.ts';
import { backtestStrategy } from '../trainer/learning/strategies/direction/strategy_backtest.ts';
import { backtestPeriod, ROWS_PER_SCORE } from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { positions } from '../trainer/learning/dataset/rows.ts';
import { fastestPass, isPlanted, withPlantedMoves } from './planted_moves.ts';

/*
 * What novelty_min refuses in money: the trades of a bundle, after costs, on bars that it has not learned from, without
 * a limit and with each; on the bars as recorded, and where every second stretch of time has larger or smaller moves.
 *
 *     node dist/bench/novelty_money.js <bundle of pairs> <folder of bars> <first day>
 *     node dist/bench/novelty_money.js <direction bundle> <folder of bars>
 */

const [bundle, folder, firstDay] = process.argv.slice(2);
if (bundle === undefined || folder === undefined) {
  console.error('node dist/bench/novelty_money.js <bundle> <folder of bars> [first day]');
  process.exit(2);
}

const SECONDS_PER_DAY = 86_400;
const LIMITS = [0.001, 0.01, 0.05, 0.1, 0.25];
/** Days that a planted change lasts, and that lie between two of them. */
const PAIR_DAYS = 1;
const DIRECTION_DAYS = 14;

/** Thresholds that let entries happen: those of a bundle without an edge let none. */
const EASY = { theta1: 0.5, theta2: 0.8 };
const EASY_CALL = 0.4;

/** Moves of the planted stretches, times so much; null: the bars as recorded. */
const FACTORS = [null, 3, 1 / 3];

interface Traded {
  /** Epoch seconds. */
  readonly entryTime: number;
  readonly netBps: number;
}

/** Rows, and how many of them lie below each limit. */
interface Candidates {
  readonly all: number;
  readonly below: readonly number[];
}

function report(title: string, unlimited: readonly Traded[], limited: readonly (readonly Traded[])[]): void {
  const total = (trades: readonly Traded[]): number => trades.reduce((sum, { netBps }) => sum + netBps, 0);
  const shown = (value: number): string => value.toFixed(1);
  console.log(`${title}\nlimit|trades|net bp a trade|net bp in all|saved (+) or lost (−) bp|standard error`);
  for (const [i, trades] of [unlimited, ...limited].entries()) {
    const mean = trades.length === 0 ? '–' : shown(total(trades) / trades.length);
    const saved = total(trades) - total(unlimited);
    const cells = [i === 0 ? 'none' : LIMITS[i - 1], trades.length, mean, shown(total(trades))];
    console.log([...cells, ...(i === 0 ? ['', ''] : [shown(saved), shown(errorOf(unlimited, trades))])].join('|'));
  }
}

/** Standard error of the difference of the totals, days being independent. */
function errorOf(unlimited: readonly Traded[], limited: readonly Traded[]): number {
  const days = new Map<number, number>();
  const add = (trades: readonly Traded[], sign: number): void => {
    for (const { entryTime, netBps } of trades) {
      const day = Math.floor(entryTime / SECONDS_PER_DAY);
      days.set(day, (days.get(day) ?? 0) + sign * netBps);
    }
  };
  add(limited, 1);
  add(unlimited, -1);
  return Math.sqrt([...days.values()].reduce((sum, difference) => sum + difference ** 2, 0));
}

function reportCandidates(what: string, { all, below }: Candidates): void {
  const shares = below.map((count, i) => `${LIMITS[i]}: ${((100 * count) / all).toFixed(2)} %`);
  console.log(`${all} ${what}, below ${shares.join(', ')}`);
}

function titleOf(factor: number | null): string {
  return factor === null ? 'as recorded' : `planted, moves × ${factor.toFixed(2)}`;
}

async function ofPairs(path: string): Promise<void> {
  const settings = loadSettings();
  const from = (Date.parse(`${firstDay}T00:00:00Z`) / 1000) as OpenTime;
  const pairs = settings.minutehand.pairs.map(parsePair);
  const recorded = await readConfiguredBars(folder!, {}, settings, () => undefined);
  const set = await loadModelSet(path, featureSchema(settings.minutehand.windows), ROWS_PER_SCORE);
  for (const factor of FACTORS) {
    const bars =
      factor === null
        ? recorded
        : new Map(
            [...recorded].map(([symbol, own]) => [symbol, withPlantedMoves(own, { factor, days: PAIR_DAYS, from })]),
          );
    for (const isDelivered of factor === null ? [true, false] : [false]) {
      const tradesBy = async (novelty_min: number | null) => {
        const core = {
          ...settings.core,
          novelty_min,
          ...(!isDelivered && { min_expected_net_bps: -1e9 }),
        };
        const { bundles } = await backtestPeriod({
          pairs,
          bars,
          from,
          sets: [set],
          ...(!isDelivered && { thresholds: EASY }),
          policy: decisionPolicy({ ...settings, core }),
          labels: datasetPolicy(settings),
          costs: tradingCosts(settings),
          workers: 0,
          onProgress: () => undefined,
        });
        const { trades, total } = bundles[0]!.all_pairs;
        const counted = trades.filter(({ entryTime }) => factor === null || isPlanted(entryTime, PAIR_DAYS));
        return { trades: counted, refusals: total.refusals };
      };
      const unlimited = await tradesBy(null);
      const limited = [];
      for (const limit of LIMITS) limited.push(await tradesBy(limit));
      report(
        `${titleOf(factor)}, ${isDelivered ? 'as delivered' : `θ1 ${EASY.theta1}, θ2 ${EASY.theta2}, no gate of costs`}`,
        unlimited.trades,
        limited.map(({ trades }) => trades),
      );
      console.log(`refusals NOVEL_INPUT: ${limited.map(({ refusals }) => refusals.NOVEL_INPUT ?? 0).join(', ')}`);
    }
  }
  await set.release();
}

async function ofDirection(path: string): Promise<void> {
  const settings = loadSettings();
  const { manifest } = readDirectionBundle(path);
  const model = await loadDirectionModel(path, liveInstrumentSchema(manifest.timeframe), rowsPerScore);
  const from = firstDay === undefined ? firstUnseen(manifest) : Date.parse(`${firstDay}T00:00:00Z`) / 1000;
  console.log(`trained to ${manifest.period.to}, evaluated from ${isoMinute(from)}`);
  const { taker_fee_bps, slippage_bps } = manifest.costs ?? EARLIER_COSTS;
  const costs = { takerFeeBps: taker_fee_bps, slippageBps: slippage_bps };
  const recorded = await readInstruments(
    {
      folder: folder!,
      series: null,
      symbols: manifest.instruments,
      timeframe: timeframeOf(manifest.timeframe),
      window: null,
      settings,
    },
    () => undefined,
  );
  const { policy: label } = evaluationLabel(manifest.timeframe);
  for (const factor of FACTORS) {
    const instruments = recorded.map(({ bars, series }) => ({
      bars: factor === null ? bars : withPlantedMoves(bars, { factor, days: DIRECTION_DAYS, from }),
      series,
    }));
    const rows = instrumentRows(instruments, { windows: manifest.windows as unknown as InstrumentWindows, label });
    const chosen = positions(rows.time.length, (row) => rows.time[row]! >= from);
    const { probabilities } = await answersTo(model.infer.bind(model), rows, chosen);
    const known = noveltiesOf(model, rows.x, chosen);
    if (known === undefined) throw new Error('the bundle does not describe its training rows');
    if (factor === null) {
      const cost = fastestPass(() => noveltiesOf(model, rows.x, chosen), chosen.length);
      console.log(`${cost.toFixed(2)} µs a row`);
    }
    const answers = noAnswers(instruments);
    put(answers, rows, chosen, probabilities, known);
    const isCounted = (time: number): boolean => factor === null || isPlanted(time, DIRECTION_DAYS);
    const belowOf = (own: readonly number[]): number[] =>
      LIMITS.map((limit) => own.filter((i) => known.novelties[chosen[i]!]! < limit).length);
    const every = [...chosen.keys()].filter((i) => isCounted(rows.time[chosen[i]!]!));
    reportCandidates('bars', { all: every.length, below: belowOf(every) });
    const { theta_up, theta_down } = manifest.strategy;
    for (const theta of [Math.min(theta_up, theta_down), EASY_CALL]) {
      const strategy = { ...manifest.strategy, theta_up: theta, theta_down: theta };
      const called = every.filter((i) => {
        const [ML_UP_PROB, ML_DOWN_PROB, ML_RANGE_PROB] = probabilities.subarray(3 * i) as unknown as number[];
        const answer = { ML_UP_PROB: ML_UP_PROB!, ML_DOWN_PROB: ML_DOWN_PROB!, ML_RANGE_PROB: ML_RANGE_PROB! };
        return isCalled(answer, strategy);
      });
      const tradesBy = (limit: number | undefined): readonly Traded[] =>
        instruments
          .flatMap((own, i) => backtestStrategy(own, answers[i]!, () => strategy, costs, limit))
          .filter(({ entryTime }) => isCounted(entryTime));
      report(`${titleOf(factor)}, θ ${theta}`, tradesBy(undefined), LIMITS.map(tradesBy));
      reportCandidates('bars that call a side', { all: called.length, below: belowOf(called) });
    }
  }
}

await (isDirectionBundle(bundle) ? ofDirection(bundle) : ofPairs(bundle));
