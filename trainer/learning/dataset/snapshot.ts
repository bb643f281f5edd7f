import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import type { DatasetRows } from './dataset_rows.ts';

/**
 * Identity of a dataset: SHA-256, 64 hex digits, of `identity` (schema, policy, pairs, period) and of every number that
 * models are trained or evaluated on. Equal ids mean equal rows, whether built, cached, or on another machine of the
 * same byte order.
 */
export function snapshotId(identity: unknown, rows: readonly Omit<DatasetRows, 'effectiveRows'>[]): string {
  const hash = createHash('sha256').update(canonicalJson(identity));
  const seen = new Map<object, number>();
  for (const { x, y, time, labelEnd, pair, weights } of rows) {
    for (const column of [x.values, y, time, labelEnd, pair, weights]) {
      // Shared columns are hashed once.
      const known = seen.get(column);
      hash.update(`:${column.length}:${known ?? ''}:`);
      if (known === undefined) hash.update(column);
      seen.set(column, known ?? seen.size);
    }
  }
  return hash.digest('hex');
}
