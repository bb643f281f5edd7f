import type { DirectionManifest } from '../../../../shared/bundle/direction/direction_manifest.ts';
import { DIRECTIONS, RANGE } from './label/direction.ts';
import type { DirectionBias } from './direction_bias.ts';
import type { WalkForwardNet } from './direction_net.ts';
import type { DirectionMetrics } from './direction_report.ts';

export type SuccessTargets = NonNullable<DirectionManifest['targets']>;

/** Of ML_UP_PROB − ML_DOWN_PROB, at most. */
const VARIANCE_LIMIT_24H = 0.15;
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
  /** Whether an honest model may have the AUC of up against down. */
  readonly isPlausible: boolean;
}

/**
 * The published success targets beside what walk-forward measured. The AUC is that of each class against the rest:
 * those of up and down are implausible, and not met, where up against down is, or where they reach their target, which
 * takes knowing the future. A month earns the net results of its trades, with the same share of the capital for each
 * instrument.
 */
export function successTargets({ metrics, bias, net, instruments, seconds, isPlausible }: Achieved): SuccessTargets {
  const earned = net.trades.reduce((sum, { netBps }) => sum + netBps, 0) / BPS / instruments;
  const monthly = seconds > 0 ? (earned * SECONDS_PER_MONTH) / seconds : null;
  const target = (name: string, goal: string, measured: number | null, isMet: (value: number) => boolean) => ({
    name,
    goal,
    measured,
    met: measured !== null && isMet(measured),
  });
  const ofClass = (name: string, k: number) => {
    const own = target(`AUC ${name} against the rest`, `at least ${AUC}`, metrics.auc[k]!, (auc) => auc >= AUC);
    const isImplausible = k !== RANGE && (!isPlausible || own.met);
    return isImplausible ? { ...own, met: false, implausible: true } : own;
  };
  const { lowest, highest } = BALANCE;
  return [
    target('balance', `${lowest} to ${highest}`, bias.overall_balance, (own) => own >= lowest && own <= highest),
    ...DIRECTIONS.map(ofClass),
    target(
      'variance in 24 hours',
      `at most ${VARIANCE_LIMIT_24H}`,
      bias.largest_variance_24h,
      (own) => own <= VARIANCE_LIMIT_24H,
    ),
    target('net result per month', `at least ${MONTHLY_NET}`, monthly, (own) => own >= MONTHLY_NET),
  ];
}
