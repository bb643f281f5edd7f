import { ENDED_WITH_RESULT, FIRST_MODELS, type RetrainRun } from './run.ts';

const MS_PER_SECOND = 1000;

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
 * The time that the newest completed run of the same kind took, in proportion to the length of the bars and, of a
 * direction model, to the number of instruments; null: there is no such run. First models, which are not searched, tell
 * nothing about other runs.
 * @param runs newest first
 * @param span null: unknown, then the time counts as it was
 */
export function expectedTime(
  run: Pick<RetrainRun, 'run_id' | 'kind' | 'parameters'>,
  runs: readonly RetrainRun[],
  span: BarSpan | null,
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
  const count = run.parameters.symbols?.length ?? 1;
  const ofCount = count / (earlier.parameters.symbols?.length ?? 1);
  const seconds = ((duration_ms ?? 0) / MS_PER_SECOND) * ofLength * ofCount;
  return { seconds: Math.max(1, Math.round(seconds)), from_run: run_id };
}
