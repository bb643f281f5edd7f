import type { Rng } from '../shared/ports.ts';
import type { FeedReply } from './feed.ts';
import { ln } from '../shared/elementary.ts';
import type { Timeline } from './timeline.ts';

/** Fault rates per value, 0…1; outages per hour. */
export interface SeriesWeather {
  /** Mean interval between values. */
  readonly everyMs: number;
  /** A value arrives minutes after its event. */
  readonly late: number;
  /** An event's value is revised later. */
  readonly revised: number;
  readonly doubled: number;
  /** A message is invalid. */
  readonly malformed: number;
  readonly lost: number;
  readonly outages: number;
}

/** One value as it is sent. */
export interface SentValue {
  readonly symbol: string;
  readonly series: string;
  readonly eventMs: number;
  readonly value: number;
}

export interface SeriesSourceOptions {
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly symbols: readonly string[];
  /** null: no faults, every value in time. */
  weather(): SeriesWeather;
  trueMs(): number;
  request(text: string, onAnswer: (answer: FeedReply) => void): void;
  /** Called with values that the daemon accepted, and its reply. */
  onAccepted(values: readonly SentValue[], answer: NonNullable<FeedReply>): void;
  onRefused(code: string): void;
  onWrongAnswer(what: string): void;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MAX_OUTAGE_MS = 10 * MINUTE_MS;
const LATEST_MS = 50 * MINUTE_MS;
const REMEMBERED = 50;
/** Replies to a valid value that are allowed after clock changes and long delays. */
const CLOCK_CODES = ['SERIES_FUTURE', 'SERIES_STALE', 'SERIES_CLOCK'];
const NAMES: readonly (readonly [series: string, draw: (rng: Rng) => number])[] = [
  ['funding_rate', (rng) => rng.normal() / 1e4],
  ['open_interest', (rng) => 1000 + 100 * rng.uniform()],
  ['buy_liquidations', (rng) => rng.integer(50)],
  ['sell_liquidations', (rng) => rng.integer(50)],
  ['order_book_imbalance', (rng) => 2 * rng.uniform() - 1],
  ['long_short_ratio', (rng) => 0.5 + rng.uniform()],
  ['sentiment', (rng) => rng.integer(101)],
];
const NONSENSE: readonly (readonly [text: (sent: SentValue) => string, codes: readonly string[]])[] = [
  [(sent) => wireOf({ ...sent, series: 'rumors' }), ['SERIES_MALFORMED']],
  [(sent) => wireOf({ ...sent, series: 'sentiment', value: 101 }), ['SERIES_MALFORMED']],
  [(sent) => wireOf({ ...sent, eventMs: Math.floor(sent.eventMs / 1000) }), ['SERIES_MALFORMED']],
  [(sent) => wireOf({ ...sent, eventMs: sent.eventMs + 100 * HOUR_MS }), ['SERIES_FUTURE']],
  [(sent) => wireOf({ ...sent, eventMs: sent.eventMs - 2000 * HOUR_MS }), ['SERIES_STALE']],
  [(sent) => wireOf({ ...sent, symbol: 'NOTHING' }), ['BAR_UNKNOWN_SYMBOL']],
  [(sent) => wireOf(sent).replace('}', ',"arrival_time":0}'), ['SERIES_MALFORMED']],
];

function wireOf({ symbol, series, eventMs, value }: SentValue): string {
  return JSON.stringify({ symbol, series, event_time: eventMs, value });
}

/** The program that sends auxiliary series. It never crashes and does not resend. */
export class SeriesSource {
  /** Every value sent: key, and first time of sending. */
  readonly sent = new Map<string, number>();
  readonly #options: SeriesSourceOptions;
  readonly #recent: SentValue[] = [];
  #outageUntilMs = 0;

  constructor(options: SeriesSourceOptions) {
    this.#options = options;
  }

  begin(): void {
    const { timeline, rng, weather } = this.#options;
    const { everyMs, outages } = weather();
    const nextMs = Math.max(10, -everyMs * ln(1 - rng.uniform()));
    timeline.at(timeline.nowMs + nextMs, () => {
      if (rng.uniform() < (outages * nextMs) / HOUR_MS)
        this.#outageUntilMs = timeline.nowMs + rng.uniform() * MAX_OUTAGE_MS;
      if (timeline.nowMs >= this.#outageUntilMs || weather().outages === 0) this.#emit();
      this.begin();
    });
  }

  #emit(): void {
    const { rng, symbols, weather, trueMs } = this.#options;
    const { late, revised, doubled, malformed } = weather();
    const before = this.#recent[rng.integer(Math.max(1, this.#recent.length))];
    if (before !== undefined && rng.uniform() < revised) return this.#send([{ ...before, value: drawOf(before, rng) }]);
    if (before !== undefined && rng.uniform() < doubled) return this.#send([before]);
    const [series, draw] = NAMES[rng.integer(NAMES.length)]!;
    const symbol = symbols[rng.integer(symbols.length)]!;
    const nowMs = Math.floor(trueMs());
    // Many series have one value per minute, available shortly after it.
    const minuteMs = nowMs - (nowMs % MINUTE_MS);
    const lagMs = rng.uniform() < late ? rng.uniform() * LATEST_MS : rng.uniform() * 1000;
    const eventMs = rng.integer(2) === 0 && nowMs - minuteMs < 5000 ? minuteMs : Math.floor(nowMs - lagMs);
    const value: SentValue = { symbol, series, eventMs, value: draw(rng) };
    if (rng.uniform() < malformed) return this.#sendNonsense(value);
    this.#recent.push(value);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    this.#send([value]);
  }

  #sendNonsense(value: SentValue): void {
    const { rng, request, onWrongAnswer } = this.#options;
    const [textOf, codes] = NONSENSE[rng.integer(NONSENSE.length)]!;
    const text = textOf(value);
    request(text, (answer) => {
      if (answer === null) return;
      const code = codesOf(answer)[0];
      if (code === undefined || ![...codes, ...CLOCK_CODES, 'STOPPING', 'JOURNAL_FULL'].includes(code))
        onWrongAnswer(`${text} answered by ${answer.body}`);
    });
  }

  #send(values: readonly SentValue[]): void {
    const { rng, weather, trueMs, request, onAccepted, onRefused, onWrongAnswer } = this.#options;
    for (const value of values) {
      const key = keyOf(value);
      if (!this.sent.has(key)) this.sent.set(key, trueMs());
    }
    if (rng.uniform() < weather().lost) return;
    const text = values.length === 1 ? wireOf(values[0]!) : `[${values.map(wireOf).join(',')}]`;
    request(text, (answer) => {
      if (answer === null) return;
      const codes = codesOf(answer);
      for (const code of codes) {
        onRefused(code);
        if (![...CLOCK_CODES, 'STOPPING', 'JOURNAL_FULL'].includes(code))
          onWrongAnswer(`${text} answered by ${answer.body}`);
      }
      if (codes.length === 0) onAccepted(values, answer);
    });
  }
}

/** Identifies a value by its fields in the journal. */
export function keyOf({ symbol, series, eventMs, value }: SentValue): string {
  return `${symbol} ${series} ${eventMs} ${value}`;
}

function drawOf({ series }: SentValue, rng: Rng): number {
  return NAMES.find(([name]) => name === series)![1](rng);
}

function codesOf({ body }: NonNullable<FeedReply>): string[] {
  const { rejected = [], error } = JSON.parse(body) as {
    rejected?: readonly { code: string }[];
    error?: { code: string };
  };
  const codes = rejected.map(({ code }) => code);
  return codes.length > 0 || error === undefined ? codes : [error.code];
}
