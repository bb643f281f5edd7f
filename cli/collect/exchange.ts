/** One closed or open minute of the exchange. */
export interface Candle {
  readonly symbol: string;
  /** Epoch ms of its open. */
  readonly openMs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** In coins. */
  readonly volume: number;
  /** Part of the volume that takers bought. */
  readonly takerBuyVolume: number;
  readonly trades: number;
}

/** A value of a series with the time it is about. */
export interface Point {
  readonly eventMs: number;
  readonly value: number;
}

export interface Liquidation {
  readonly symbol: string;
  readonly atMs: number;
  /** buy: a short position was closed by buying. */
  readonly side: 'buy' | 'sell';
  readonly coins: number;
  readonly price: number;
}

/** Best bid and ask. */
export interface BookTop {
  readonly symbol: string;
  readonly atMs: number;
  readonly bidCoins: number;
  readonly askCoins: number;
}

/**
 * Public market data of perpetual futures. Every method throws COLLECT_EXCHANGE when the exchange does not answer, and
 * an ExchangeRest while it refuses all requests.
 */
export interface Exchange {
  /** @throws MinutehandError COLLECT_EXCHANGE also when it does not list a symbol */
  load(symbols: readonly string[]): Promise<void>;
  /** The exchange's clock, epoch ms. */
  timeMs(): Promise<number>;
  /** Minutes from `fromMs` on, ascending, the last one perhaps not closed; at most 1,000. */
  candles(symbol: string, fromMs: number): Promise<Candle[]>;
  /** Funding rates of settlements from `sinceMs` on. */
  funding(symbol: string, sinceMs: number): Promise<Point[]>;
  /** Open interest in coins from `sinceMs` on. */
  openInterest(symbol: string, sinceMs: number): Promise<Point[]>;
  /** Waits for liquidations, by WebSocket. @returns recent ones, some of them perhaps returned before */
  liquidations(symbols: readonly string[]): Promise<Liquidation[]>;
  /** Waits for a change of the best quotes, by WebSocket. */
  book(symbols: readonly string[]): Promise<BookTop[]>;
  /** The WebSocket of liquidations is open. */
  readonly isStreaming: boolean;
  close(): Promise<void>;
}
