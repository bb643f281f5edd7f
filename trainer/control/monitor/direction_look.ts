import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { readActiveDirection } from '../../../shared/bundle/direction/active_direction.ts';
import { INSTRUMENT_WINDOWS } from '../../../shared/core/features/instrument/definitions.ts';
import { describeError } from '../../../shared/errors.ts';
import { barSecondsOf, parseInstrument, timeframeOf, type Pair } from '../../../shared/pair.ts';
import type { EvaluatedAnswers } from '../../learning/direction/direction_report.ts';
import { instrumentBarsOf } from '../../learning/direction/instrument_bars.ts';
import { instrumentRows } from '../../learning/direction/instrument_rows.ts';
import { modelBias } from '../../learning/direction/model_bias.ts';
import { NO_SERIES } from '../../learning/direction/series_files.ts';
import { withJournals } from '../fills/signal_lookup.ts';
import { evaluationLabel } from '../../learning/label/direction.ts';
import { CLASSES } from '../../learning/direction/walk_forward.ts';
import type { BiasLimits } from '../../learning/gates/direction/bias_limits.ts';
import type { DirectionBias } from '../../learning/direction/direction_bias.ts';
import type { Part } from '../../learning/profile/part.ts';

/** Published probabilities of the active direction model of a timeframe. */
export interface LiveDirection {
  readonly version: string;
  /** Bars with published probabilities and a known outcome. */
  readonly bars: number;
  readonly bias: DirectionBias;
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
}

/** Bias of what the active direction models published, against the outcomes, by timeframe. */
export function lookAtDirections({
  instruments,
  modelsFolder,
  journals,
  bars,
  limits,
}: DirectionLookTask): LiveDirections {
  const all = instruments.map(parseInstrument);
  const timeframes = [...new Set(all.map(barSecondsOf))].sort((a, b) => a - b);
  return Object.fromEntries(
    timeframes.map((seconds): [string, Part<LiveDirection>] => {
      const own = all.filter((instrument) => barSecondsOf(instrument) === seconds);
      try {
        const version = readActiveDirection(modelsFolder, timeframeOf(seconds))?.version ?? null;
        if (version === null) return [timeframeOf(seconds), { skipped: 'no direction model is active' }];
        return [timeframeOf(seconds), lookAtVersion(version, own, seconds, journals, bars, limits)];
      } catch (error) {
        return [timeframeOf(seconds), { skipped: describeError(error).message }];
      }
    }),
  );
}

function lookAtVersion(
  version: string,
  instruments: readonly Pair[],
  seconds: number,
  journals: readonly string[],
  bars: ReadonlyMap<string, BarColumns>,
  limits: BiasLimits,
): Part<LiveDirection> {
  const known = instruments.filter(({ a }) => bars.has(a));
  if (known.length === 0) return { skipped: 'no bar has come' };
  const { policy } = evaluationLabel(seconds);
  const rows = instrumentRows(
    // Without auxiliary series: outcomes and regime depend on prices alone.
    known.map(({ a }) => ({ bars: instrumentBarsOf(bars.get(a)!, seconds), series: NO_SERIES })),
    { windows: INSTRUMENT_WINDOWS, label: policy },
  );
  const published: number[] = [];
  const probabilities: number[] = [];
  withJournals(journals, (opened) => {
    for (const [index, { id }] of known.entries()) {
      const own = [...rows.time.keys()].filter((row) => rows.instrument[row] === index);
      const minuteOf = (row: number): number => rows.time[row]! - SECONDS_PER_BAR;
      const answers = opened.map((journal) => journal.probabilitiesBy(version, id, own.map(minuteOf)));
      for (const row of own) {
        const answer = answers.map((found) => found.get(minuteOf(row))).find((found) => found !== undefined);
        if (answer === undefined) continue;
        published.push(row);
        probabilities.push(...answer);
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
  return { version, bars: published.length, bias: modelBias(rows, answers, seconds, limits) };
}

/** Earliest bar that look needs before the first one that counts. */
export function directionWarmUp(instruments: readonly string[]): number {
  const bars = Math.max(...Object.values(INSTRUMENT_WINDOWS)) + 2;
  return Math.max(0, ...instruments.map((id) => bars * barSecondsOf(parseInstrument(id))));
}
