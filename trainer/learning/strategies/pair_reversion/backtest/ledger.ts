import { SECONDS_PER_BAR } from '../../../../../shared/bar.ts';
import type { PnlChanges } from '../../../backtest/equity.ts';
import { VIEWS, type PeriodResult, type TradeRecord } from './period.ts';

/** Maximum rows of an equity file; the first of these steps (minutes) that stays below is used. */
const MAX_ROWS = 20_000;
const STEPS = [1, 5, 15, 60, 1440];

/** Names if there are two bundles. */
export const ROLES = ['champion', 'challenger'] as const;

const TRADE_COLUMNS: readonly (readonly [name: string, of: (trade: TradeRecord) => string | number])[] = [
  ['pair_id', ({ pairId }) => pairId],
  ['side', ({ side }) => side],
  ['entry_signal', ({ entrySignalTime }) => isoSecond(entrySignalTime)],
  ['entry_time', ({ entryTime }) => isoSecond(entryTime)],
  ['entry_price_a', ({ entryPrices }) => entryPrices[0]],
  ['entry_price_b', ({ entryPrices }) => entryPrices[1]],
  ['exit_signal', ({ exitSignalTime }) => (exitSignalTime === null ? '' : isoSecond(exitSignalTime))],
  ['exit_time', ({ exitTime }) => isoSecond(exitTime)],
  ['exit_price_a', ({ exitPrices }) => exitPrices[0]],
  ['exit_price_b', ({ exitPrices }) => exitPrices[1]],
  ['reason', ({ reason }) => reason],
  ['beta', ({ beta }) => beta],
  ['position_scale', ({ scale }) => scale],
  ['gross_bps', ({ grossBps }) => grossBps],
  ['cost_bps', ({ costBps }) => costBps],
  ['swap_bps', ({ swapBps }) => swapBps],
  ['net_bps', ({ netBps }) => netBps],
  ['scaled_net_bps', ({ scale, netBps }) => scale * netBps],
];

/**
 * All trades of every bundle as CSV, ordered by pair, then time. Basis points refer to gross notional at full size;
 * `scaled_net_bps` is the realized result. `published` is 0 for trades prevented by NO_EDGE. Signal times are the
 * signals' `timestamp`.
 */
export function* tradesCsv({ bundles }: PeriodResult): Generator<string> {
  yield `model_version,published,${TRADE_COLUMNS.map(([name]) => name).join(',')}\n`;
  for (const { version, all_pairs, edge_pairs } of bundles) {
    for (const trade of all_pairs.trades) {
      const published = edge_pairs.pairs[trade.pairId]!.trades > 0 ? 1 : 0;
      yield `${version},${published},${TRADE_COLUMNS.map(([, of]) => of(trade)).join(',')}\n`;
    }
  }
}

/** The same columns for trades that no bundle decided. */
export function* recordsCsv(trades: readonly TradeRecord[]): Generator<string> {
  yield `${TRADE_COLUMNS.map(([name]) => name).join(',')}\n`;
  for (const trade of trades) yield `${TRADE_COLUMNS.map(([, of]) => of(trade)).join(',')}\n`;
}

/** Net values over time as CSV, as fractions of capital: by bundle and view, then by pair as if it had an edge. */
export function* equityCsv(result: PeriodResult): Generator<string> {
  const { first, last, bundles, pairs } = result;
  const minutes = (last - first) / SECONDS_PER_BAR + 1;
  const step = STEPS.find((one) => minutes / one <= MAX_ROWS) ?? STEPS.at(-1)!;
  const prefix = (bundle: number): string => (bundles.length === 1 ? '' : `${ROLES[bundle]}_`);
  const names = bundles.flatMap((_, i) => VIEWS.map((view) => prefix(i) + view));
  const pairNames = bundles.flatMap((_, i) => pairs.map((pair) => prefix(i) + pair));
  yield `time,${[...names, ...pairNames].join(',')}\n`;
  const curves = bundles.flatMap((bundle) => VIEWS.map((view) => bundle[view].curve));
  const steps = bundles.flatMap((bundle) => pairs.map((pair) => createStairs(bundle.all_pairs.changes[pair]!)));
  for (let at = step - 1; ; at += step) {
    const minute = Math.min(at, minutes - 1);
    const time = first + minute * SECONDS_PER_BAR;
    const values = [...curves.map((curve) => curve[minute]!), ...steps.map((valueAt) => valueAt(time))];
    yield `${isoSecond(time + SECONDS_PER_BAR)},${values.map((value) => value.toFixed(8)).join(',')}\n`;
    if (minute === minutes - 1) return;
  }
}

/** Cumulative changes up to a time; times must be queried in ascending order. */
function createStairs({ time, change }: PnlChanges): (until: number) => number {
  let next = 0;
  let sum = 0;
  return (until) => {
    while (next < time.length && time[next]! <= until) sum += change[next++]!;
    return sum;
  };
}

/** `2019-03-01T12:35:00Z`, as in signals. */
export function isoSecond(time: number): string {
  return `${new Date(time * 1000).toISOString().slice(0, 19)}Z`;
}
