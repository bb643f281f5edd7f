import type { OpenTime } from '../../../../../shared/bar.ts';
import type { Settings } from '../../../../../shared/policy/policy.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import type { DatasetPolicy } from './dataset.ts';

/**
 * Dataset settings.
 * @param holdoutFrom start of the holdout; null = by the configured fraction
 */
export function datasetPolicy({ core, minutehand }: Settings, holdoutFrom: OpenTime | null = null): DatasetPolicy {
  const { label, train: learning, windows } = minutehand;
  const horizon = label.horizon_bars;
  return {
    windows,
    barriers: EVALUATION_BARRIERS,
    risk: {
      horizon,
      leverage: label.leverage,
      dd_threshold: core.risk_label_dd_threshold,
      vol_ratio: core.risk_label_vol_ratio,
      corr_drop: core.risk_label_corr_drop,
    },
    scale: { horizon, leverage: label.leverage, target_sigma: label.target_sigma },
    holdoutFraction: learning.holdout_fraction,
    holdoutFrom,
    maxRows: learning.max_rows,
    minBars: learning.min_bars,
    ...(learning.left_out && { leftOut: learning.left_out }),
  };
}
