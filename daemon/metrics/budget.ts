import type { SubjectBody } from '../../shared/signal/instrument_signal.ts';
import { TRANSPORT_NAMES } from '../publish/transports.ts';
import type { BatchTiming } from '../publish/stopwatch.ts';

/** Returns whether a batch answers bars. A heartbeat has none to count its time from. */
export function answersBars(batch: readonly { readonly body: SubjectBody }[]): boolean {
  const reason = batch[0]?.body.reason;
  return reason !== 'SILENCE' && reason !== 'SHUTDOWN';
}

/**
 * Returns whether a transport received its signals later than `feed.budget_ms` after the batch's first completing bar.
 */
export function isOverBudget(
  batch: readonly { readonly body: SubjectBody }[],
  { bar_to_us }: BatchTiming,
  budgetMs: number,
): boolean {
  let slowestUs = 0;
  for (const name of TRANSPORT_NAMES) slowestUs = Math.max(slowestUs, bar_to_us[name] ?? 0);
  return slowestUs > budgetMs * 1000 && answersBars(batch);
}
