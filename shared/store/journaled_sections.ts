import type { OpenTime } from '../bar.ts';
import { handWrittenDefinitions } from '../core/features/features.ts';
import { GroupSections } from '../core/features/group_sections.ts';
import type { Windows } from '../core/features/windows.ts';
import { comparedPairsOf } from '../core/formula/awaited_symbols.ts';
import { formulasOf } from '../core/formula/named_formulas.ts';
import { groupsOf, readSections, sectionSourcesOf } from '../core/formula/sections.ts';
import type { Pair } from '../pair.ts';
import { barsOfPair, journaledGroup } from './journaled_groups.ts';
import { journaledSeries, type FormulaStore } from './warm_bars.ts';

/** At which bars of a pair. */
export interface SectionsQuestion {
  /** With the formulas that read cross-sections. */
  readonly windows: Windows;
  readonly pair: Pair;
  /** The first one, and the last one. */
  readonly first: OpenTime;
  readonly until: OpenTime;
}

/** The cross-sections of a pair. */
export interface SectionsOfPair {
  /** Their texts. */
  readonly sources: readonly string[];
  /** By the time of a bar, in the order of the sources; NaN = missing. A pair that is in no group has none. */
  readonly values: ReadonlyMap<number, Float64Array>;
}

/** As a daemon had them that waited for the group all the time. null: formulas read none. */
export function journaledSections(
  journal: FormulaStore,
  { windows, pair, first, until }: SectionsQuestion,
): SectionsOfPair | null {
  if (!readSections(windows.formulas)) return null;
  const formulas = formulasOf(windows, handWrittenDefinitions(windows));
  const sources = sectionSourcesOf(formulas);
  const values = new Map<number, Float64Array>();
  const compared = comparedPairsOf(groupsOf(formulas)).find(({ pairs }) => pairs.some(({ id }) => id === pair.id));
  if (compared === undefined) return { sources, values };
  const group = new GroupSections(compared, windows);
  const { pairs, symbols, warmupBars: count } = group;
  const bars = journaledGroup(journal, { pairs, symbols, first, until, count });
  const series = group.readsSeries ? pairs.map((own) => journaledSeries(journal, own, barsOfPair(bars, own))) : null;
  const place = group.placeOf(pair.id)!;
  const columns = group.sources.map((source) => sources.indexOf(source));
  const own = new Float64Array(columns.length);
  for (const bar of bars) {
    group.take(bar, series);
    group.forgetBefore(bar.time);
    if (bar.time < first) continue;
    group.write(place, bar.time, own);
    const row = new Float64Array(sources.length).fill(NaN);
    for (const [i, column] of columns.entries()) row[column] = own[i]!;
    values.set(bar.time, row);
  }
  return { sources, values };
}
