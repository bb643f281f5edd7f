import type { BarColumns } from '../bar_file.ts';
import { openingOf, WEEKEND_S } from '../week_open.ts';
import { createAbsences } from './absences.ts';
import { createColumnOrder } from './column_order.ts';
import { createCopiedStretches } from './copied_stretches.ts';
import { createDerivedBars } from './derived_bars.ts';
import type { Finding } from './finding.ts';
import { createFrozenRuns } from './frozen_runs.ts';
import type { InspectedBar } from './inspected_bar.ts';
import { createLevelJoins } from './level_joins.ts';
import { createScaleWatch } from './scale_watch.ts';
import { createWeekEdges } from './week_edges.ts';
import { createWeekends, isFiller } from './weekends.ts';

const DAY_S = 86_400;
/** Buckets whose last closes are kept for comparisons with other symbols. */
const BUCKET_S = 300;
const MAX_BUCKETS = 40_000;
/** So many at once: to find the first key of a map takes as long as it has deleted ones before it. */
const DROPPED_BUCKETS = 10_000;

/** What a `BarInspection` leaves for comparisons: the last close of each bucket, by its number. */
export interface SampledCloses {
  readonly symbol: string;
  readonly bucketSeconds: number;
  readonly closes: ReadonlyMap<number, number>;
}

/**
 * Reads the bars of one symbol once, ascending or descending, in bounded memory, and finds what they show about their
 * own clock, columns, scale and source. Nothing is repaired.
 */
export interface BarInspection {
  add(bar: InspectedBar): void;
  /** Numbers of a row that was refused for its geometry. */
  addRefused(bar: Omit<InspectedBar, 'time'>): void;
  addPage(columns: BarColumns): void;
  findings(): readonly Finding[];
  samples(): SampledCloses;
  readonly bars: number;
  /** Open of the newest bar, epoch seconds; -Infinity without one. */
  readonly newest: number;
}

export function createBarInspection(
  symbol: string,
  barSeconds: number,
  options: { readonly hasWeeks?: boolean } = {},
): BarInspection {
  const due = options.hasWeeks === false ? null : openingOf(symbol);
  const order = createColumnOrder();
  const scale = createScaleWatch(symbol, { isReal: options.hasWeeks !== false });
  const edges = due === null ? null : createWeekEdges(due, barSeconds);
  const weekends = createWeekends(due, barSeconds);
  const frozen = createFrozenRuns(barSeconds, due);
  const stretches = createCopiedStretches(barSeconds);
  const derived = createDerivedBars(barSeconds);
  const joins = createLevelJoins(barSeconds, symbol);
  const copies = createCopies(barSeconds);
  const samples = createSamples(symbol, Math.max(BUCKET_S, barSeconds));
  const gaps = createGaps();
  const spacing = createLongerRuns(barSeconds);
  const longer = createLongerBars(barSeconds);
  const absences = createAbsences(barSeconds, due !== null);
  let previous: InspectedBar | null = null;
  let live: number | null = null;
  /** Of bars that are more than a repeated close. */
  const range = { oldest: Infinity, newest: -Infinity };
  let bars = 0;
  let newest = -Infinity;

  function add(bar: InspectedBar): void {
    bars++;
    if (bar.time > newest) newest = bar.time;
    order.add(bar);
    weekends.add(bar);
    copies.add(bar);
    stretches.add(bar);
    samples.add(bar.time, bar.close);
    if (previous === null) {
      scale.first(bar);
      previous = bar;
      setLive(bar.time);
      return;
    }
    if (bar.time === previous.time) return;
    const [earlier, later] = bar.time > previous.time ? [previous, bar] : [bar, previous];
    const isAdjacent = later.time - earlier.time === barSeconds;
    order.addNeighbors(earlier, later, isAdjacent);
    derived.addNeighbors(earlier, later, isAdjacent);
    joins.addNeighbors(earlier, later, bar === later);
    scale.addNeighbors(earlier, later);
    gaps.addNeighbors(earlier.time, later.time, bars - 1, bar === later);
    spacing.addNeighbors(earlier.time, later.time);
    longer.addNeighbors(earlier, later, bar === later);
    absences.addNeighbors(earlier.time, later.time, bar === later);
    frozen.addNeighbors(earlier, later);
    // Bars that only repeat the last close stand for a closed market as a gap does.
    if (!isFiller(earlier, later, due)) {
      if (edges !== null && live !== null) addEdge(bar.time, live);
      setLive(bar.time);
    }
    previous = bar;
  }

  function setLive(time: number): void {
    live = time;
    if (time < range.oldest) range.oldest = time;
    if (time > range.newest) range.newest = time;
  }

  function addEdge(one: number, other: number): void {
    const [last, open] = one > other ? [other, one] : [one, other];
    if (open - last >= WEEKEND_S) edges!.addWeekend(last, open);
    else if (open - last > barSeconds) edges!.addPause(last, open);
  }

  return {
    add,
    addRefused: (bar) => order.addRefused(bar),
    addPage: (columns) => addPage(add, columns),
    findings: () => {
      const ofScale = scale.findings();
      const ofDerived = derived.findings();
      const ofCopies = [...frozen.findings(), ...stretches.findings()];
      const hasClosed = weekends.hasTradedEdges();
      const ofYears = gaps.findings(bars);
      const ofClock = edges === null || bars === 0 ? [] : edges.findings({ ...range, hasClosed });
      return [
        ...order.findings(),
        ...ofDerived,
        ...spacing.findings(),
        ...(ofDerived.some(({ by }) => by === 'longer_among') ? [] : longer.findings()),
        ...ofScale,
        ...ofClock,
        ...ofCopies,
        // Leaps by a power of ten, and into copied bars, have been reported by those tests.
        ...(ofScale.length + ofCopies.length > 0 ? [] : joins.findings()),
        ...weekends.findings({ isClockOff: ofClock.length > 0 }),
        ...copies.findings(),
        ...(ofYears.length > 0 ? ofYears : absences.findings()),
      ];
    },
    samples: () => samples.closes,
    get bars() {
      return bars;
    },
    get newest() {
      return newest;
    },
  };
}

function addPage(add: (bar: InspectedBar) => void, columns: BarColumns): void {
  const { time, open, high, low, close, volume, length } = columns;
  for (let i = 0; i < length; i++)
    add({
      time: time[i]!,
      open: open[i]!,
      high: high[i]!,
      low: low[i]!,
      close: close[i]!,
      volume: volume[i]!,
    });
}

/** The closes of stored bars. */
export async function sampleOf(
  symbol: string,
  bucketSeconds: number,
  pages: AsyncIterable<BarColumns> | Iterable<BarColumns>,
): Promise<SampledCloses> {
  const samples = createSamples(symbol, bucketSeconds);
  for await (const { time, close, length } of pages) for (let i = 0; i < length; i++) samples.add(time[i]!, close[i]!);
  return samples.closes;
}

function dropOldest(closes: Map<number, number>): void {
  let left = DROPPED_BUCKETS;
  for (const bucket of closes.keys()) {
    if (left-- === 0) return;
    closes.delete(bucket);
  }
}

function createSamples(symbol: string, bucketSeconds: number) {
  const closes = new Map<number, number>();
  return {
    add(time: number, close: number): void {
      closes.set(Math.floor(time / bucketSeconds), close);
      if (closes.size >= MAX_BUCKETS + DROPPED_BUCKETS) dropOldest(closes);
    },
    closes: { symbol, bucketSeconds, closes } satisfies SampledCloses,
  };
}

/** Every so many bars, the close of a minute is kept to be compared with later rows of the same minute. */
const COPY_EVERY = 5;
const MAX_COPIES = 200_000;
const MIN_COPIES = 20;
const COPIES_SHARE = 0.05;

/** Minutes that are there twice with different closes, as when the rows of two symbols are in one file. */
function createCopies(barSeconds: number) {
  const closes = new Map<number, number>();
  let different = 0;
  return {
    add({ time, close }: InspectedBar): void {
      if ((time / barSeconds) % COPY_EVERY !== 0) return;
      const first = closes.get(time);
      if (first !== undefined) {
        if (first !== close) different++;
      } else if (closes.size < MAX_COPIES) closes.set(time, close);
    },
    findings(): Finding[] {
      if (different < MIN_COPIES || different < COPIES_SHARE * closes.size) return [];
      return [{ code: 'SUSPECT', by: 'two_series', values: { repeated: different, of: closes.size } }];
    },
  };
}

/** A bar of so many usual ranges, whose close is so much of its range from the next open, may be a longer one. */
const LONGER_BAR = { ranges: 4, apart: 0.1, memory: 0.02 } as const;
const OPEN_LONGER_BARS = 100;

interface LongerBar {
  readonly bar: InspectedBar;
  readonly seconds: number;
  high: number;
  low: number;
  close: number;
  bars: number;
}

/**
 * Single longer bars among shorter ones, such as that of a day which an export has put at its beginning: high, low and
 * close are those of the hour or day that follows, to the last digit. Of rows in ascending order.
 */
function createLongerBars(barSeconds: number) {
  let usual = 0;
  let open: LongerBar[] = [];
  let found = 0;
  let first: LongerBar | null = null;

  function close(one: LongerBar): void {
    const { bar, seconds, high, low, close: last, bars } = one;
    if (bars < MIN_LONGER_RUN || bar.high < high || bar.low > low || bar.close !== last) return;
    // The bar that it replaced may have had one of them; chance finds one of an hour.
    const same = Number(bar.high === high) + Number(bar.low === low);
    if (same < (seconds === DAY_S ? 1 : 2)) return;
    found++;
    if (first === null || bar.time < first.bar.time) first = one;
  }

  return {
    addNeighbors(earlier: InspectedBar, later: InspectedBar, isUp: boolean): void {
      if (!isUp) return;
      if (open.length > 0) {
        for (const one of open) if (later.time >= one.bar.time + one.seconds) close(one);
        open = open.filter((one) => later.time < one.bar.time + one.seconds);
        for (const one of open) {
          one.high = Math.max(one.high, later.high);
          one.low = Math.min(one.low, later.low);
          one.close = later.close;
          one.bars++;
        }
      }
      const range = earlier.high - earlier.low;
      const isLarge = usual > 0 && range > LONGER_BAR.ranges * usual;
      if (isLarge && Math.abs(later.open - earlier.close) > LONGER_BAR.apart * range && open.length < OPEN_LONGER_BARS)
        for (const seconds of [DAY_S, 3600]) {
          if (seconds < MIN_LONGER_RUN * barSeconds || earlier.time % 3600 !== 0) continue;
          const { high, low, close: last } = later;
          open.push({ bar: earlier, seconds, high, low, close: last, bars: 1 });
        }
      usual = usual === 0 ? range : usual + LONGER_BAR.memory * (Math.min(range, 2 * usual) - usual);
    },
    findings(): Finding[] {
      if (first === null) return [];
      const { bar, seconds } = first;
      return [{ code: 'DERIVED', by: 'longer_bar', values: { bars: found, seconds, from: bar.time } }];
    },
  };
}

/** Neighbors that are all whole bars of a longer timeframe apart: of quotes that are rare, some are not. */
const MIN_LONGER_RUN = 20;
/** Of bars of a day: no market trades for one minute a day, and that the same one, for a week. */
const MIN_RUN_OF_DAYS = 5;
/** Of bars within a day: a weekend may be filled with bars of half an hour. */
const MIN_RUN_WITHIN_DAY = 120;
const LONGER_S = [DAY_S, 14_400, 3600, 1800, 900, 300];

/** Bars of a longer timeframe before, behind or between those of the shorter one: a day's history, then minutes. */
function createLongerRuns(barSeconds: number) {
  const lengths = LONGER_S.filter((seconds) => seconds >= 5 * barSeconds);
  const runs = lengths.map(() => ({ from: NaN, to: NaN, bars: 0, place: NaN }));
  let shorter = 0;
  let longest: { readonly seconds: number; readonly bars: number; readonly from: number; readonly to: number } | null =
    null;
  return {
    addNeighbors(earlier: number, later: number): void {
      const distance = later - earlier;
      if (distance === barSeconds) shorter++;
      for (const [i, seconds] of lengths.entries()) {
        const run = runs[i]!;
        const isWhole = distance % seconds === 0;
        if (!isWhole || run.place !== earlier % seconds) {
          run.bars = 0;
          if (!isWhole) continue;
        }
        if (run.bars === 0) Object.assign(run, { from: earlier, to: later, bars: 1, place: earlier % seconds });
        run.bars++;
        run.from = Math.min(run.from, earlier);
        run.to = Math.max(run.to, later);
        // A day's bars are five minutes' ones too.
        const least = seconds === DAY_S ? MIN_RUN_OF_DAYS : MIN_RUN_WITHIN_DAY;
        if (run.bars < least || (longest !== null && seconds < longest.seconds)) continue;
        if (longest?.seconds === seconds && run.bars < longest.bars) continue;
        longest = { seconds, bars: run.bars, from: run.from, to: run.to };
      }
    },
    findings(): Finding[] {
      // Bars of one longer timeframe alone are no mixture.
      if (longest === null || shorter < MIN_LONGER_RUN) return [];
      return [{ code: 'DERIVED', by: 'longer_run', values: longest }];
    },
  };
}

/** No market rests so long: a year is absent, or some stamps are of another one. */
const LONG_GAP_S = 300 * DAY_S;
/** Behind a gap of this length, so few of the bars are strays. */
const STRAY_GAP_S = 30 * DAY_S;
const STRAY_SHARE = 0.01;

/** Gaps of most of a year, and bars that stand far off all others. */
function createGaps() {
  const found: { readonly from: number; readonly to: number; readonly seen: number; readonly isUp: boolean }[] = [];
  return {
    /** @param seen bars before this one in the order in which they come @param isUp whether that is ascending */
    addNeighbors(from: number, to: number, seen: number, isUp: boolean): void {
      if (to - from >= STRAY_GAP_S && found.length < MAX_GAPS) found.push({ from, to, seen, isUp });
    },
    findings(bars: number): Finding[] {
      const gaps = found.flatMap(({ from, to, seen, isUp }) => {
        const before = isUp ? seen : bars - seen;
        const isStray = Math.min(before, bars - before) <= STRAY_SHARE * bars;
        return to - from >= LONG_GAP_S || isStray ? [{ from, to, before }] : [];
      });
      const [longest] = gaps.sort((a, b) => b.to - b.from - (a.to - a.from));
      if (longest === undefined) return [];
      const { from, to, before } = longest;
      const days = Math.round((to - from) / DAY_S);
      return [
        { code: 'GAP', by: 'distance', values: { days, from, to, before, after: bars - before, gaps: gaps.length } },
      ];
    },
  };
}

/** More of them are the spacing of very long bars, or rows in no order. */
const MAX_GAPS = 1000;
