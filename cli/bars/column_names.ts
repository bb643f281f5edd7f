/** Columns beside a bar, as series are named. */
export const BAR_VALUES = ['taker_buy_volume', 'number_of_trades'] as const;
export type BarValue = (typeof BAR_VALUES)[number];

/** Names of columns beside a bar, as `headerOf` writes them. */
export const VALUE_HEADERS: Readonly<Record<BarValue, readonly string[]>> = {
  taker_buy_volume: ['taker_buy_volume', 'taker_buy_base_asset_volume', 'taker_base', 'taker_base_volume'],
  number_of_trades: ['number_of_trades', 'num_trades', 'trades', 'trade_count', 'tradecount', 'count'],
};

/** Names of the columns of bars in tables of other programs. */
export const TABLE_NAMES = {
  prices: [
    ['open', 'high', 'low', 'close'],
    ['o', 'h', 'l', 'c'],
    ['open_price', 'high_price', 'low_price', 'close_price'],
    ['bid_open', 'bid_high', 'bid_low', 'bid_close'],
    ['open_bid', 'high_bid', 'low_bid', 'close_bid'],
    ['openbid', 'highbid', 'lowbid', 'closebid'],
    ['open', 'high', 'low', 'last'],
  ],
  volume: ['tickvol', 'tick_volume', 'tickvolume', 'volume', 'vol', 'v', 'base_volume', 'tickqty'],
  opened: ['open_time', 'opentime', 'kline_open_time'],
  closed: ['close_time', 'close_datetime', 'closetime', 'end_time', 'time_close'],
  time: [
    'timestamp',
    'datetime',
    'date_time',
    'gmt_time',
    'utc_time',
    'time_utc',
    'utc',
    'local_time',
    'unix',
    'unix_timestamp',
    'epoch',
    'ts',
    't',
    'start',
    'start_time',
    'time_open',
    'open_timestamp',
  ],
  symbol: ['symbol', 'ticker', 'tic', 'instrument', 'pair', 'market'],
} as const;

/** A column's name: small letters, without the angle brackets of MetaTrader, blanks and dots as underscores. */
export function headerOf(name: string): string {
  return name
    .trim()
    .replace(/^<(.*)>$/, '$1')
    .toLowerCase()
    .replace(/[()]/g, '')
    .trim()
    .replace(/[ .-]+/g, '_');
}
