import type { Bar, OpenTime } from '../bar.ts';
import { SECONDS_PER_BAR } from '../bar.ts';
import { emptyColumns, type BarColumns } from '../bar_file/bar_file.ts';
import { exp, ln } from '../elementary.ts';
import type { Rng } from '../ports.ts';
import { createRng } from '../rng.ts';
import { profileOfSymbol, multipleAt, type SpreadProfile } from '../core/cost/spread_profile.ts';
import { ACTIVITY } from './activity.ts';
import type { Asset, Factor, FactorName, Instrument } from './instrument.ts';
import { FACTORS, instrumentOf } from './instrument.ts';
import { openMinuteFrom } from './trading_week.ts';

export interface SimulatedMarket {
  readonly symbols: readonly string[];
  /** The minute that `next` will give. */
  readonly nextTime: OpenTime;
  /** One bar of every symbol, in the order of `symbols`, of the next open minute. */
  next(): { time: OpenTime; bars: readonly Bar[] };
  /** Same as `minutes` calls of `next`, without producing bars. */
  skip(minutes: number): void;
}

const BP = 1e-4;
const LN2 = 0.6931471805599453;
/** Parts of a minute that are simulated; high and low are the extremes over them. */
const STEPS = 6;
const STEP_ROOT = Math.sqrt(1 / STEPS);
/** Values revert to their level with a half-life of 180 days, so that a market of ten years has plausible prices. */
const HOMEWARD_PER_MINUTE = LN2 / (180 * 1440);
/** A weekend moves prices as this many normal minutes do. */
const WEEKEND_MINUTES = 40;

/** Volatility of a factor in the calm, normal and excited regimes; mean durations of 5 h, 6 h and 50 min. */
const REGIME_VOLATILITY: readonly number[] = [0.65, 1, 1.9];
const REGIME_EXIT: readonly number[] = [1 / 300, 1 / 360, 1 / 50];
/** From calm to excited, from normal to excited, from excited to normal; otherwise to the third one. */
const REGIME_TURN: readonly (readonly [target: number, share: number, otherwise: number])[] = [
  [2, 0.1, 1],
  [2, 0.35, 0],
  [1, 0.8, 0],
];
/** Shares of time of the regimes above, summed. */
const REGIME_START: readonly number[] = [0.43, 0.92];

/** An asset's own part reverts most of the time; for about three hours at a time it wanders instead. */
const WANDER_ENTER = 1 / 1000;
const WANDER_EXIT = 1 / 180;
const WANDER_DRIFT = 9;
const WANDER_NOISE = 0.35;

/**
 * News moves a factor, or an asset, permanently; a shock moves an asset and decays with its noise. Probabilities per
 * minute.
 */
const FACTOR_NEWS = 1 / 600;
const ASSET_NEWS = 1 / 1100;
const SHOCK = 1 / 260;

/** Loadings deviate by 5 % or so and change over days. */
const LOADING_SIGMA = 0.05;
const LOADING_STEP_MINUTES = 15;
const LOADING_DECAY = exp((-LN2 * LOADING_STEP_MINUTES) / (3 * 1440));

interface FactorState {
  readonly rng: Rng;
  /** Standard deviation of a normal minute; the multiple of it for each minute of the day. */
  readonly sigma: number;
  readonly activity: Float64Array;
  regime: number;
  /** This minute's volatility as a multiple of a normal one. */
  heat: number;
  /** The step in which news arrives, or −1. */
  newsStep: number;
  news: number;
  /** The change of the factor in the step at hand. */
  change: number;
}

interface AssetState {
  readonly rng: Rng;
  readonly asset: Asset;
  readonly factors: readonly FactorState[];
  readonly loadings: Float64Array;
  readonly deviations: Float64Array;
  readonly variance: number;
  /** Remaining share of the noise after one step. */
  readonly decay: number;
  wandering: boolean;
  /** Logarithms: the mean-reverting part, the permanent part, and their sum. */
  noise: number;
  kept: number;
  value: number;
  noiseStep: number;
  driftStep: number;
  jumpStep: number;
  jump: number;
  jumpStays: boolean;
  /** Multiples of a normal minute: volatility, ticks, spread. */
  heat: number;
  ticks: number;
  width: number;
}

interface SymbolState {
  readonly rng: Rng;
  readonly instrument: Instrument;
  /** Width of quotes over the week. */
  readonly profile: SpreadProfile;
  readonly base: AssetState | null;
  readonly quote: AssetState | null;
  /** Log price when both values are 0. */
  readonly level: number;
  readonly scale: number;
  close: number;
  logHigh: number;
  logLow: number;
  logLast: number;
}

/**
 * A seeded market of the given symbols in which related symbols move together, and diverge for a while.
 *
 * The log value of an asset is factors × loadings + its noise + its drift. Factors are random walks whose volatility
 * follows the hour and a hidden regime, with news as jumps; loadings drift; the noise reverts (Ornstein-Uhlenbeck by
 * its exact discretization: Gillespie, Physical Review E 54, 1996); the drift, and its jumps, are permanent. A symbol
 * is the ratio of two assets, so crosses agree with their legs. The bars of a symbol are a pure function of (seed,
 * symbol, start, index): the other symbols do not change them.
 *
 * `start` need not be an open minute: the first bar is that of the first open minute at or after it. Prices are rounded
 * to the symbol's decimals, the volume is a count of ticks >= 1, the spread is in price units and at least one tick.
 * @throws RangeError when a symbol is listed twice, or `start` or a numeric seed is not finite.
 */
export function createSimulatedMarket(options: {
  seed: number | string;
  symbols: readonly string[];
  start: OpenTime;
}): SimulatedMarket {
  const { seed, start } = options;
  const listed = [...options.symbols];
  if (typeof seed === 'number' && !Number.isFinite(seed)) throw new RangeError(`a seed of ${seed} is not finite`);
  if (!Number.isFinite(start)) throw new RangeError(`a start of ${start} is not a time`);
  if (new Set(listed).size !== listed.length) throw new RangeError(`a symbol is listed twice in ${listed.join(' ')}`);

  const stream = (kind: string, name: string): Rng => createRng(`${typeof seed} ${seed} ${kind} ${name}`);
  const factorOf = new Map<FactorName, FactorState>();
  for (const factor of FACTORS) factorOf.set(factor.name, createFactor(factor, stream('factor', factor.name)));
  const assetOf = new Map<string, AssetState>();
  const share = (asset: Asset | null): AssetState | null => {
    if (asset === null) return null;
    const state = assetOf.get(asset.name) ?? createAsset(asset, factorOf, stream('asset', asset.name));
    assetOf.set(asset.name, state);
    return state;
  };
  const symbols = listed.map((symbol) => {
    const instrument = instrumentOf(symbol);
    return createSymbol(instrument, share(instrument.base), share(instrument.quote), stream('symbol', symbol));
  });
  const factors = [...factorOf.values()];
  const assets = [...assetOf.values()];

  let time = openMinuteFrom(start);
  let afterWeekend = false;

  const advance = (): OpenTime => {
    const now = time;
    const minute = (now / SECONDS_PER_BAR) % 1440;
    if (afterWeekend) passWeekend(factors, assets, symbols);
    for (const factor of factors) beginFactor(factor, minute);
    for (const asset of assets) beginAsset(asset, minute);
    for (const symbol of symbols) symbol.logHigh = symbol.logLow = logPrice(symbol);
    for (let step = 0; step < STEPS; step++) {
      for (const factor of factors) stepFactor(factor, step);
      for (const asset of assets) stepAsset(asset, step);
      for (const symbol of symbols) stepSymbol(symbol);
    }
    time = openMinuteFrom(now + SECONDS_PER_BAR);
    afterWeekend = time > now + SECONDS_PER_BAR;
    return now;
  };

  return {
    symbols: listed,
    get nextTime() {
      return time;
    },
    next() {
      const now = advance();
      return { time: now, bars: symbols.map((symbol) => closeBar(symbol, now)) };
    },
    skip(minutes) {
      for (let i = 0; i < minutes; i++) {
        const now = advance();
        for (const symbol of symbols) closeBar(symbol, now);
      }
    },
  };
}

/**
 * The next `minutes` minutes of `market` as columns, for what works on recorded bars; takes the minutes out of the
 * market.
 */
export function recordMarket(market: SimulatedMarket, minutes: number): Map<string, BarColumns> {
  const recorded = market.symbols.map((symbol) => ({ symbol, length: minutes, ...emptyColumns(minutes) }));
  for (let i = 0; i < minutes; i++) {
    const { time, bars } = market.next();
    bars.forEach((bar, index) => {
      const columns = recorded[index]!;
      columns.time[i] = time;
      columns.open[i] = bar.open;
      columns.high[i] = bar.high;
      columns.low[i] = bar.low;
      columns.close[i] = bar.close;
      columns.volume[i] = bar.volume;
      columns.spread[i] = bar.spread ?? NaN;
    });
  }
  return new Map(recorded.map((columns) => [columns.symbol, columns]));
}

function createFactor(factor: Factor, rng: Rng): FactorState {
  const lot = rng.uniform();
  return {
    rng,
    sigma: factor.volatility_bps * BP,
    activity: ACTIVITY[factor.hours],
    regime: lot < REGIME_START[0]! ? 0 : lot < REGIME_START[1]! ? 1 : 2,
    heat: 1,
    newsStep: -1,
    news: 0,
    change: 0,
  };
}

function createAsset(asset: Asset, factorOf: ReadonlyMap<FactorName, FactorState>, rng: Rng): AssetState {
  const entries = Object.entries(asset.loadings) as [FactorName, number][];
  const factors = entries.map(([name]) => factorOf.get(name)!);
  const loadings = Float64Array.from(entries, ([, loading]) => loading);
  let variance = 0;
  factors.forEach((factor, i) => {
    const share = loadings[i]! * factor.sigma;
    variance += share * share;
  });
  const noise = asset.noise_bps * BP * rng.normal();
  return {
    rng,
    asset,
    factors,
    loadings,
    deviations: loadings.map(() => LOADING_SIGMA * rng.normal()),
    variance,
    decay: exp(-LN2 / (asset.half_life_minutes * STEPS)),
    wandering: rng.uniform() < WANDER_ENTER / (WANDER_ENTER + WANDER_EXIT),
    noise,
    kept: 0,
    value: noise,
    noiseStep: 0,
    driftStep: 0,
    jumpStep: -1,
    jump: 0,
    jumpStays: false,
    heat: 1,
    ticks: 1,
    width: 1,
  };
}

function createSymbol(
  instrument: Instrument,
  base: AssetState | null,
  quote: AssetState | null,
  rng: Rng,
): SymbolState {
  const level = ln((instrument.base?.level ?? 1) / (instrument.quote?.level ?? 1));
  const state = {
    rng,
    instrument,
    profile: profileOfSymbol(instrument.symbol),
    base,
    quote,
    level,
    scale: Number(`1e${instrument.decimals}`),
    close: 0,
    logHigh: 0,
    logLow: 0,
    logLast: 0,
  };
  state.close = priceAt(state, logPrice(state));
  return state;
}

/** Two days pass: factors jump, noise is fresh. */
function passWeekend(
  factors: readonly FactorState[],
  assets: readonly AssetState[],
  symbols: readonly SymbolState[],
): void {
  for (const factor of factors) factor.change = factor.sigma * Math.sqrt(WEEKEND_MINUTES) * factor.rng.normal();
  for (const state of assets) {
    for (let i = 0; i < state.factors.length; i++) state.kept += state.loadings[i]! * state.factors[i]!.change;
    state.noise = state.asset.noise_bps * BP * state.rng.normal();
    state.value = state.kept + state.noise;
  }
  for (const symbol of symbols) symbol.close = priceAt(symbol, logPrice(symbol));
}

function beginFactor(factor: FactorState, minute: number): void {
  const { rng } = factor;
  if (rng.uniform() < REGIME_EXIT[factor.regime]!) {
    const [target, share, otherwise] = REGIME_TURN[factor.regime]!;
    factor.regime = rng.uniform() < share ? target : otherwise;
  }
  factor.heat = REGIME_VOLATILITY[factor.regime]! * factor.activity[minute]!;
  factor.newsStep = -1;
  if (rng.uniform() < FACTOR_NEWS) {
    factor.newsStep = rng.integer(STEPS);
    factor.news = factor.sigma * factor.heat * 4 * rng.normal();
  }
}

function stepFactor(factor: FactorState, step: number): void {
  factor.change = factor.sigma * factor.heat * STEP_ROOT * factor.rng.normal();
  if (step === factor.newsStep) factor.change += factor.news;
}

function beginAsset(state: AssetState, minute: number): void {
  const { rng, asset, factors, loadings, deviations } = state;
  if (minute % LOADING_STEP_MINUTES === 0) {
    const stir = LOADING_SIGMA * Math.sqrt(1 - LOADING_DECAY * LOADING_DECAY);
    for (let i = 0; i < deviations.length; i++) deviations[i] = deviations[i]! * LOADING_DECAY + stir * rng.normal();
  }
  if (rng.uniform() < (state.wandering ? WANDER_EXIT : WANDER_ENTER)) state.wandering = !state.wandering;

  let variance = 0;
  let news = false;
  for (let i = 0; i < factors.length; i++) {
    const share = loadings[i]! * factors[i]!.sigma * factors[i]!.heat;
    variance += share * share;
    news ||= factors[i]!.newsStep >= 0;
  }
  state.heat = Math.sqrt(variance / state.variance);
  // Noise follows the hour less than the factors do: liquidity varies with volatility.
  const liveliness = Math.sqrt(state.heat);
  const stationary = asset.noise_bps * BP * liveliness * (state.wandering ? WANDER_NOISE : 1);
  state.noiseStep = stationary * Math.sqrt(1 - state.decay * state.decay);
  state.driftStep = asset.drift_bps * BP * state.heat * STEP_ROOT * (state.wandering ? WANDER_DRIFT : 1);

  state.ticks = state.heat * (news ? 2.5 : 1) * (state.wandering ? 1.7 : 1);
  state.width = (0.75 + 0.25 * state.heat) * (news ? 1.6 : 1) * (state.wandering ? 1.15 : 1);
  state.jumpStep = -1;
  const lot = rng.uniform();
  if (lot < ASSET_NEWS + SHOCK) {
    state.jumpStays = lot < ASSET_NEWS;
    state.jumpStep = rng.integer(STEPS);
    state.jump = asset.noise_bps * BP * (state.jumpStays ? 2 : 1.6) * rng.normal();
    // News is traded on; a shock is one large order in a thin book.
    state.ticks *= state.jumpStays ? 3 : 0.8;
    state.width *= state.jumpStays ? 1.8 : 1.5;
  }
  state.kept *= 1 - HOMEWARD_PER_MINUTE;
}

function stepAsset(state: AssetState, step: number): void {
  const { rng, factors, loadings, deviations } = state;
  let moved = state.driftStep * rng.normal();
  for (let i = 0; i < factors.length; i++) moved += loadings[i]! * (1 + deviations[i]!) * factors[i]!.change;
  state.kept += moved;
  state.noise = state.noise * state.decay + state.noiseStep * rng.normal();
  if (step === state.jumpStep) {
    if (state.jumpStays) state.kept += state.jump;
    else state.noise += state.jump;
  }
  state.value = state.kept + state.noise;
}

function logPrice(symbol: SymbolState): number {
  return symbol.level + (symbol.base?.value ?? 0) - (symbol.quote?.value ?? 0);
}

function priceAt(symbol: SymbolState, log: number): number {
  return Math.max(1, Math.round(exp(log) * symbol.scale)) / symbol.scale;
}

function stepSymbol(symbol: SymbolState): void {
  const log = logPrice(symbol);
  symbol.logLast = log;
  if (log > symbol.logHigh) symbol.logHigh = log;
  if (log < symbol.logLow) symbol.logLow = log;
}

function closeBar(symbol: SymbolState, time: OpenTime): Bar {
  const { instrument, base, quote, rng, scale } = symbol;
  const open = symbol.close;
  const close = priceAt(symbol, symbol.logLast);
  const high = Math.max(open, close, priceAt(symbol, symbol.logHigh));
  const low = Math.min(open, close, priceAt(symbol, symbol.logLow));
  symbol.close = close;
  const ticks = Math.max(base?.ticks ?? 0, quote?.ticks ?? 0);
  const width = multipleAt(symbol.profile, time) * Math.max(base?.width ?? 0, quote?.width ?? 0);
  const volume = Math.max(1, Math.round(instrument.volume * ticks * exp(0.25 * rng.normal())));
  const spread =
    Math.max(1, Math.round(close * instrument.spread_bps * BP * width * exp(0.12 * rng.normal()) * scale)) / scale;
  return { symbol: instrument.symbol, time, open, high, low, close, volume, spread };
}
