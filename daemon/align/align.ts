import type { Bar, OpenTime } from '../../shared/bar.ts';
import { BarScreen, type ScreenPolicy } from '../../shared/core/screen/bar_screen.ts';
import type { AwaitedSymbols } from '../../shared/core/formula/awaited_symbols.ts';
import type { OtherBarsAt } from '../../shared/core/formula/other_values.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';
import { AwaitedMinutes, type ArrivedMinute, type AwaitedReader } from './awaited_minutes.ts';
import { GivenUp } from './given_up.ts';
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
  readonly legs: { readonly a: SymbolState; readonly b: SymbolState };
  /** Minutes up to this one are over: what comes later for them is late. */
  resolvedUntil: number;
  /** Minutes that wait, ascending. Where no other symbol is awaited, all of them wait for the same leg. */
  readonly waiting: Slot[];
  /** Other symbols whose minutes its own wait for; null: none. */
  awaited: readonly Awaited[] | null;
  readonly givenUp: GivenUp;
}

/** A symbol that a pair waits for. */
interface Awaited {
  readonly symbol: SymbolState;
  readonly minutes: AwaitedReader;
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
  /** Of the minutes in the rings: how many time-outs of pairs came before each; null: none before any. */
  recentTimeouts: Int32Array | null;
  /** Pairs that wait for its minutes beside their legs'; null: none. */
  readers: PairAlignment[] | null;
  /** The minutes that they may need; null: nobody waits. */
  awaited: AwaitedMinutes | null;
  /** Of the suspect bars that may still be in the ring. */
  readonly suspects: number[];
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
  #isAwaiting = false;
  /** Of pairs that waited for other symbols. */
  #timeouts = 0;

  /** @param screening null = every bar is taken */
  constructor(pairs: readonly Pair[], screening: ScreenPolicy | null, onMinute: (minute: PairMinute) => void) {
    this.#screening = screening;
    this.#onMinute = onMinute;
    this.#pairs = pairs.map((pair, index) => ({
      index,
      pair,
      legs: { a: this.#symbol(pair.a), b: this.#symbol(pair.b) },
      resolvedUntil: -Infinity,
      waiting: [],
      awaited: null,
      givenUp: new GivenUp(barSecondsOf(pair)),
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
        recentTimeouts: null,
        readers: null,
        awaited: null,
        suspects: [],
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
    if (this.#timeouts > 0) (symbol.recentTimeouts ??= new Int32Array(REMEMBERED_BARS))[at] = this.#timeouts;
    const isSuspect = content !== 'empty' && symbol.screen !== null && symbol.screen.take(content);
    const offered = isSuspect ? 'suspect' : content;
    if (isSuspect) noteSuspect(symbol, time);
    if (symbol.awaited !== null) keepAwaited(symbol.awaited, barOf(offered), this.#timeouts);
    for (const { state, leg } of symbol.pairs) this.#offer(state, leg, time, offered, backfill, nowMs);
    if (symbol.readers !== null) for (const state of symbol.readers) this.#settle(state);
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
    if (state.awaited !== null) return this.#offerAwaiting(state, leg, { time, content, backfill, nowMs });
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

  /** The same where minutes wait for more than the other leg. */
  #offerAwaiting(state: PairAlignment, leg: 'a' | 'b', { time, content, backfill, nowMs }: OfferedLeg): void {
    const { waiting } = state;
    let slot = slotOf(waiting, time);
    if (slot === null) {
      slot = { time, sinceMs: nowMs, backfill, a: null, b: null };
      const later = waiting.findIndex((own) => own.time > time);
      waiting.splice(later < 0 ? waiting.length : later, 0, slot);
    }
    slot[leg] = content;
    slot.backfill &&= backfill;
    this.#settle(state);
  }

  /** Ends the minutes of a pair that wait for nothing any more, up to the first one that does. */
  #settle(state: PairAlignment): void {
    while (state.waiting.length > 0 && isOver(state, state.waiting[0]!)) this.#resolve(state);
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

  // ---- other symbols that formulas read (docs/adr/0040-other-symbols-are-served.md) ----

  /** Whether any pair waits for other symbols. */
  get isAwaiting(): boolean {
    return this.#isAwaiting;
  }

  /**
   * From here on the minutes of these pairs wait until those of the symbols have ended, and no others do. Minutes that
   * wait for nothing any more end at once.
   */
  await(awaited: AwaitedSymbols): void {
    const before = this.#pairs.filter((state) => state.awaited !== null);
    for (const symbol of this.#symbols.values()) symbol.readers = null;
    this.#isAwaiting = false;
    for (const state of this.#pairs) {
      const symbols = awaited.get(state.pair.id) ?? [];
      const own = symbols.map((name) => awaitedBefore(state, name) ?? this.#awaitSymbol(state, name));
      for (const each of state.awaited ?? []) if (!own.includes(each)) each.symbol.awaited!.close(each.minutes);
      state.awaited = own.length === 0 ? null : own;
      if (own.length > 0) this.#isAwaiting = true;
      for (const { symbol } of own) (symbol.readers ??= []).push(state);
    }
    for (const symbol of this.#symbols.values()) if (symbol.awaited?.hasReaders === false) symbol.awaited = null;
    for (const state of before) this.#settle(state);
  }

  /** A symbol that a pair has not waited for so far, with the minutes that its next bar may need. */
  #awaitSymbol({ pair }: PairAlignment, name: string): Awaited {
    const symbol = this.#symbol(name);
    symbol.awaited ??= new AwaitedMinutes(name);
    return { symbol, minutes: symbol.awaited.open(recentMinutes(name, symbol), barSecondsOf(pair)) };
  }

  /** Bars of the awaited symbols at a bar of a pair, which is asked for once, in ascending order. */
  othersAt(pairIndex: number, time: OpenTime): OtherBarsAt | null {
    const { awaited, givenUp } = this.#pairs[pairIndex]!;
    if (awaited === null) return null;
    const bars = new Map<string, Bar>();
    for (const { minutes } of awaited) {
      const bar = minutes.barAt(time, givenUp);
      if (bar !== null) bars.set(minutes.symbol, bar);
    }
    return bars;
  }

  /** Whether a symbol that a pair waits for has not ended this minute. */
  isBehind(pairIndex: number, time: OpenTime): boolean {
    const { awaited, givenUp } = this.#pairs[pairIndex]!;
    return awaited?.some(({ symbol }) => !hasEnded(symbol, givenUp, time)) === true;
  }

  /** Whether a minute of a pair is over. */
  hasEnded(pairIndex: number, time: OpenTime): boolean {
    return time <= this.#pairs[pairIndex]!.resolvedUntil;
  }

  /** Pairs that have ended minutes which symbols that they wait for have not. */
  behind(): { pairIndex: number; time: OpenTime }[] {
    return this.#pairs.flatMap(({ index, resolvedUntil }) =>
      resolvedUntil > -Infinity && this.isBehind(index, resolvedUntil as OpenTime)
        ? [{ pairIndex: index, time: resolvedUntil as OpenTime }]
        : [],
    );
  }

  /** Stops waiting for other symbols up to `time`: their bars of these minutes that arrive later count as missing. */
  abandonOthers(pairIndex: number, time: OpenTime): void {
    const state = this.#pairs[pairIndex]!;
    if (state.awaited === null) return;
    this.#timeouts++;
    state.givenUp.add({ number: this.#timeouts, until: time }, state.resolvedUntil);
    this.#settle(state);
  }

  /** What is kept for pairs that wait: minutes of the symbols, and time-outs of the pairs. */
  kept(): { readonly minutes: number; readonly timeouts: number } {
    const minutes = [...this.#symbols.values()].map(({ awaited }) => awaited?.length ?? 0);
    const timeouts = this.#pairs.map(({ givenUp }) => givenUp.length);
    return { minutes: sum(minutes), timeouts: sum(timeouts) };
  }
}

interface OfferedLeg {
  readonly time: OpenTime;
  readonly content: LegContent;
  readonly backfill: boolean;
  readonly nowMs: number;
}

/** Each leg has the minute, or is further on, and so are the other symbols. */
function isOver({ legs, awaited, givenUp }: PairAlignment, { time, a, b }: Slot): boolean {
  if (a === null && legs.a.lastTime <= time) return false;
  if (b === null && legs.b.lastTime <= time) return false;
  return awaited === null || awaited.every(({ symbol }) => hasEnded(symbol, givenUp, time));
}

/** Whether a pair that has given this up waits for no bar of a symbol up to a time. */
function hasEnded({ lastTime }: SymbolState, { until }: GivenUp, time: number): boolean {
  return lastTime >= time || until >= time;
}

function awaitedBefore({ awaited }: PairAlignment, name: string): Awaited | undefined {
  return awaited?.find(({ minutes }) => minutes.symbol === name);
}

/** @param bar null: empty, or suspect */
function keepAwaited(awaited: AwaitedMinutes, bar: Bar | null, timeouts: number): void {
  if (bar !== null) awaited.add(bar, timeouts);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function noteSuspect({ suspects }: SymbolState, time: OpenTime): void {
  if (suspects.push(time) > REMEMBERED_BARS) suspects.shift();
}

/** The minutes of a symbol that its rings still have, without suspect bars. */
function recentMinutes(symbol: string, state: SymbolState): ArrivedMinute[] {
  const { recentTimes, recent, recentTimeouts, count, suspects } = state;
  const minutes: ArrivedMinute[] = [];
  for (let i = Math.max(0, count - REMEMBERED_BARS); i < count; i++) {
    const at = i % REMEMBERED_BARS;
    const time = recentTimes[at]! as OpenTime;
    if (Number.isNaN(recent[at * NUMBERS]) || suspects.includes(time)) continue;
    const [open, high, low, close, volume, spread] = recent.subarray(at * NUMBERS, at * NUMBERS + 6);
    const bar = { symbol, time, open: open!, high: high!, low: low!, close: close!, volume: volume! };
    const own = Number.isNaN(spread) ? bar : { ...bar, spread: spread! };
    minutes.push({ bar: own, timeouts: recentTimeouts?.[at] ?? 0 });
  }
  return minutes;
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
