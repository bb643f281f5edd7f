import type { GateCode } from './gate_codes.ts';
import { keyOf, type AnyGate } from './gate_result.ts';

/** What to do about a gate that failed, whichever model it is about. */
export const GATE_STEPS = {
  auc: 'AI1 has no skill on these pairs: use more history, or other pairs.',
  brier: 'Its probabilities are miscalibrated, often after a regime change: see `calibration` in `validation.json`.',
  risk_pass_rate: 'The holdout’s volatility differs from the training period’s: another θ2, or wait.',
  executable_outside_wide_minutes: 'Spreads are wider than the backtest’s: check `symbols` and `no_entry_windows`.',
  executable_one_minute_later: 'The edge is in untradable prices: bad ticks, or the bid of a wide quote.',
  skill: 'The edge is not of the model: use more history, or other pairs.',
  edge_with_columns_one_bar_later: 'These columns know the bar before it is over: correct their times.',
  auc_plausible: 'The bars or features know what comes: check their source and their times.',
  features_look_ahead: 'Look-ahead, or a warm-up too short. A defect: report it.',
  label_ends: 'Purging would be wrong. A defect: report it.',
  samples: 'More history, or more pairs.',
  f1: 'F1 depends on the share of positives: compare it with `f1 above chance`. Without this limit: take the model out of `quality_f1_gates` (retrain_policy.yaml) and train again.',
  f1_above_chance: 'A longer holdout, or more pairs.',
  auc_above_noise: 'A longer holdout, or more pairs.',
  prediction_dispersion: 'Look for constant or missing inputs of the named pair.',
  fold_borders: 'A defect: report it.',
  fitted_on_training_rows_only: 'A defect: report it.',
  shuffled_labels: 'A second shuffle has confirmed it. Report a leak.',
  shuffled_labels_refused: 'A second shuffle has confirmed it. Report a leak.',
  golden_vectors: 'Train again.',
  champion: 'A holdout that begins later.',
  champion_auc: 'Keep the champion.',
  champion_brier: 'Keep the champion.',
  champion_net_sharpe: 'Keep the champion.',
  bias: 'Train on bars of rising and of falling markets, or with another `--balance`.',
  plausible:
    'Find what knows the future: compare the arrival times of the series with their source. If the market is like this, promote it with a reason.',
  series_foresight: 'Import the series with the times at which its values were known.',
  single_column: 'The column is the label, or made from it: leave its series out.',
  one_bar_later: 'The edge is in values that a daemon receives too late: check `--lag` and the arrival times.',
} as const satisfies Partial<Readonly<Record<GateCode, string>>>;

/** The same of `f1` of a direction model (docs/adr/0030-plain-f1-is-a-gate-for-direction.md). */
export const DIRECTION_F1_STEP =
  'The model rarely tells up, down and range apart, as most honest ones of hourly prices (about 0.48). To judge direction models by edge and the other gates alone, take direction out of `quality_f1_gates` (retrain_policy.yaml) and train again.';

/** Next step after a failure of this gate; null where it has none, as a rejection in the registry. */
export function gateStep(gate: AnyGate): string | null {
  const key = keyOf(gate);
  if (key === 'direction.f1') return DIRECTION_F1_STEP;
  const code = key.slice(key.indexOf('.') + 1);
  return Object.hasOwn(GATE_STEPS, code) ? GATE_STEPS[code as keyof typeof GATE_STEPS] : null;
}
