import { csvCell } from '../../../shared/csv/csv_cell.ts';
import type { Performance } from './performance_schema.ts';

const COLUMNS = [
  'account',
  'currency',
  'simulated',
  'group',
  'key',
  'closed',
  'wins',
  'net',
  'cumulative',
  'drawdown',
  'mean_net_bps',
  'expected_bps',
] as const;

/** Days, subjects, hours and reasons of every account as one table (RFC 4180); money with all its digits. */
export function performanceCsv({ accounts, is_simulated }: Performance): string {
  const rows = accounts.flatMap(({ id, currency, days, by_subject, by_hour, by_reason }) => {
    const head = [id, currency, is_simulated];
    const groups = { subject: by_subject, hour: by_hour, reason: by_reason };
    return [
      ...days.map((day) => [
        ...head,
        'day',
        day.day,
        day.closed,
        day.wins,
        day.net,
        day.cumulative,
        day.drawdown,
        null,
        null,
      ]),
      ...Object.entries(groups).flatMap(([group, own]) =>
        own.map((row) => [
          ...head,
          group,
          row.key,
          row.closed,
          row.wins,
          row.net,
          null,
          null,
          row.mean_net_bps,
          row.expected_bps,
        ]),
      ),
    ];
  });
  return [COLUMNS, ...rows].map((row) => `${row.map(csvCell).join(',')}\n`).join('');
}
