import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { numbersFault } from '../../shared/bar_rules.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { retryAfterMs } from '../../shared/outgoing.ts';
import type { BookTop, Candle, Exchange, Liquidation, Point } from './exchange.ts';
import { ExchangeRest, restAfter, saidBy } from './exchange_rest.ts';

/** The version that was tested: its files are loaded by path, for its index loads every exchange there is. */
export const CCXT_VERSION = '4.5.84';
const REQUEST_TIMEOUT_MS = 10_000;
const CANDLES_AT_ONCE = 1000;

interface CcxtClient {
  readonly url: string;
  isOpen?(): boolean;
}

/** The part of ccxt's `binanceusdm` that is used. Numbers may be undefined where a frame has none. */
interface Ccxt {
  urls: { api: Record<string, unknown> };
  newUpdates: boolean;
  readonly clients?: Record<string, CcxtClient>;
  readonly last_response_headers?: Readonly<Record<string, string>>;
  readonly markets_by_id?: Record<string, readonly { readonly symbol: string }[]>;
  loadMarkets(): Promise<unknown>;
  loadHttpProxyAgent(): Promise<unknown>;
  fetchTime(): Promise<number | undefined>;
  /** As Binance answers: its uniform `fetchOHLCV` drops taker volume and trades. */
  fapiPublicGetKlines(query: Record<string, string | number>): Promise<unknown[][]>;
  fetchFundingRateHistory(symbol: string, since: number, limit: number): Promise<Record<string, unknown>[]>;
  fetchOpenInterestHistory(
    symbol: string,
    timeframe: string,
    since: number,
    limit: number,
  ): Promise<Record<string, unknown>[]>;
  watchLiquidationsForSymbols(symbols: readonly string[]): Promise<Record<string, unknown>[]>;
  watchBidsAsks(symbols: readonly string[]): Promise<Record<string, Record<string, unknown>>>;
  close(): Promise<void>;
}

type CcxtClass = new (options: object) => Ccxt;

export interface CcxtOptions {
  /** Another server with the exchange's API, such as a test server; null = the exchange. */
  readonly url: string | null;
  /** Folder of the ccxt package; undefined = where Node finds it. */
  readonly folder: string | undefined;
}

/**
 * Binance's USDT-margined futures through ccxt, which only this loads.
 * @throws MinutehandError COLLECT_LIBRARY when ccxt is absent or of another version
 */
export async function openBinance({ url, folder }: CcxtOptions): Promise<Exchange> {
  const Binance = await loadCcxt(folder);
  const ccxt = new Binance({ timeout: REQUEST_TIMEOUT_MS, enableRateLimit: true });
  // Else a message that arrives while none is awaited is not returned.
  ccxt.newUpdates = false;
  if (url !== null) {
    redirect(ccxt, url);
    // ccxt needs an agent for ws:// without TLS.
    await ccxt.loadHttpProxyAgent();
  }
  return new CcxtExchange(ccxt);
}

async function loadCcxt(folder: string | undefined): Promise<CcxtClass> {
  const root = folder === undefined ? packageUrl() : pathToFileURL(join(folder, '/'));
  let version: string;
  try {
    if (root === null) throw new Error('not installed');
    version = (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }).version;
  } catch (cause) {
    throw new MinutehandError('COLLECT_LIBRARY', { seen: 'no ccxt', expected: `ccxt ${CCXT_VERSION}`, cause });
  }
  if (version !== CCXT_VERSION)
    throw new MinutehandError('COLLECT_LIBRARY', { seen: `ccxt ${version}`, expected: `ccxt ${CCXT_VERSION}` });
  const module = (await import(new URL('js/src/pro/binanceusdm.js', root).href)) as { default: CcxtClass };
  return module.default;
}

/** null when it is not installed. */
function packageUrl(): URL | null {
  try {
    return new URL('../', import.meta.resolve('ccxt'));
  } catch {
    return null;
  }
}

function redirect(ccxt: Ccxt, url: string): void {
  const { api } = ccxt.urls;
  for (const name of Object.keys(api))
    if (name.startsWith('fapi')) api[name] = new URL(name === 'fapiData' ? '/futures/data' : '/fapi/v1', url).href;
  api['ws'] = { ...(api['ws'] as object), future: new URL('/ws', url.replace(/^http/, 'ws')).href };
}

/** A row of Binance's klines. @throws MinutehandError COLLECT_EXCHANGE */
function candleOf(symbol: string, row: readonly unknown[]): Candle {
  const cells = [0, 1, 2, 3, 4, 5, 8, 9].map((at) => (row[at] == null || row[at] === '' ? undefined : Number(row[at])));
  const [openMs, open, high, low, close, volume, trades, takerBuyVolume] = numbers(...cells) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (
    !(
      numbersFault({ open, high, low, close, volume }) === null &&
      Number.isInteger(trades) &&
      trades >= 0 &&
      takerBuyVolume >= 0 &&
      takerBuyVolume <= volume
    )
  )
    throw malformed(row);
  return { symbol, openMs, open, high, low, close, volume, takerBuyVolume, trades };
}

class CcxtExchange implements Exchange {
  readonly #ccxt: Ccxt;
  /** Its names of our symbols: `BTC/USDT:USDT` of BTCUSDT. */
  readonly #names = new Map<string, string>();
  readonly #symbols = new Map<string, string>();
  #rest: ExchangeRest | null = null;
  /** Refusals of single symbols, by symbol; the empty name is for requests without a symbol. */
  readonly #rests = new Map<string, ExchangeRest>();

  constructor(ccxt: Ccxt) {
    this.#ccxt = ccxt;
  }

  async load(symbols: readonly string[]): Promise<void> {
    await this.#asked(() => this.#ccxt.loadMarkets());
    for (const symbol of symbols) {
      const name = this.#ccxt.markets_by_id?.[symbol]?.[0]?.symbol;
      if (name === undefined)
        throw new MinutehandError('COLLECT_EXCHANGE', {
          seen: `it lists no ${symbol}`,
          next: 'Name others with --symbols.',
        });
      this.#names.set(symbol, name);
      this.#symbols.set(name, symbol);
    }
  }

  async timeMs(): Promise<number> {
    return numbers(await this.#asked(() => this.#ccxt.fetchTime()))[0]!;
  }

  async candles(symbol: string, fromMs: number): Promise<Candle[]> {
    const query = { symbol, interval: '1m', startTime: fromMs, limit: CANDLES_AT_ONCE };
    const rows = await this.#asked(() => this.#ccxt.fapiPublicGetKlines(query), symbol);
    return rows.map((row) => candleOf(symbol, row));
  }

  async funding(symbol: string, sinceMs: number): Promise<Point[]> {
    const rows = await this.#asked(
      () => this.#ccxt.fetchFundingRateHistory(this.#nameOf(symbol), sinceMs, 100),
      symbol,
    );
    return points(rows, 'fundingRate');
  }

  async openInterest(symbol: string, sinceMs: number): Promise<Point[]> {
    const rows = await this.#asked(
      () => this.#ccxt.fetchOpenInterestHistory(this.#nameOf(symbol), '5m', sinceMs, 100),
      symbol,
    );
    return points(rows, 'openInterestAmount');
  }

  async liquidations(symbols: readonly string[]): Promise<Liquidation[]> {
    const names = symbols.map((symbol) => this.#nameOf(symbol));
    const rows = await this.#told(() => this.#ccxt.watchLiquidationsForSymbols(names));
    return rows.flatMap((row) => {
      const symbol = this.#symbols.get(row['symbol'] as string);
      const { timestamp, contracts, price, side } = row;
      const isWhole = [timestamp, contracts, price].every(Number.isFinite) && (side === 'buy' || side === 'sell');
      if (symbol === undefined || !isWhole) return [];
      return [{ symbol, atMs: timestamp, coins: contracts, price, side } as Liquidation];
    });
  }

  async book(symbols: readonly string[]): Promise<BookTop[]> {
    const names = symbols.map((symbol) => this.#nameOf(symbol));
    const tops = await this.#told(() => this.#ccxt.watchBidsAsks(names));
    return Object.values(tops).flatMap((top) => {
      const symbol = this.#symbols.get(top['symbol'] as string);
      const { timestamp, bidVolume, askVolume } = top;
      if (symbol === undefined || ![timestamp, bidVolume, askVolume].every(Number.isFinite)) return [];
      return [{ symbol, atMs: timestamp, bidCoins: bidVolume, askCoins: askVolume } as BookTop];
    });
  }

  get isStreaming(): boolean {
    const client = Object.values(this.#ccxt.clients ?? {}).find(({ url }) => url.includes('/market/'));
    return client?.isOpen?.() === true;
  }

  close(): Promise<void> {
    return this.#ccxt.close();
  }

  /**
   * No request is sent while the exchange refuses all, or all of this symbol.
   * @throws MinutehandError COLLECT_EXCHANGE; ExchangeRest
   */
  async #asked<Answer>(ask: () => Promise<Answer>, symbol = ''): Promise<Answer> {
    for (const rest of [this.#rest, this.#rests.get(symbol)]) if (rest != null && Date.now() < rest.untilMs) throw rest;
    return this.#told(ask, symbol);
  }

  /** Waits for messages of an open stream, which no limit of requests concerns. */
  async #told<Answer>(ask: () => Promise<Answer>, symbol = ''): Promise<Answer> {
    try {
      const answer = await ask();
      if (typeof answer === 'string') throw new Error(`a malformed answer: ${answer.slice(0, 120)}`);
      return answer;
    } catch (cause) {
      const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      const seen = saidBy(message);
      const wished = retryAfterMs(this.#ccxt.last_response_headers?.['Retry-After'] ?? null, Date.now());
      const rest = restAfter(message, wished, Date.now());
      if (rest === null) throw new MinutehandError('COLLECT_EXCHANGE', { seen, cause });
      if (rest.isOfAsked) {
        const own = new ExchangeRest(symbol === '' ? seen : `${symbol}: ${seen}`, rest, cause);
        this.#rests.set(symbol, own);
        throw own;
      }
      // Several requests at once may state different times: the latest one counts.
      if (this.#rest === null || rest.untilMs > this.#rest.untilMs) this.#rest = new ExchangeRest(seen, rest, cause);
      throw this.#rest;
    }
  }

  #nameOf(symbol: string): string {
    return this.#names.get(symbol)!;
  }
}

/** @throws MinutehandError COLLECT_EXCHANGE when one is not finite */
function numbers(...values: unknown[]): number[] {
  if (values.every(Number.isFinite)) return values as number[];
  throw malformed(values);
}

function malformed(seen: unknown): MinutehandError {
  return new MinutehandError('COLLECT_EXCHANGE', {
    seen: `a malformed answer: ${JSON.stringify(seen)?.slice(0, 120)}`,
  });
}

function points(rows: readonly Record<string, unknown>[], field: string): Point[] {
  return rows.map((row) => {
    const [eventMs, value] = numbers(row['timestamp'], row[field]) as [number, number];
    return { eventMs, value };
  });
}
