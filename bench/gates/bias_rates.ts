import type { Rng } from '../../shared/ports.ts';
import type { DirectionBalance } from '../../shared/policy/balances.ts';
import { createRng } from '../../shared/rng.ts';
import { DELIVERED_LEARNER } from '../../trainer/learning/strategies/direction/direction_learner.ts';
import type { BiasLimits } from '../../trainer/learning/strategies/direction/gates/bias_limits.ts';
import { EVALUATION_LABEL } from '../../trainer/learning/strategies/direction/label/direction.ts';
import { INSTRUMENT_WINDOWS } from '../../shared/core/features/instrument/definitions.ts';
import type { Instrument } from '../../trainer/learning/strategies/direction/instrument_rows.ts';
import {
  DIRECTION_PARAMS,
  DIRECTION_WALK_FORWARD,
  trainDirection,
} from '../../trainer/learning/strategies/direction/train_direction.ts';
import { BARS_PER_DAY, COMMON, hourlyInstrument, VOLATILITY } from './hourly_market.ts';

/** Rise of a day in a bull market, fall in a bear market. */
const DAILY_TREND = 0.01;
/** Rise or fall of an hour of a swing, and its mean length. */
const SWING = { swings: 0.001, strong_swings: 0.003 };
const SWING_HOURS = 6;
/** Mean length of a bull or bear market, days. */
const REGIME_DAYS = 20;

/** Markets of hourly bars that a direction model is trained on as delivered. */
export interface BiasPlan {
  /**
   * bull: a bull market alone; even: bull and bear markets take turns; swings: short rises and falls take turns, of
   * which the last hours tell; strong_swings: the same, three times as large.
   */
  readonly market: 'bull' | 'even' | 'swings' | 'strong_swings';
  readonly balance: (typeof BALANCES)[number];
  readonly instruments: number;
  readonly days: number;
}

/** How many of the trained models the gate refuses, and for what. */
export interface BiasRate extends BiasPlan {
  readonly worlds: number;
  readonly refused: number;
  readonly reasons: Readonly<Record<string, number>>;
}

const BALANCES = ['class_weights', 'mirror'] as const satisfies readonly DirectionBalance[];
const MARKETS = ['bull', 'even', 'swings', 'strong_swings'] as const;

/** Five coins with 180 days, as in docs/examples/coins: as delivered, and with mirror images. */
export const BIAS_PLANS: readonly BiasPlan[] = BALANCES.flatMap((balance) =>
  MARKETS.map((market) => ({ market, balance, instruments: 5, days: 180 })),
);

export async function biasRate(plan: BiasPlan, worlds: number, biasLimits: BiasLimits): Promise<BiasRate> {
  const reasons: Record<string, number> = {};
  let refused = 0;
  for (let world = 0; world < worlds; world++) {
    const biased = await biasedOf(plan, world, biasLimits);
    if (biased.length > 0) refused++;
    for (const reason of biased) reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  return { ...plan, worlds, refused, reasons };
}

/** What the gate refuses the model of a world for. */
export async function biasedOf(plan: BiasPlan, world: number, biasLimits: BiasLimits): Promise<readonly string[]> {
  const rng = createRng(`bias ${plan.market} ${plan.instruments} ${plan.days} ${world}`);
  const trained = await trainDirection(
    marketOf(plan, rng),
    {
      windows: INSTRUMENT_WINDOWS,
      label: EVALUATION_LABEL,
      learner: DELIVERED_LEARNER,
      balance: plan.balance,
      classWeightRatio: 1,
      stride: 3,
      params: DIRECTION_PARAMS,
      walkForward: DIRECTION_WALK_FORWARD,
      costs: { takerFeeBps: 5, slippageBps: 1 },
      f1Floor: null,
      biasLimits,
      search: null,
      seed: String(world),
      workers: 0,
      balances: [],
      peers: [],
    },
    () => undefined,
  );
  return trained.bias.biased;
}

function marketOf({ market, instruments, days }: BiasPlan, rng: Rng): Instrument[] {
  const length = days * BARS_PER_DAY;
  const trend = trendOf(market, length, rng);
  const common = trend.map((own) => own + VOLATILITY * Math.sqrt(COMMON) * rng.normal());
  return Array.from({ length: instruments }, (_, i) => instrumentOf(`S${i}`, common, rng));
}

/** Of each hour; bull and bear markets last as long as a coin lets them. */
function trendOf(market: BiasPlan['market'], length: number, rng: Rng): Float64Array {
  const isSwing = market === 'swings' || market === 'strong_swings';
  const hourly = isSwing ? SWING[market] : DAILY_TREND / BARS_PER_DAY;
  const turns = isSwing ? 1 / SWING_HOURS : 1 / (REGIME_DAYS * BARS_PER_DAY);
  let sign = rng.uniform() < 0.5 ? 1 : -1;
  return Float64Array.from({ length }, () => {
    if (rng.uniform() < turns) sign = -sign;
    return market === 'bull' ? hourly : sign * hourly;
  });
}

function instrumentOf(symbol: string, common: Float64Array, rng: Rng): Instrument {
  return hourlyInstrument(symbol, common.length, (before, t) => {
    const own = VOLATILITY * Math.sqrt(1 - COMMON) * rng.normal();
    return before * Math.exp(common[t]! + own);
  });
}
