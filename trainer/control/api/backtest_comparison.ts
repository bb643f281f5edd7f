import type * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Backtest } from '../schedule/backtest_queue.ts';
import type { backtestComparisonSchema } from '../schema/records.ts';

const FIGURES = ['net_return', 'net_sharpe', 'max_drawdown', 'mean_net_bps', 'trades', 'win_rate'] as const;
const VIEWS = ['all_pairs', 'edge_pairs'] as const;

type Done = Backtest & { readonly result: Record<string, unknown> | null };

/** @throws MinutehandError BACKTEST_UNKNOWN when one of them has no result */
export function compareBacktests(before: Done, after: Done): z.infer<typeof backtestComparisonSchema> {
  const was = resultOf(before);
  const is = resultOf(after);
  const views = VIEWS.map((view) => {
    const a = was[view] as Record<string, number | null>;
    const b = is[view] as Record<string, number | null>;
    const differences = FIGURES.map((name) => [name, differenceOf(a[name] ?? null, b[name] ?? null)]);
    return [view, Object.fromEntries(differences) as Record<string, number | null>] as const;
  });
  const barsOf = ({ period, pairs, bars }: Record<string, unknown>): string => JSON.stringify([period, pairs, bars]);
  return {
    before: before.backtest_id,
    after: after.backtest_id,
    is_same_period: barsOf(was) === barsOf(is),
    ...(Object.fromEntries(views) as Record<(typeof VIEWS)[number], Record<string, number | null>>),
  };
}

function differenceOf(before: number | null, after: number | null): number | null {
  return before === null || after === null ? null : after - before;
}

function resultOf({ backtest_id, status, result }: Done): Record<string, unknown> {
  if (result === null)
    throw new MinutehandError('BACKTEST_UNKNOWN', { seen: `${backtest_id} is ${status}, without a result` });
  return result;
}
