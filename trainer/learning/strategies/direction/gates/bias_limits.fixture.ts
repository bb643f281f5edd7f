import { loadSettings } from '../../../../../shared/policy/policy.ts';
import { biasLimits, type BiasLimits } from './bias_limits.ts';

/** Those of the delivered configuration. */
export const DELIVERED_BIAS_LIMITS = biasLimits(loadSettings({ env: {} }));

/** Predictions alone are judged, and not whom the calls favor: those of a model of noise are anywhere. */
export const PREDICTION_BIAS_LIMITS: BiasLimits = {
  ...DELIVERED_BIAS_LIMITS,
  buyRatio: null,
  hourBuyRatio: null,
  bullBuyRatio: null,
  bearSellRatio: null,
};
