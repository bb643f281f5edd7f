import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { handWrittenDefinitions } from '../../../shared/core/features/features.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { formulasOf, isFor, type NamedFormula } from '../../../shared/core/formula/named_formulas.ts';
import { parseLegSeries } from '../../../shared/core/formula/series_source.ts';
import type { SeriesName } from '../../../shared/core/series/series_names.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Pair } from '../../../shared/pair.ts';
import { ownBarSeconds } from '../../../shared/bar_file/own_timeframe.ts';
import { instrumentBarsOf } from '../instruments/instrument_bars.ts';
import { refuseForeseeing } from '../strategies/direction/series_foresight.ts';

/** The limits of foresight were measured on bars of this length. */
const FORESIGHT_BAR_SECONDS = 3600;

/** A series of a leg that a formula reads. */
interface ReadSeries {
  /** Name of the formula. */
  readonly name: string;
  readonly subjects: NamedFormula['subjects'];
  /** As the formula writes it. */
  readonly source: string;
  readonly leg: 'a' | 'b';
  readonly series: SeriesName;
}

/** What the formulas of a configuration read of the series of legs. */
function seriesRead(windows: Windows): ReadSeries[] {
  return formulasOf(windows, handWrittenDefinitions(windows)).flatMap(({ name, formula, subjects }) =>
    formula.sources.flatMap((source) => {
      const read = parseLegSeries(source);
      return read === null ? [] : [{ name, subjects, source, leg: read.leg, series: read.series as SeriesName }];
    }),
  );
}

/** Symbols whose series is read: the leg of the pairs that the formula is for. */
function legsRead(read: ReadSeries, pairs: readonly Pair[]): string[] {
  return pairs.filter(({ id }) => isFor(read, id)).map((pair) => pair[read.leg]);
}

/** Columns whose values depend on series of legs: by the names of their formulas. */
export function columnsOfSeries(windows: Windows): string[] {
  return [...new Set(seriesRead(windows).map(({ name }) => name))];
}

/** A series of a leg that a formula reads and no pair has a value of. */
interface MissingSeries {
  readonly series: SeriesName;
  /** `a.series("funding_rate") of the formula carry: no funding_rate of BTCUSDT` */
  readonly text: string;
}

/** The first series that a formula reads and no pair has a value of; null: there is none. */
export function missingLegSeries(
  pairs: readonly Pair[],
  bars: ReadonlyMap<string, BarColumns>,
  windows: Windows,
): MissingSeries | null {
  for (const read of seriesRead(windows)) {
    const { name, source, series } = read;
    const symbols = legsRead(read, pairs).filter((symbol) => bars.has(symbol));
    // Of no pair of this training.
    if (symbols.length === 0 && read.subjects !== null) continue;
    if (symbols.some((symbol) => (bars.get(symbol)!.series?.[series]?.length ?? 0) > 0)) continue;
    return { series, text: `${source} of the formula ${name}: no ${series} of ${[...new Set(symbols)].join(', ')}` };
  }
  return null;
}

/**
 * The series of legs that formulas read: each must be known of a leg, and must not know what its price does next.
 * @throws MinutehandError DATA_MISSING for a source that no pair has a value of, SERIES_FORESIGHT
 */
export function checkLegSeries(pairs: readonly Pair[], bars: ReadonlyMap<string, BarColumns>, windows: Windows): void {
  const missing = missingLegSeries(pairs, bars, windows);
  if (missing !== null)
    throw new MinutehandError('DATA_MISSING', {
      seen: missing.text,
      next: 'Import it with `minutehand series import` into the folder `series` of the bars, or with `minutehand bars import --series` into the store; or take the formula out of config/features.yaml.',
    });
  refuseForeseeingFormulas(pairs, bars, windows);
}

/**
 * Compares each series of a leg that formulas read with the price of that leg.
 * @throws MinutehandError SERIES_FORESIGHT
 */
export function refuseForeseeingFormulas(
  pairs: readonly Pair[],
  bars: ReadonlyMap<string, BarColumns>,
  windows: Windows,
): void {
  const read = seriesRead(windows).flatMap((one) =>
    legsRead(one, pairs).map((symbol) => ({ symbol, series: one.series })),
  );
  const distinct = new Map(read.map((one) => [`${one.symbol} ${one.series}`, one]));
  for (const { symbol, series } of distinct.values()) refuseForeseeingOf(bars.get(symbol), series);
}

/**
 * Compares every known series of these symbols with their prices, whether anything reads it or not.
 * @throws MinutehandError SERIES_FORESIGHT
 */
export function refuseForeseeingLegs(symbols: readonly string[], bars: ReadonlyMap<string, BarColumns>): void {
  for (const symbol of new Set(symbols)) {
    const own = bars.get(symbol);
    for (const series of Object.keys(own?.series ?? {})) refuseForeseeingOf(own, series as SeriesName);
  }
}

/** @param bars undefined, or without values of the series: nothing is compared */
function refuseForeseeingOf(bars: BarColumns | undefined, series: SeriesName): void {
  const history = bars?.series?.[series];
  if (bars === undefined || history === undefined || history.length === 0) return;
  const seconds = Math.max(FORESIGHT_BAR_SECONDS, ownBarSeconds(bars));
  refuseForeseeing(instrumentBarsOf(bars, seconds), series, history);
}
