import { MinutehandError } from '../../shared/errors.ts';
import type { CollectorOptions } from './collector_options.ts';
import type { DaemonReport, WireMinute } from './daemon_client.ts';
import type { Candle } from './exchange.ts';
import { ExchangeRest } from './exchange_rest.ts';

const MINUTE_MS = 60_000;
const BARS_AT_ONCE = 1000;
/** An answer with so many minutes may not be the last. */
const PAGE = 500;
/** A minute that has been over for so long is history. */
const HISTORY_MS = 2 * MINUTE_MS;

/**
 * Sends the daemon the closed minutes it lacks, of all symbols in order of time: history, after an outage of either
 * side, before what is live. The daemon reports what it has, so nothing is stored here. Where the exchange does not
 * give a symbol, the live minutes of the others are sent all the same.
 * @param isPatient history waits until every symbol is there: a pair needs both legs of a minute at once
 * @param onRefused called with the refusal of symbols that the exchange blocks, while it gives others
 * @throws MinutehandError COLLECT_EXCHANGE, COLLECT_DAEMON; a repeated call continues
 */
export async function collectBars(
  { exchange, daemon, symbols, historyMinutes }: CollectorOptions,
  nowMs: number,
  isPatient: boolean,
  onRefused: (refusal: ExchangeRest) => void = () => undefined,
): Promise<DaemonReport[]> {
  const have = await daemon.lastBars();
  const reports: DaemonReport[] = [];
  const firstMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - historyMinutes * MINUTE_MS;
  const fromMs = new Map(symbols.map((symbol) => [symbol, (have.get(symbol) ?? firstMs - MINUTE_MS) + MINUTE_MS]));
  for (;;) {
    const asked = await Promise.allSettled(
      symbols.map((symbol) => closedFrom(exchange, symbol, fromMs.get(symbol)!, nowMs)),
    );
    const pages = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const failures = asked.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
    const blocked = failures.filter((reason) => reason instanceof ExchangeRest && reason.isOfAsked);
    // A block lasts: what it gives of others goes on meanwhile.
    const failed = pages.length === 0 ? failures[0] : failures.find((reason) => !blocked.includes(reason));
    if (failed === undefined) for (const reason of blocked) onRefused(reason as ExchangeRest);
    // Beyond the shortest page another symbol may still have older minutes.
    const whole = Math.min(...pages.map((page) => (page.length >= PAGE ? page.at(-1)!.openMs : Infinity)));
    // A symbol accepts no history after its live minutes, so all of them wait.
    const waits = ([first]: readonly Candle[]): boolean =>
      failed !== undefined && isPatient && first !== undefined && isHistory(first, nowMs);
    const next = pages.flatMap((page) => (waits(page) ? [] : page)).filter(({ openMs }) => openMs <= whole);
    next.sort((a, b) => a.openMs - b.openMs);
    for (const { openMs, symbol } of next) fromMs.set(symbol, openMs + MINUTE_MS);
    reports.push(...(await send(daemon, next, nowMs)));
    if (failed !== undefined) throw failed;
    if (whole === Infinity) return reports;
  }
}

/**
 * The closed minutes from one on, each once, ascending.
 * @throws MinutehandError COLLECT_EXCHANGE also when a minute has closed and the exchange gives none
 */
async function closedFrom(
  exchange: CollectorOptions['exchange'],
  symbol: string,
  fromMs: number,
  nowMs: number,
): Promise<Candle[]> {
  if (fromMs + MINUTE_MS > nowMs) return [];
  const byTime = new Map<number, Candle>();
  for (const candle of await exchange.candles(symbol, fromMs))
    if (candle.openMs >= fromMs && candle.openMs + MINUTE_MS <= nowMs) byTime.set(candle.openMs, candle);
  if (byTime.size === 0)
    throw new MinutehandError('COLLECT_EXCHANGE', {
      seen: `no minute of ${symbol} from ${new Date(fromMs).toISOString()} on`,
    });
  return [...byTime.values()].sort((a, b) => a.openMs - b.openMs);
}

function isHistory({ openMs }: Candle, nowMs: number): boolean {
  return nowMs - (openMs + MINUTE_MS) >= HISTORY_MS;
}

async function send(
  daemon: CollectorOptions['daemon'],
  candles: readonly Candle[],
  nowMs: number,
): Promise<DaemonReport[]> {
  const reports: DaemonReport[] = [];
  for (const backfill of [true, false]) {
    const part = candles.filter((candle) => isHistory(candle, nowMs) === backfill);
    for (let at = 0; at < part.length; at += BARS_AT_ONCE)
      reports.push(await daemon.bars(part.slice(at, at + BARS_AT_ONCE).map(wireMinute), backfill));
  }
  return reports;
}

/** A minute without a trade repeats the last price with no volume. */
function wireMinute({ symbol, openMs, takerBuyVolume, ...values }: Candle): WireMinute {
  return values.volume === 0
    ? { symbol, time: openMs, empty: true }
    : { symbol, time: openMs, ...values, taker_buy_volume: takerBuyVolume };
}
