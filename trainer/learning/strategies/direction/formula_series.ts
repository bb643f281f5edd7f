import {
  instrumentDefinitions,
  type InstrumentWindows,
} from '../../../../shared/core/features/instrument/definitions.ts';
import { instrumentFormulasOf, isFor } from '../../../../shared/core/formula/named_formulas.ts';
import { seriesSource } from '../../../../shared/core/formula/series_source.ts';
import { SERIES_NAMES, type SeriesName } from '../../../../shared/core/series/series_names.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { instrumentOf } from '../../../../shared/pair.ts';
import type { Instrument } from './instrument_rows.ts';

/** Sources with values, apart from prices and volume. */
export function sourcesOf(instruments: readonly Instrument[]): string[] {
  const names = SERIES_NAMES.filter((name) => instruments.some(({ series }) => series[name].length > 0));
  const hasTaker = instruments.some(({ bars }) => bars.takerBuyVolume.some((volume) => !Number.isNaN(volume)));
  return hasTaker ? [...names, 'taker_buy_volume'] : [...names];
}

/** A series that a formula reads and none of the instruments that it is for has a value of. */
interface MissingSeries {
  readonly series: SeriesName;
  readonly text: string;
}

/** The first such series; null: there is none. */
export function missingSeries(instruments: readonly Instrument[], windows: InstrumentWindows): MissingSeries | null {
  for (const named of instrumentFormulasOf(windows, instrumentDefinitions(windows))) {
    const own = instruments.filter(({ bars }) => isFor(named, instrumentOf(bars.symbol, bars.timeframe).id));
    for (const name of SERIES_NAMES) {
      const source = seriesSource(name);
      const isRead = own.length > 0 && named.formula.sources.includes(source);
      if (!isRead || own.some(({ series }) => series[name].length > 0)) continue;
      const symbols = own.map(({ bars }) => bars.symbol).join(', ');
      return { series: name, text: `${source} of the formula ${named.name}: no ${name} of ${symbols}` };
    }
  }
  return null;
}

/**
 * Each series that a formula reads must be known of one of the instruments that it is for.
 * @throws MinutehandError DATA_MISSING
 */
export function refuseMissingSeries(instruments: readonly Instrument[], windows: InstrumentWindows): void {
  const missing = missingSeries(instruments, windows);
  if (missing === null) return;
  throw new MinutehandError('DATA_MISSING', {
    seen: missing.text,
    next: 'Import it with `minutehand bars import --series` into the store, or, for bars of a folder, with `minutehand series import` into its folder `series`; or take the formula out of config/features.yaml.',
  });
}
