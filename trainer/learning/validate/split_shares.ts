import { meanOrNull } from '../../../shared/statistics.ts';
import { pick } from '../dataset/rows.ts';
import type { Split } from '../splits/splits.ts';

/** Rows and share of positive labels (mean of soft ones) where a split learned, and where it was tested. */
export interface SplitShares {
  readonly split: string;
  readonly train_rows: number;
  readonly train_share: number | null;
  readonly test_rows: number;
  readonly test_share: number | null;
}

export function splitShares(
  { name, train, test }: Pick<Split, 'name' | 'train' | 'test'>,
  { y }: { readonly y: Float64Array },
): SplitShares {
  const share = (rows: Int32Array): number | null => meanOrNull(pick(y, rows));
  return {
    split: name,
    train_rows: train.length,
    train_share: share(train),
    test_rows: test.length,
    test_share: share(test),
  };
}
