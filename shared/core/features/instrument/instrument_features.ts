import { RecentHistory } from '../../recent_history.ts';
import { seriesIndex, SERIES_NAMES } from '../../series/series_names.ts';
import { FLAT_STD, flatMoment, ratioToUsual, sampleStd, writeCorrelation } from '../feature.ts';
import { FoldPlanner, M2, MEAN, SXX, type FoldPlan, type Series } from '../window/fold_plan.ts';
import { LagRing, type LagRows } from '../window/lag_ring.ts';
import type { FoldState } from '../window/sliding_fold.ts';
import { instrumentDefinitions, type InstrumentDefinition, type InstrumentWindows } from './definitions.ts';

/** One closed bar of an instrument at its own timeframe. */
export interface InstrumentBar {
  /** Epoch seconds of the open, UTC. */
  readonly time: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** 0 = unknown. */
  readonly volume: number;
  /** Part of the volume bought by takers; NaN = unknown. */
  readonly takerBuyVolume: number;
}

const SECONDS_PER_DAY = 86_400;
const SECONDS_PER_WEEK = 7 * SECONDS_PER_DAY;
/** 1970-01-01 was a Thursday: three days after the week's Monday. */
const EPOCH_SECOND_OF_WEEK = 3 * SECONDS_PER_DAY;

const FUNDING = seriesIndex('funding_rate');
const OPEN_INTEREST = seriesIndex('open_interest');
const BUY_LIQUIDATIONS = seriesIndex('buy_liquidations');
const SELL_LIQUIDATIONS = seriesIndex('sell_liquidations');
const BOOK = seriesIndex('order_book_imbalance');
const LONG_SHORT = seriesIndex('long_short_ratio');
const SENTIMENT = seriesIndex('sentiment');

/** Windows of one instrument, by what they are of. */
interface Folds {
  readonly gain: Series;
  readonly loss: Series;
  readonly band: Series;
  readonly rangeShort: Series;
  readonly rangeLong: Series;
  readonly returnShort: Series;
  readonly returnLong: Series;
  readonly priceShort: Series;
  readonly priceMedium: Series;
  readonly priceLong: Series;
  readonly volumeShort: Series;
  readonly volumeLong: Series;
  readonly flowShort: Series;
  readonly fundingMean: Series;
  readonly fundingPrice: Series;
  readonly interestLong: Series;
  readonly interestPrice: Series;
}

function planFolds(planner: FoldPlanner, windows: InstrumentWindows): Folds {
  const { rsi_window, bollinger_window, atr_window, short_window: s, medium_window: m, long_window: l } = windows;
  return {
    gain: planner.mean(0, rsi_window),
    loss: planner.mean(0, rsi_window),
    band: planner.moments(0, bollinger_window),
    rangeShort: planner.mean(0, atr_window),
    rangeLong: planner.mean(0, l),
    returnShort: planner.moments(0, s),
    returnLong: planner.moments(0, l),
    priceShort: planner.moments(0, s),
    priceMedium: planner.moments(0, m),
    priceLong: planner.moments(0, l),
    volumeShort: planner.mean(0, s),
    volumeLong: planner.mean(0, l),
    flowShort: planner.moments(0, s),
    fundingMean: planner.moments(0, m),
    fundingPrice: planner.comoments(0, l),
    interestLong: planner.mean(0, l),
    interestPrice: planner.comoments(0, l),
  };
}

function lnOfPositive(value: number): number {
  return value > 0 ? Math.log(value) : NaN;
}

/** Columns of `values`, by name. */
type Columns = Readonly<Record<string, number>>;

/**
 * The features of one instrument, one step per closed bar: O(1) whatever the windows, without allocation. Once warm,
 * the values are a pure function of the last `warmupBars` bars and series values, to the bit.
 */
export class InstrumentFeatures {
  readonly definitions: readonly InstrumentDefinition[];
  readonly warmupBars: number;
  /** One double per definition, NaN = missing; overwritten by the next step. */
  readonly values: Float64Array;
  readonly #timeframe: number;
  readonly #windows: InstrumentWindows;
  readonly #column: Columns;
  readonly #plan: FoldPlan;
  readonly #folds: Folds;
  readonly #state: FoldState;
  readonly #lagShort: LagRing;
  readonly #lagMedium: LagRing;
  /** Rows: ln close, ln open interest. */
  readonly #shortRows: LagRows;
  /** Rows: ln close. */
  readonly #mediumRows: LagRows;
  readonly #history: RecentHistory;
  #bars = 0;
  #slot = -Infinity;
  #close = NaN;
  #lnClose = NaN;
  #volumeBars = 0;
  /** Row of the short lag ring that belongs to this bar. */
  #shortAt = 0;

  /** @param timeframe seconds per bar */
  constructor(windows: InstrumentWindows, timeframe: number) {
    if (!(Number.isInteger(timeframe) && timeframe > 0))
      throw new RangeError(`timeframe is ${timeframe}, expected a positive number of seconds`);
    this.definitions = instrumentDefinitions(windows);
    this.warmupBars = Math.max(...this.definitions.map(({ warmup_bars }) => warmup_bars));
    this.values = new Float64Array(this.definitions.length).fill(NaN);
    this.#timeframe = timeframe;
    this.#windows = windows;
    this.#column = Object.fromEntries(this.definitions.map(({ name }, i) => [name, i]));
    const planner = new FoldPlanner();
    this.#folds = planFolds(planner, windows);
    this.#plan = planner.plan();
    this.#state = this.#plan.createState();
    this.#lagShort = new LagRing(windows.short_window, 2);
    this.#lagMedium = new LagRing(windows.medium_window, 1);
    this.#shortRows = this.#lagShort.createRows(1);
    this.#mediumRows = this.#lagMedium.createRows(1);
    this.#history = new RecentHistory([timeframe]);
  }

  /** Whether the values are made of bars without a hole between them. */
  get ready(): boolean {
    return this.bars >= this.warmupBars;
  }

  /** Bars up to the newest one, from the last hole on. */
  get bars(): number {
    return this.#history.barsOf(0);
  }

  /**
   * Takes the next closed bar.
   * @param series the values known at the bar's close, in the order of SERIES; NaN = missing
   * @throws RangeError when the time does not ascend or is no multiple of the timeframe
   */
  step(bar: InstrumentBar, series: Float64Array): void {
    const slot = bar.time / this.#timeframe;
    if (!Number.isInteger(slot) || slot <= this.#slot)
      throw new RangeError(`bar at ${bar.time} after slot ${this.#slot} of ${this.#timeframe} s`);
    if (series.length !== SERIES_NAMES.length)
      throw new RangeError(`${series.length} series values, expected ${SERIES_NAMES.length}`);
    const lnClose = Math.log(bar.close);
    const logReturn = lnClose - this.#lnClose;
    const range = Math.max(bar.high, this.#close) - Math.min(bar.low, this.#close);
    const flow = bar.volume > 0 ? (2 * bar.takerBuyVolume) / bar.volume - 1 : NaN;
    this.#observe(bar, series, lnClose, logReturn, range, flow);
    this.#plan.push(0, this.#state, this.#bars, slot);
    this.#history.note(0, bar);
    this.#bars++;
    this.#slot = slot;
    this.#close = bar.close;
    this.#lnClose = lnClose;
    this.#volumeBars = bar.volume > 0 ? this.#volumeBars + 1 : 0;
    this.#writePrice(bar, lnClose, logReturn);
    this.#writeVolume(bar, flow);
    this.#writeMarket(bar, series);
    this.#writeCalendar(bar.time + this.#timeframe);
  }

  #observe(
    bar: InstrumentBar,
    series: Float64Array,
    lnClose: number,
    logReturn: number,
    range: number,
    flow: number,
  ): void {
    const { input } = this.#plan;
    const folds = this.#folds;
    const lnInterest = lnOfPositive(series[OPEN_INTEREST]!);
    input[folds.gain.input] = logReturn > 0 ? logReturn : logReturn * 0;
    input[folds.loss.input] = logReturn < 0 ? -logReturn : logReturn * 0;
    input[folds.band.input] = lnClose;
    input[folds.rangeShort.input] = range;
    input[folds.rangeLong.input] = range;
    input[folds.returnShort.input] = logReturn;
    input[folds.returnLong.input] = logReturn;
    input[folds.priceShort.input] = lnClose;
    input[folds.priceMedium.input] = lnClose;
    input[folds.priceLong.input] = lnClose;
    input[folds.volumeShort.input] = bar.volume;
    input[folds.volumeLong.input] = bar.volume;
    input[folds.flowShort.input] = flow;
    input[folds.fundingMean.input] = series[FUNDING]!;
    input[folds.fundingPrice.input] = series[FUNDING]!;
    input[folds.fundingPrice.input + 1] = lnClose;
    input[folds.interestLong.input] = series[OPEN_INTEREST]!;
    input[folds.interestPrice.input] = lnInterest;
    input[folds.interestPrice.input + 1] = lnClose;
  }

  #writePrice(bar: InstrumentBar, lnClose: number, logReturn: number): void {
    const { values: out } = this;
    const column = this.#column;
    const folds = this.#folds;
    const { result } = this.#plan;
    const { bollinger_window, short_window: s, medium_window: m, long_window: l } = this.#windows;
    const sigma = sampleStd(result[folds.returnLong.result + M2]!, l);
    const unit = sigma < FLAT_STD ? NaN : sigma;
    const mediumAt = this.#lagMedium.next(this.#mediumRows, 0);
    const before = this.#mediumRows.values[mediumAt]!;
    this.#mediumRows.values[mediumAt] = lnClose;
    out[column['return_1']!] = logReturn / unit;
    out[column['return_medium']!] = (lnClose - before) / (unit * Math.sqrt(m));
    out[column['ma_distance_short']!] = (lnClose - result[folds.priceShort.result + MEAN]!) / (unit * Math.sqrt(s));
    out[column['ma_distance_medium']!] = (lnClose - result[folds.priceMedium.result + MEAN]!) / (unit * Math.sqrt(m));
    out[column['ma_distance_long']!] = (lnClose - result[folds.priceLong.result + MEAN]!) / (unit * Math.sqrt(l));
    const gain = result[folds.gain.result + MEAN]!;
    const moved = gain + result[folds.loss.result + MEAN]!;
    out[column['rsi']!] = moved === 0 ? 0.5 : gain / moved;
    const bandM2 = result[folds.band.result + M2]!;
    const band = sampleStd(bandM2, bollinger_window);
    const isFlat = bandM2 <= flatMoment(bollinger_window);
    out[column['bollinger_position']!] = isFlat ? 0 : (lnClose - result[folds.band.result + MEAN]!) / (2 * band);
    out[column['bollinger_width']!] = 4 * band;
    const range = result[folds.rangeShort.result + MEAN]!;
    out[column['atr']!] = range / bar.close;
    out[column['atr_ratio']!] = ratioToUsual(range, result[folds.rangeLong.result + MEAN]!);
    const short = sampleStd(result[folds.returnShort.result + M2]!, s);
    out[column['volatility_short']!] = short;
    out[column['volatility_long']!] = sigma;
    out[column['volatility_ratio']!] = ratioToUsual(short, sigma);
    out[column['volatility_spike']!] = Math.abs(logReturn) / unit;
    const shortAt = this.#lagShort.next(this.#shortRows, 0);
    out[column['return_short']!] = (lnClose - this.#shortRows.values[shortAt]!) / (unit * Math.sqrt(s));
    this.#shortRows.values[shortAt] = lnClose;
    this.#shortAt = shortAt;
  }

  #writeVolume({ volume }: InstrumentBar, flow: number): void {
    const { values: out } = this;
    const column = this.#column;
    const { result } = this.#plan;
    const isKnown = this.#volumeBars >= this.#windows.long_window;
    const usual = isKnown ? result[this.#folds.volumeLong.result + MEAN]! : NaN;
    out[column['volume_ratio']!] = result[this.#folds.volumeShort.result + MEAN]! / usual;
    out[column['volume_spike']!] = volume / usual;
    out[column['volume_imbalance']!] = flow;
    out[column['volume_imbalance_short']!] = result[this.#folds.flowShort.result + MEAN]!;
  }

  #writeMarket({ volume }: InstrumentBar, series: Float64Array): void {
    const { values: out } = this;
    const column = this.#column;
    const folds = this.#folds;
    const { result } = this.#plan;
    const funding = series[FUNDING]!;
    const interest = series[OPEN_INTEREST]!;
    const lnInterest = lnOfPositive(interest);
    out[column['funding_rate']!] = funding;
    out[column['funding_mean']!] = result[folds.fundingMean.result + MEAN]!;
    this.#writeCorrelation(folds.fundingPrice, column['funding_price_correlation']!);
    out[column['open_interest_change']!] = lnInterest - this.#shortRows.values[this.#shortAt + 1]!;
    this.#shortRows.values[this.#shortAt + 1] = lnInterest;
    this.#writeCorrelation(folds.interestPrice, column['open_interest_price_correlation']!);
    out[column['overheat']!] = (funding * interest) / result[folds.interestLong.result + MEAN]!;
    const known = volume > 0 ? volume : NaN;
    const bought = series[BUY_LIQUIDATIONS]!;
    const sold = series[SELL_LIQUIDATIONS]!;
    const liquidated = bought + sold;
    out[column['buy_liquidation_ratio']!] = bought / known;
    out[column['sell_liquidation_ratio']!] = sold / known;
    out[column['liquidation_imbalance']!] = liquidated === 0 ? 0 : (bought - sold) / liquidated;
    out[column['order_book_imbalance']!] = series[BOOK]!;
    out[column['long_short_ratio']!] = lnOfPositive(series[LONG_SHORT]!);
    out[column['market_sentiment_score']!] = series[SENTIMENT]! / 50 - 1;
  }

  /** A constant price does not hide a missing series: that is NaN, not 0. */
  #writeCorrelation({ result: from }: Series, column: number): void {
    const { result } = this.#plan;
    if (Number.isNaN(result[from + SXX]!)) this.values[column] = NaN;
    else writeCorrelation(result, from + SXX, this.#windows.long_window, this.values, column);
  }

  #writeCalendar(close: number): void {
    const { values: out } = this;
    const column = this.#column;
    const day = (2 * Math.PI * (close % SECONDS_PER_DAY)) / SECONDS_PER_DAY;
    const week = (2 * Math.PI * ((close + EPOCH_SECOND_OF_WEEK) % SECONDS_PER_WEEK)) / SECONDS_PER_WEEK;
    out[column['day_sin']!] = Math.sin(day);
    out[column['day_cos']!] = Math.cos(day);
    out[column['week_sin']!] = Math.sin(week);
    out[column['week_cos']!] = Math.cos(week);
  }
}
