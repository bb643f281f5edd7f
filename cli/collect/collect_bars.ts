import type { CollectorOptions } from './collector.ts';
import type { DaemonReport, WireMinute } from './daemon_client.ts';
import type { Candle } from './exchange.ts';

const MINUTE_MS = 60_000;
const BARS_AT_ONCE = 1000;
/** A minute that has been over for so long is history. */
const HISTORY_MS = 2 * MINUTE_MS;

/**
 * Sends the daemon the closed minutes it lacks, of all symbols in order of time: history, after an outage of either
 * side, before what is live. What the daemon has is asked of it, so nothing is kept here.
 * @throws MinutehandError COLLECT_EXCHANGE, COLLECT_DAEMON; a repeated call continues
 */
export async function collectBars(
  { exchange, daemon, symbols, historyMinutes }: CollectorOptions,
  nowMs: number,
): Promise<DaemonReport[]> {
  const have = await daemon.lastBars();
  const reports: DaemonReport[] = [];
  const firstMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - historyMinutes * MINUTE_MS;
  const fromMs = new Map(symbols.map((symbol) => [symbol, (have.get(symbol) ?? firstMs - MINUTE_MS) + MINUTE_MS]));
  const hasClosed = ({ openMs }: Candle): boolean => openMs + MINUTE_MS <= nowMs;
  for (;;) {
    const fetched = await Promise.all(
      symbols.map(async (symbol) => {
        const from = fromMs.get(symbol)!;
        return from + MINUTE_MS > nowMs ? [] : (await exchange.candles(symbol, from)).filter((own) => own.openMs >= from);
      }),
    );
    const closed = fetched.map((candles) => ascending(candles.filter(hasClosed)));
    // Beyond the shortest page another symbol may still have older minutes.
    const whole = Math.min(...closed.map((candles, i) => (isPage(fetched[i]!) ? candles.at(-1)!.openMs : Infinity)));
    const next = closed.flat().filter(({ openMs }) => openMs <= whole);
    if (next.length === 0) return reports;
    next.sort((a, b) => a.openMs - b.openMs);
    for (const { openMs, symbol } of next) fromMs.set(symbol, openMs + MINUTE_MS);
    reports.push(...(await send(daemon, next, nowMs)));
    if (whole === Infinity) return reports;
  }
}

function isPage(candles: readonly Candle[]): boolean {
  return candles.length >= 500;
}

/** Each minute once, as last seen. */
function ascending(candles: readonly Candle[]): Candle[] {
  const byTime = new Map(candles.map((candle) => [candle.openMs, candle]));
  return [...byTime.values()].sort((a, b) => a.openMs - b.openMs);
}

async function send(
  daemon: CollectorOptions['daemon'],
  candles: readonly Candle[],
  nowMs: number,
): Promise<DaemonReport[]> {
  const reports: DaemonReport[] = [];
  const isHistory = ({ openMs }: Candle): boolean => nowMs - (openMs + MINUTE_MS) >= HISTORY_MS;
  for (const backfill of [true, false]) {
    const part = candles.filter((candle) => isHistory(candle) === backfill);
    for (let at = 0; at < part.length; at += BARS_AT_ONCE)
      reports.push(await daemon.bars(part.slice(at, at + BARS_AT_ONCE).map(wireMinute), backfill));
  }
  return reports;
}

/** A minute without a trade repeats the last price with no volume. */
function wireMinute({ symbol, openMs, open, high, low, close, volume }: Candle): WireMinute {
  return volume === 0 ? { symbol, time: openMs, empty: true } : { symbol, time: openMs, open, high, low, close, volume };
}
