import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { exp } from '../../shared/elementary.ts';
import type { Rng } from '../../shared/ports.ts';
import { createRng } from '../../shared/rng.ts';
import { findLeadLag } from '../../trainer/learning/data_quality/lead_lag.ts';

const START = 1_546_473_600;
/** Four weeks of five days, without weekends. */
const MINUTES = 28_800;
/** Standard deviation of the move per minute that both legs make. */
const COMMON = 1e-4;
/** Of a quote around its price, in common moves: half a spread up or down. */
const QUOTE_NOISE = 0.4;
/** Share of the closes of leg B that are a minute old, where its quotes are asynchronous. */
const STALE = 0.12;

/** Two legs whose gap closes. */
export interface GapWorld {
  /**
   * The leg that makes the gap comes back; or both leave, each by as much, and both come back; or both leave, and one
   * alone comes back: then it follows the other.
   */
  readonly closing: 'one' | 'both' | 'follows';
  /** Minutes in which half of the gap is gone. */
  readonly halfLife: number;
  /** Standard deviation of a minute's change of the gap, in common moves. */
  readonly shock: number;
  readonly quotes: 'exact' | 'noisy' | 'asynchronous';
}

/** Leg B is a leg A of some minutes ago. */
export interface LateWorld {
  readonly minutes: number;
  /** Share of each of A’s moves that comes late; the rest comes in time. */
  readonly share: number;
  /** Variance of B’s own moves, in multiples of A’s. */
  readonly noise: number;
}

export type LeadLagPlan =
  | ({ readonly measures: 'false alarms' } & GapWorld)
  | ({ readonly measures: 'power' } & LateWorld);

export type LeadLagRate = LeadLagPlan & {
  readonly worlds: number;
  /** Pairs that are refused. */
  readonly refused: number;
};

const HALF_LIVES = [2, 4, 6, 60] as const;
const SHOCKS = [0.25, 0.5, 1, 2] as const;
const QUOTES = ['exact', 'noisy', 'asynchronous'] as const;
const LATE_MINUTES = [1, 2, 5, 10, 15] as const;

const GAPS: readonly Pick<GapWorld, 'closing' | 'quotes'>[] = [
  ...(['one', 'both'] as const).flatMap((closing) => QUOTES.map((quotes) => ({ closing, quotes }))),
  { closing: 'follows', quotes: 'exact' },
];

export const LEAD_LAG_PLANS: readonly LeadLagPlan[] = [
  ...GAPS.flatMap((gap) =>
    HALF_LIVES.flatMap((halfLife) =>
      SHOCKS.map((shock) => ({ measures: 'false alarms' as const, ...gap, halfLife, shock })),
    ),
  ),
  ...[
    { share: 1, noise: 0 },
    { share: 1, noise: 2 },
    { share: 0.7, noise: 0.5 },
    { share: 0.3, noise: 0.5 },
  ].flatMap((copy) => LATE_MINUTES.map((minutes) => ({ measures: 'power' as const, ...copy, minutes }))),
];

export function leadLagRate(plan: LeadLagPlan, worlds: number): LeadLagRate {
  const rng = createRng(`lead lag ${JSON.stringify(plan)}`);
  let refused = 0;
  for (let world = 0; world < worlds; world++) {
    const { a, b } = plan.measures === 'power' ? lateLegs(plan, rng) : gapLegs(plan, rng);
    if (findLeadLag(barsOf('AAA', a), barsOf('BBB', b)) !== null) refused++;
  }
  return { ...plan, worlds, refused };
}

interface Legs {
  readonly a: Float64Array;
  readonly b: Float64Array;
}

/** Logarithms of the closes. */
function gapLegs({ closing, halfLife, shock, quotes }: GapWorld, rng: Rng): Legs {
  const closed = 1 - 0.5 ** (1 / halfLife);
  const own = closing === 'one' ? { a: shock, b: 0 } : { a: shock / Math.SQRT2, b: shock / Math.SQRT2 };
  const share = closing === 'both' ? { a: 0.5, b: 0.5 } : { a: 1, b: 0 };
  const a = new Float64Array(MINUTES);
  const b = new Float64Array(MINUTES);
  let levelA = 0;
  let levelB = 0;
  for (let t = 0; t < MINUTES; t++) {
    const gap = levelA - levelB;
    const common = COMMON * rng.normal();
    levelA += common + COMMON * own.a * rng.normal() - share.a * closed * gap;
    levelB += common + COMMON * own.b * rng.normal() + share.b * closed * gap;
    a[t] = levelA;
    b[t] = levelB;
  }
  if (quotes === 'noisy') return { a: withNoise(a, rng), b: withNoise(b, rng) };
  if (quotes === 'asynchronous')
    return { a, b: b.map((level, t) => (t > 0 && rng.uniform() < STALE ? b[t - 1]! : level)) };
  return { a, b };
}

function withNoise(levels: Float64Array, rng: Rng): Float64Array {
  return levels.map((level) => level + COMMON * (rng.uniform() < 0.5 ? QUOTE_NOISE : -QUOTE_NOISE));
}

function lateLegs({ minutes, share, noise }: LateWorld, rng: Rng): Legs {
  const moves = Float64Array.from({ length: MINUTES }, () => COMMON * rng.normal());
  const a = new Float64Array(MINUTES);
  const b = new Float64Array(MINUTES);
  let levelA = 0;
  let levelB = 0;
  for (let t = 0; t < MINUTES; t++) {
    levelA += moves[t]!;
    levelB += share * (moves[t - minutes] ?? 0) + (1 - share) * moves[t]! + COMMON * Math.sqrt(noise) * rng.normal();
    a[t] = levelA;
    b[t] = levelB;
  }
  return { a, b };
}

function barsOf(symbol: string, levels: Float64Array): BarColumns {
  const close = levels.map(exp);
  const time = Float64Array.from(close, (_, t) => START + 60 * t);
  const volume = new Float64Array(close.length);
  return { symbol, length: close.length, time, open: close, high: close, low: close, close, volume, spread: null };
}
