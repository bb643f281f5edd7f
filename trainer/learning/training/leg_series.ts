import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { handWrittenDefinitions } from '../../../shared/core/features/features.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { formulasOf } from '../../../shared/core/formula/named_formulas.ts';
import { parseLegSeries } from '../../../shared/core/formula/series_source.ts';
import type { SeriesName } from '../../../shared/core/series/series_names.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Pair } from '../../../shared/pair.ts';
import { instrumentBarsOf } from '../direction/instrument_bars.ts';
import { refuseForeseeing } from '../direction/series_foresight.ts';

/** The limits of foresight were measured on bars of this length. */
const FORESIGHT_BAR_SECONDS = 3600;

/**
 * The series of legs that formulas read: each must be known of a leg, and must not know what its price does next.
 * @throws MinutehandError DATA_MISSING for a source that no pair has a value of, SERIES_FORESIGHT
 */
export function checkLegSeries(pairs: readonly Pair[], bars: ReadonlyMap<string, BarColumns>, windows: Windows): void {
  const checked = new Set<string>();
  for (const { name, formula } of formulasOf(windows, handWrittenDefinitions(windows))) {
    for (const source of formula.sources) {
      const read = parseLegSeries(source);
      if (read === null) continue;
      const symbols = pairs.map((pair) => pair[read.leg]).filter((symbol) => bars.has(symbol));
      const series = read.series as SeriesName;
      const known = symbols.filter((symbol) => (bars.get(symbol)!.series?.[series]?.length ?? 0) > 0);
      if (known.length === 0)
        throw new MinutehandError('DATA_MISSING', {
          seen: `${source} of the formula ${name}: no ${series} of ${[...new Set(symbols)].join(', ')}`,
          next: 'Import it with `minutehand series import` into the folder `series` of the bars, or with `minutehand bars import --series` into the store; or take the formula out of config/features.yaml.',
        });
      for (const symbol of known) {
        const key = `${symbol} ${series}`;
        if (checked.has(key)) continue;
        checked.add(key);
        const own = bars.get(symbol)!;
        refuseForeseeing(instrumentBarsOf(own, FORESIGHT_BAR_SECONDS), series, own.series![series]!);
      }
    }
  }
}
