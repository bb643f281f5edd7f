import { barSecondsOf, parsePair } from '../../../shared/pair.ts';
import { OtherBars, symbolsNeeded, withOtherBars } from '../../../shared/bar_file/other_bars.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import type * as z from 'zod';
import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { barAt } from '../../../shared/bar_file/bar_file.ts';
import { windowsInUse } from '../../../shared/bundle/bundle_windows.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { PairFeatures } from '../../../shared/core/features/features.ts';
import { legSeriesOf } from '../../../shared/core/series/leg_series.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { pairUnknown } from '../../../shared/policy/known_subject.ts';
import { screenPolicy } from '../../../shared/policy/policy.ts';
import { meanOf } from '../../../shared/statistics.ts';
import { readKnownBars } from '../../jobs/bars/known_bars.ts';
import { journalsOf } from '../../jobs/bars/recent_bars.ts';
import { commonMinutes } from '../../learning/history/pair_history.ts';
import type { ApiContext } from './context.ts';
import type { generatedSchema } from '../schema/automl_features.ts';
import { isThere } from '../../../shared/files.ts';

/** Maximum closed time of a market (weekends and holidays). */
const CLOSED_S = 4 * 86_400;

interface Statistics {
  last: number | null;
  mean: number | null;
  min: number | null;
  max: number | null;
  missing: number;
}

/**
 * Statistics of a subject's features over its newest minutes.
 * @throws MinutehandError PAIR_UNKNOWN, DATA_MISSING
 */
export async function recentFeatures(
  { settings, paths, store, signals, clock }: ApiContext,
  subject: string,
  limit: number,
): Promise<z.infer<typeof generatedSchema>> {
  const beganUs = clock.monotonicUs();
  const { market } = settings.minutehand;
  const windows = windowsInUse(paths.models, settings.minutehand.windows);
  if (!settings.minutehand.pairs.includes(subject)) throw pairUnknown([subject], settings.minutehand.pairs);
  const pair = parsePair(subject);
  const features = new PairFeatures(windows, pair);
  const last = signals.last.get(subject);
  const newest = last === undefined ? clock.nowMs() / 1000 : Date.parse(last.timestamp) / 1000;
  const from = Math.floor(newest - (limit + features.warmupBars) * barSecondsOf(pair) - CLOSED_S) as OpenTime;
  const bars = await readKnownBars({
    symbols: symbolsNeeded([pair], windows),
    market,
    from,
    journals: journalsOf(settings, paths).filter((path) => isThere(path)),
    screening: screenPolicy(settings),
    store: await store(),
    onProgress: () => undefined,
  });
  const known = withOtherBars(bars, windows);
  const a = legBars(known, pair, 'a');
  const b = legBars(known, pair, 'b');
  if (a === undefined || b === undefined) throw new MinutehandError('DATA_MISSING', { seen: `no bars of ${subject}` });
  const series = legSeriesOf(a.series ?? {}, b.series ?? {});
  const minutes = [...commonMinutes(a, b)];
  const others = new OtherBars(features.others, a.others, barSecondsOf(pair));
  const names = features.definitions.map(({ name }) => name);
  const columns: number[][] = names.map(() => []);
  for (const [index, [i, j]] of minutes.entries()) {
    const barA = barAt(a, i);
    features.step(barA, barAt(b, j), series.at(barA.time + SECONDS_PER_BAR), others.at(barA.time));
    if (index >= minutes.length - limit) columns.forEach((column, at) => column.push(features.values[at]!));
  }
  const rows = Math.min(limit, minutes.length);
  return {
    success: true,
    message: `${names.length} features of ${rows} minutes of ${subject}`,
    feature_count: names.length,
    processing_time: (clock.monotonicUs() - beganUs) / 1e6,
    feature_names: names,
    statistics: Object.fromEntries(names.map((name, at) => [name, statisticsOf(columns[at]!)])),
    rows,
    feature_schema: featureSchema(windows).hash,
  };
}

function statisticsOf(column: readonly number[]): Statistics {
  const known = column.filter(Number.isFinite);
  const missing = column.length - known.length;
  if (known.length === 0) return { last: null, mean: null, min: null, max: null, missing };
  const last = column.at(-1)!;
  return {
    last: Number.isFinite(last) ? last : null,
    mean: meanOf(known),
    min: known.reduce((least, value) => Math.min(least, value), Infinity),
    max: known.reduce((most, value) => Math.max(most, value), -Infinity),
    missing,
  };
}
