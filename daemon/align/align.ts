import type { Bar, OpenTime } from '../../shared/bar.ts';
import { BarScreen, type ScreenPolicy } from '../../shared/core/screen/bar_screen.ts';
import { otherBarTime, type OtherBarsAt } from '../../shared/core/formula/other_values.ts';
import { KEPT_BARS, RecentBars } from '../../shared/core/resample/recent_bars.ts';
import { barSecondsOf, isInstrument, type Pair } from '../../shared/pair.ts';
import type { MinuteOutcome, PairMinute } from './minute.ts';

/**
 * accepted: taken by at least one pair. late: in order for its symbol, but every pair had given the minute up.
 * duplicate: the same bar again, ignored. revised: another bar for a known minute, refused. out_of_order: older than
 * the symbol's last, refused.
 */
export type BarOutcome = 'accepted' | 'late' | 'duplicate' | 'revised' | 'out_of_order';

/** Number of bars within which a repeated bar is recognized as a duplicate or a revision. */
const REMEMBERED_BARS = 1500;
/** open, high, low, close, volume, spread, taker volume, trades; NaN where absent. */
const NUMBERS = 8;

/** State of a leg of a minute for its pairs. */
type LegContent = Bar | 'empty' | 'suspect';

interface Slot {
  readonly time: OpenTime;
  readonly sinceMs: number;
  backfill: boolean;
  a: LegContent | null;
  b: LegContent | null;
}

interface PairAlignment {
  readonly index: number;
  readonly pair: Pair;
  /** Minutes up to this one are over: what comes later for them is late. */
  resolvedUntil: number;
  /** Minutes that wait, ascending: all of them for the same leg. */
  readonly waiting: Slot[];
}

/** Bars of other symbols, at the bars of one length that have this time. */
interface KnownOthers {
  readonly time: OpenTime;
  readonly bars: OtherBarsAt;
}

interface SymbolState {
  lastTime: number;
  /** null = every bar is taken. */
  readonly screen: BarScreen | null;
  /** Rings of the last minutes: minute number n is at n modulo their length. */
  readonly recentTimes: Float64Array;
  /** Their numbers: kept bars would live for a day, and then be garbage that only a major collection finds. */
  readonly recent: Float64Array;
  /** Minutes taken so far. */
  count: number;
  readonly pairs: { readonly state: PairAlignment; readonly leg: 'a' | 'b' }[];
  /** Its newest bars, one for each length of the bars of pairs: what formulas read. */
  readonly recentBars: readonly RecentBars[];
}

/**
 * Brings the two legs of a minute together. Bars of a symbol ascend, so a leg that is already at a later minute will
 * never send an older one: that minute ends at once. A minute that only waits is ended by `abandon`.
 * Every minute of a pair reaches `onMinute` at most once, in ascending order.
 *
 * Each bar of a symbol passes the symbol's screen first. A minute with a suspect bar is not complete, whatever the next
 * bar confirms.
 */
export class Aligner {
  readonly #symbols = new Map<string, SymbolState>();
  readonly #pairs: PairAlignment[];
  readonly #screening: ScreenPolicy | null;
  readonly #onMinute: (minute: PairMinute) => void;
  /** Lengths of the bars of pairs, seconds. */
  readonly #lengths: readonly number[];
  /** Symbols whose bars formulas read. */
  #read: readonly string[] = [];
  /** By the length of bars: what was given out last. */
  readonly #others: (KnownOthers | null)[];

  /** @param screening null = every bar is taken */
  constructor(pairs: readonly Pair[], screening: ScreenPolicy | null, onMinute: (minute: PairMinute) => void) {
    this.#screening = screening;
    this.#onMinute = onMinute;
    this.#lengths = [...new Set(pairs.filter((pair) => !isInstrument(pair)).map(barSecondsOf))];
    this.#others = this.#lengths.map(() => null);
    this.#pairs = pairs.map((pair, index) => ({
      index,
      pair,
      resolvedUntil: -Infinity,
      waiting: [],
    }));
    for (const state of this.#pairs) {
      this.#symbol(state.pair.a).pairs.push({ state, leg: 'a' });
      this.#symbol(state.pair.b).pairs.push({ state, leg: 'b' });
    }
  }

  #symbol(name: string): SymbolState {
    let symbol = this.#symbols.get(name);
    if (symbol === undefined) {
      symbol = {
        lastTime: -Infinity,
        screen: this.#screening === null ? null : new BarScreen(this.#screening),
        recentTimes: new Float64Array(REMEMBERED_BARS),
        recent: new Float64Array(REMEMBERED_BARS * NUMBERS),
        count: 0,
        pairs: [],
        recentBars: this.#lengths.map((barSeconds) => new RecentBars(name, barSeconds)),
      };
      this.#symbols.set(name, symbol);
    }
    return symbol;
  }

  hasSymbol(symbol: string): boolean {
    return this.#symbols.has(symbol);
  }

  /** The screen of a known symbol, as its last bar left it; null when bars are not screened. */
  screenOf(symbol: string): BarScreen | null {
    return this.#symbols.get(symbol)!.screen;
  }

  /** Open of the newest minute of each symbol that has any. */
  lastTimes(): Map<string, OpenTime> {
    const times = new Map<string, OpenTime>();
    for (const [name, { lastTime }] of this.#symbols) if (lastTime > -Infinity) times.set(name, lastTime as OpenTime);
    return times;
  }

  /**
   * Takes a bar of a known symbol, or the word that it had none in this minute, live or as history, at monotonic time
   * `nowMs`.
   */
  take(symbolName: string, time: OpenTime, content: Bar | 'empty', backfill: boolean, nowMs: number): BarOutcome {
    const symbol = this.#symbols.get(symbolName)!;
    const outcome = outcomeOf(symbol, time, content);
    if (outcome !== 'accepted' && outcome !== 'late') return outcome;
    symbol.lastTime = time;
    const at = symbol.count++ % REMEMBERED_BARS;
    symbol.recentTimes[at] = time;
    remember(symbol.recent, at * NUMBERS, content);
    const isSuspect = content !== 'empty' && symbol.screen !== null && symbol.screen.take(content);
    const offered = isSuspect ? 'suspect' : content;
    for (const { state, leg } of symbol.pairs) this.#offer(state, leg, time, offered, backfill, nowMs);
    // Behind them: no bar that it ends reads it.
    if (offered !== 'empty' && offered !== 'suspect') this.#keep(symbol, offered);
    return outcome;
  }

  #offer(
    state: PairAlignment,
    leg: 'a' | 'b',
    time: OpenTime,
    content: LegContent,
    backfill: boolean,
    nowMs: number,
  ): void {
    if (time <= state.resolvedUntil) return;
    const { waiting } = state;
    while (waiting.length > 0 && waiting[0]!.time < time && waiting[0]![leg] === null) this.#resolve(state);
    let slot = slotOf(waiting, time);
    if (slot === null) {
      slot = { time, sinceMs: nowMs, backfill, a: null, b: null };
      const otherLegIsFurtherOn = waiting.length > 0 && waiting[0]!.time > time;
      if (otherLegIsFurtherOn) {
        slot[leg] = content;
        waiting.unshift(slot);
        this.#resolve(state);
        return;
      }
      waiting.push(slot);
    }
    slot[leg] = content;
    slot.backfill &&= backfill;
    if (slot.a !== null && slot.b !== null) while (state.resolvedUntil < time) this.#resolve(state);
  }

  /** Ends the oldest waiting minute of a pair with the legs it has. */
  #resolve(state: PairAlignment): void {
    const { time, a, b, backfill } = state.waiting.shift()!;
    state.resolvedUntil = time;
    this.#onMinute({
      pairIndex: state.index,
      time,
      a: barOf(a),
      b: barOf(b),
      outcome: minuteOutcome(a, b),
      backfill,
    });
  }

  /**
   * The minutes whose missing leg is overdue at monotonic time `nowMs`, oldest first per pair; nothing is ended yet.
   */
  overdue(nowMs: number, timeoutMs: number): { pairIndex: number; time: OpenTime }[] {
    const found: { pairIndex: number; time: OpenTime }[] = [];
    for (const { index, waiting } of this.#pairs) {
      for (const { time, sinceMs } of waiting) if (nowMs - sinceMs >= timeoutMs) found.push({ pairIndex: index, time });
    }
    return found;
  }

  /** Ends all minutes of a pair up to `time` that lack a leg; bars that arrive for them afterwards are late. */
  abandon(pairIndex: number, time: OpenTime): void {
    const state = this.#pairs[pairIndex]!;
    while (state.waiting.length > 0 && state.waiting[0]!.time <= time) this.#resolve(state);
    state.resolvedUntil = Math.max(state.resolvedUntil, time);
  }

  // ---- other symbols that formulas read (docs/adr/0052-symbols-one-bar-earlier.md) ----

  /** Symbols whose bars `othersAt` gives out. Those that no subject has are missing. */
  get readOthers(): readonly string[] {
    return this.#read;
  }

  set readOthers(symbols: readonly string[]) {
    this.#read = symbols;
    this.#others.fill(null);
  }

  /**
   * Bars of other symbols at a bar that has just ended, as far as they have come; null: an instrument, which reads
   * none. They follow from the order of the bars alone, which the journal has: nothing waits for them.
   */
  othersAt(pairIndex: number, time: OpenTime): OtherBarsAt | null {
    const { pair } = this.#pairs[pairIndex]!;
    if (isInstrument(pair)) return null;
    const seconds = barSecondsOf(pair);
    const length = this.#lengths.indexOf(seconds);
    const known = this.#others[length]!;
    if (known?.time === time) return known.bars;
    const bars = this.#othersOf(length, otherBarTime(time, seconds));
    this.#others[length] = { time, bars };
    return bars;
  }

  #othersOf(length: number, time: number): OtherBarsAt {
    const bars = new Map<string, Bar>();
    for (const name of this.#read) {
      const bar = this.#symbols.get(name)?.recentBars[length]!.at(time) ?? null;
      if (bar !== null) bars.set(name, bar);
    }
    return bars;
  }

  #keep({ recentBars }: SymbolState, bar: Bar): void {
    for (let i = 0; i < recentBars.length; i++) recentBars[i]!.take(bar);
    for (let i = 0; i < recentBars.length; i++) {
      const seconds = this.#lengths[i]!;
      const time = this.#others[i]?.time ?? NaN;
      // A minute of the bars that were given out, or one for which the oldest are forgotten.
      const isOld = bar.time <= otherBarTime(time, seconds);
      if (isOld || bar.time - time >= (KEPT_BARS - 2) * seconds) this.#others[i] = null;
    }
  }
}

function minuteOutcome(a: LegContent | null, b: LegContent | null): MinuteOutcome {
  if (a === 'suspect' || b === 'suspect') return 'BAR_SUSPECT';
  if (a === null || b === null) return 'LEG_MISSING';
  return a === 'empty' || b === 'empty' ? 'LEG_EMPTY' : 'COMPLETE';
}

function barOf(content: LegContent | null): Bar | null {
  return content === 'empty' || content === 'suspect' ? null : content;
}

function slotOf(waiting: readonly Slot[], time: OpenTime): Slot | null {
  for (let i = waiting.length - 1; i >= 0; i--) if (waiting[i]!.time === time) return waiting[i]!;
  return null;
}

function remember(recent: Float64Array, at: number, content: Bar | 'empty'): void {
  const bar = content === 'empty' ? null : content;
  recent[at] = bar?.open ?? NaN;
  recent[at + 1] = bar?.high ?? NaN;
  recent[at + 2] = bar?.low ?? NaN;
  recent[at + 3] = bar?.close ?? NaN;
  recent[at + 4] = bar?.volume ?? NaN;
  recent[at + 5] = bar?.spread ?? NaN;
  recent[at + 6] = bar?.takerBuyVolume ?? NaN;
  recent[at + 7] = bar?.trades ?? NaN;
}

/** Index of a minute of a symbol in its ring; -1 when it is not in it. */
function recall({ recentTimes, count }: SymbolState, time: OpenTime): number {
  const oldest = Math.max(0, count - REMEMBERED_BARS);
  for (let i = count - 1; i >= oldest; i--) {
    const at = i % REMEMBERED_BARS;
    if (recentTimes[at] === time) return at;
    if (recentTimes[at]! < time) return -1;
  }
  return -1;
}

function outcomeOf(symbol: SymbolState, time: OpenTime, content: Bar | 'empty'): BarOutcome {
  if (time > symbol.lastTime) {
    for (const { state } of symbol.pairs) if (time > state.resolvedUntil) return 'accepted';
    return 'late';
  }
  const at = recall(symbol, time);
  if (at < 0) return 'out_of_order';
  return isRemembered(symbol.recent, at * NUMBERS, content) ? 'duplicate' : 'revised';
}

function isRemembered(recent: Float64Array, at: number, content: Bar | 'empty'): boolean {
  const sent = new Float64Array(NUMBERS);
  remember(sent, 0, content);
  // NaN marks an absent value, and 0 and -0 are the same volume.
  return sent.every((value, i) => value === recent[at + i] || (Number.isNaN(value) && Number.isNaN(recent[at + i])));
}
