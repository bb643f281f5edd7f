import type { OpenTime } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { otherSymbolsOf } from '../../../shared/bar_file/other_bars.ts';
import { parsePair } from '../../../shared/pair.ts';
import { missingLegSeries } from '../feature_checks/leg_series.ts';
import { comparisonImpossible } from '../gates/champion.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { lackOf } from './absent_bars.ts';
import { findChampion, type ChampionPlace } from './champion.ts';

export interface ComparisonBars extends ChampionPlace {
  /** Those of the legs, and of all symbols that the champion reads. */
  readonly bars: ReadonlyMap<string, BarColumns>;
}

/**
 * Refuses a training whose bars cannot answer for the champion: the comparison comes last, after everything is learned,
 * and values that are missing would let the new models win it.
 * @throws MinutehandError COMPARISON_IMPOSSIBLE
 */
export function refuseImpossibleComparison(
  { holdoutFrom, to }: Pick<Dataset, 'holdoutFrom' | 'to'>,
  { bars, ...place }: ComparisonBars,
): void {
  const champion = findChampion(place);
  if ('reason' in champion) return;
  const { version, windows } = champion;
  const from = Math.max(holdoutFrom, champion.holdoutFrom) as OpenTime;
  for (const symbol of otherSymbolsOf(windows)) {
    const lack = lackOf(bars.get(symbol), from, to);
    if (lack !== null) throw comparisonImpossible(version, `no bars of ${symbol}${lack}`, `Import bars of ${symbol}`);
  }
  const series = missingLegSeries(place.settings.minutehand.pairs.map(parsePair), bars, windows);
  if (series !== null) throw comparisonImpossible(version, series.text, `Import ${series.series} of these symbols`);
}
