import { MinutehandError } from '../../shared/errors.ts';

/** A kind of file of Binance's public data that is neither bars nor a series that can be stored. */
interface ForeignFile {
  readonly name: string;
  /** Columns that no other kind has. */
  readonly columns: readonly string[];
  readonly next: string;
}

const KLINES = 'Import the klines of the symbol, which sum the trades: minutehand bars import <file of klines>.';
const NONE = 'There is no use for it here.';

const FOREIGN: readonly ForeignFile[] = [
  { name: 'aggregated trades (aggTrades)', columns: ['agg_trade_id'], next: KLINES },
  { name: 'trades', columns: ['id', 'qty', 'is_buyer_maker'], next: KLINES },
  { name: 'order book depth (bookDepth)', columns: ['percentage', 'depth'], next: NONE },
  { name: 'best bids and asks (bookTicker)', columns: ['best_bid_price', 'best_ask_price'], next: NONE },
  {
    name: 'liquidations (liquidationSnapshot)',
    columns: ['side', 'order_type', 'original_quantity'],
    next: 'Sum them to one value per bar, and import that: minutehand series import --name buy_liquidations.',
  },
  { name: 'a volatility index (BVOLIndex)', columns: ['index_value', 'base_asset'], next: NONE },
  { name: 'option summaries (EOHSummary)', columns: ['strike', 'best_buy_iv'], next: NONE },
];
/** `agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker` without its header. */
const AGGREGATED_TRADE = /^\d+,\d+(\.\d+)?,\d+(\.\d+)?,\d+,\d+,\d{13,16},(true|false)/i;
/** `id,price,qty,quote_qty,time,is_buyer_maker` without its header. */
const TRADE = /^\d+,\d+(\.\d+)?,\d+(\.\d+)?,\d+(\.\d+)?,\d{13,16},(true|false)/i;

/** @throws MinutehandError DATA_FORMAT with the name of the kind, for a file that is known and cannot be read */
export function refuseForeignFile(path: string, firstLine: string): void {
  const names = new Set(
    firstLine
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
  const found = FOREIGN.find(({ columns }) => columns.every((name) => names.has(name))) ?? headless(firstLine);
  if (found === null) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path} has ${found.name} of Binance`,
    expected: 'klines, funding rates or metrics (open interest)',
    next: found.next,
  });
}

function headless(firstLine: string): ForeignFile | null {
  if (firstLine.length > 1000) return null;
  if (AGGREGATED_TRADE.test(firstLine)) return FOREIGN[0]!;
  return TRADE.test(firstLine) ? FOREIGN[1]! : null;
}
