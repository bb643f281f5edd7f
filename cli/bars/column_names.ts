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
    ['mid_open', 'mid_high', 'mid_low', 'mid_close'],
    ['bid_open', 'bid_high', 'bid_low', 'bid_close'],
    ['open_bid', 'high_bid', 'low_bid', 'close_bid'],
    ['openbid', 'highbid', 'lowbid', 'closebid'],
    ['bidopen', 'bidhigh', 'bidlow', 'bidclose'],
    ['open', 'high', 'low', 'last'],
  ],
  /** Prices of the ask, beside those of the bid: their closes show the spread. */
  asks: [
    ['ask_open', 'ask_high', 'ask_low', 'ask_close'],
    ['open_ask', 'high_ask', 'low_ask', 'close_ask'],
    ['openask', 'highask', 'lowask', 'closeask'],
    ['askopen', 'askhigh', 'asklow', 'askclose'],
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

/**
 * Names of the columns of bars in other languages, in small letters without accents: German, French, Spanish, Italian,
 * Portuguese, Dutch, Polish, Russian, Japanese, Chinese and Korean.
 */
const TRANSLATED: Readonly<Record<'date' | 'time' | 'open' | 'high' | 'low' | 'close' | 'volume' | 'spread', string>> =
  {
    date: 'datum fecha data дата 日付 日期 날짜',
    time: 'zeit uhrzeit heure hora ora tijd godzina czas время 時刻 時間 日時 时间 時間 시간',
    open: 'eroffnung eroffnungskurs erster start ouverture ouv apertura abertura apertur openen otwarcie открытие 始値 開盤價 开盘 开盘价 시가',
    high: 'hoch hochst hochstkurs tageshoch haut plus_haut maximo alto massimo maxima hoog najwyzszy макс максимум 高値 最高 最高价 最高價 고가',
    low: 'tief tiefst tiefstkurs tagestief bas plus_bas minimo bajo minima basso laag najnizszy мин минимум 安値 最低 最低价 最低價 저가',
    close:
      'schluss schlusskurs letzter cloture clot cierre ultimo chiusura fechamento slot zamkniecie закрытие 終値 收盘 收盘价 收盤價 종가',
    volume: 'volumen stuck volumes volumi wolumen объем обьем 出来高 成交量 거래량',
    spread: 'spanne ecart スプレッド',
  };
const ENGLISH_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(TRANSLATED).flatMap(([english, words]) => words.split(' ').map((word) => [word, english] as const)),
);

/** A column's name in English, where it is a word for a column of bars in another language; else as it is. */
export function englishHeader(header: string): string {
  // Accents are marks of their own in the decomposed form; Japanese and Korean letters would be decomposed as well.
  const plain = /^[^\u0250-\uffff]*$/.test(header) ? header.normalize('NFD').replace(/[\u0300-\u036f]/g, '') : header;
  return ENGLISH_OF.get(plain) ?? header;
}

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
