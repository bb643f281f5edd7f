import type { Rng } from '../../shared/ports.ts';
import { createRng } from '../../shared/rng.ts';
import type { DirectionProbabilities } from '../../shared/strategies/direction/direction_input.ts';
import { EDGE_LEVEL, lookLevel } from '../../trainer/learning/backtest/edge.ts';
import { edgeClaims, strategyOf } from '../../trainer/learning/strategies/direction/direction_net.ts';
import type { Instrument } from '../../trainer/learning/strategies/direction/instrument_rows.ts';
import { backtestStrategy } from '../../trainer/learning/strategies/direction/strategy_backtest.ts';
import type { Trade } from '../../trainer/learning/trades/backtest.ts';
import { BARS_PER_DAY, COMMON, HOUR, hourlyInstrument, VOLATILITY } from './hourly_market.ts';

/** Log volatility changes with a half-life of three days, in a standard deviation of one half. */
const VOLATILITY_HALF_LIFE = 72;
const VOLATILITY_SPREAD = 0.5;
/** Of answers that persist, bars. */
const ANSWER_HALF_LIFE = 12;
/** Answers that follow the price look back so far, bars. */
const MOMENTUM_BARS = 24;
const THETA = 0.475;
const FREE = { takerFeeBps: 0, slippageBps: 0 };

/** Hourly prices of which no move is known in advance, and a model that answers without knowing any. */
export interface DirectionPlan {
  readonly instruments: number;
  readonly days: number;
  /** Whether volatility changes from day to day. */
  readonly changing: boolean;
  /** What the answers follow: a process of their own, or the last day's move. */
  readonly answers: 'own' | 'price';
  /** Added to the result of each trade of the first instrument, bps. */
  readonly edge: number;
}

/** How often an evaluation claims an edge: any false one, or that of the first instrument. */
export interface DirectionRate extends DirectionPlan {
  readonly worlds: number;
  /** Mean number of trades of an instrument. */
  readonly trades: number;
  readonly found: number;
}

const INSTRUMENTS = [1, 5] as const;
const DAYS = [90, 365] as const;

/** Worlds without an edge, before costs so that the mean is exactly 0; then the power to find one. */
export const DIRECTION_PLANS: readonly DirectionPlan[] = [
  ...(['own', 'price'] as const).flatMap((answers) =>
    [false, true].flatMap((changing) =>
      INSTRUMENTS.flatMap((instruments) => DAYS.map((days) => ({ instruments, days, changing, answers, edge: 0 }))),
    ),
  ),
  ...INSTRUMENTS.flatMap((instruments) =>
    [20, 40, 80].map((edge) => ({ instruments, days: 365, changing: true, answers: 'own' as const, edge })),
  ),
];

/** False edges at the level of all looks together, planted ones at that of a first look. */
export function directionRate(plan: DirectionPlan, worlds: number): DirectionRate {
  const { instruments, days, changing, answers, edge } = plan;
  const level = edge === 0 ? EDGE_LEVEL : lookLevel(1);
  const rng = createRng(`direction ${instruments} ${days} ${changing} ${answers}`);
  const symbols = Array.from({ length: instruments }, (_, i) => `S${i}`);
  let found = 0;
  let count = 0;
  for (let world = 0; world < worlds; world++) {
    const trades = tradesOf(plan, symbols, rng);
    count += trades.length;
    const { edge: edges, pooled } = edgeClaims(trades, symbols, 1, level);
    const isFound =
      edge === 0 ? [...Object.values(edges), pooled].some(({ no_edge }) => !no_edge) : !edges[symbols[0]!]!.no_edge;
    if (isFound) found++;
  }
  return { ...plan, worlds, trades: Math.round(count / worlds / instruments), found };
}

function tradesOf(plan: DirectionPlan, symbols: readonly string[], rng: Rng): Trade[] {
  const strategy = strategyOf(THETA, HOUR);
  const length = plan.days * BARS_PER_DAY;
  const common = Float64Array.from({ length }, () => rng.normal());
  const volatility = plan.changing ? volatilities(length, rng) : new Float64Array(length).fill(VOLATILITY);
  return symbols.flatMap((symbol, i) => {
    const instrument = instrumentOf(symbol, common, volatility, rng);
    const answers = plan.answers === 'own' ? persistent(length, rng) : momentum(instrument.bars.close);
    const probabilities = Array.from(answers, probabilitiesOf);
    const planted = i === 0 ? plan.edge : 0;
    return backtestStrategy(instrument, probabilities, () => strategy, FREE).map((trade) => ({
      ...trade,
      netBps: trade.netBps + planted,
    }));
  });
}

/** A price whose expected relative move is 0 at each bar. */
function instrumentOf(symbol: string, common: Float64Array, volatility: Float64Array, rng: Rng): Instrument {
  return hourlyInstrument(symbol, common.length, (before, t) => {
    const own = Math.sqrt(1 - COMMON) * rng.normal();
    return before * (1 + volatility[t]! * (Math.sqrt(COMMON) * common[t]! + own));
  });
}

function volatilities(length: number, rng: Rng): Float64Array {
  const states = autoregressive(length, VOLATILITY_HALF_LIFE, rng);
  return states.map((state) => VOLATILITY * Math.exp(VOLATILITY_SPREAD * state - VOLATILITY_SPREAD ** 2));
}

function persistent(length: number, rng: Rng): Float64Array {
  return autoregressive(length, ANSWER_HALF_LIFE, rng);
}

/** Moves of the last day in their own standard deviations, about. */
function momentum(close: Float64Array): Float64Array {
  return close.map((own, t) =>
    t < MOMENTUM_BARS ? 0 : Math.log(own / close[t - MOMENTUM_BARS]!) / (VOLATILITY * Math.sqrt(MOMENTUM_BARS)),
  );
}

/** Variance 1. */
function autoregressive(length: number, halfLife: number, rng: Rng): Float64Array {
  const memory = 0.5 ** (1 / halfLife);
  const states = new Float64Array(length);
  let state = rng.normal();
  for (let t = 0; t < length; t++) {
    state = memory * state + Math.sqrt(1 - memory ** 2) * rng.normal();
    states[t] = state;
  }
  return states;
}

/** Calls to buy above one standard deviation, calls to sell below minus one. */
function probabilitiesOf(state: number): DirectionProbabilities {
  const range = 0.3;
  const moved = 1 - range;
  const lean = Math.max(-1, Math.min(1, (state * (THETA - moved / 2)) / (moved / 2)));
  const up = (moved / 2) * (1 + lean);
  return { ML_UP_PROB: up, ML_DOWN_PROB: moved - up, ML_RANGE_PROB: range };
}
