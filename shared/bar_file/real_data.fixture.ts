import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * A folder of real recordings for tests, or null: beside `MINUTEHAND_TEST_DATA` (which names the folder of the m1
 * files), else beside the checkout. The recordings may not be passed on, so the repository does not carry them.
 */
export function realData(folder: 'm1' | 'raw-samples' | 'binance' | 'spreads' | 'crypto/perp'): string | null {
  const m1 = process.env['MINUTEHAND_TEST_DATA'] ?? resolve(import.meta.dirname, '../../../shared/data/m1');
  const path = folder === 'm1' ? m1 : join(m1, '..', folder);
  return existsSync(path) ? path : null;
}

/** For a test title: why it was skipped. */
export function skipNote(path: string | null): string {
  return path === null ? ' (skipped: no real data here, set MINUTEHAND_TEST_DATA)' : '';
}
