import type { Bar, OpenTime } from '../shared/bar.ts';
import type { ErrorCode } from '../shared/errors.ts';
import type { Rng } from '../shared/ports.ts';
import { composeMessage, revisionOf, wireOf, type Item, type Message } from './bar_message.ts';
import type { Prices } from './market.ts';
import type { Timeline } from './timeline.ts';

/** Fault rates per bar, message or minute, 0…1. */
export interface FeedWeather {
  /** A bar never reaches the feeder. */
  readonly lost: number;
  /** A bar reaches the feeder seconds to minutes late. */
  readonly late: number;
  /** A symbol does not trade in a minute, and the feeder reports that. */
  readonly empty: number;
  /** A bar is sent again later. */
  readonly doubled: number;
  /** A bar is sent again with a different close. */
  readonly revised: number;
  /** An invalid bar is in the same message. */
  readonly malformed: number;
  /** A message is lost; and a reply is lost. */
  readonly requestLost: number;
  readonly answerLost: number;
  /** Maximum extra delay of a message. */
  readonly spreadMs: number;
  /** One message per symbol instead of one per minute. */
  readonly apart: boolean;
  /** Catch-up rule: query `last_bars`, or resend what was not answered. */
  readonly rule: 'health' | 'resend';
  /** Sends minutes missed during a long outage as history: they update features and give no signals. */
  readonly catchesUpAsHistory: boolean;
  /** `POST /bars`, or the WebSocket `/bars`. */
  readonly door: 'http' | 'websocket';
}

/** A reply of the daemon; null when the connection was refused or closed before it. */
export type FeedReply = {
  readonly status: number;
  readonly body: string;
  /** Whether the reply confirms that the accepted bars are journaled. */
  readonly isJournaled: boolean;
  /** Power cuts of the daemon's machine so far. */
  readonly powerCuts: number;
} | null;

/** The daemon's address, independent of which process serves it. */
export interface Door {
  /** Identifies the connection used by a message sent now. */
  line(): number;
  post(line: number, text: string, backfill: boolean, onAnswer: (answer: FeedReply) => void): void;
  getHealth(onAnswer: (answer: FeedReply) => void): void;
}

export interface FeedOptions {
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly prices: Prices;
  readonly symbols: readonly string[];
  readonly door: Door;
  /** Current fault rates; they drop to zero after the faults. */
  weather(): FeedWeather;
  /** True time as epoch milliseconds: bars are stamped by an exact clock. */
  trueMs(): number;
  /** Whether the market is closed in this minute. */
  isClosed(time: OpenTime): boolean;
  /** Called when a message reaches the daemon's address. */
  onArrival(): void;
  onAccepted(items: readonly Item[], answer: NonNullable<FeedReply>): void;
  onWrongAnswer(what: string): void;
  /** Called when the daemon replies STOPPING and has accepted nothing. */
  onStopping(): void;
  trace(line: () => string): void;
}

/** Minutes before the first live one, ascending, with the symbols that have a bar in each. */
export type History = ReadonlyMap<OpenTime, ReadonlySet<string>>;

export interface Feed {
  /** Every bar of the source, with every revision that may have replaced it. */
  readonly bars: ReadonlyMap<string, readonly Bar[]>;
  /** Number of waiting messages, checked against the memory bound. */
  readonly waiting: number;
}

const ANSWER_TIMEOUT_MS = 5000;
const RETRY_MS = 1000;
const CLOCK_RETRY_MS = 5000;
const MAX_ITEMS = 1000;
/** A minute that opened longer ago than this counts as history. */
const OLD_MS = 210_000;

/**
 * The program that sends bars to the daemon: it receives each minute from a source and forwards it by one of the two
 * rules of docs/ARCHITECTURE.md. It never crashes; faults occur in its source and its network.
 */
export function startFeed(options: FeedOptions, history: History): Feed {
  const book = new Book(options.symbols);
  const bars = new Map<string, Bar[]>(options.symbols.map((symbol) => [symbol, []]));
  for (const [time, symbols] of history)
    for (const bar of options.prices.next(time)) {
      if (!symbols.has(bar.symbol)) continue;
      bars.get(bar.symbol)!.push(bar);
      book.keep({ symbol: bar.symbol, time, bar, isHistory: true });
    }
  const messenger = new Messenger(options);
  const rule =
    options.weather().rule === 'resend'
      ? new ResendRule(options.timeline, messenger, book)
      : new HealthRule(options, messenger, book);
  options.timeline.at(0, () => rule.begin());
  new Source(options, bars, book, rule).begin();
  return {
    bars,
    get waiting() {
      return rule.waiting;
    },
  };
}

/** Bars that the feeder can resend. */
class Book {
  /** In ascending time per symbol. */
  readonly #items: Map<string, Item[]>;
  size = 0;

  constructor(symbols: readonly string[]) {
    this.#items = new Map(symbols.map((symbol) => [symbol, []]));
  }

  keep(item: Item): void {
    const items = this.#items.get(item.symbol)!;
    let at = items.length;
    while (at > 0 && items[at - 1]!.time > item.time) at--;
    items.splice(at, 0, item);
    this.size++;
  }

  /** All items for which `isWanted` is true, in ascending time. */
  filter(isWanted: (item: Item) => boolean): Item[] {
    return [...this.#items.values()]
      .flat()
      .filter(isWanted)
      .sort((x, y) => x.time - y.time);
  }
}

/** @param kept items that are in the future by the daemon's clock */
type OnDone = (isTaken: boolean, kept: readonly Item[]) => void;

/** Sends messages and checks the replies. */
class Messenger {
  readonly #options: FeedOptions;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  isSentAsHistory({ isHistory, time }: Item): boolean {
    const { catchesUpAsHistory, rule } = this.#options.weather();
    return isHistory || (rule === 'health' && catchesUpAsHistory && this.#options.trueMs() - time * 1000 > OLD_MS);
  }

  /** Sends one message and waits for the reply, up to a time-out. */
  send(items: readonly Item[], onDone: OnDone): void {
    const { timeline, rng, door, onArrival } = this.#options;
    const weather = this.#options.weather();
    const message = composeMessage(rng, items, weather.malformed);
    const isBackfill = this.isSentAsHistory(items[0]!);
    let isOver = false;
    const finish: OnDone = (isTaken, kept) => {
      if (isOver) return;
      isOver = true;
      onDone(isTaken, kept);
    };
    timeline.at(timeline.nowMs + ANSWER_TIMEOUT_MS, () => finish(false, []));
    if (rng.uniform() < weather.requestLost) return;
    const line = door.line();
    timeline.at(timeline.nowMs + 1 + rng.uniform() * weather.spreadMs, () => {
      onArrival();
      door.post(line, message.text, isBackfill, (answer) => {
        if (answer === null) return finish(false, []);
        if (rng.uniform() < weather.answerLost) return;
        timeline.at(timeline.nowMs + 1, () => {
          if (isOver) return;
          const kept = this.#check(message, answer);
          finish(kept !== null, kept ?? []);
        });
      });
    });
  }

  /**
   * Checks the reply against the message.
   * @returns items that are in the future by the daemon's clock; null when the daemon is stopping and has accepted
   * nothing
   */
  #check({ items, junk, junkAt }: Message, answer: NonNullable<FeedReply>): readonly Item[] | null {
    const { onStopping, onWrongAnswer, onAccepted, trace } = this.#options;
    const report = JSON.parse(answer.body) as Report;
    // The daemon is stopping and has accepted nothing; the same minutes are resent to the next process.
    if (report.error?.code === 'STOPPING') {
      onStopping();
      return null;
    }
    if (report.rejected === undefined) {
      onWrongAnswer(`status ${answer.status}: ${answer.body}`);
      return [];
    }
    const sent = items.length + (junk === null ? 0 : 1);
    const counted = report.accepted! + report.duplicates! + report.late! + report.rejected.length;
    if (counted !== sent) onWrongAnswer(`${sent} minutes sent, ${counted} counted in ${answer.body}`);
    const refused = new Map(report.rejected.map(({ index, code }) => [index, code]));
    if (junk !== null && !junk.codes.includes(refused.get(junkAt)!))
      onWrongAnswer(`${junk.text} answered by ${refused.get(junkAt)}, not ${junk.codes.join(' or ')}`);
    const isSimple = refused.size === (junk === null ? 0 : 1) && report.late === 0;
    const sentAt = items.map((item, i) => ({ item, code: refused.get(junk !== null && i >= junkAt ? i + 1 : i) }));
    onAccepted(
      sentAt.filter(({ code }) => code === undefined).map(({ item }) => item),
      answer,
    );
    if (!isSimple) trace(() => `feed: answered ${answer.status} ${answer.body.slice(0, 200)}`);
    return sentAt.filter(({ code }) => code === 'BAR_FUTURE').map(({ item }) => item);
  }
}

interface Report {
  readonly accepted?: number;
  readonly duplicates?: number;
  readonly late?: number;
  readonly rejected?: readonly { readonly index: number; readonly code: ErrorCode }[];
  readonly error?: { readonly code: ErrorCode };
}

/** Delivery of minutes, and catch-up after an interruption. */
interface CatchUp {
  begin(): void;
  deliver(items: readonly Item[]): void;
  /**
   * Whether an extra message can do no harm: a newer bar of a symbol would make the daemon refuse the minutes still to
   * be caught up.
   */
  readonly mayDisturb: boolean;
  readonly waiting: number;
}

/** The longest prefix that is all history or all live and fits into a message. */
function firstPart(items: readonly Item[], isHistory: (item: Item) => boolean): Item[] {
  const first = isHistory(items[0]!);
  const end = items.findIndex((item) => isHistory(item) !== first);
  return items.slice(0, Math.min(end < 0 ? items.length : end, MAX_ITEMS));
}

/** Resends what was not answered. */
class ResendRule implements CatchUp {
  readonly #timeline: Timeline;
  readonly #messenger: Messenger;
  #outbox: Item[];
  #isBusy = false;

  constructor(timeline: Timeline, messenger: Messenger, book: Book) {
    this.#timeline = timeline;
    this.#messenger = messenger;
    this.#outbox = book.filter(() => true);
  }

  get waiting(): number {
    return this.#outbox.length;
  }

  get mayDisturb(): boolean {
    return this.#outbox.length === 0;
  }

  begin(): void {
    this.#pump();
  }

  deliver(items: readonly Item[]): void {
    this.#outbox.push(...items);
    this.#pump();
  }

  #pump(): void {
    if (this.#isBusy || this.#outbox.length === 0) return;
    this.#isBusy = true;
    const items = firstPart(this.#outbox, ({ isHistory }) => isHistory);
    this.#messenger.send(items, (isTaken, kept) => {
      if (isTaken) this.#outbox = [...kept, ...this.#outbox.filter((item) => !items.includes(item))];
      const pauseMs = !isTaken ? RETRY_MS : kept.length > 0 ? CLOCK_RETRY_MS : 0;
      this.#timeline.at(this.#timeline.nowMs + pauseMs, () => {
        this.#isBusy = false;
        this.#pump();
      });
    });
  }
}

/** Queries the daemon's health for the position to resume from. */
class HealthRule implements CatchUp {
  readonly #options: FeedOptions;
  readonly #messenger: Messenger;
  readonly #book: Book;
  readonly waiting = 0;
  #isBusy = false;
  #isInStep = false;
  #bookedWhenAsked = 0;

  constructor(options: FeedOptions, messenger: Messenger, book: Book) {
    this.#options = options;
    this.#messenger = messenger;
    this.#book = book;
  }

  get mayDisturb(): boolean {
    return this.#isInStep;
  }

  begin(): void {
    this.#ask();
  }

  deliver(items: readonly Item[]): void {
    if (!this.#isInStep) {
      this.#ask();
      return;
    }
    this.#messenger.send(items, (isTaken, kept) => {
      if (isTaken && kept.length === 0) return;
      this.#isInStep = false;
      this.#after(isTaken ? CLOCK_RETRY_MS : RETRY_MS, () => this.#ask());
    });
  }

  #after(ms: number, work: () => void): void {
    const { timeline } = this.#options;
    timeline.at(timeline.nowMs + ms, work);
  }

  #ask(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#isInStep = false;
    this.#options.door.getHealth((answer) => {
      if (answer === null) return this.#askAgain(RETRY_MS);
      this.#bookedWhenAsked = this.#book.size;
      const { last_bars } = JSON.parse(answer.body) as { last_bars: Record<string, string> };
      const missing = this.#book.filter(
        ({ symbol, time }) => time * 1000 > Date.parse(last_bars[symbol] ?? '1970-01-01'),
      );
      this.#options.trace(() => `feed: continues with ${missing.length} minutes after the daemon's last bars`);
      this.#sendAll(missing);
    });
  }

  #askAgain(ms: number): void {
    this.#after(ms, () => {
      this.#isBusy = false;
      this.#ask();
    });
  }

  #sendAll(items: readonly Item[]): void {
    if (items.length === 0) {
      this.#isBusy = false;
      this.#isInStep = this.#book.size === this.#bookedWhenAsked;
      if (!this.#isInStep) this.#ask();
      return;
    }
    const part = firstPart(items, (item) => this.#messenger.isSentAsHistory(item));
    this.#messenger.send(part, (isTaken, kept) => {
      if (isTaken && kept.length === 0) return this.#sendAll(items.slice(part.length));
      this.#askAgain(isTaken ? CLOCK_RETRY_MS : RETRY_MS);
    });
  }
}

/** Produces minutes as they close, subject to the fault rates. */
class Source {
  readonly #options: FeedOptions;
  readonly #bars: ReadonlyMap<string, Bar[]>;
  readonly #book: Book;
  readonly #rule: CatchUp;

  constructor(options: FeedOptions, bars: ReadonlyMap<string, Bar[]>, book: Book, rule: CatchUp) {
    this.#options = options;
    this.#bars = bars;
    this.#book = book;
    this.#rule = rule;
  }

  begin(): void {
    const { timeline, trueMs } = this.#options;
    const firstClose = Math.ceil((trueMs() + 1) / 60_000) * 60_000;
    timeline.at(firstClose - trueMs(), () => this.#close((firstClose / 1000 - 60) as OpenTime));
  }

  /** The minute that opened at `time` has closed. */
  #close(time: OpenTime): void {
    const { timeline, rng, prices, trueMs, isClosed } = this.#options;
    const untilNextMs = 60_000 - (trueMs() % 60_000);
    timeline.at(timeline.nowMs + untilNextMs, () => this.#close((Math.floor(trueMs() / 60_000) * 60 - 60) as OpenTime));
    if (isClosed(time)) return;
    const weather = this.#options.weather();
    const inTime: Item[] = [];
    for (const bar of prices.next(time)) {
      const isEmpty = rng.uniform() < weather.empty;
      const item: Item = { symbol: bar.symbol, time, bar: isEmpty ? null : bar, isHistory: false };
      if (!isEmpty) this.#bars.get(bar.symbol)!.push(bar);
      if (rng.uniform() < weather.lost) continue;
      if (rng.uniform() < weather.late) this.#deliverWithin(1000, 100_000, [item]);
      else inTime.push(item);
    }
    if (inTime.length === 0) return;
    if (!weather.apart) this.#deliverWithin(100, 1000, inTime);
    else for (const item of inTime) this.#deliverWithin(100, 3000, [item]);
  }

  #deliverWithin(leastMs: number, spreadMs: number, items: readonly Item[]): void {
    const { timeline, rng } = this.#options;
    timeline.at(timeline.nowMs + leastMs + rng.uniform() * spreadMs, () => this.#receive(items));
  }

  #receive(items: readonly Item[]): void {
    const { rng } = this.#options;
    const weather = this.#options.weather();
    for (const item of items) {
      this.#book.keep(item);
      if (rng.uniform() < weather.doubled) this.#resend(item);
      if (item.bar !== null && rng.uniform() < weather.revised) this.#revise(item, item.bar);
    }
    if (weather.apart) for (const item of items) this.#rule.deliver([item]);
    else this.#rule.deliver(items);
  }

  #revise(item: Item, bar: Bar): void {
    const revised = this.#options.rng.integer(4) === 0 ? null : revisionOf(bar);
    if (revised !== null) this.#bars.get(item.symbol)!.push(revised);
    this.#resend({ ...item, bar: revised });
  }

  /** Extra messages whose replies are ignored. */
  #resend(item: Item): void {
    const { timeline, rng, door } = this.#options;
    timeline.at(timeline.nowMs + 100 + rng.uniform() * 100_000, () => {
      if (this.#rule.mayDisturb) door.post(door.line(), wireOf(item), false, () => undefined);
    });
  }
}
