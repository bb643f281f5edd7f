import { gateKey } from '../../../shared/bundle/gates/gate_codes.ts';
import { INSTRUMENT_WINDOWS } from '../../../shared/core/features/instrument/definitions.ts';
import type { SeriesHistory } from '../../../shared/core/series/series_cursor.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { createRng } from '../../../shared/rng.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { biasLimits } from '../../../trainer/learning/strategies/direction/gates/bias_limits.ts';
import { directionBias } from '../../../trainer/learning/strategies/direction/direction_bias.ts';
import { directionGates } from '../../../trainer/learning/strategies/direction/gates/registry.ts';
import type { DirectionEvidence } from '../../../trainer/learning/strategies/direction/gates/direction_gate.ts';
import type { InstrumentBars } from '../../../trainer/learning/instruments/instrument_bars.ts';
import { instrumentRows, type InstrumentRows } from '../../../trainer/learning/strategies/direction/instrument_rows.ts';
import { NO_SERIES } from '../../../trainer/learning/instruments/series_files.ts';
import {
  refuseForeseeingColumns,
  refuseForeseeingSeries,
} from '../../../trainer/learning/strategies/direction/series_foresight.ts';
import { EVALUATION_LABEL, UP } from '../../../trainer/learning/strategies/direction/label/direction.ts';
import { classF1 } from '../../../trainer/learning/validate/class_f1.ts';
import { aucByDays } from '../../../trainer/learning/statistics/auc_error.ts';
import { normalQuantile } from '../../../trainer/learning/statistics/normal.ts';
import type { GateCase } from './gate_case.ts';

const HOUR = 3600;
const START = 1_600_000_000 - (1_600_000_000 % HOUR);
/** Hours over which labels, and answers, stay the same. */
const LABEL_HOURS = 24;

/** Those that minutehand is delivered with. */
const LIMITS = biasLimits(loadSettings({ env: {} }));

const NO_EVIDENCE: DirectionEvidence = {
  bias: {
    overall_balance: 0.5,
    prediction_min: 0.4,
    prediction_max: 0.6,
    outcome: { rows: 0, predicted: null, observed: null, p_value: null },
    biased: [],
    largest_variance_24h: null,
    buy_sell_ratio: null,
    bull_market_buy_ratio: null,
    bear_market_sell_ratio: null,
  },
  upOrDown: null,
  series: [],
  column: null,
  delayed: null,
  hasEdge: true,
  f1: { f1: 1, f1_by_class: [1, 1, 1], f1_chance: 0.3, f1_gain_lower: 0.5 },
  f1Floor: 0.6,
  biasLimits: LIMITS,
};

/** By the gate of the release, on evidence that is sound but for this. */
function refusesGate(gate: string, change: Partial<DirectionEvidence>): boolean {
  return directionGates({ ...NO_EVIDENCE, ...change }).find((own) => gateKey(own) === gate)?.passed === false;
}

/** @param answered mean of up ÷ (up + down) @param went share of the moves that were up */
function isBiased(answered: number, went: number, index: number): boolean {
  const rng = createRng(`bias ${answered} ${went} ${index}`);
  const rows = 100 * LABEL_HOURS;
  const up = new Float64Array(rows);
  const outcome = new Float64Array(rows);
  for (let row = 0; row < rows; row += LABEL_HOURS) {
    const spread = 0.2 * (rng.uniform() - 0.5);
    const side = rng.uniform() < went + spread ? 1 : 0;
    up.fill(answered + spread, row, row + LABEL_HOURS);
    outcome.fill(side, row, row + LABEL_HOURS);
  }
  const down = up.map((own) => 1 - own);
  const time = up.map((_, row) => START + row * HOUR);
  const regime = new Float64Array(rows);
  const bias = directionBias({ time, up, down, regime, outcome, overlap: LABEL_HOURS }, LIMITS);
  return refusesGate('direction.bias', { bias });
}

/** 200 days of hourly rows of two normals; scores and labels last half a day. */
function isImplausible(trueAuc: number, index: number): boolean {
  const rng = createRng(`up or down ${trueAuc} ${index}`);
  const distance = Math.SQRT2 * normalQuantile(trueAuc);
  const rows = 200 * 24;
  const scores = new Float64Array(rows);
  const labels = new Float64Array(rows);
  for (let row = 0; row < rows; row += 12) {
    const label = rng.uniform() < 0.5 ? 1 : 0;
    scores.fill(distance * label + rng.normal(), row, row + 12);
    labels.fill(label, row, row + 12);
  }
  const time = scores.map((_, row) => START + row * HOUR);
  return refusesGate('direction.plausible', { upOrDown: aucByDays(scores, labels, time) });
}

/** A random walk of hourly bars. */
function walk(symbol: string, length: number): InstrumentBars {
  const rng = createRng(`walk ${symbol}`);
  const open = new Float64Array(length);
  let price = 100;
  const close = open.map((_, t) => {
    open[t] = price;
    return (price *= Math.exp(0.006 * rng.normal()));
  });
  const time = close.map((_, t) => START + t * HOUR);
  const high = close.map((own, t) => Math.max(own, open[t]!));
  const low = close.map((own, t) => Math.min(own, open[t]!));
  const volume = close.map(() => 1 + rng.uniform());
  const takerBuyVolume = volume.map((own) => own * rng.uniform());
  return { symbol, timeframe: HOUR, length, time, open, close, high, low, volume, takerBuyVolume };
}

const BARS = 3000;
type SeriesKind = 'follows the price' | 'six hours early' | 'next day' | 'next day, half noise';

function isForeseen(kind: SeriesKind, index: number): boolean {
  const bars = walk(`${kind} ${index}`, BARS);
  const rng = createRng(`series ${kind} ${index}`);
  const early = kind === 'six hours early' ? 6 : 0;
  const isOfPrice = kind === 'follows the price' || early > 0;
  const noise = kind === 'next day, half noise' ? 1 : 0;
  const valueAt = (close: number, t: number): number => {
    if (isOfPrice) return 1000 * close ** 2 * Math.exp(0.002 * rng.normal());
    const next = Math.log(bars.close[Math.min(t + 24, BARS - 1)]! / close);
    // The move of a day has a standard deviation of 0.03.
    return Math.min(100, Math.max(0, 50 + 500 * (next + noise * 0.03 * rng.normal())));
  };
  const eventTime = bars.time.map((open) => open + (1 - early) * HOUR);
  const history: SeriesHistory = {
    length: BARS,
    eventTime,
    arrivalTime: eventTime,
    value: bars.close.map(valueAt),
  };
  const name = isOfPrice ? 'open_interest' : 'sentiment';
  return refuses(() => refuseForeseeingSeries([{ bars, series: { ...NO_SERIES, [name]: history } }]));
}

/** Rows whose columns are replaced, built once. */
let rowsOfWalk: InstrumentRows | undefined;

/** @param share of the rows in which the column is the label; noise in the others */
function isColumnRefused(share: number, index: number): boolean {
  rowsOfWalk ??= instrumentRows([{ bars: walk('columns', BARS), series: NO_SERIES }], {
    windows: { ...INSTRUMENT_WINDOWS, short_window: 8, medium_window: 16, long_window: 24 },
    label: EVALUATION_LABEL,
  });
  const rows = rowsOfWalk;
  const rng = createRng(`column ${share} ${index}`);
  const values = rows.x.values.slice();
  const column = rows.columns.indexOf('funding_rate');
  let slow = 0;
  for (let row = 0; row < rows.x.rows; row++) {
    slow = 0.95 * slow + rng.normal();
    const isLabel = rng.uniform() < share;
    values[row * rows.x.columns + column] = isLabel ? (rows.evaluation[row] === UP ? 5 : -5) : slow;
  }
  const train = Int32Array.from({ length: rows.x.rows }, (_, row) => row);
  return refuses(() => refuseForeseeingColumns({ ...rows, x: { ...rows.x, values } }, train));
}

function refuses(check: () => unknown): boolean {
  try {
    check();
    return false;
  } catch (error) {
    if (error instanceof MinutehandError) return true;
    throw error;
  }
}

const TRADES = 150;
/** Standard deviation of a trade's result, bps, and correlation with that of an entry one bar later. */
const TRADE_DEVIATION = 150;
const LATER_CORRELATION = 0.9;

function isLaterRefused(net: number, later: number, index: number): boolean {
  const rng = createRng(`later ${net} ${later} ${index}`);
  let own = 0;
  let delayed = 0;
  for (let trade = 0; trade < TRADES; trade++) {
    const shared = rng.normal();
    const mixed = LATER_CORRELATION * shared + Math.sqrt(1 - LATER_CORRELATION ** 2) * rng.normal();
    own += (net + TRADE_DEVIATION * shared) / TRADES;
    delayed += (later + TRADE_DEVIATION * mixed) / TRADES;
  }
  // Only an edge is claimed, and an edge is above 0.
  if (own <= 0) return false;
  return refusesGate('direction.one_bar_later', {
    delayed: { net_bps: own, delayed_net_bps: delayed, delayed_trades: TRADES },
  });
}

/** @param skill share of the labels that the answers know; the others are answered at random */
function isF1Refused(skill: number, index: number): boolean {
  const rng = createRng(`f1 ${skill} ${index}`);
  const rows = 200 * LABEL_HOURS;
  const labels = new Float64Array(rows);
  const probabilities = new Float64Array(3 * rows);
  for (let row = 0; row < rows; row++) {
    labels[row] = row % LABEL_HOURS === 0 ? rng.integer(3) : labels[row - 1]!;
    const answer = rng.uniform() < skill ? labels[row]! : rng.integer(3);
    probabilities[3 * row + answer] = 1;
  }
  const time = labels.map((_, row) => START + row * HOUR);
  const labelEnd = time.map((own) => own + LABEL_HOURS * HOUR);
  return refusesGate('direction.f1', { f1: classF1({ classes: 3, probabilities, labels }, { time, labelEnd }) });
}

type Told = readonly [measures: GateCase['measures'], world: string];

const bias = ([measures, world]: Told, answered: number, went: number): GateCase => ({
  gate: 'direction.bias',
  measures,
  world,
  worlds: 2000,
  refuses: (index) => isBiased(answered, went, index),
});
const plausible = (measures: GateCase['measures'], trueAuc: number): GateCase => ({
  gate: 'direction.plausible',
  measures,
  worlds: 1000,
  world: `a true AUC of up against down of ${trueAuc}, 200 days`,
  refuses: (index) => isImplausible(trueAuc, index),
});
const series = ([measures, world]: Told, kind: SeriesKind): GateCase => ({
  gate: 'direction.series_foresight',
  measures,
  world,
  worlds: 200,
  refuses: (index) => isForeseen(kind, index),
});
const column = ([measures, world]: Told, share: number): GateCase => ({
  gate: 'direction.single_column',
  measures,
  world,
  worlds: 200,
  refuses: (index) => isColumnRefused(share, index),
});
const later = ([measures, world]: Told, net: number, after: number): GateCase => ({
  gate: 'direction.one_bar_later',
  measures,
  world,
  worlds: 2000,
  refuses: (index) => isLaterRefused(net, after, index),
});
const f1 = ([measures, world]: Told, skill: number): GateCase => ({
  gate: 'direction.f1',
  measures,
  world,
  worlds: 200,
  refuses: (index) => isF1Refused(skill, index),
});

export const DIRECTION_CASES: readonly GateCase[] = [
  bias(['false alarms', 'a calibrated model, 100 labels one after the other, half of them up'], 0.5, 0.5),
  bias(['false alarms', 'the same, 57 % up'], 0.57, 0.57),
  bias(['power', 'answers 65 % up, half of the labels up'], 0.65, 0.5),
  bias(['power', 'answers 55 % up, 30 % of the labels up'], 0.55, 0.3),
  plausible('false alarms', 0.5),
  plausible('false alarms', 0.53),
  plausible('false alarms', 0.57),
  plausible('power', 0.62),
  plausible('power', 0.66),
  plausible('power', 0.7),
  series(['false alarms', 'open interest that follows the price'], 'follows the price'),
  series(['power', 'open interest, six hours early'], 'six hours early'),
  series(['power', 'sentiment that knows the next 24 hours'], 'next day'),
  series(['power', 'the same, half of its variance noise'], 'next day, half noise'),
  column(['false alarms', 'a slow column of noise'], 0),
  column(['power', 'a column that is the label'], 1),
  column(['power', 'a column that is the label in three of four rows'], 0.75),
  later(['false alarms', `an edge of 40 bps that stays, ${TRADES} trades`], 40, 40),
  later(['power', `an edge of 40 bps that is gone, ${TRADES} trades`], 40, 0),
  f1(['false alarms', 'an expected F1 of 0.67: half of the labels are known'], 0.5),
  f1(['power', 'answers at random'], 0),
];
