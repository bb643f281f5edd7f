import type { DirectionManifest } from '../../shared/bundle/direction/direction_manifest.ts';
import { PREDICTION_LIMITS, type DirectionBias } from '../monitor/direction_bias.ts';
import type { WalkForwardNet } from './direction_net.ts';
import type { DirectionMetrics } from './direction_report.ts';

export type SuccessTargets = NonNullable<DirectionManifest['targets']>;

const BALANCE = { lowest: 0.4, highest: 0.6 } as const;
const AUC = 0.85;
const MONTHLY_NET = 0.05;
const SECONDS_PER_MONTH = (365.25 / 12) * 86_400;
const BPS = 1e4;

export interface Achieved {
  readonly metrics: Pick<DirectionMetrics, 'auc'>;
  readonly bias: Pick<DirectionBias, 'overall_balance' | 'largest_variance_24h'>;
  readonly net: Pick<WalkForwardNet, 'trades'>;
  readonly instruments: number;
  /** Evaluated period, seconds. */
  readonly seconds: number;
}

/**
 * The published success targets beside what walk-forward measured. The AUC is the mean of the three classes; a month
 * earns the net results of its trades, with the same share of the capital for each instrument.
 */
export function successTargets({ metrics, bias, net, instruments, seconds }: Achieved): SuccessTargets {
  const aucs = metrics.auc.filter((auc) => auc !== null);
  const auc = aucs.length === 0 ? null : aucs.reduce((sum, own) => sum + own, 0) / aucs.length;
  const earned = net.trades.reduce((sum, { netBps }) => sum + netBps, 0) / BPS / instruments;
  const monthly = seconds > 0 ? (earned * SECONDS_PER_MONTH) / seconds : null;
  const target = (name: string, goal: string, measured: number | null, isMet: (value: number) => boolean) => ({
    ...{ name, goal, measured },
    met: measured !== null && isMet(measured),
  });
  const { lowest, highest } = BALANCE;
  const { variance_24h } = PREDICTION_LIMITS;
  return [
    target('balance', `${lowest} to ${highest}`, bias.overall_balance, (own) => own >= lowest && own <= highest),
    target('AUC', `at least ${AUC}`, auc, (own) => own >= AUC),
    target('variance in 24 hours', `at most ${variance_24h}`, bias.largest_variance_24h, (own) => own <= variance_24h),
    target('net result per month', `at least ${MONTHLY_NET}`, monthly, (own) => own >= MONTHLY_NET),
  ];
}
