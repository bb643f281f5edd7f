import { setTimeout as sleep } from 'node:timers/promises';
import { SERIES, seriesIndex } from '../../shared/core/series/series_names.ts';
import { describeError, MinutehandError, type ErrorReport } from '../../shared/errors.ts';
import { collectBars } from './collect_bars.ts';
import type { CollectorOptions } from './collector_options.ts';
import type { DaemonReport } from './daemon_client.ts';
import type { BookTop, Exchange } from './exchange.ts';
import { ExchangeRest } from './exchange_rest.ts';
import { LiquidationBars } from './liquidation_bars.ts';
import type { Outgoing } from './outbox.ts';

const MINUTE_MS = 60_000;
/** The exchange closes a minute's candle some hundred milliseconds after the minute. */
const CLOSE_DELAY_MS = 500;
const TICK_MS = 1000;
const END_GRACE_MS = 2000;
const PATIENT_ATTEMPTS = 4;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
const CLOCK_LIMIT_MS = 1000;
const CLOCK_CHECK_MS = 10 * MINUTE_MS;
const SERIES_AT_ONCE = 500;
/** Refusals of the daemon that another attempt may not meet. */
const PASSING = new Set(['SERIES_CLOCK', 'SERIES_FUTURE']);

/** Feeds a daemon from an exchange until `ending`. Faults are reported once, and tried again with growing pauses. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #faults: Faults;
  readonly #books = new Map<string, BookTop>();
  readonly #liquidations: LiquidationBars;
  /** Attempts at bars since the last one that succeeded. */
  #barAttempts = 0;
  /** The exchange's clock minus this one, ms. */
  #offsetMs = 0;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#faults = new Faults(options.print);
    this.#liquidations = new LiquidationBars(options);
  }

  async run(): Promise<void> {
    const { exchange, symbols, pollMs, ending, print } = this.#options;
    await this.#insist('exchange', () => exchange.load(symbols));
    if (ending.aborted) return;
    print(`Collecting ${symbols.join(', ')}.`);
    // The current bar exists before anything is received.
    this.#send(this.#liquidations.tick(this.#exchangeNowMs()));
    const work = Promise.all([
      this.#repeat('clock', CLOCK_CHECK_MS, () => this.#checkClock()),
      this.#repeat('bars', null, () => this.#collectBars()),
      this.#repeat('funding', pollMs, () => this.#collectPoints('funding_rate', (...of) => exchange.funding(...of))),
      this.#repeat('open interest', pollMs, () =>
        this.#collectPoints('open_interest', (...of) => exchange.openInterest(...of)),
      ),
      this.#repeat('liquidations', 0, async () => this.#liquidations.take(await exchange.liquidations(symbols))),
      this.#repeat('order book', 0, async () => {
        for (const top of await exchange.book(symbols)) this.#books.set(top.symbol, top);
      }),
      this.#repeat('liquidation bars', TICK_MS, () => this.#send(this.#liquidations.tick(this.#exchangeNowMs()))),
      this.#repeat('daemon', TICK_MS, () => this.#flush()),
    ]);
    await Promise.race([work, new Promise<void>((resolve) => ending.addEventListener('abort', () => resolve()))]);
    // What waits for a message is released.
    await exchange.close();
    await Promise.race([work, sleep(END_GRACE_MS)]);
  }

  // ---- work ----

  /** @throws MinutehandError COLLECT_CLOCK when this machine's clock is wrong by more than a second */
  async #checkClock(): Promise<void> {
    const { exchange, nowMs } = this.#options;
    const before = nowMs();
    const theirs = await exchange.timeMs();
    const after = nowMs();
    this.#offsetMs = theirs - (before + after) / 2;
    if (Math.abs(this.#offsetMs) <= CLOCK_LIMIT_MS + (after - before) / 2) return;
    throw new MinutehandError('COLLECT_CLOCK', {
      seen: `the exchange is ${Math.round(this.#offsetMs)} ms ahead`,
      expected: `at most ${CLOCK_LIMIT_MS} ms of difference`,
    });
  }

  #exchangeNowMs(): number {
    return this.#options.nowMs() + this.#offsetMs;
  }

  /** The minutes that the daemon lacks, then waits for the end of the next one. */
  async #collectBars(): Promise<void> {
    const nowMs = this.#exchangeNowMs();
    const refused = new Map<string, ExchangeRest>();
    const isPatient = ++this.#barAttempts <= PATIENT_ATTEMPTS;
    const reports = await collectBars(this.#options, nowMs, isPatient, (refusal) =>
      refused.set(refusal.message, refusal),
    );
    this.#noteBlocked('bars of blocked symbols', [...refused.values()]);
    this.#barAttempts = 0;
    for (const report of reports) this.#reportRefused(report);
    this.#sampleBooks(nowMs);
    const next = (Math.floor(this.#exchangeNowMs() / MINUTE_MS) + 1) * MINUTE_MS + CLOSE_DELAY_MS;
    await this.#rest(next - this.#exchangeNowMs());
  }

  /** The imbalance at the end of the minute, of quotes that changed in it. */
  #sampleBooks(nowMs: number): void {
    const sampled = [...this.#books.values()].filter(
      ({ atMs, bidCoins, askCoins }) => nowMs - atMs < MINUTE_MS && bidCoins + askCoins > 0,
    );
    this.#send(
      sampled.map(({ symbol, atMs, bidCoins, askCoins }) => ({
        symbol,
        series: 'order_book_imbalance' as const,
        event_time: Math.floor(atMs),
        value: (bidCoins - askCoins) / (bidCoins + askCoins),
      })),
    );
  }

  async #collectPoints(
    series: 'funding_rate' | 'open_interest',
    ask: Exchange['funding' | 'openInterest'],
  ): Promise<void> {
    const { symbols, outbox } = this.#options;
    const maxAgeMs = SERIES[seriesIndex(series)]!.max_age_seconds * 1000;
    const blocked: ExchangeRest[] = [];
    for (const symbol of symbols) {
      const oldest = this.#exchangeNowMs() - maxAgeMs + MINUTE_MS;
      const since = Math.ceil(Math.max(oldest, (outbox.newest(symbol, series) ?? 0) + 1));
      try {
        const points = (await ask(symbol, since)).filter(({ eventMs }) => eventMs >= since);
        this.#send(points.map(({ eventMs, value }) => ({ symbol, series, event_time: eventMs, value })));
      } catch (error) {
        if (!(error instanceof ExchangeRest && error.isOfAsked)) throw error;
        blocked.push(error);
      }
    }
    if (blocked.length === symbols.length) throw blocked[0]!;
    this.#noteBlocked(`${series} of blocked symbols`, blocked);
  }

  /** Once until it is over: others go on. */
  #noteBlocked(what: string, blocked: readonly ExchangeRest[]): void {
    const [first] = blocked;
    if (first === undefined) this.#faults.clear(what);
    else this.#faults.note(what, describeError(first));
  }

  #send(observations: readonly Outgoing[]): void {
    this.#options.outbox.add(observations, this.#options.nowMs());
  }

  /** Sends what waits, in order; it leaves the outbox when the daemon has stored it. */
  async #flush(): Promise<void> {
    const { outbox, daemon } = this.#options;
    while (outbox.outgoing.length > 0) {
      const batch = outbox.outgoing.slice(0, SERIES_AT_ONCE);
      const report = await daemon.series(batch);
      this.#reportRefused(report);
      if (!report.stored || report.rejected.some(({ code }) => PASSING.has(code))) return;
      outbox.remove(batch.length);
    }
  }

  #reportRefused({ rejected }: DaemonReport): void {
    for (const { code, message, next } of rejected) this.#faults.note(`refused ${code}`, { code, message, next });
  }

  // ---- repetition ----

  /** @param everyMs null: `work` waits itself */
  async #repeat(what: string, everyMs: number | null, work: () => Promise<void> | void): Promise<void> {
    while (!this.#options.ending.aborted) {
      await this.#insist(what, work);
      if (everyMs !== null && everyMs > 0) await this.#rest(everyMs);
    }
  }

  /** Works until it succeeds once, or the collector ends. */
  async #insist(what: string, work: () => Promise<void> | void): Promise<void> {
    const { ending } = this.#options;
    for (let waitMs = FIRST_RETRY_MS; !ending.aborted; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      try {
        await work();
        this.#faults.clear(what);
        return;
      } catch (error) {
        if (ending.aborted) return;
        if (!(error instanceof MinutehandError)) throw error;
        this.#faults.note(what, describeError(error));
        if (error.code === 'COLLECT_CLOCK') return;
        await this.#rest(error instanceof ExchangeRest ? error.untilMs - this.#options.nowMs() : waitMs);
      }
    }
  }

  async #rest(ms: number): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal: this.#options.ending }).catch(() => undefined);
  }
}

/** Faults that last, each reported once until it is over. */
class Faults {
  readonly #print: (line: string) => void;
  /** Code of each. */
  readonly #lasting = new Map<string, string>();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  note(what: string, { code, message, next }: Omit<ErrorReport, 'code'> & { readonly code: string }): void {
    if (this.#lasting.get(what) === code) return;
    this.#lasting.set(what, code);
    this.#print(`${what}: ${code}: ${message} ${next}`);
  }

  clear(what: string): void {
    if (this.#lasting.delete(what)) this.#print(`${what}: works again.`);
  }
}
