import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../../bar.ts';
import type { Pair } from '../../pair.ts';
import { groupId, symbolsCompared, type ComparedPairs } from '../formula/awaited_symbols.ts';
import { pairInputs, type PairReading } from '../formula/bar_inputs.ts';
import { FEWEST_OF_SECTION, type Across } from '../formula/cross_section.ts';
import { partAsFormula } from '../formula/formula.ts';
import { FormulaColumns } from '../formula/formula_columns.ts';
import type { GroupBar } from '../formula/group_bars.ts';
import { otherSourcesOf } from '../formula/other_symbols.ts';
import type { LegSeries } from '../series/leg_series.ts';
import { FeatureEngine, handWrittenDefinitions } from './features.ts';
import { handWrittenWindows, type Windows } from './windows.ts';

/** What the pairs of a group have at one time. */
interface Row {
  time: number;
  /** [pairs × cross-sections]: what is compared; NaN = missing. */
  readonly own: Float64Array;
  /** Of each cross-section: those that exist, ascending, and NaN behind them. */
  readonly sorted: readonly Float64Array[];
  /** Of each cross-section: how many exist. */
  readonly counts: Int32Array;
}

/**
 * The cross-sections of the pairs of a group, bar by bar: what is compared follows from the last bars of each pair, and
 * then all pairs of a time are compared. A pair without a bar, or without a value, is none of them. The bits are those
 * of a training (`crossSectionsOf` of the trainer).
 */
export class GroupSections {
  readonly id: string;
  readonly pairs: readonly Pair[];
  /** Whose bars it takes: the legs of the pairs, and those that what is compared reads. */
  readonly symbols: readonly string[];
  /** Texts of the cross-sections, in the order of their values. */
  readonly sources: readonly string[];
  readonly #across: readonly Across[];
  readonly #columns: FormulaColumns<PairReading>;
  /** null: what is compared reads no hand-written feature. */
  readonly #features: FeatureEngine | null;
  readonly #places: ReadonlyMap<string, number>;
  /** The first `#count` are kept, ascending; those behind them are used again. */
  readonly #rows: Row[] = [];
  #count = 0;
  readonly #present: Uint8Array;
  /** Reused for each bar. */
  readonly #reading = {} as { -readonly [Field in keyof PairReading]: PairReading[Field] };

  /** @param windows of the hand-written features that what is compared may read */
  constructor(compared: ComparedPairs, windows: Windows) {
    const { pairs, sections } = compared;
    this.id = groupId(pairs);
    this.symbols = symbolsCompared(compared);
    this.pairs = pairs;
    this.sources = sections.map(({ text }) => text);
    this.#across = sections.map(({ operator }) => operator.across);
    const own = handWrittenWindows(windows);
    const definitions = handWrittenDefinitions(own);
    const formulas = sections.map(({ text, inputs }) => ({
      name: text,
      formula: partAsFormula(inputs[0]!),
      subjects: null,
    }));
    this.#columns = new FormulaColumns(formulas, pairs, pairInputs(definitions, otherSourcesOf(formulas)));
    const names = new Set(definitions.map(({ name }) => name));
    const readsFeatures = formulas.some(({ formula }) => formula.sources.some((source) => names.has(source)));
    this.#features = readsFeatures ? new FeatureEngine(pairs, own) : null;
    this.#places = new Map(pairs.map(({ id }, place) => [id, place]));
    this.#present = new Uint8Array(pairs.length);
  }

  /** Bars of a pair that what is compared looks back over. */
  get warmupBars(): number {
    return this.#columns.warmupBars;
  }

  get readsSeries(): boolean {
    return this.#columns.readsSeries;
  }

  /** Place of a pair of the group. */
  placeOf(id: string): number | undefined {
    return this.#places.get(id);
  }

  /**
   * Takes the bars of the next time.
   * @param series of the legs of each pair, by its place; null where nothing reads one
   */
  take({ time, bars }: GroupBar, series: readonly LegSeries[] | null): void {
    const present = this.#present;
    for (let place = 0; place < this.pairs.length; place++) {
      const { a, b } = this.pairs[place]!;
      const barOfA = bars.get(a);
      const barOfB = bars.get(b);
      present[place] = barOfA === undefined || barOfB === undefined ? 0 : 1;
      if (barOfA === undefined || barOfB === undefined) continue;
      this.#add(place, barOfA, barOfB, bars, series === null ? null : series[place]!.at(time + SECONDS_PER_BAR));
    }
    this.#columns.run();
    this.#compare(time);
  }

  #add(place: number, a: Bar, b: Bar, bars: GroupBar['bars'], series: Float64Array | null): void {
    const features = this.#features;
    features?.stepPair(place, a, b);
    const reading = this.#reading;
    reading.a = a;
    reading.b = b;
    reading.features = features === null ? NO_FEATURES : features.values(place);
    reading.series = series;
    reading.otherBars = bars;
    this.#columns.add(place, reading);
  }

  #compare(time: OpenTime): void {
    const row = this.#nextRow();
    const { own, sorted, counts } = row;
    const pairs = this.pairs.length;
    const sections = this.sources.length;
    row.time = time;
    for (let s = 0; s < sections; s++) {
      const column = sorted[s]!;
      let count = 0;
      for (let place = 0; place < pairs; place++) {
        const value = this.#present[place] === 1 ? this.#columns.values(place)[s]! : NaN;
        own[place * sections + s] = value;
        column[place] = value;
        if (value - value === 0) count++;
      }
      counts[s] = count;
      // NaN comes last.
      column.sort();
    }
  }

  #nextRow(): Row {
    if (this.#count === this.#rows.length) this.#rows.push(this.#createRow());
    return this.#rows[this.#count++]!;
  }

  #createRow(): Row {
    const pairs = this.pairs.length;
    const sections = this.sources.length;
    return {
      time: 0,
      own: new Float64Array(pairs * sections),
      sorted: this.sources.map(() => new Float64Array(pairs)),
      counts: new Int32Array(sections),
    };
  }

  /** Nobody asks for earlier times any more. The newest one stays. */
  forgetBefore(time: number): void {
    const rows = this.#rows;
    let old = 0;
    while (old < this.#count - 1 && rows[old]!.time < time) old++;
    this.#count -= old;
    if (old > FEW_ROWS) rows.splice(0, old);
    else for (; old > 0; old--) rotate(rows);
  }

  /** Times that are kept. */
  get length(): number {
    return this.#count;
  }

  /** Writes the cross-sections of a pair at a time that is kept; NaN = missing. @param place see `placeOf` */
  write(place: number, time: number, out: Float64Array): void {
    const row = rowAt(this.#rows, this.#count, time);
    const sections = this.sources.length;
    for (let s = 0; s < sections; s++) {
      const value = row === null ? NaN : row.own[place * sections + s]!;
      const count = row === null ? 0 : row.counts[s]!;
      out[s] = count < FEWEST_OF_SECTION ? NaN : value;
      if (out[s]! - out[s]! === 0) this.#across[s]!(row!.sorted[s]!, count, out, s);
    }
  }
}

const NO_FEATURES = new Float64Array();

/** Rows that are used again; an array that shrinks and grows is allocated each time. */
const FEW_ROWS = 16;

/** The first row becomes the last one. */
function rotate(rows: Row[]): void {
  const first = rows[0]!;
  for (let i = 1; i < rows.length; i++) rows[i - 1] = rows[i]!;
  rows[rows.length - 1] = first;
}

function rowAt(rows: readonly Row[], count: number, time: number): Row | null {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.time < time) low = middle + 1;
    else high = middle;
  }
  return low < count && rows[low]!.time === time ? rows[low]! : null;
}
