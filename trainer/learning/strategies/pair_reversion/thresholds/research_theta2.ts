import { keyOf } from '../../../../../shared/bundle/gates/gate_result.ts';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../../../../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { writeBundle, type Bundle } from '../../../../../shared/bundle/bundle.ts';
import { bundleWindows, featureSchema } from '../../../../../shared/bundle/feature_schema.ts';
import {
  MONITOR_FILE,
  VALIDATION_FILE,
  type Manifest,
  type PairEdge,
  type ThresholdReport,
} from '../../../../../shared/bundle/manifest.ts';
import { loadModelSet, type ModelSet } from '../../../../../shared/bundle/model_set.ts';
import { readModelsFile } from '../../../../../shared/bundle/models_file.ts';
import { warmUpSeconds } from '../../../../../shared/core/features/features.ts';
import { MinutehandError } from '../../../../../shared/errors.ts';
import { parsePair, symbolsOf } from '../../../../../shared/pair.ts';
import { withWindows } from '../../../../../shared/policy/feature_settings.ts';
import { decisionPolicy } from '../../../../../shared/policy/policy.ts';
import { tradingCosts } from '../../../../../shared/policy/costs.ts';
import { lookLevel } from '../../../backtest/edge.ts';
import { edgesOf } from '../backtest/holdout.ts';
import { backtestPeriod, ROWS_PER_SCORE, type BundleResult } from '../backtest/period.ts';
import { refuseUnsoundLegs } from '../../../data_quality/unsound_legs.ts';
import { datasetPolicy } from '../dataset/dataset_policy.ts';
import { checkExecutable } from '../../../gates/executable.ts';
import { checkPassRate } from '../../../gates/risk_pass_rate.ts';
import { checkSkill } from '../../../gates/skill.ts';
import { buildLivePairs, scoreCandidates } from '../../../profile/live_pairs.ts';
import { renderCard } from '../../../bundle/card.ts';
import { countLook } from '../../../backtest/holdout_looks.ts';
import { countTrials } from '../../../backtest/trial_ledger.ts';
import { sha256Hex } from '../../../../../shared/sha256.ts';
import type { TrainResult } from '../../../bundle/make_bundle.ts';
import { type TrainOptions } from '../../../options/train_options.ts';
import { gridValue } from '../../../search/axis.ts';
import { sharpeReport } from './choose_thresholds.ts';

const FULL_SIZE = new Float64Array(ROWS_PER_SCORE).fill(1);

/** Of AI1's evaluation label. */
const HORIZON_SECONDS = 60 * SECONDS_PER_BAR;

/** Input of the adoption gates for the new bundle. The bars are those of the comparison: the holdout alone. */
export type Theta2Result = TrainResult & { readonly bars: ReadonlyMap<string, BarColumns> };

/**
 * Searches θ2 alone, with models, θ1 and ranks of a bundle: by backtests of the bars after its last one, the largest
 * net Sharpe ratio of those values with enough trades and a pass rate in its range. Edge, metrics and gates are of the
 * bundle's holdout, which this choice does not use.
 * @returns the new bundle; null when no value is allowed, or the best is the current one
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, MODEL_SCHEMA and as `loadModelSet`
 */
export async function researchTheta2(bundle: Bundle, given: TrainOptions): Promise<Theta2Result | null> {
  const windows = bundleWindows(given.settings.minutehand.windows, bundle.manifest);
  const settings = withWindows(given.settings, windows);
  const options = { ...given, settings };
  if (bundle.groups !== undefined)
    throw new MinutehandError('WARM_START_REFUSED', {
      seen: `${bundle.manifest.version} has thresholds of its own for ${bundle.groups.map(({ name }) => name).join(', ')}`,
      expected: 'one θ2 for all pairs',
      next: 'Train in full: `minutehand train`.',
    });
  refuseUnsoundLegs(settings.minutehand.pairs.map(parsePair), options.bars);
  const set = await loadModelSet(bundle.folder, featureSchema(settings.minutehand.windows), ROWS_PER_SCORE, {
    engine: settings.minutehand.inference.engine,
  });
  try {
    const found = await searchTheta2(set, options);
    if (found === null || found.theta2 === set.theta2) return null;
    const proof = await proveOnHoldout({ ...set, theta2: found.theta2 }, options);
    return await writeResult(bundle, set, found, proof, options);
  } finally {
    await set.release();
  }
}

interface Found {
  readonly theta2: number;
  readonly passRate: number;
  readonly risks: readonly number[];
  /** Open times of the candidates' bars. */
  readonly times: readonly number[];
  readonly report: ThresholdReport;
  readonly trials: NonNullable<Manifest['trials']>;
}

interface Span {
  readonly from: OpenTime;
  readonly to: OpenTime;
}

async function searchTheta2(set: ModelSet, options: TrainOptions): Promise<Found | null> {
  const { core, retrain, minutehand } = options.settings;
  const span = newBarsOf(set.manifest, options);
  const live = buildLivePairs({
    pairs: minutehand.pairs.map(parsePair),
    bars: barsOf(span, options),
    windows: minutehand.windows,
    from: span.from,
    farOut: minutehand.decision.z_entry,
  });
  const { risks, times } = await scoreCandidates(live, set, minutehand.decision.z_entry);
  const [lowest, highest] = core.theta_search_range.theta2;
  const count = Math.round((highest - lowest) / core.theta_step) + 1;
  const values = Array.from({ length: count }, (_, i) => gridValue(lowest, core.theta_step, i));
  const results = await backtestOf(
    values.map((theta2) => ({ ...set, theta2 })),
    span,
    options,
  );
  const passRateOf = (theta2: number): number => risks.filter((risk) => risk < theta2).length / risks.length;
  const [min, max] = retrain.pass_rate_range;
  const tried = results.map(({ all_pairs }, i) => {
    const theta2 = values[i]!;
    const { net_sharpe, trades } = all_pairs.total;
    const passRate = passRateOf(theta2);
    const isAllowed =
      net_sharpe !== null && trades >= minutehand.search.min_trades && passRate >= min && passRate <= max;
    return { theta2, passRate, netSharpe: net_sharpe ?? NaN, trades, days: all_pairs.days, isAllowed };
  });
  const { market, period, version } = set.manifest;
  const place = { market, from: period.holdout_from, to: period.to };
  const work = sha256Hex(JSON.stringify(['thresholds', version, span, values]));
  const total = countTrials(options.counts, place, { kind: 'thresholds', work, trials: tried.length });
  const allowed = tried.filter(({ isAllowed }) => isAllowed);
  if (allowed.length === 0) return null;
  const best = allowed.reduce((one, other) => (other.netSharpe > one.netSharpe ? other : one));
  return {
    theta2: best.theta2,
    passRate: best.passRate,
    risks,
    times,
    report: {
      tried: tried.length,
      allowed: allowed.length,
      chosen: true,
      trades: best.trades,
      pass_rate: best.passRate,
      ...sharpeReport(best.days, tried, total - tried.length),
    },
    trials: { own: tried.length, total },
  };
}

/** After the last bar that the bundle was evaluated on. @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT */
function newBarsOf({ period, version }: Manifest, { bars }: TrainOptions): Span {
  const last = Math.max(...[...bars.values()].map(({ time, length }) => time[length - 1] ?? -Infinity));
  const from = secondsOf(period.to) + 2 * SECONDS_PER_BAR;
  if (!(last > from))
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: Number.isFinite(last) ? `bars up to ${isoMinute(last)}` : 'no bars',
      expected: `bars after ${period.to}, the last bar of ${version}`,
      next: 'Wait for more bars.',
    });
  return { from: from as OpenTime, to: (last + SECONDS_PER_BAR) as OpenTime };
}

function holdoutOf({ period }: Manifest): Span {
  return {
    from: secondsOf(period.holdout_from) as OpenTime,
    to: (secondsOf(period.to) + SECONDS_PER_BAR) as OpenTime,
  };
}

function barsOf({ from, to }: Span, { bars, settings }: TrainOptions): Map<string, BarColumns> {
  const warmFrom = (from - warmUpSeconds(settings.minutehand.windows)) as OpenTime;
  return new Map([...bars].map(([symbol, own]) => [symbol, clipBars(own, warmFrom, to)]));
}

interface Proof {
  readonly edge: Manifest['edge'];
  readonly holdout_look: NonNullable<Manifest['holdout_look']>;
  readonly backtest: NonNullable<Manifest['backtest']>;
  readonly executability: NonNullable<Manifest['executability']>;
}

/**
 * As `proveEdge` of a training: at full size, of all pairs, and of pairs with an edge. It is one more look at the
 * holdout.
 */
async function proveOnHoldout(set: ModelSet, options: TrainOptions): Promise<Proof> {
  const span = holdoutOf(set.manifest);
  const sized: ModelSet = {
    ...set,
    infer: async (...asked) => ({ ...(await set.infer(...asked)), position_scale: FULL_SIZE }),
  };
  const [all] = await backtestOf([sized], span, options);
  const { total, trades, executability } = all!.all_pairs;
  const { market, period, pairs } = set.manifest;
  const symbols = symbolsOf(pairs.map(parsePair));
  const place = { market, from: period.holdout_from, to: period.to, symbols };
  const look = countLook(options.counts, place, trades, { earlier: [options.out] });
  const edge = edgesOf(Object.fromEntries(pairs.map((id) => [id, trades.filter(({ pairId }) => pairId === id)])), look);
  const [proven] = await backtestOf([{ ...sized, hasEdge: (id) => edge[id]?.no_edge === false }], span, options);
  const { win_rate, mean_net_bps_full_size: mean_net_bps, net_sharpe, max_drawdown } = total;
  return {
    edge,
    holdout_look: { look, level: lookLevel(look) },
    backtest: { trades: trades.length, win_rate, mean_net_bps, net_sharpe, max_drawdown },
    executability: { all_pairs: executability, edge_pairs: proven!.edge_pairs.executability },
  };
}

async function backtestOf(
  sets: readonly ModelSet[],
  span: Span,
  options: TrainOptions,
): Promise<readonly BundleResult[]> {
  const { settings, workers, onProgress } = options;
  const { bundles } = await backtestPeriod({
    pairs: settings.minutehand.pairs.map(parsePair),
    bars: barsOf(span, options),
    from: span.from,
    sets,
    policy: { ...decisionPolicy(settings), require_edge: true },
    labels: datasetPolicy(settings),
    costs: tradingCosts(settings),
    workers,
    onProgress: (done, total) => onProgress('thresholds', done, total),
  });
  return bundles;
}

async function writeResult(
  { folder, manifest: base, models }: Bundle,
  set: ModelSet,
  { theta2, risks, times: candidateTimes, report, trials }: Found,
  proof: Proof,
  options: TrainOptions,
): Promise<Theta2Result> {
  const { settings, out, created } = options;
  const { format: _format, version: _version, created: _created, files: _files, ...kept } = base;
  const { edge_pairs } = proof.executability;
  const checked = [
    checkPassRate(Float64Array.from(risks), theta2, settings.retrain.pass_rate_range, {
      time: candidateTimes,
      labelEnd: candidateTimes.map((time) => time + HORIZON_SECONDS),
    }),
    checkExecutable('executable_outside_wide_minutes', edge_pairs, 'narrow_net_bps', settings.retrain),
    checkExecutable('executable_one_minute_later', edge_pairs, 'after_1', settings.retrain),
    checkSkill(base.skill ?? null, proof.edge),
  ];
  // The models stay: what their training has proven about them still holds.
  const kinds = new Set(checked.map(keyOf));
  const gates = [...(base.gates ?? []).filter((gate) => !kinds.has(keyOf(gate))), ...checked];
  const search = { ai1: base.search?.ai1 ?? null, thresholds: report };
  const manifest = { ...kept, theta2, search, ...proof, trials, gates };
  const path = writeBundle(out, created, {
    manifest,
    models,
    reports: {
      [VALIDATION_FILE]: readReport(folder, VALIDATION_FILE),
      [MONITOR_FILE]: { ...readReport(folder, MONITOR_FILE), backtest: countTrades(Object.values(proof.edge)) },
    },
    card: renderCard,
  });
  try {
    await (await loadModelSet(path, featureSchema(settings.minutehand.windows), 1)).release();
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
  const span = holdoutOf(base);
  const bars = barsOf(span, options);
  const { z_entry } = settings.minutehand.decision;
  const pairs = settings.minutehand.pairs.map(parsePair);
  const live = buildLivePairs({ pairs, bars, windows: settings.minutehand.windows, from: span.from, farOut: z_entry });
  const { times } = await scoreCandidates(live, set, z_entry);
  const dataset = { holdoutFrom: span.from, evaluation: { holdout: { time: Float64Array.from(times) } } };
  return {
    version: basename(path),
    path,
    manifest,
    gates,
    bars,
    // Part that the adoption gates read.
    dataset: dataset as unknown as TrainResult['dataset'],
    validation: {} as TrainResult['validation'],
  };
}

function readReport(folder: string, name: string): object {
  return JSON.parse(readModelsFile(join(folder, name), 'content').toString('utf8')) as object;
}

/** Counts trades and wins: the monitor's reference for live win rates. */
function countTrades(pairs: readonly PairEdge[]): { trades: number; wins: number } {
  const sum = (of: (pair: PairEdge) => number): number => pairs.reduce((total, pair) => total + of(pair), 0);
  return { trades: sum(({ trades }) => trades), wins: sum(({ wins = 0 }) => wins) };
}

function secondsOf(iso: string): number {
  return Date.parse(iso) / 1000;
}
