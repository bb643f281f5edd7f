import { TIMEFRAMES } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { learningWork } from './learning_work.ts';
import { ENDED_WITH_RESULT, FIRST_MODELS, type RetrainRun } from './run.ts';

const MS_PER_SECOND = 1000;
/** Share of the time of a training in its fits (docs/guides/TRAIN.md, Time); the rest is as long with any of them. */
const LEARNING_SHARE = 0.8;

/** Estimated duration of a run, and the completed run that the estimate is based on. */
export interface ExpectedTime {
  readonly seconds: number;
  readonly from_run: number;
}

/** Bars that a run learns from: first and last, epoch milliseconds. */
export interface BarSpan {
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * The time that the newest completed run of the same kind took, in proportion to the length of the bars, to what is
 * learned (folds, trials of a search, members of an ensemble, trees at most) and, of a direction model, to the number
 * of bars by instruments and timeframe; null: there is no such run. First models tell nothing about other runs.
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
  if (earlier === undefined) return null;
  const { data_from, data_to, duration_ms, run_id } = earlier;
  const before = data_from === null || data_to === null ? NaN : Date.parse(data_to) - Date.parse(data_from);
  const length = span === null ? NaN : span.lastMs - span.firstMs;
  const ofLength = before > 0 && length > 0 ? length / before : 1;
  const ofCount = barsPerSecond(run) / barsPerSecond(earlier);
  const ofLearning = learningWork(run, settings) / learningWork(earlier, settings);
  const ofWork = 1 - LEARNING_SHARE + LEARNING_SHARE * ofLearning;
  const seconds = ((duration_ms ?? 0) / MS_PER_SECOND) * ofLength * ofCount * ofWork;
  return { seconds: Math.max(1, Math.round(seconds)), from_run: run_id };
}

/** Of all instruments of a direction model; 1 of pairs, whose timeframes no request changes. */
function barsPerSecond({ parameters: { symbols, timeframe } }: Pick<RetrainRun, 'parameters'>): number {
  return symbols === undefined || timeframe === undefined ? 1 : symbols.length / TIMEFRAMES[timeframe];
}
