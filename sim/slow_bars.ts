import type { Bar, OpenTime } from '../shared/bar.ts';
import type { PairMinute } from '../daemon/align/minute.ts';

const SECONDS_PER_MINUTE = 60;

/**
 * Bars of one subject with a longer timeframe, built from all its minutes: the minutes of each UTC interval are
 * collected, and the bar ends with a minute or time-out at or after the interval's last minute. Shares no code with the
 * daemon's resampler.
 */
export class SlowBars {
  readonly #barSeconds: number;
  readonly #minutes = new Map<number, PairMinute[]>();
  readonly #closed = new Set<number>();

  constructor(barSeconds: number) {
    this.#barSeconds = barSeconds;
  }

  /** @returns the bars that end with this minute */
  take(minute: PairMinute): PairMinute[] {
    const interval = Math.floor(minute.time / this.#barSeconds);
    const minutes = this.#minutes.get(interval);
    if (minutes === undefined) this.#minutes.set(interval, [minute]);
    else minutes.push(minute);
    return this.closeThrough(minute.time);
  }

  /** @returns the bars that end with a time-out of the minute at `time` */
  closeThrough(time: number): PairMinute[] {
    const ended: PairMinute[] = [];
    for (const [interval, minutes] of this.#minutes) {
      const lastMinute = (interval + 1) * this.#barSeconds - SECONDS_PER_MINUTE;
      if (this.#closed.has(interval) || lastMinute > time) continue;
      this.#closed.add(interval);
      ended.push(barOf(minutes, lastMinute as OpenTime));
    }
    return ended;
  }

  /** Number of minutes in the bar with this last minute. */
  minutesOf(lastMinute: number): number {
    return this.#minutes.get(Math.floor(lastMinute / this.#barSeconds))?.length ?? 0;
  }

  /** Whether a bar has begun and not ended. */
  get isOpen(): boolean {
    return this.#minutes.size > this.#closed.size;
  }
}

function barOf(minutes: readonly PairMinute[], time: OpenTime): PairMinute {
  const newest = minutes.at(-1)!;
  const a = joined(
    minutes.map((minute) => minute.a),
    time,
  );
  const b = joined(
    minutes.map((minute) => minute.b),
    time,
  );
  const outcome = a !== null && b !== null ? 'COMPLETE' : newest.outcome;
  return { pairIndex: newest.pairIndex, time, a, b, outcome, backfill: newest.backfill };
}

function joined(legs: readonly (Bar | null)[], time: OpenTime): Bar | null {
  const bars = legs.filter((bar) => bar !== null);
  const flow = (name: 'takerBuyVolume' | 'trades'): Partial<Bar> =>
    bars.some((bar) => bar[name] === undefined) ? {} : { [name]: bars.reduce((sum, bar) => sum + bar[name]!, 0) };
  const first = bars[0];
  const last = bars.at(-1);
  if (first === undefined || last === undefined) return null;
  return {
    symbol: first.symbol,
    time,
    open: first.open,
    high: Math.max(...bars.map(({ high }) => high)),
    low: Math.min(...bars.map(({ low }) => low)),
    close: last.close,
    volume: bars.reduce((sum, { volume }) => sum + volume, 0),
    ...(last.spread === undefined ? {} : { spread: last.spread }),
    ...flow('takerBuyVolume'),
    ...flow('trades'),
  };
}
