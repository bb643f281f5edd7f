import { TIMEFRAMES } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { learningWork } from './learning_work.ts';
import { ENDED_WITH_RESULT, FIRST_MODELS, requestTrigger, type RetrainRun } from './run.ts';

const MS_PER_SECOND = 1000;
const MS_PER_DAY = 86_400_000;
/** Share of the time of a training in its fits; the rest is as long with any of them. */
const LEARNING_SHARE = 0.8;

/** Estimated duration of a run. */
export interface ExpectedTime {
  readonly seconds: number;
  /** The completed run that the estimate is based on; null: none, but trainings that were measured elsewhere. */
  readonly from_run: number | null;
}

/** Bars that a run learns from: first and last, epoch milliseconds. */
export interface BarSpan {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** A training whose time is known. */
interface TimedRun extends Pick<RetrainRun, 'kind' | 'parameters' | 'trigger'> {
  readonly seconds: number;
  /** NaN = unknown. */
  readonly lengthMs: number;
  /** Of a training of pairs. */
  readonly pairs: number;
}

/**
 * Trainings on a machine with two processors that did nothing else, by the delivered configuration without a search:
 * `train --data` of ten pairs, minutes from January to August 2019, and `direction train --data` of one coin, hours of
 * 2022 and 2023.
 */
const MEASURED: readonly TimedRun[] = [
  {
    kind: 'full',
    parameters: { trials: 0, engine: 'gbdt' },
    trigger: requestTrigger('api'),
    seconds: 175,
    lengthMs: 241 * MS_PER_DAY,
    pairs: 10,
  },
  {
    kind: 'direction',
    parameters: { symbols: ['BTCUSDT'], timeframe: '1h' },
    trigger: requestTrigger('api'),
    seconds: 17,
    lengthMs: 730 * MS_PER_DAY,
    pairs: 0,
  },
];

/**
 * The time that the newest completed run of the same kind took, in proportion to the length of the bars, to what is
 * learned (folds, trials of a search, members of an ensemble, trees at most) and, of a direction model, to the number
 * of bars by instruments and timeframe. Where there is no such run, the measured trainings take its place; null: there
 * is none of these either. First models tell nothing about other runs.
 * @param runs newest first
 * @param span null: unknown, then the time counts as it was
 */
export function expectedTime(
  run: Pick<RetrainRun, 'run_id' | 'kind' | 'parameters' | 'trigger'>,
  runs: readonly RetrainRun[],
  span: BarSpan | null,
  settings: Settings,
): ExpectedTime | null {
  const earlier = runs.find(
    ({ run_id, kind, status, trigger, duration_ms }) =>
      run_id !== run.run_id &&
      kind === run.kind &&
      trigger.code !== FIRST_MODELS.code &&
      duration_ms !== null &&
      ENDED_WITH_RESULT.includes(status),
  );
  if (earlier !== undefined)
    return { seconds: scaledSeconds(run, timedRun(earlier, settings), span, settings), from_run: earlier.run_id };
  const measured = MEASURED.find(({ kind }) => kind === run.kind);
  if (measured === undefined || span === null) return null;
  return { seconds: scaledSeconds(run, measured, span, settings), from_run: null };
}

function timedRun(run: RetrainRun, settings: Settings): TimedRun {
  const { kind, parameters, trigger, data_from, data_to, duration_ms } = run;
  const lengthMs = data_from === null || data_to === null ? NaN : Date.parse(data_to) - Date.parse(data_from);
  const pairs = settings.minutehand.pairs.length;
  return { kind, parameters, trigger, seconds: (duration_ms ?? 0) / MS_PER_SECOND, lengthMs, pairs };
}

function scaledSeconds(
  run: Pick<RetrainRun, 'kind' | 'parameters' | 'trigger'>,
  earlier: TimedRun,
  span: BarSpan | null,
  settings: Settings,
): number {
  const length = span === null ? NaN : span.lastMs - span.firstMs;
  const ofLength = earlier.lengthMs > 0 && length > 0 ? length / earlier.lengthMs : 1;
  const ofPairs = earlier.pairs > 0 ? settings.minutehand.pairs.length / earlier.pairs : 1;
  const ofCount = barsPerSecond(run) / barsPerSecond(earlier);
  const ofLearning = learningWork(run, settings) / learningWork(earlier, settings);
  const ofWork = 1 - LEARNING_SHARE + LEARNING_SHARE * ofLearning;
  return Math.max(1, Math.round(earlier.seconds * ofLength * ofPairs * ofCount * ofWork));
}

/** Of all instruments of a direction model; 1 of pairs, whose timeframes no request changes. */
function barsPerSecond({ parameters: { symbols, timeframe } }: Pick<RetrainRun, 'parameters'>): number {
  return symbols === undefined || timeframe === undefined ? 1 : symbols.length / TIMEFRAMES[timeframe];
}
