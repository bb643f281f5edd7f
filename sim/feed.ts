import type { Bar, OpenTime } from '../shared/bar.ts';
import type { ErrorCode } from '../shared/errors.ts';
import type { Rng } from '../shared/ports.ts';
import type { Prices } from './market.ts';
import type { Timeline } from './timeline.ts';

/** Chances per bar, per message or per minute, 0…1. */
export interface FeedWeather {
  /** A bar that the feeder never gets. */
  readonly lost: number;
  /** A bar that the feeder gets seconds to minutes late. */
  readonly late: number;
  /** A minute in which the symbol does not trade, and the feeder says so. */
  readonly empty: number;
  /** A bar that is sent again later. */
  readonly doubled: number;
  /** A bar that is sent again with another close. */
  readonly revised: number;
  /** A bar that is nonsense, in the same message. */
  readonly malformed: number;
  /** A message that does not arrive, and one whose answer does not. */
  readonly requestLost: number;
  readonly answerLost: number;
  /** How long a message takes at most. */
  readonly spreadMs: number;
  /** Each symbol in a message of its own, instead of one for the minute. */
  readonly apart: boolean;
  /** Catches up by asking `last_bars`, or by sending again what was not answered. */
  readonly rule: 'health' | 'resend';
  /** Sends what it missed for minutes as history: for the features, and no signals. */
  readonly catchesUpAsHistory: boolean;
  /** `POST /bars`, or the WebSocket `/bars`. */
  readonly door: 'http' | 'websocket';
}

/** An answer of the daemon: null when the connection was refused or ended before it. */
export type FeedReply = {
  readonly status: number;
  readonly body: string;
  /** Whether what was taken is in the journal by the daemon's own word. */
  readonly isJournaled: boolean;
  /** Power cuts of the daemon's machine so far. */
  readonly powerCuts: number;
} | null;

/** The daemon's address, whoever lives there. */
export interface Door {
  /** The connection that a message goes by that is sent now. */
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
  /** Weather can end. */
  weather(): FeedWeather;
  /** True time of the world as epoch milliseconds: bars are stamped by an exact clock. */
  trueMs(): number;
  /** A minute in which the market is closed. */
  isClosed(time: OpenTime): boolean;
  /** A message reaches the daemon's address. */
  onArrival(): void;
  onAccepted(items: readonly Item[], answer: NonNullable<FeedReply>): void;
  onWrongAnswer(what: string): void;
  /** The daemon answers that it ends, and has taken nothing. */
  onStopping(): void;
  trace(line: () => string): void;
}

/** One minute of one symbol as the feeder has it. */
export interface Item {
  readonly symbol: string;
  readonly time: OpenTime;
  /** null: no trade. */
  readonly bar: Bar | null;
  /** Older than the first live minute: sent as backfill. */
  readonly isHistory: boolean;
}

interface Junk {
  readonly text: string;
  readonly codes: readonly ErrorCode[];
}

export interface Feed {
  /** All that the source ever gave, and all that a revision may have put in its place. */
  readonly bars: ReadonlyMap<string, readonly Bar[]>;
  /** What waits to be sent, for the bound on memory. */
  readonly waiting: number;
}

const ANSWER_TIMEOUT_MS = 5000;
const RETRY_MS = 1000;
const CLOCK_RETRY_MS = 5000;
const MAX_ITEMS = 1000;
/** A minute that opened this long ago is no news. */
const OLD_MS = 210_000;

const wireOf = ({ symbol, time, bar }: Item): string =>
  bar === null
    ? JSON.stringify({ symbol, time: time * 1000, empty: true })
    : JSON.stringify({ ...bar, time: new Date(time * 1000).toISOString() });

/** A bar that must be refused, with the codes that are right for it: a clock that was set back makes any bar one of the future. */
function junkOf(rng: Rng, { symbol, time, bar }: Item): Junk {
  const good = bar ?? { open: 1, high: 1, low: 1, close: 1, volume: 1 };
  const wire = { ...good, symbol, time: time * 1000 };
  const kinds: (() => Junk)[] = [
    () => ({
      text: JSON.stringify({ ...wire, close: 'x' }).replace('"x"', 'NaN'),
      codes: ['BAR_NOT_FINITE', 'BAR_FUTURE'],
    }),
    () => ({ text: JSON.stringify({ ...wire, high: null }), codes: ['BAR_NOT_FINITE', 'BAR_FUTURE'] }),
    () => ({ text: JSON.stringify({ ...wire, low: -1 }), codes: ['BAR_NOT_POSITIVE', 'BAR_FUTURE'] }),
    () => ({ text: JSON.stringify({ ...wire, high: wire.low / 2 }), codes: ['BAR_RANGE', 'BAR_FUTURE'] }),
    () => ({ text: JSON.stringify({ ...wire, time: time * 1000 + 1 }), codes: ['BAR_OFF_MINUTE'] }),
    () => ({ text: JSON.stringify({ ...wire, symbol: 'NOTHING' }), codes: ['BAR_UNKNOWN_SYMBOL', 'BAR_FUTURE'] }),
    () => ({ text: JSON.stringify({ ...wire, time: (time + 86_400 * 400) * 1000 }), codes: ['BAR_FUTURE'] }),
    () => ({ text: '[[]]', codes: ['BAR_MALFORMED'] }),
    () => ({ text: '"bar"', codes: ['BAR_MALFORMED'] }),
  ];
  return kinds[rng.integer(kinds.length)]!();
}

/** A revision: the same minute with another close. */
function revisionOf(bar: Bar): Bar {
  const close = bar.close === bar.high ? bar.low : bar.high;
  return {
    ...bar,
    close: close === bar.close ? bar.close * 1.0001 : close,
    high: Math.max(bar.high, close, bar.close * 1.0001),
  };
}

/**
 * The program that brings bars to the daemon: it gets them from a source after each minute and sends them on by one of the two rules that
 * docs/ARCHITECTURE.md gives. It never dies; the weather is in its source and in its network.
 */
export function startFeed(options: FeedOptions, history: readonly OpenTime[]): Feed {
  const { timeline, rng, door } = options;
  const bars = new Map<string, Bar[]>(options.symbols.map((symbol) => [symbol, []]));
  /** In ascending time per symbol: what the feeder could send again. */
  const book = new Map<string, Item[]>(options.symbols.map((symbol) => [symbol, []]));
  let outbox: Item[] = [];
  let isBusy = false;
  let isInStep = false;
  let heard = 0;
  let heardWhenAsked = 0;

  function keep(item: Item): void {
    const items = book.get(item.symbol)!;
    let at = items.length;
    while (at > 0 && items[at - 1]!.time > item.time) at--;
    items.splice(at, 0, item);
  }

  function isSentAsHistory({ isHistory, time }: Item): boolean {
    const { catchesUpAsHistory, rule } = options.weather();
    return isHistory || (rule === 'health' && catchesUpAsHistory && options.trueMs() - time * 1000 > OLD_MS);
  }

  // ---- messages ----

  /** Sends one message and waits for its answer, not for ever. */
  function send(items: readonly Item[], onDone: (isTaken: boolean, kept: readonly Item[]) => void): void {
    const weather = options.weather();
    const junk = rng.uniform() < weather.malformed ? junkOf(rng, items[rng.integer(items.length)]!) : null;
    const texts = items.map(wireOf);
    const junkAt = junk === null ? -1 : rng.integer(texts.length + 1);
    if (junk !== null) texts.splice(junkAt, 0, junk.text);
    const isBackfill = isSentAsHistory(items[0]!);
    const text = texts.length === 1 ? texts[0]! : `[${texts.join(',')}]`;
    let isOver = false;
    const finish = (isTaken: boolean, kept: readonly Item[]): void => {
      if (isOver) return;
      isOver = true;
      onDone(isTaken, kept);
    };
    timeline.at(timeline.nowMs + ANSWER_TIMEOUT_MS, () => finish(false, []));
    if (rng.uniform() < weather.requestLost) return;
    const line = door.line();
    timeline.at(timeline.nowMs + 1 + rng.uniform() * weather.spreadMs, () => {
      options.onArrival();
      door.post(line, text, isBackfill, (answer) => {
        if (answer === null) return finish(false, []);
        if (rng.uniform() < weather.answerLost) return;
        timeline.at(timeline.nowMs + 1, () => {
          if (isOver) return;
          const kept = check(items, junk, junkAt, answer);
          finish(kept !== null, kept ?? []);
        });
      });
    });
  }

  /**
   * Checks the answer against what was sent.
   * @returns items that the daemon's clock does not believe yet; null when the daemon ends and has taken nothing
   */
  function check(
    items: readonly Item[],
    junk: Junk | null,
    junkAt: number,
    answer: NonNullable<FeedReply>,
  ): readonly Item[] | null {
    const report = JSON.parse(answer.body) as {
      accepted?: number;
      duplicates?: number;
      late?: number;
      rejected?: { index: number; code: ErrorCode }[];
      error?: { code: ErrorCode };
    };
    // Nothing was taken: the daemon ends. The same minutes are sent again to the next one.
    if (report.error?.code === 'STOPPING') {
      options.onStopping();
      return null;
    }
    if (report.rejected === undefined) {
      options.onWrongAnswer(`status ${answer.status}: ${answer.body}`);
      return [];
    }
    const sent = items.length + (junk === null ? 0 : 1);
    const counted = report.accepted! + report.duplicates! + report.late! + report.rejected.length;
    if (counted !== sent) options.onWrongAnswer(`${sent} minutes sent, ${counted} counted in ${answer.body}`);
    const refused = new Map(report.rejected.map(({ index, code }) => [index, code]));
    if (junk !== null && !junk.codes.includes(refused.get(junkAt)!))
      options.onWrongAnswer(`${junk.text} answered by ${refused.get(junkAt)}, not ${junk.codes.join(' or ')}`);
    const isSimple = refused.size === (junk === null ? 0 : 1) && report.late === 0;
    const sentAt = items.map((item, i) => ({ item, code: refused.get(junk !== null && i >= junkAt ? i + 1 : i) }));
    options.onAccepted(
      sentAt.filter(({ code }) => code === undefined).map(({ item }) => item),
      answer,
    );
    if (!isSimple) options.trace(() => `feed: answered ${answer.status} ${answer.body.slice(0, 200)}`);
    return sentAt.filter(({ code }) => code === 'BAR_FUTURE').map(({ item }) => item);
  }

  // ---- rule 1: send again what was not answered ----

  function pump(): void {
    if (isBusy || outbox.length === 0) return;
    isBusy = true;
    const { isHistory } = outbox[0]!;
    const end = outbox.findIndex((item) => item.isHistory !== isHistory);
    const items = outbox.slice(0, Math.min(end < 0 ? outbox.length : end, MAX_ITEMS));
    send(items, (isTaken, kept) => {
      if (isTaken) outbox = [...kept, ...outbox.filter((item) => !items.includes(item))];
      const pauseMs = !isTaken ? RETRY_MS : kept.length > 0 ? CLOCK_RETRY_MS : 0;
      timeline.at(timeline.nowMs + pauseMs, () => {
        isBusy = false;
        pump();
      });
    });
  }

  // ---- rule 2: ask where to go on ----

  function ask(): void {
    if (isBusy) return;
    isBusy = true;
    isInStep = false;
    door.getHealth((answer) => {
      if (answer === null) {
        timeline.at(timeline.nowMs + RETRY_MS, () => {
          isBusy = false;
          ask();
        });
        return;
      }
      heardWhenAsked = heard;
      const { last_bars } = JSON.parse(answer.body) as { last_bars: Record<string, string> };
      const missing = [...book.values()]
        .flat()
        .filter(({ symbol, time }) => time * 1000 > Date.parse(last_bars[symbol] ?? '1970-01-01'))
        .sort((x, y) => x.time - y.time);
      options.trace(() => `feed: goes on with ${missing.length} minutes after the daemon's last bars`);
      sendAll(missing);
    });
  }

  function sendAll(items: readonly Item[]): void {
    if (items.length === 0) {
      isBusy = false;
      isInStep = heard === heardWhenAsked;
      if (!isInStep) ask();
      return;
    }
    const isHistory = isSentAsHistory(items[0]!);
    const end = items.findIndex((item) => isSentAsHistory(item) !== isHistory);
    const part = items.slice(0, Math.min(end < 0 ? items.length : end, MAX_ITEMS));
    send(part, (isTaken, kept) => {
      if (isTaken && kept.length === 0) return sendAll(items.slice(part.length));
      timeline.at(timeline.nowMs + (isTaken ? CLOCK_RETRY_MS : RETRY_MS), () => {
        isBusy = false;
        ask();
      });
    });
  }

  // ---- minutes ----

  function deliver(items: readonly Item[]): void {
    if (options.weather().rule === 'resend') {
      outbox.push(...items);
      pump();
      return;
    }
    if (!isInStep) return isBusy ? undefined : ask();
    send(items, (isTaken, kept) => {
      if (isTaken && kept.length === 0) return;
      isInStep = false;
      timeline.at(timeline.nowMs + (isTaken ? CLOCK_RETRY_MS : RETRY_MS), ask);
    });
  }

  /** Noise beside the feed: messages whose answer nobody waits for. */
  function resend(item: Item): void {
    timeline.at(timeline.nowMs + 100 + rng.uniform() * 100_000, () => {
      // A newer bar of a symbol would shut out what is still to be caught up on.
      const mayDisturb = options.weather().rule === 'resend' ? outbox.length === 0 : isInStep;
      if (mayDisturb) door.post(door.line(), wireOf(item), false, () => undefined);
    });
  }

  function hear(items: readonly Item[]): void {
    const weather = options.weather();
    for (const item of items) {
      keep(item);
      heard++;
      if (rng.uniform() < weather.doubled) resend(item);
      if (item.bar !== null && rng.uniform() < weather.revised) {
        const revised = rng.integer(4) === 0 ? null : revisionOf(item.bar);
        if (revised !== null) bars.get(item.symbol)!.push(revised);
        resend({ ...item, bar: revised });
      }
    }
    if (weather.apart) for (const item of items) deliver([item]);
    else deliver(items);
  }

  /** The source after the minute that opened at `time`. */
  function close(time: OpenTime): void {
    const untilNextMs = 60_000 - (options.trueMs() % 60_000);
    timeline.at(timeline.nowMs + untilNextMs, () =>
      close((Math.floor(options.trueMs() / 60_000) * 60 - 60) as OpenTime),
    );
    if (options.isClosed(time)) return;
    const weather = options.weather();
    const inTime: Item[] = [];
    for (const bar of options.prices.next(time)) {
      const isEmpty = rng.uniform() < weather.empty;
      const item: Item = { symbol: bar.symbol, time, bar: isEmpty ? null : bar, isHistory: false };
      if (!isEmpty) bars.get(bar.symbol)!.push(bar);
      if (rng.uniform() < weather.lost) continue;
      if (rng.uniform() < weather.late)
        timeline.at(timeline.nowMs + 1000 + rng.uniform() * 100_000, () => hear([item]));
      else inTime.push(item);
    }
    if (inTime.length === 0) return;
    if (!weather.apart) timeline.at(timeline.nowMs + 100 + rng.uniform() * 1000, () => hear(inTime));
    else for (const item of inTime) timeline.at(timeline.nowMs + 100 + rng.uniform() * 3000, () => hear([item]));
  }

  for (const time of history)
    for (const bar of options.prices.next(time)) {
      bars.get(bar.symbol)!.push(bar);
      keep({ symbol: bar.symbol, time, bar, isHistory: true });
    }
  if (options.weather().rule === 'resend') outbox = [...book.values()].flat().sort((x, y) => x.time - y.time);
  timeline.at(0, () => (options.weather().rule === 'resend' ? pump() : ask()));
  const firstClose = Math.ceil((options.trueMs() + 1) / 60_000) * 60_000;
  timeline.at(firstClose - options.trueMs(), () => close((firstClose / 1000 - 60) as OpenTime));
  return {
    bars,
    get waiting() {
      return outbox.length;
    },
  };
}
