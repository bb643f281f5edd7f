import type { DatasetRows } from '../../../dataset/dataset_rows.ts';
import type { RiskPart } from '../label/pair_labels.ts';

/** AI2's rows: `y` is 1 if any part is. */
export interface RiskRows extends DatasetRows {
  readonly parts: Readonly<Record<RiskPart, Float64Array>>;
}
