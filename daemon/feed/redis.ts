import type { Logger } from 'pino';
import { SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import { describeError, MinutehandError, type ErrorCode } from '../../shared/errors.ts';
import type { Clock, Scheduler } from '../../shared/ports.ts';
import { CONNECTED, type StreamConnectionState, type StreamReader } from '../../shared/redis/redis_stream.ts';
import { streamRefused } from '../../shared/redis/redis_refusal.ts';
import { ENTRY_BYTES_MAX, type EntrySize, type MendedStream } from '../../shared/redis/stream_sizes.ts';
import type { BarOutcome } from '../align/align.ts';
import type { BarSink, SeriesSink, SymbolInput } from '../queue/input.ts';
import { createIntake, type Intake, type IntakeOptions } from './intake.ts';
import { BEGINNING, type StreamPosition } from './redis_position.ts';
import { createSeriesIntake, type SeriesIntake, type SeriesIntakeOptions } from './series_intake.ts';
import { BARS_STREAM, type StreamEntry, type StreamListener } from './redis_stream.ts';

/**
 * A minute that has been over for this many feed intervals is history: the newest one and the one before it are news.
 */
const HISTORY_INTERVALS = 2;
/** Journaling of minutes without a signal waits until no more of them arrive. */
const QUIET_MS = 20;
const FULL_POLL_MS = 1000;
const NAMED_ENTRIES = 5;

export interface RedisFeedOptions extends Pick<
  IntakeOptions,
  'bootId' | 'maxClockSkewMs' | 'maxBars' | 'names' | 'onOutcome' | 'onLive'
> {
  readonly sink: BarSink & SeriesSink;
  readonly onSeries: SeriesIntakeOptions['onOutcome'];
  /** Open of the newest minute of each symbol that has any. */
  lastTimes(): ReadonlyMap<string, OpenTime>;
  /** Resolves when all that was taken is published and journaled. */
  settled(): Promise<unknown>;
  /** While it is, no entries are taken: they stay in the stream. */
  isFull(): boolean;
  /** Of this daemon's pairs. */
  readonly symbols: readonly string[];
  /** Of all pairs that are configured, also those of other shards. */
  readonly allSymbols: readonly string[];
  readonly feedIntervalMs: number;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** The last argument of `keepPosition` in this daemon or the one before it; null = none. */
  readonly position: string | null;
  /** Stores it together with the minutes that were taken so far, or later, never before. */
  keepPosition(position: string): void;
  read(listener: StreamListener): StreamReader;
  /** Called with STREAM_REFUSED when Redis answers and does not let the daemon read, once until it does. */
  onRefused(error: MinutehandError): void;
  /** Called when it can be read again after that. */
  onReadable(): void;
  readonly log: Logger;
  print(line: string): void;
}

export interface RedisFeed {
  /** null until the first attempt to connect has ended. */
  readonly state: StreamConnectionState | null;
  /** The error that `onRefused` was called with, until `onReadable` is. */
  readonly refusal: MinutehandError | null;
  /** Entries that were removed from the stream before they could be read; a gap of unknown size counts as one. */
  readonly lost: number;
  /** No bar is taken after this was called. */
  stop(): Promise<void>;
}

/**
 * Takes the minutes of the stream `minutehand:bars`: field `bar` of an entry has the format of `POST /bars`, `backfill`
 * = 1 marks history; an entry with field `series` has the format of `POST /series`. Entries written while no daemon
 * read are history too when they are old, so that nothing stale is published as fresh. An entry that cannot be taken is
 * counted, logged and skipped.
 *
 * The position is journaled in one transaction with the minutes before it. So whenever the daemon is killed, it
 * continues right after its last minute; where the position is unknown, it starts at the beginning, which is harmless:
 * no minute is taken twice.
 */
export function openRedisFeed(options: RedisFeedOptions): RedisFeed {
  return new StreamFeed(options);
}

class StreamFeed implements RedisFeed, StreamListener {
  state: RedisFeed['state'] = null;
  refusal: MinutehandError | null = null;
  lost = 0;
  readonly from: StreamPosition;
  readonly #options: RedisFeedOptions;
  /** Sorted and joined: a position counts for these only. */
  readonly #symbols: string;
  readonly #intake: Intake;
  readonly #seriesIntake: SeriesIntake;
  readonly #refusedEntries: RefusedEntries;
  readonly #reader: StreamReader;
  /**
   * Newest minutes when the reader started at the beginning, until it has caught up: up to there it reads nothing new.
   */
  #known: ReadonlyMap<string, OpenTime> | null = null;
  #cancelQuiet: (() => void) | null = null;
  #isStopping = false;

  constructor(options: RedisFeedOptions) {
    this.#options = options;
    this.#symbols = [...options.symbols].sort().join(',');
    this.#refusedEntries = new RefusedEntries(options);
    const configured = new Set(options.allSymbols);
    const rules = { ...options, open: true, isElsewhere: (symbol: string) => configured.has(symbol) };
    this.#intake = createIntake({
      ...rules,
      sink: { hasSymbol: (symbol) => options.sink.hasSymbol(symbol), take: (input) => this.#offer(input) },
    });
    this.#seriesIntake = createSeriesIntake({ ...rules, onOutcome: options.onSeries });
    this.from = parsePosition(options.position, this.#symbols);
    this.#reader = options.read(this);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#reader.stop();
    if (this.#cancelQuiet !== null) await this.#settle();
  }

  onBeginning(): void {
    this.#known = new Map(this.#options.lastTimes());
  }

  async onEntries(entries: readonly StreamEntry[], position: StreamPosition, isAll: boolean): Promise<void> {
    const { scheduler, log, isFull } = this.#options;
    while (isFull() && !this.#isStopping)
      await new Promise<void>((resolve) => void scheduler.after(FULL_POLL_MS, resolve));
    if (this.#isStopping) return;
    for (const entry of entries) this.#take(entry);
    this.onPosition(position);
    if (!isAll) return this.#settle();
    this.#known = null;
    this.#cancelQuiet ??= scheduler.after(QUIET_MS, () => {
      this.#settle().catch((error: unknown) => log.error({ err: error }, 'unexpected error'));
    });
    // The signals go out before the next entries are requested.
    await new Promise<void>((resolve) => scheduler.afterTurn(resolve));
  }

  onPosition({ id, number }: StreamPosition): void {
    this.#options.keepPosition(JSON.stringify({ id, number, symbols: this.#symbols }));
  }

  onLost(count: number | null): void {
    const { log, print } = this.#options;
    this.lost += count ?? 1;
    const seen = count === null ? 'an unknown number of entries' : `${count} entries`;
    const error = new MinutehandError('STREAM_TRIMMED', { seen });
    log.error({ code: error.code, count }, error.message);
    print(`${error.code}: ${error.message} ${error.next}`);
  }

  onOversized(entries: readonly EntrySize[]): void {
    for (const { id, bytes } of entries) {
      const refusal = new MinutehandError('STREAM_ENTRY_SIZE', {
        seen: `${bytes} bytes in ${BARS_STREAM} ${id}`,
        expected: `at most ${ENTRY_BYTES_MAX}`,
      });
      const { code, message, next } = refusal;
      this.#options.onOutcome(code);
      this.#refusedEntries.add({ id, code, message, next });
    }
    this.#refusedEntries.report();
  }

  onMended({ removed }: MendedStream): void {
    const { log, print } = this.#options;
    const { code, message, next } = new MinutehandError('STREAM_IDS', { seen: `${removed} in ${BARS_STREAM}` });
    log.error({ code, removed }, message);
    print(`${code}: ${message} ${next}`);
  }

  onAnother(): void {
    const { log, print } = this.#options;
    log.warn(`${BARS_STREAM} is not the stream that was read before`);
    print(`The stream ${BARS_STREAM} is a different one than before: it is read from its beginning.`);
  }

  onState(next: StreamConnectionState, detail: string): void {
    const { log, print, onRefused, onReadable } = this.#options;
    const wasUp = this.state === 'up';
    this.state = next;
    const isSafe = next !== 'up' || detail === CONNECTED;
    log[isSafe ? 'info' : 'warn']({ state: next, detail }, 'bars by redis');
    if (next === 'up') {
      if (this.refusal !== null) onReadable();
      this.refusal = null;
      const warning = isSafe ? '' : ` Warning: it is ${detail}.`;
      return print(`Bars are also read from Redis (${BARS_STREAM}).${warning}`);
    }
    if (next === 'refused') {
      if (this.refusal !== null) return;
      this.refusal = streamRefused(detail);
      return onRefused(this.refusal);
    }
    // The publisher reports a Redis that is not there at the start.
    if (wasUp) print(`Redis gives no bars (${detail}): reading resumes at the last position.`);
  }

  #offer(input: SymbolInput): BarOutcome {
    const { sink, clock, feedIntervalMs } = this.#options;
    const { subject, time, backfill } = input;
    if (this.#known !== null && time <= (this.#known.get(subject) ?? -Infinity)) return 'duplicate';
    const overMs = clock.nowMs() - (time + SECONDS_PER_BAR) * 1000;
    const isHistory = backfill || overMs >= HISTORY_INTERVALS * feedIntervalMs;
    return sink.take(isHistory === backfill ? input : { ...input, backfill: isHistory });
  }

  #take([id, fields]: StreamEntry): void {
    const bytes = fields.reduce((sum, { length }) => sum + length, 0);
    if (bytes > ENTRY_BYTES_MAX) return this.onOversized([{ id, bytes }]);
    try {
      const series = fieldOf(fields, 'series', '');
      const { rejected } =
        series === '' ? this.#intake(fieldOf(fields, 'bar'), isBackfill(fields)) : this.#seriesIntake(series);
      for (const { code, message, next } of rejected) this.#refusedEntries.add({ id, code, message, next });
    } catch (error) {
      if (!(error instanceof MinutehandError)) this.#options.log.error({ err: error }, 'unexpected error');
      const { code, message, next } = describeError(error) as { code: ErrorCode; message: string; next: string };
      this.#options.onOutcome(code);
      this.#refusedEntries.add({ id, code, message, next });
    }
  }

  /** Behind the signals: lines about what was refused, and the journal of what no signal follows. */
  async #settle(): Promise<void> {
    this.#cancelQuiet?.();
    this.#cancelQuiet = null;
    await this.#options.settled();
    this.#refusedEntries.report();
  }
}

interface RefusedEntry {
  readonly id: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly next: string;
}

/** Entries that could not be taken, until they are reported: each batch is logged, each code printed once. */
class RefusedEntries {
  readonly #options: Pick<RedisFeedOptions, 'log' | 'print'>;
  readonly #saidCodes = new Set<ErrorCode>();
  #entries: RefusedEntry[] = [];

  constructor(options: Pick<RedisFeedOptions, 'log' | 'print'>) {
    this.#options = options;
  }

  add(entry: RefusedEntry): void {
    this.#entries.push(entry);
  }

  report(): void {
    const { log, print } = this.#options;
    for (const code of new Set(this.#entries.map((entry) => entry.code))) {
      const alike = this.#entries.filter((entry) => entry.code === code);
      const { message, next } = alike[0]!;
      const ids = alike.slice(0, NAMED_ENTRIES).map(({ id }) => id);
      log.warn({ code, count: alike.length, entries: ids }, message);
      // Late history is normal for a feeder that cannot see what the daemon has.
      if (this.#saidCodes.has(code) || code === 'BAR_OUT_OF_ORDER') continue;
      this.#saidCodes.add(code);
      print(`${BARS_STREAM} ${ids[0]}: ${code}: ${message} ${next} Further ones are only logged and counted.`);
    }
    this.#entries = [];
  }
}

/** @throws MinutehandError BAR_MALFORMED when it is not there and there is nothing to take instead */
/** @throws MinutehandError BAR_MALFORMED for a word such as `true`: taken for no, history would go out as live bars */
function isBackfill(fields: readonly string[]): boolean {
  const value = fieldOf(fields, 'backfill', '');
  if (!['', '0', '1'].includes(value))
    throw new MinutehandError('BAR_MALFORMED', { seen: `backfill ${value.slice(0, 40)}`, expected: '0 or 1' });
  return value === '1';
}

function fieldOf(fields: readonly string[], name: string, absent?: string): string {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]!;
  if (absent !== undefined) return absent;
  throw new MinutehandError('BAR_MALFORMED', {
    seen: `an entry with the fields ${fields
      .filter((_, i) => i % 2 === 0)
      .join(', ')
      .slice(0, 100)}`,
    expected: `the field ${name}`,
  });
}

/** The beginning when there is none yet, or when symbols have been added since: the stream may have what they need. */
function parsePosition(text: string | null, symbols: string): StreamPosition {
  if (text === null) return BEGINNING;
  const { id, number, symbols: counted } = JSON.parse(text) as StreamPosition & { symbols: string };
  const taken = new Set(counted.split(','));
  return symbols.split(',').every((symbol) => taken.has(symbol)) ? { id, number } : BEGINNING;
}
