import { createRng } from '../../../shared/rng.ts';
import { sigmoid } from '../../../shared/elementary.ts';
import type { Rng } from '../../../shared/ports.ts';
import { checkDelayed } from '../../../trainer/learning/gates/edge_with_columns_one_bar_later.ts';
import { checkPlausible, MODEL_AUC_LIMITS, ranksByPair } from '../../../trainer/learning/gates/auc_plausible.ts';
import { checkSkill } from '../../../trainer/learning/gates/skill.ts';
import { auc } from '../../../trainer/learning/measures/metrics.ts';
import { checkPredictionDispersion } from '../../../trainer/learning/gates/prediction_dispersion.ts';
import { dispersionOfPredictions } from '../../../trainer/learning/validate/prediction_dispersion.ts';
import { coinDraws } from '../../../trainer/learning/placebo/placebo_rows.ts';
import { type ScoredRows, skillOf } from '../../../trainer/learning/placebo/skill.ts';
import { normalQuantile } from '../../../trainer/learning/statistics/normal.ts';
import type { GateCase } from './gate_case.ts';

const START = 1_546_473_600;
const DAY = 86_400;
const PAIRS = Array.from({ length: 10 }, (_, i) => `P${i}`);

/** Answers of a tree model: one of so many leaves, kept for some minutes. */
const LEAVES = 30;
const DAYS = 20;
const ROWS_PER_DAY = 24;

/** Of ten pairs over twenty days; the last pair has `lastRows` answers in its last 24 hours, after a day with none. */
function isDispersionRefused(seed: string, lastRows: number, isFrozen: boolean): boolean {
  const rng = createRng(seed);
  const time: number[] = [];
  const scores: number[] = [];
  const pair: number[] = [];
  PAIRS.forEach((_, own) => {
    const isLastPair = own === PAIRS.length - 1;
    let leaf = rng.integer(LEAVES);
    for (let day = 0; day < DAYS; day++) {
      const isEnd = day === DAYS - 1;
      const isQuiet = isLastPair && day === DAYS - 2 && lastRows < ROWS_PER_DAY;
      const rows = isQuiet ? 0 : isEnd && isLastPair ? lastRows : ROWS_PER_DAY;
      for (let row = 0; row < rows; row++) {
        if (rng.uniform() < 1 / 3) leaf = rng.integer(LEAVES);
        time.push(START + day * DAY + Math.floor(((row + 1) * (DAY - 120)) / (rows + 1)));
        scores.push(isFrozen && isEnd && isLastPair ? 0.5 : 0.3 + (0.4 * leaf) / LEAVES);
        pair.push(own);
      }
    }
  });
  const spread = dispersionOfPredictions(
    Float64Array.from(time),
    Float64Array.from(scores),
    Int32Array.from(pair),
    PAIRS,
  );
  return !checkPredictionDispersion(spread).passed;
}

/** Rows of a holdout that are worth independent ones, and scores of two normals of this true AUC. */
const HOLDOUT_ROWS = 400;

function isAucRefused(model: keyof typeof MODEL_AUC_LIMITS, trueAuc: number, seed: string): boolean {
  const rng = createRng(seed);
  const distance = Math.SQRT2 * normalQuantile(trueAuc);
  const labels = Float64Array.from({ length: HOLDOUT_ROWS }, () => (rng.uniform() < 0.5 ? 1 : 0));
  const scores = labels.map((label) => label * distance + rng.normal());
  return checkPlausible(model, auc(scores, labels))?.passed === false;
}

/** Independent rows of each of ten pairs, of which the last one has another true AUC than the others. */
const PAIR_ROWS = 300;

function isPairRefused(own: number, others: number, seed: string): boolean {
  const rng = createRng(seed);
  const pair = Int32Array.from({ length: PAIRS.length * PAIR_ROWS }, (_, row) => Math.floor(row / PAIR_ROWS));
  const y = Float64Array.from(pair, () => (rng.uniform() < 0.5 ? 1 : 0));
  const distances = [others, own].map((trueAuc) => Math.SQRT2 * normalQuantile(trueAuc));
  const scores = y.map((label, row) => label * distances[pair[row] === PAIRS.length - 1 ? 1 : 0]! + rng.normal());
  const time = Float64Array.from(pair, (_, row) => START + 3600 * (row % PAIR_ROWS));
  const rows = { y, pair, time, labelEnd: time.map((at) => at + 3600) };
  return checkPlausible('ai1', auc(scores, y), ranksByPair(rows, scores, PAIRS))?.passed === false;
}

/** An edge on one pair: the gate applies to bundles that claim one. */
const CLAIMED = { EURUSD_GBPUSD: { no_edge: false, mean_net_bps: 3 } } as never;
const SKILL_ROWS_PER_DAY = 40;

/** Scores and labels share what every day has of volatility, and of direction so many times that. */
function market(rng: Rng, days: number, direction: number): ScoredRows {
  const rows = days * SKILL_ROWS_PER_DAY;
  const scores = new Float64Array(rows);
  const y = new Float64Array(rows);
  const time = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const geometry = rng.normal();
    const hint = rng.normal();
    scores[i] = geometry + hint;
    y[i] = rng.uniform() < sigmoid(geometry + direction * hint) ? 1 : 0;
    time[i] = START + DAY * Math.floor(i / SKILL_ROWS_PER_DAY) + 600 * (i % SKILL_ROWS_PER_DAY);
  }
  return { scores, y, time };
}

function isSkillRefused(days: number, direction: number, index: number): boolean {
  const seed = `skill ${days} ${direction} ${index}`;
  const placebos = Array.from({ length: coinDraws(days) }, (_, draw) =>
    market(createRng(`${seed} placebo ${draw}`), days, 0),
  );
  const skill = skillOf(market(createRng(seed), days, direction), placebos, seed);
  return !checkSkill(skill, CLAIMED).passed;
}

const TRADES = 60;
/** Standard deviation of a trade's result, and correlation with that of an entry one bar later. */
const TRADE_DEVIATION = 12;
const LATER_CORRELATION = 0.9;

/** Mean results of trades before and after columns come one bar later. */
function isDelayedRefused(net: number, later: number, index: number): boolean {
  const rng = createRng(`delayed ${net} ${later} ${index}`);
  let own = 0;
  let delayed = 0;
  for (let trade = 0; trade < TRADES; trade++) {
    const shared = rng.normal();
    const other = rng.normal();
    own += (net + TRADE_DEVIATION * shared) / TRADES;
    const mixed = LATER_CORRELATION * shared + Math.sqrt(1 - LATER_CORRELATION ** 2) * other;
    delayed += (later + TRADE_DEVIATION * mixed) / TRADES;
  }
  // Only an edge is claimed, and an edge is above 0.
  if (own <= 0) return false;
  const edge = { EURUSD_GBPUSD: { no_edge: false, mean_net_bps: own } } as never;
  const after = { EURUSD_GBPUSD: { no_edge: false, mean_net_bps: delayed } } as never;
  return !checkDelayed(edge, { columns: ['x'], edge: after }).passed;
}

const dispersion = (measures: GateCase['measures'], world: string, lastRows: number): GateCase => ({
  gate: 'prediction_dispersion',
  measures,
  world,
  worlds: 400,
  refuses: (index) => isDispersionRefused(`dispersion ${lastRows} ${index}`, lastRows, measures === 'power'),
});

const plausible = (model: keyof typeof MODEL_AUC_LIMITS, measures: GateCase['measures'], auc: number): GateCase => ({
  gate: `${model}.auc_plausible`,
  measures,
  worlds: 1000,
  world: `a true AUC of ${auc}, ${HOLDOUT_ROWS} independent rows`,
  refuses: (index) => isAucRefused(model, auc, `plausible ${model} ${auc} ${index}`),
});

const plausiblePair = (measures: GateCase['measures'], own: number): GateCase => ({
  gate: 'ai1.auc_plausible',
  measures,
  worlds: 1000,
  world: `a true AUC of 0.63 of nine pairs and ${own} of a tenth, ${PAIR_ROWS} independent rows of each`,
  refuses: (index) => isPairRefused(own, 0.63, `plausible pair ${own} ${index}`),
});

/** Here a pass is the false alarm: a model without direction must be refused. */
const skill = (days: number, direction: number, auc: string): GateCase => ({
  gate: 'ai1.skill',
  measures: direction === 0 ? 'power' : 'false alarms',
  worlds: 400,
  world:
    direction === 0
      ? `no skill, ${days} trading days, an AUC of 0.62 by geometry`
      : `a skill of ${auc}, ${days} trading days`,
  refuses: (index) => isSkillRefused(days, direction, index),
});

const delayed = (measures: GateCase['measures'], world: string, net: number, later: number): GateCase => ({
  gate: 'edge_with_columns_one_bar_later',
  measures,
  world,
  worlds: 2000,
  refuses: (index) => isDelayedRefused(net, later, index),
});

export const ANSWER_CASES: readonly GateCase[] = [
  dispersion('false alarms', 'ten pairs, one with 24 answers in its last 24 h', 24),
  dispersion('false alarms', 'ten pairs, one with 2 answers in its last 24 h', 2),
  dispersion('power', 'ten pairs, one of them frozen for its last 24 h', 24),
  plausible('ai1', 'false alarms', 0.63),
  plausible('ai1', 'false alarms', 0.72),
  plausible('ai1', 'power', 0.85),
  plausiblePair('false alarms', 0.72),
  plausiblePair('power', 0.95),
  plausible('ai2', 'false alarms', 0.83),
  plausible('ai2', 'power', 0.96),
  skill(30, 0, ''),
  skill(5, 0, ''),
  skill(30, 0.25, '0.05'),
  skill(30, 0.5, '0.09'),
  delayed('false alarms', `an edge of 4 bps that stays, ${TRADES} trades`, 4, 4),
  delayed('false alarms', `an edge of 4 bps of which 3 stay, ${TRADES} trades`, 4, 3),
  delayed('power', `an edge of 4 bps that is gone, ${TRADES} trades`, 4, 0),
];
