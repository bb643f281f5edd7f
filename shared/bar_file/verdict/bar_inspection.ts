import { SECONDS_PER_BAR } from '../../bar.ts';
import type { BarColumns } from '../bar_file.ts';
import { openingOf, WEEKEND_S, type WeekOpen } from '../week_open.ts';
import { parseTimeZone } from '../time_zone.ts';
import { createColumnOrder } from './column_order.ts';
import type { Finding } from './finding.ts';
import type { InspectedBar } from './inspected_bar.ts';
import { createScaleWatch } from './scale_watch.ts';
import { createWeekEdges } from './week_edges.ts';

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const NEW_YORK = parseTimeZone('America/New_York');
/** Bars in a row with the same prices and the same volume, none of them flat: no market repeats so often. */
const FROZEN_BARS = 10;
/** The same of flat bars with a volume, and without one. Quiet nights of currencies stay below it. */
const FROZEN_FLAT_BARS = 60;
const FROZEN_EMPTY_MINUTES = 8 * 60;
/** Flat bars of a closed weekend that are no accident. */
const WEEKEND_BARS = 12;
const FLAT_SHARE = 0.9;
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
  const scale = createScaleWatch(symbol);
  const edges = due === null ? null : createWeekEdges(due, barSeconds);
  const weekends = createWeekends(due, barSeconds);
  const frozen = createFrozenRuns(barSeconds);
  const copies = createCopies(barSeconds);
  const samples = createSamples(symbol, Math.max(BUCKET_S, barSeconds));
  const gaps = createGaps();
  let previous: InspectedBar | null = null;
  let live: number | null = null;
  let bars = 0;
  let newest = -Infinity;

  function add(bar: InspectedBar): void {
    bars++;
    if (bar.time > newest) newest = bar.time;
    order.add(bar);
    weekends.add(bar);
    copies.add(bar);
    samples.add(bar.time, bar.close);
    if (previous === null) {
      scale.first(bar);
      previous = bar;
      live = bar.time;
      return;
    }
    if (bar.time === previous.time) return;
    const [earlier, later] = bar.time > previous.time ? [previous, bar] : [bar, previous];
    order.addNeighbors(earlier, later, later.time - earlier.time === barSeconds);
    scale.addNeighbors(earlier, later);
    gaps.addNeighbors(earlier.time, later.time, bars - 1, bar === later);
    frozen.addNeighbors(earlier, later);
    // Bars that only repeat the last close stand for a closed market as a gap does.
    if (!isFiller(earlier, later)) {
      if (edges !== null && live !== null) addEdge(bar.time, live);
      live = bar.time;
    }
    previous = bar;
  }

  function addEdge(one: number, other: number): void {
    const [last, open] = one > other ? [other, one] : [one, other];
    if (open - last >= WEEKEND_S) edges!.addWeekend(last, open);
    else if (open - last > barSeconds) edges!.addPause(last, open);
  }

  return {
    add,
    addRefused: (bar) => order.add(bar),
    addPage: (columns) => addPage(add, columns),
    findings: () => [
      ...order.findings(),
      ...scale.findings(),
      ...(edges?.findings() ?? []),
      ...frozen.findings(),
      ...weekends.findings(),
      ...copies.findings(),
      ...gaps.findings(bars),
    ],
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

function isFlat({ open, high, low, close }: Omit<InspectedBar, 'time'>): boolean {
  return high === low && open === close && open === high;
}

/** One price, and no volume: nothing was traded. */
export function isEmptyFlat(bar: Omit<InspectedBar, 'time'>): boolean {
  return bar.volume === 0 && isFlat(bar);
}

/**
 * Whether the market of a symbol is closed for the weekend: from New York's close on Friday until 17:00 on
 * Sunday; of a symbol whose weeks are not known, on Saturday in New York.
 */
export function isClosedHour(time: number, due: WeekOpen | null): boolean {
  const local = time + NEW_YORK.offsetAt(time);
  // 1970 began on a Thursday.
  const weekday = (Math.floor(local / DAY_S) + 4) % 7;
  const hour = Math.floor((local % DAY_S) / HOUR_S);
  return weekday === 6 || (due !== null && ((weekday === 5 && hour >= 17) || (weekday === 0 && hour < 17)));
}

/** Whether the later bar only repeats the close before it. */
function isFiller(earlier: InspectedBar, later: InspectedBar): boolean {
  return isEmptyFlat(later) && later.close === earlier.close;
}

function isSame(one: InspectedBar, other: InspectedBar): boolean {
  return (
    one.open === other.open &&
    one.high === other.high &&
    one.low === other.low &&
    one.close === other.close &&
    one.volume === other.volume
  );
}

/** Runs of one repeated bar, as a feeder sends that has lost its source. */
function createFrozenRuns(barSeconds: number) {
  let run = 1;
  let runs = 0;
  let repeated = 0;
  let longest = { bars: 0, time: 0 };
  let begin = NaN;
  let sampleBar: InspectedBar | null = null;
  const limitOf = (bar: InspectedBar): number => {
    if (!isFlat(bar)) return FROZEN_BARS;
    if (bar.volume > 0) return FROZEN_FLAT_BARS;
    return Math.max(FROZEN_FLAT_BARS, (FROZEN_EMPTY_MINUTES * SECONDS_PER_BAR) / barSeconds);
  };
  /** A market that is closed for a weekend and was filled is another finding. */
  const isWeekend = (): boolean => isFlat(sampleBar!) && run * barSeconds >= WEEKEND_S;
  const end = (): void => {
    if (sampleBar !== null && run >= limitOf(sampleBar) && !isWeekend()) {
      runs++;
      repeated += run;
      if (run > longest.bars) longest = { bars: run, time: begin };
    }
    run = 1;
    sampleBar = null;
  };
  return {
    addNeighbors(earlier: InspectedBar, later: InspectedBar): void {
      // Weekends and pauses end a run: over them a price may stay.
      if (later.time - earlier.time > barSeconds * 5 || !isSame(earlier, later)) return end();
      if (sampleBar === null) begin = earlier.time;
      sampleBar = later;
      begin = Math.min(begin, earlier.time);
      run++;
    },
    findings(): Finding[] {
      end();
      if (runs === 0) return [];
      const values = { runs, bars: repeated, longest_bars: longest.bars, from: longest.time };
      return [{ code: 'FROZEN', by: 'repeated_bar', values }];
    },
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

/** Flat bars of hours in which the market is closed. */
function createWeekends(due: WeekOpen | null, barSeconds: number) {
  let closed = 0;
  let closedFlat = 0;
  let open = 0;
  let openFlat = 0;
  return {
    add(bar: InspectedBar): void {
      const flat = isEmptyFlat(bar);
      if (isClosedHour(bar.time, due)) {
        closed++;
        if (flat) closedFlat++;
      } else {
        open++;
        if (flat) openFlat++;
      }
    },
    findings(): Finding[] {
      if (closed < WEEKEND_BARS || closedFlat < FLAT_SHARE * closed) return [];
      // Where flat bars are usual on working days too, they say nothing about weekends.
      if (openFlat > 0.5 * open || barSeconds >= DAY_S) return [];
      return [{ code: 'FLAT_WEEKENDS', by: 'closed_hours', values: { flat: closedFlat, bars: closed } }];
    },
  };
}
