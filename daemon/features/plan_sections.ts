import type { OpenTime } from '../../shared/bar.ts';
import { GroupSections } from '../../shared/core/features/group_sections.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import { comparedPairsOf } from '../../shared/core/formula/awaited_symbols.ts';
import type { PairReading } from '../../shared/core/formula/bar_inputs.ts';
import type { GroupBars } from '../../shared/core/formula/group_bars.ts';
import type { NamedFormula } from '../../shared/core/formula/named_formulas.ts';
import { groupsOf, sectionSourcesOf } from '../../shared/core/formula/sections.ts';
import type { LegSeries } from '../../shared/core/series/leg_series.ts';
import type { Pair } from '../../shared/pair.ts';
import { barsOfPair, journaledGroupInPieces } from '../../shared/store/journaled_groups.ts';
import { journaledSeries, type FormulaStore } from '../../shared/store/warm_bars.ts';
import type { BarCompletion, PlannedBar } from './formula_plan.ts';

/** Bars that are computed before bars that are due have their turn. */
const BARS_PER_PIECE = 200;

export interface SectionHistory {
  readonly store: FormulaStore;
  first(this: void, group: GroupSections): OpenTime | null;
  until(this: void, id: string): OpenTime;
  /** Resolves when the thread may be blocked for some milliseconds. */
  readonly pause: () => Promise<void>;
}

/** Where the cross-sections of a pair are. */
interface Place {
  readonly group: GroupSections;
  readonly place: number;
  /** Of each cross-section of the group: which of the plan it is. */
  readonly columns: readonly number[];
  /** Of the group, of one bar. */
  readonly values: Float64Array;
}

/** The cross-sections that the formulas of a plan read. */
export class PlanSections implements BarCompletion<PairReading> {
  readonly groups: readonly GroupSections[];
  /** By subject; null: it is in no group. */
  readonly #places: readonly (Place | null)[];
  /** Of the bar of a pair, in the order of `sectionSourcesOf` the formulas. */
  readonly #values: Float64Array;
  readonly #seriesOf: (pair: Pair) => LegSeries;
  readonly #series = new Map<string, readonly LegSeries[]>();

  /** @param windows of the hand-written features */
  constructor(
    formulas: readonly NamedFormula[],
    subjects: readonly Pair[],
    windows: Windows,
    seriesOf: (pair: Pair) => LegSeries,
  ) {
    const sources = sectionSourcesOf(formulas);
    this.groups = comparedPairsOf(groupsOf(formulas)).map((compared) => new GroupSections(compared, windows));
    this.#values = new Float64Array(sources.length).fill(NaN);
    this.#seriesOf = seriesOf;
    this.#places = subjects.map(({ id }) => {
      const group = this.groups.find((own) => own.placeOf(id) !== undefined);
      if (group === undefined) return null;
      const columns = group.sources.map((source) => sources.indexOf(source));
      return { group, place: group.placeOf(id)!, columns, values: new Float64Array(columns.length) };
    });
  }

  get readsSeries(): boolean {
    return this.groups.some(({ readsSeries }) => readsSeries);
  }

  /** Whether a subject is in a group. */
  isOf(index: number): boolean {
    return this.#places[index] !== null;
  }

  /** Takes the bars of groups that come with a bar of a pair, and gives it its cross-sections. */
  prepare(bar: PlannedBar<PairReading>): void {
    if (bar.groups !== undefined) for (const given of bar.groups) this.#take(given);
    (bar as { sections: Float64Array }).sections = this.#valuesAt(bar.index, bar.a.time);
  }

  /**
   * Computes the groups over the bars that the journal has of them.
   * @param first of each group: the first time that a pair of it needs; null: none does
   * @param until of each group: its last bar that is over
   */
  async readJournal({ store, first, until, pause }: SectionHistory): Promise<void> {
    for (const group of this.groups) {
      const from = first(group);
      const last = until(group.id);
      if (from === null || from > last) continue;
      const { pairs, symbols, warmupBars: count } = group;
      const bars = await journaledGroupInPieces(store, { pairs, symbols, first: from, until: last, count }, pause);
      const series = group.readsSeries
        ? pairs.map((pair) => journaledSeries(store, pair, barsOfPair(bars, pair)))
        : null;
      for (const [index, bar] of bars.entries()) {
        if (index % BARS_PER_PIECE === 0) await pause();
        group.take(bar, series);
      }
    }
  }

  #take({ group: id, bars, neededFrom }: GroupBars): void {
    const group = this.groups.find((own) => own.id === id);
    if (group === undefined) return;
    const series = group.readsSeries ? this.#seriesOfGroup(group) : null;
    for (const bar of bars) group.take(bar, series);
    group.forgetBefore(neededFrom);
  }

  #seriesOfGroup({ id, pairs }: GroupSections): readonly LegSeries[] {
    const known = this.#series.get(id) ?? pairs.map(this.#seriesOf);
    this.#series.set(id, known);
    return known;
  }

  /** They belong to the caller until the next call. */
  #valuesAt(index: number, time: number): Float64Array {
    const values = this.#values;
    values.fill(NaN);
    const own = this.#places[index]!;
    if (own === null) return values;
    own.group.write(own.place, time, own.values);
    for (let i = 0; i < own.columns.length; i++) values[own.columns[i]!] = own.values[i]!;
    return values;
  }
}
