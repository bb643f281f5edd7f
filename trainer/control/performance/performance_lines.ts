import { priceText } from '../../../shared/price_text.ts';
import { counted } from '../../../shared/counted.ts';
import type { AccountPerformance, Performance, PerformanceRow } from './performance_schema.ts';

const ISO_MINUTE = 16;

/** The figures of the performance page as text, an account after the other. */
export function performanceLines({ accounts, is_simulated, market }: Performance): string[] {
  if (accounts.length === 0) return ['No fills: no account has reported any.'];
  return [
    ...(is_simulated
      ? ['SIMULATED market: prices are made by a program, and no figure says what a real one pays.']
      : []),
    ...(market === 'replay' ? ['REPLAY of history: fills on paper at past prices, and no figure is of today.'] : []),
    ...accounts.flatMap(accountLines),
  ];
}

function accountLines(own: AccountPerformance): string[] {
  const { id, currency, equity, begun, realised, open, sharpe, costs } = own;
  const money = moneyIn(currency);
  return [
    ...(own.mixed_currencies === 0
      ? []
      : [`${id}: ${counted(own.mixed_currencies, 'position')} with fills in several currencies, in no figure`]),
    `${id}: ${money(realised)} net of costs${equity === null ? '' : `, equity ${money(equity)} of ${money(begun)} at the start`}`,
    `  positions     ${own.closed} closed, ${openText(own)}, won ${percent(own.win_rate)}, mean win ${money(own.mean_win)}, mean loss ${money(own.mean_loss)}`,
    `  drawdown      ${money(own.max_drawdown)}${own.max_drawdown_share === null ? '' : ` (${percent(own.max_drawdown_share)})`}`,
    `  Sharpe ratio  ${sharpeText(sharpe)}`,
    `  per position  ${bps(own.mean_net_bps)} net; the backtest expects ${bps(own.expected_bps)} of ${own.expected_positions}`,
    `  costs         ${costs.total === null ? '' : `${money(costs.total)}: spread and slippage ${money(costs.spread_and_slippage)}, commission ${money(costs.commission)} of what was closed; `}spread and slippage ${bps(costs.mean_bps)} per fill`,
    `  turnover      ${money(own.turnover)}, in the market ${percent(own.time_in_market)} of the time`,
    ...rowLines('subject', own.by_subject, money),
    ...rowLines('reason', own.by_reason, money),
    ...rowLines('hour', own.by_hour.map(atUtcHour), money),
    ...open.map(
      ({ subject, opened, floating: value, floating_bps, legs }) =>
        `  open          ${subject} since the bar closed ${opened?.slice(0, ISO_MINUTE).replace('T', ' ') ?? '–'} UTC, ${money(value)} (${bps(floating_bps)}): ${legs.map(({ side, size, symbol, price, now }) => `${side} ${size} ${symbol} at ${priceText(price)}, now ${priceText(now)}`).join('; ')}`,
    ),
  ];
}

const moneyIn =
  (currency: string) =>
  (value: number | null): string =>
    value === null ? '–' : `${value.toFixed(2)} ${currency}`;

/** Positions that are open; where the period ended earlier, how many were then. */
function openText({ open, open_at_end, floating, currency }: AccountPerformance): string {
  if (open.length === open_at_end) return `${open_at_end} open (${moneyIn(currency)(floating)})`;
  return `${open_at_end} open as the period ended`;
}

/** The key of an hour row, `23`, as a reader needs it: `23:00 UTC`. */
const atUtcHour = (row: PerformanceRow): PerformanceRow => ({ ...row, key: `${row.key}:00 UTC` });

function rowLines(name: string, rows: readonly PerformanceRow[], money: (value: number) => string): string[] {
  return rows.map(
    ({ key, closed, wins, net, mean_net_bps }) =>
      `  ${`by ${name}`.padEnd(13)} ${key.padEnd(18)} ${money(net).padStart(14)}  ${wins} of ${closed} won, ${bps(mean_net_bps)}`,
  );
}

/** Never a bare ratio: with its error and its days, or why there is none. */
export function sharpeText({ value, standard_error, days, needed_days }: AccountPerformance['sharpe']): string {
  if (days < needed_days) return `not shown: ${counted(days, 'trading day')}, ${needed_days} needed`;
  if (value === null || standard_error === null)
    return `none: every trading day had the same result (${counted(days, 'day')})`;
  return `${value.toFixed(2)} ± ${standard_error.toFixed(2)} (standard error, ${counted(days, 'trading day')})`;
}

const percent = (share: number | null): string => (share === null ? '–' : `${(100 * share).toFixed(1)} %`);
const bps = (value: number | null): string => (value === null ? '–' : `${value.toFixed(2)} bp`);
