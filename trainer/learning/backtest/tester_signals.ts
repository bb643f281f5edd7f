import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { MinutehandError } from '../../../shared/errors.ts';
import { cellsOf } from '../../../shared/csv/cells.ts';

/** First word of the file; the expert advisor refuses another one. */
export const TESTER_SCHEMA = 'minutehand.tester/1';

/** Columns of an order, as mt5/Include/Minutehand/Replay.mqh reads them. */
export const TESTER_COLUMNS = [
  'time',
  'fill_time',
  'order',
  'trade',
  'pair_id',
  'target',
  'beta',
  'position_scale',
  'price_a',
  'price_b',
  'reason',
] as const;

/** `edge_pairs`: as published; `all_pairs`: as if every pair had an edge. */
export const TESTER_VIEWS = ['edge_pairs', 'all_pairs'] as const;

/** Trades that MetaTrader's strategy tester is to replay. */
export interface TesterSelection {
  readonly view: (typeof TESTER_VIEWS)[number];
  /** Of the backtest's bundles; absent where it has one. */
  readonly model?: string;
  /** Absent: all. */
  readonly pairs?: readonly string[];
}

/** A file of orders for the strategy tester. */
export interface TesterSignals {
  readonly text: string;
  readonly model: string;
  readonly trades: number;
  /** Trades of the model and the pairs in the other view, so that an empty file can say why. */
  readonly unpublished: number;
  readonly pairs: readonly string[];
  /** Epoch seconds of the first and the last order; null without trades. */
  readonly first: number | null;
  readonly last: number | null;
}

/** A row of trades.csv, by column. */
type TradeRow = Readonly<Record<string, string>>;

interface Order {
  readonly time: number;
  readonly opens: boolean;
  readonly pair: string;
  readonly line: string;
}

/**
 * Orders of a backtest's trades: each is due when the bar of its decision closes, as a live signal would be.
 *
 * A trade has one row that opens both legs and one that closes them. `time` is the epoch second (UTC) of the signal;
 * `fill_time`, `price_a` and `price_b` are the open at which the backtest filled it, so that the advisor can report
 * how far its own fills are from them. Orders are sorted by time, closes before entries. The last line is the CRC-32
 * of all lines before it.
 * @param csv trades.csv of `minutehand backtest --out`
 * @throws MinutehandError DATA_FORMAT; MODEL_MISSING where the file has several bundles or lacks the asked one
 */
export function testerSignals(csv: string, selection: TesterSelection): TesterSignals {
  const rows = rowsOf(csv);
  const model = modelOf(rows, selection.model);
  const own = rows.filter(
    (row) =>
      row['model_version'] === model && (selection.pairs === undefined || selection.pairs.includes(row['pair_id']!)),
  );
  const chosen = selection.view === 'all_pairs' ? own : own.filter((row) => row['published'] === '1');
  const orders = chosen.flatMap(ordersOf).sort(byTime);
  const head = `${TESTER_SCHEMA},model=${model},view=${selection.view},trades=${chosen.length}`;
  const covered = `${[head, TESTER_COLUMNS.join(','), ...orders.map(({ line }) => line)].join('\n')}\n`;
  const sum = crc32(Buffer.from(covered)).toString(16).padStart(8, '0');
  return {
    text: `${covered}crc32,${sum}\n`,
    model,
    trades: chosen.length,
    unpublished: own.length - chosen.length,
    pairs: [...new Set(chosen.map((row) => row['pair_id']!))].sort(),
    first: orders[0]?.time ?? null,
    last: orders.at(-1)?.time ?? null,
  };
}

const NEEDED = ['model_version', 'published', 'pair_id', 'side', 'entry_signal', 'exit_signal', 'exit_price_b', 'beta'];

function rowsOf(csv: string): TradeRow[] {
  const [header = '', ...lines] = csv.split('\n').filter((line) => line.trim() !== '');
  const names = cellsOf(header, ',') ?? [];
  const missing = NEEDED.filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `no column ${missing.join(', ')}`,
      expected: 'trades.csv of a backtest of pairs',
    });
  return lines.map((line, i) => {
    const cells = cellsOf(line, ',') ?? [];
    if (cells.length !== names.length)
      throw new MinutehandError('DATA_FORMAT', { seen: `line ${i + 2}: ${line.slice(0, 80)}` });
    return Object.fromEntries(names.map((name, at) => [name, cells[at]!]));
  });
}

function modelOf(rows: readonly TradeRow[], asked: string | undefined): string {
  const known = [...new Set(rows.map((row) => row['model_version']!))];
  if (asked !== undefined && known.length > 0 && !known.includes(asked))
    throw new MinutehandError('MODEL_MISSING', { seen: asked, expected: known.join(', ') });
  if (asked === undefined && known.length > 1)
    throw new MinutehandError('MODEL_MISSING', {
      seen: `a backtest of ${known.join(' and ')}`,
      expected: 'the version of one of them',
    });
  return asked ?? known[0] ?? 'none';
}

function ordersOf(row: TradeRow): Order[] {
  const pair = row['pair_id']!;
  const time = secondsOf(row['entry_signal']!);
  // A position that is open when the bars end is closed at the open of the last one.
  const exit = secondsOf(row['exit_signal'] === '' ? row['exit_time']! : row['exit_signal']!);
  const trade = createHash('sha256')
    .update(`${row['model_version']} ${pair} ${time}`)
    .digest('hex')
    .slice(0, TRADE_DIGITS);
  const common = [trade, pair, row['side'], row['beta'], row['position_scale']];
  const entered = [row['entry_price_a'], row['entry_price_b'], 'ENTRY'];
  const left = [row['exit_price_a'], row['exit_price_b'], row['reason']];
  const open = [time, secondsOf(row['entry_time']!), 'OPEN', ...common, ...entered];
  const close = [exit, secondsOf(row['exit_time']!), 'CLOSE', ...common, ...left];
  return [
    { time, opens: true, pair, line: open.join(',') },
    { time: exit, opens: false, pair, line: close.join(',') },
  ];
}

const TRADE_DIGITS = 32;

function secondsOf(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new MinutehandError('DATA_FORMAT', { seen: `time ${text}` });
  return ms / 1000;
}

/** Closes go first: they make room for entries. */
function byTime(one: Order, other: Order): number {
  if (one.time !== other.time) return one.time - other.time;
  if (one.opens !== other.opens) return one.opens ? 1 : -1;
  return one.pair < other.pair ? -1 : Number(one.pair > other.pair);
}
