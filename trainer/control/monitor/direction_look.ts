import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { INSTRUMENT_WINDOWS, type InstrumentWindows } from '../../../shared/core/features/instrument/definitions.ts';
import { instrumentWarmUp } from '../../../shared/core/features/instrument/instrument_columns.ts';
import { bundleInstrumentSchema, bundleInstrumentWindows } from '../../../shared/bundle/feature_schema.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { barSecondsOf, parseInstrument, timeframeOf, type Pair } from '../../../shared/pair.ts';
import {
  directionFolder,
  liveInstrumentSchema,
  readActiveDirection,
} from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { EARLIER_COSTS, type DirectionManifest } from '../../../shared/bundle/direction/direction_manifest.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { pick, positions } from '../../learning/dataset/rows.ts';
import { noAnswers, put } from '../../learning/strategies/direction/direction_net.ts';
import {
  directionDrift,
  readDirectionReference,
  type DirectionReference,
} from '../../learning/strategies/direction/direction_reference.ts';
import { firstUnseen } from '../../learning/strategies/direction/evaluate_direction.ts';
import { rowNovelties } from '../../learning/novelty/row_novelties.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { NOVELTY_BUCKETS, noveltyBucket } from '../../../shared/signal/novelty_buckets.ts';
import { backtestStrategy } from '../../learning/strategies/direction/strategy_backtest.ts';
import { takeRows } from '../../learning/learners/contract/fit_rows.ts';
import { compareWinRate, type Compared } from '../../learning/profile/performance_drift.ts';
import type { EvaluatedAnswers } from '../../learning/strategies/direction/direction_report.ts';
import { instrumentBarsOf } from '../../learning/instruments/instrument_bars.ts';
import {
  instrumentRows,
  type Instrument,
  type InstrumentRows,
} from '../../learning/strategies/direction/instrument_rows.ts';
import { modelBias } from '../../learning/strategies/direction/model_bias.ts';
import { NO_SERIES } from '../../learning/instruments/series_files.ts';
import { withJournals } from '../fills/signal_lookup.ts';
import { evaluationLabel } from '../../learning/strategies/direction/label/direction.ts';
import { CLASSES } from '../../learning/strategies/direction/walk_forward.ts';
import type { BiasLimits } from '../../learning/strategies/direction/gates/bias_limits.ts';
import type { DirectionBias } from '../../learning/strategies/direction/direction_bias.ts';
import { isSkipped, type Part } from '../../learning/profile/part.ts';

const SECONDS_PER_DAY = 86_400;

/** The active direction model of a timeframe on live bars. */
export interface LiveDirection {
  readonly version: string;
  /** Bars with published probabilities and a known outcome. */
  readonly bars: number;
  readonly bias: DirectionBias;
  /** Between the last bar that was known in training and the newest one with a known outcome. */
  readonly age_days: number;
  /** Labeled bars of all instruments that it has not learned from: what a new model could be compared on. */
  readonly new_bars: number;
  /** Features of the bars after its training. */
  readonly drift: ReturnType<typeof directionDrift>;
  /** How unlike the training those bars are, all of them: signals have the novelty of calls alone. */
  readonly novelty: Part<LiveNovelty>;
  /**
   * Share of trades that earned after costs: those that the published probabilities give after its training, as if
   * every instrument had an edge, beside those of its evaluated blocks.
   */
  readonly win_rate: Compared;
}

/** Novelty of bars: of training rows, a share of 0.01 is below 0.01. */
export interface LiveNovelty {
  readonly bars: number;
  /** Of them by novelty: up to each of NOVELTY_BUCKETS, from above the one before. */
  readonly novelties: readonly number[];
}

/** By timeframe, such as 1h. */
export type LiveDirections = Readonly<Record<string, Part<LiveDirection>>>;

export interface DirectionLookTask {
  readonly instruments: readonly string[];
  readonly modelsFolder: string;
  readonly journals: readonly string[];
  /** Bars of all instruments, with those that warm their features. */
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly limits: BiasLimits;
  /** Smallest novelty of an entry; absent: any. */
  readonly noveltyMin?: number | undefined;
}

/** What the active direction models published, against the outcomes and their training, by timeframe. */
export function lookAtDirections({
  instruments,
  modelsFolder,
  journals,
  bars,
  limits,
  noveltyMin,
}: DirectionLookTask): LiveDirections {
  const all = instruments.map(parseInstrument);
  const timeframes = [...new Set(all.map(barSecondsOf))].sort((a, b) => a - b);
  return Object.fromEntries(
    timeframes.map((seconds): [string, Part<LiveDirection>] => {
      const own = all.filter((instrument) => barSecondsOf(instrument) === seconds);
      try {
        const version = readActiveDirection(modelsFolder, timeframeOf(seconds))?.version ?? null;
        if (version === null) return [timeframeOf(seconds), { skipped: 'no direction model is active' }];
        const folder = pathInside(directionFolder(modelsFolder), version);
        const task = { folder, instruments: own, seconds, journals, bars, limits, noveltyMin };
        return [timeframeOf(seconds), lookAtVersion(task)];
      } catch (error) {
        return [timeframeOf(seconds), { skipped: describeError(error).message }];
      }
    }),
  );
}

interface VersionTask extends Pick<DirectionLookTask, 'journals' | 'bars' | 'limits' | 'noveltyMin'> {
  /** Of the bundle. */
  readonly folder: string;
  readonly instruments: readonly Pair[];
  /** Of a bar. */
  readonly seconds: number;
}

/** @throws MinutehandError as `readDirectionBundle` */
function lookAtVersion(task: VersionTask): Part<LiveDirection> {
  const { folder, instruments, seconds, journals, bars, limits, noveltyMin } = task;
  const known = instruments.filter(({ a }) => bars.has(a));
  if (known.length === 0) return { skipped: 'no bar has come' };
  const { manifest } = readDirectionBundle(folder);
  const { version } = manifest;
  const { policy } = evaluationLabel(seconds);
  const own = known.map(({ a }) => {
    const columns = bars.get(a)!;
    return { bars: instrumentBarsOf(columns, seconds), series: { ...NO_SERIES, ...columns.series } };
  });
  const windows = bundleInstrumentWindows(INSTRUMENT_WINDOWS, manifest);
  const rows = instrumentRows(own, { windows, label: policy });
  const published: number[] = [];
  const probabilities: number[] = [];
  const novelties = new Float64Array(rows.time.length).fill(NaN);
  withJournals(journals, (opened) => {
    for (const [index, { id }] of known.entries()) {
      const ofIt = [...rows.time.keys()].filter((row) => rows.instrument[row] === index);
      const minuteOf = (row: number): number => rows.time[row]! - SECONDS_PER_BAR;
      const answers = opened.map((journal) => journal.answersBy(version, id, ofIt.map(minuteOf)));
      for (const row of ofIt) {
        const answer = answers.map((found) => found.get(minuteOf(row))).find((found) => found !== undefined);
        if (answer === undefined) continue;
        published.push(row);
        probabilities.push(...answer.probabilities);
        novelties[row] = answer.novelty;
      }
    }
  });
  if (published.length === 0) return { skipped: 'no published probability has a known outcome yet' };
  const answers: EvaluatedAnswers = {
    classes: CLASSES,
    probabilities: Float64Array.from(probabilities),
    labels: Float64Array.from(published, (row) => rows.evaluation[row]!),
    rows: Int32Array.from(published),
  };
  const reference = readDirectionReference(folder);
  const trainedTo = Date.parse(manifest.period.to) / 1000;
  const later = rowsFrom(rows, trainedTo + 1);
  return {
    version,
    bars: published.length,
    bias: modelBias(rows, answers, seconds, limits),
    age_days: (rows.time.reduce((most, time) => Math.max(most, time), 0) - trainedTo) / SECONDS_PER_DAY,
    new_bars: positionsFrom(rows, firstUnseen(manifest)).length,
    drift: directionDrift(
      reference,
      later,
      known.map(({ a }) => a),
      { timeframe: seconds, windows },
    ),
    novelty: liveNovelty(manifest, later),
    win_rate: liveWinRate({
      manifest,
      reference,
      instruments: own,
      rows,
      answers,
      novelties,
      noveltyMin,
      from: trainedTo,
    }),
  };
}

/** Positions of the rows of bars that close from then on. @param from epoch seconds */
function positionsFrom({ time }: Pick<InstrumentRows, 'time'>, from: number): Int32Array {
  return positions(time.length, (row) => time[row]! >= from);
}

/** The rows of bars that close from then on: what drift looks at. @param from epoch seconds */
function rowsFrom(rows: InstrumentRows, from: number): InstrumentRows {
  const kept = positionsFrom(rows, from);
  return {
    columns: rows.columns,
    x: takeRows(rows.x, kept),
    y: pick(rows.y, kept),
    time: pick(rows.time, kept),
    labelEnd: pick(rows.labelEnd, kept),
    weights: pick(rows.weights, kept),
    instrument: Int32Array.from(kept, (row) => rows.instrument[row]!),
    bar: Int32Array.from(kept, (row) => rows.bar[row]!),
    evaluation: pick(rows.evaluation, kept),
  };
}

/** Columns of series that these rows do not have would be novel by their absence. */
function liveNovelty({ inputs, features }: DirectionManifest, { x }: InstrumentRows): Part<LiveNovelty> {
  if (inputs === undefined) return { skipped: 'the bundle does not describe its training rows' };
  if (x.rows === 0) return { skipped: 'no bar since its training has a known outcome yet' };
  const absent = inputs.columns.filter((name) => isUnknown(x, features.indexOf(name)));
  if (absent.length > 0) return { skipped: `without a value in these bars: ${absent.join(', ')}` };
  const definitions = features.map((name) => ({ name }));
  const counts = NOVELTY_BUCKETS.map(() => 0);
  for (const novelty of rowNovelties(x, inputs, definitions)!) counts[noveltyBucket(novelty)]!++;
  return { bars: x.rows, novelties: counts };
}

/** Whether a column has no value in any row. */
function isUnknown({ rows, columns, values }: Matrix, column: number): boolean {
  for (let row = 0; row < rows; row++) if (!Number.isNaN(values[row * columns + column]!)) return false;
  return true;
}

interface WinRateTask {
  readonly manifest: DirectionManifest;
  readonly reference: Part<DirectionReference>;
  readonly instruments: readonly Instrument[];
  readonly rows: InstrumentRows;
  /** The published probabilities. */
  readonly answers: EvaluatedAnswers;
  /** As they were published, by row. */
  readonly novelties: Float64Array;
  readonly noveltyMin: number | undefined;
  /** Epoch seconds: entries at bars that close later count. */
  readonly from: number;
}

function liveWinRate(task: WinRateTask): Compared {
  const { manifest, reference, instruments, rows, answers, novelties, noveltyMin, from } = task;
  const byBar = noAnswers(instruments);
  put(byBar, rows, answers.rows, answers.probabilities, { novelties });
  const { taker_fee_bps, slippage_bps } = manifest.costs ?? EARLIER_COSTS;
  const costs = { takerFeeBps: taker_fee_bps, slippageBps: slippage_bps };
  const trades = instruments
    .flatMap((own, i) => backtestStrategy(own, byBar[i]!, () => manifest.strategy, costs, noveltyMin))
    .filter(({ entryTime }) => entryTime >= from);
  const days = trades.map(({ entryTime }) => Math.floor((entryTime - from) / SECONDS_PER_DAY));
  return compareWinRate(
    trades.map(({ netBps }) => ({ scale: 1, netBps })),
    days,
    days.reduce((most, day) => Math.max(most, day), 0) + 1,
    isSkipped(reference) ? null : reference.backtest,
  );
}

/** Seconds of bars that a look needs before the first one that counts, with the formulas of the active models. */
export function directionWarmUp(instruments: readonly string[], modelsFolder: string): number {
  const seconds = new Set(instruments.map((id) => barSecondsOf(parseInstrument(id))));
  return Math.max(0, ...[...seconds].map((own) => (instrumentWarmUp(windowsInUse(modelsFolder, own)) + 1) * own));
}

/** Of the active model of a timeframe; without one that can be read, the hand-written features alone. */
function windowsInUse(modelsFolder: string, barSeconds: number): InstrumentWindows {
  try {
    const active = readActiveDirection(modelsFolder, timeframeOf(barSeconds));
    if (active === null) return INSTRUMENT_WINDOWS;
    const { manifest } = readDirectionBundle(pathInside(directionFolder(modelsFolder), active.version));
    return bundleInstrumentSchema(liveInstrumentSchema(barSeconds), manifest).windows;
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    // `lookAtDirections` reports it.
    return INSTRUMENT_WINDOWS;
  }
}
