import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { barReader, type BarColumns, type SectionColumns } from '../../../shared/bar_file/bar_file.ts';
import { OtherBars, withOtherBars, type BarsBySymbol } from '../../../shared/bar_file/other_bars.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import { handWrittenDefinitions, PairFeatures } from '../../../shared/core/features/features.ts';
import { handWrittenWindows, type Windows } from '../../../shared/core/features/windows.ts';
import { pairInputs } from '../../../shared/core/formula/bar_inputs.ts';
import { FEWEST_OF_SECTION } from '../../../shared/core/formula/cross_section.ts';
import { FormulaEngine } from '../../../shared/core/formula/engine.ts';
import { partAsFormula, type Formula } from '../../../shared/core/formula/formula.ts';
import { formulasOf } from '../../../shared/core/formula/named_formulas.ts';
import { otherSourcesOf } from '../../../shared/core/formula/other_symbols.ts';
import { groupsOf, sectionsOf, type Group, type Section } from '../../../shared/core/formula/sections.ts';
import { legSeriesOf } from '../../../shared/core/series/leg_series.ts';
import { barSecondsOf, parsePair, type Pair } from '../../../shared/pair.ts';
import { matchMinutes } from './pair_history.ts';

/** The cross-sections of the pairs of all groups, by the ids of the pairs. */
type CrossSections = ReadonlyMap<string, SectionColumns>;

/** Epoch seconds of the first and the last bar whose cross-sections are wanted. */
export interface WantedTimes {
  readonly first: number;
  readonly last: number;
}

const ALL_TIMES: WantedTimes = { first: -Infinity, last: Infinity };

interface Known {
  readonly windows: string;
  readonly bars: BarsBySymbol;
}

const known = new WeakMap<BarsBySymbol, Known>();

/**
 * Bars that know all that formulas of pairs read beside those of the legs: the bars of other symbols, and
 * cross-sections, which are computed here in two passes. Where formulas read neither they are the same bars.
 * @param bars of the legs of all pairs of the groups, and of other symbols
 * @throws MinutehandError DATA_MISSING as `withOtherBars`
 */
export function withFormulaBars(bars: BarsBySymbol, windows: Windows): BarsBySymbol {
  const withOthers = withOtherBars(bars, windows);
  const groups = groupsIn(windows);
  if (groups.length === 0) return withOthers;
  const key = JSON.stringify(windows);
  const computed = known.get(bars);
  if (computed?.windows === key) return computed.bars;
  const own = withSections(withOthers, crossSectionsOf(legsIn(withOthers), windows, groups));
  known.set(bars, { windows: key, bars: own });
  return own;
}

/**
 * Bars that know the cross-sections of one formula, over these pairs.
 * @param bars with those of the other symbols that the formula reads
 */
export function withSectionsOf(
  bars: BarsBySymbol,
  formula: Formula,
  members: readonly string[],
  windows: Windows,
): BarsBySymbol {
  const sections = sectionsOf([{ formula }]);
  if (sections.length === 0) return bars;
  return withSections(bars, crossSectionsOf(legsIn(bars), windows, [{ members, sections }]));
}

/** The bars with these cross-sections. */
function withSections(bars: BarsBySymbol, crossSections: CrossSections): BarsBySymbol {
  return new Map([...bars].map(([symbol, columns]) => [symbol, { ...columns, crossSections }]));
}

/** The groups of the formulas of these windows. */
export function groupsIn(windows: Windows): Group[] {
  return groupsOf(formulasOf(windows, handWrittenDefinitions(windows)));
}

/** The bars of both legs of a pair, in its timeframe, with those of other symbols; null: one has none. */
export type LegsOf = (pair: Pair) => { readonly a: BarColumns; readonly b: BarColumns } | null;

export function legsIn(bars: BarsBySymbol): LegsOf {
  return (pair) => {
    const a = legBars(bars, pair, 'a');
    const b = legBars(bars, pair, 'b');
    return a === undefined || b === undefined ? null : { a, b };
  };
}

/**
 * Computes cross-sections: first what each pair of a group compares, at all of its bars, and then every time across
 * the pairs. A pair without a bar, or without a value, is none of them at that time.
 * @param wanted each pair begins as many of its own bars before the first time as its formulas look back, and nothing
 * after the last time is read
 */
export function crossSectionsOf(
  legsOf: LegsOf,
  windows: Windows,
  groups: readonly Group[],
  wanted: WantedTimes = ALL_TIMES,
): CrossSections {
  const found = new Map<string, SectionColumns>();
  for (const { members, sections } of groups)
    for (const pairs of inTimeframes(members.map(parsePair))) {
      const compared = pairs.map((pair) => argumentsOf(pair, legsOf(pair), windows, sections, wanted));
      const columns = acrossPairs(compared, sections);
      pairs.forEach(({ id }, i) => found.set(id, columns[i]!));
    }
  return found;
}

/** Bars of different lengths end at different times: pairs are compared with those of their timeframe. */
function inTimeframes(pairs: readonly Pair[]): Pair[][] {
  const seconds = [...new Set(pairs.map(barSecondsOf))];
  return seconds.map((own) => pairs.filter((pair) => barSecondsOf(pair) === own));
}

/** What a pair compares at each of its bars: a column for each cross-section. */
interface Compared {
  readonly time: Float64Array;
  readonly values: readonly Float64Array[];
}

function argumentsOf(
  pair: Pair,
  legs: ReturnType<LegsOf>,
  windows: Windows,
  sections: readonly Section[],
  { first, last }: WantedTimes,
): Compared {
  if (legs === null) return { time: new Float64Array(), values: sections.map(() => new Float64Array()) };
  const { a, b } = legs;
  const formulas = sections.map(({ inputs }): Formula => partAsFormula(inputs[0]!));
  const features = new PairFeatures(handWrittenWindows(windows), pair);
  const engine = new FormulaEngine(formulas);
  const sources = otherSourcesOf(formulas.map((formula) => ({ formula })));
  const inputs = pairInputs(features.definitions, sources)(engine, barSecondsOf(pair));
  const { length, inA, inB } = matchMinutes(a, b);
  const begin = Math.max(0, firstFrom(a, inA, length, first) - (engine.warmUpBars - 1));
  const end = firstFrom(a, inA, length, last + 1);
  const time = new Float64Array(Math.max(0, end - begin));
  const values = sections.map(() => new Float64Array(time.length));
  const others = new OtherBars(sources, a.others);
  const series = inputs.readsSeries ? legSeriesOf(a.series ?? {}, b.series ?? {}) : null;
  const barOfA = barReader(a);
  const barOfB = barReader(b);
  const state = engine.createState();
  for (let from = begin; from < end; from += engine.capacity) {
    const count = Math.min(engine.capacity, end - from);
    for (let at = 0; at < count; at++) {
      const barA = barOfA(inA[from + at]!);
      const barB = barOfB(inB[from + at]!);
      features.step(barA, barB);
      const legSeries = series?.at(barA.time + SECONDS_PER_BAR) ?? null;
      inputs.write(at, {
        a: barA,
        b: barB,
        features: features.values,
        series: legSeries,
        others: others.at(barA.time),
      });
      time[from - begin + at] = barA.time;
    }
    engine.run(state, count);
    engine.outputs.forEach((output, i) => values[i]!.set(output.subarray(0, count), from - begin));
  }
  return { time, values };
}

/** Index of the first common bar at or after a time; `length` where there is none. */
function firstFrom({ time }: BarColumns, inA: Int32Array, length: number, from: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (time[inA[middle]!]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The values of each pair among those of all pairs at the same time, in memory that threads share. */
function acrossPairs(compared: readonly Compared[], sections: readonly Section[]): SectionColumns[] {
  const columns = compared.map(({ time }) => ({
    time: shared(time.length, time),
    values: sections.map(() => shared(time.length)),
  }));
  const next = new Int32Array(compared.length);
  const present = new Int32Array(compared.length);
  const sorted = new Float64Array(compared.length);
  for (;;) {
    let now = Infinity;
    for (let i = 0; i < compared.length; i++) now = Math.min(now, compared[i]!.time[next[i]!] ?? Infinity);
    if (now === Infinity) break;
    let count = 0;
    for (let i = 0; i < compared.length; i++) if (compared[i]!.time[next[i]!] === now) present[count++] = i;
    for (let s = 0; s < sections.length; s++) {
      let known = 0;
      for (let k = 0; k < count; k++) {
        const i = present[k]!;
        const value = compared[i]!.values[s]![next[i]!]!;
        if (!Number.isNaN(value)) sorted[known++] = value;
      }
      sorted.subarray(0, known).sort();
      const { across } = sections[s]!.operator;
      for (let k = 0; k < count; k++) {
        const i = present[k]!;
        const own = compared[i]!.values[s]![next[i]!]!;
        const isCompared = known >= FEWEST_OF_SECTION && !Number.isNaN(own);
        const column = columns[i]!.values[s]!;
        column[next[i]!] = isCompared ? own : NaN;
        if (isCompared) across(sorted, known, column, next[i]!);
      }
    }
    for (let k = 0; k < count; k++) next[present[k]!]!++;
  }
  return columns.map(({ time, values }) => ({
    time,
    values: new Map(sections.map(({ text }, s) => [text, values[s]!])),
  }));
}

function shared(length: number, values?: Float64Array): Float64Array {
  const column = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT * length));
  if (values !== undefined) column.set(values);
  return column;
}
