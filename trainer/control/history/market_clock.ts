import { sql } from 'kysely';
import { shownMinute } from '../../../shared/bar.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Store } from '../../store/store.ts';
import { openSignalTables } from './signal_tables.ts';

/** Signals that repeat an earlier bar. */
const REPEATED = ['SILENCE', 'SHUTDOWN'];

/** Epoch ms, from inclusive, to exclusive; a side that is absent is open. */
export interface AskedPeriod {
  readonly fromMs?: number;
  readonly toMs?: number;
}

interface Published {
  readonly generated_at_ms: number;
  /** Close of the bar, ISO 8601. */
  readonly bar_close: string;
}

/**
 * Converts a period from the clock of the market, which pages, `status` and signals show, to the wall clock, which
 * orders signals, fills and runs in the store. In a live market both are the same. In a simulated market, a time
 * becomes that of the first publication of a bar that closed then or later.
 * @throws MinutehandError DATA_MISSING where the simulated market has no bar in the period
 */
export async function byWallClock(store: Store, settings: Settings, asked: AskedPeriod): Promise<AskedPeriod> {
  const { fromMs, toMs } = asked;
  if (settings.minutehand.market === 'live' || (fromMs === undefined && toMs === undefined)) return asked;
  const clock = await openMarketClock(store, settings);
  if (clock === null) return asked;
  const from = fromMs === undefined ? undefined : await clock.publishedFrom(fromMs);
  const to = toMs === undefined ? undefined : await clock.publishedFrom(toMs);
  if (from === null || to === clock.first.generated_at_ms) throw outside(asked, clock);
  return {
    ...(from === undefined ? {} : { fromMs: from }),
    // All that was published is before it.
    ...(to === undefined || to === null ? {} : { toMs: to }),
  };
}

interface MarketClock {
  readonly first: Published;
  readonly last: Published;
  /** Time of the first publication of a bar that closed then or later; null: none has been. */
  publishedFrom(marketMs: number): Promise<number | null>;
}

/** null without a signal. */
async function openMarketClock(store: Store, { signals, minutehand }: Settings): Promise<MarketClock | null> {
  const { history } = await openSignalTables(store, signals);
  const found = sql`FROM ${sql.table(history)} WHERE market = ${minutehand.market} AND reason NOT IN (${sql.join(REPEATED)})`;
  const one = async (rest: ReturnType<typeof sql>): Promise<Published | null> => {
    const { rows } = await sql<Published>`SELECT generated_at_ms, bar_close ${found} ${rest} LIMIT 1`.execute(store.db);
    return rows[0] === undefined ? null : { ...rows[0], generated_at_ms: Number(rows[0].generated_at_ms) };
  };
  const first = await one(sql`ORDER BY generated_at_ms`);
  const last = await one(sql`ORDER BY generated_at_ms DESC`);
  if (first === null || last === null) return null;
  const nextFrom = async (ms: number) => (await one(sql`AND generated_at_ms >= ${ms} ORDER BY generated_at_ms`))!;
  return {
    first,
    last,
    async publishedFrom(marketMs) {
      if (Date.parse(last.bar_close) < marketMs) return null;
      // Later bars are published later: the first one is between `before`, which is too early, and `until`.
      let before = first.generated_at_ms - 1;
      let until = last.generated_at_ms;
      while (until - before > 1) {
        const middle = Math.floor((before + until) / 2);
        const next = await nextFrom(middle);
        if (Date.parse(next.bar_close) >= marketMs) until = middle;
        else before = next.generated_at_ms;
      }
      return (await nextFrom(until)).generated_at_ms;
    },
  };
}

function outside({ fromMs, toMs }: AskedPeriod, { first, last }: MarketClock): MinutehandError {
  const shown = (ms: number | undefined, open: string): string =>
    ms === undefined ? open : shownMinute(new Date(ms).toISOString());
  return new MinutehandError('DATA_MISSING', {
    seen: `from ${shown(fromMs, 'the first bar')} to ${shown(toMs, 'now')} UTC, where the simulated market has no bar`,
    expected: `times of its signals: ${shownMinute(first.bar_close)} to ${shownMinute(last.bar_close)} UTC`,
    next: 'Give times as `status` and the pages show them; they are not those of the wall clock.',
  });
}
