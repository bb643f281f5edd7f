import { SECONDS_PER_BAR } from '../../bar.ts';
import { isEntryClosed } from '../../core/cost/entry_window.ts';
import { MINUTES_PER_WEEK } from '../../core/cost/new_york_time.ts';
import { hasNewsWindows, isNewsClose, isNewsTime, minutesOfNews } from '../../core/news/news_rule.ts';
import { adverseZ, type Market } from '../../core/position/position.ts';
import { comparison, fact } from '../../core/rule/conditions.ts';
import type { Condition, Rule } from '../../core/rule/rule.ts';
import type { PairQuestion } from './pair_input.ts';

export type PairReason =
  | 'Z_EXIT'
  | 'STOP'
  | 'MAX_AGE'
  | 'RISK_EXIT'
  | 'NEWS_CLOSE'
  | 'CLOSE_ALL'
  | 'STOPPED'
  | 'NO_MODEL'
  | 'KPI_HALT'
  | 'NO_EDGE'
  | 'BETA_RANGE'
  | 'NO_SETUP'
  | 'SESSION'
  | 'NEWS'
  | 'NOVEL_INPUT'
  | 'PROB_LOW'
  | 'RISK_HIGH'
  | 'COST_HIGH'
  | 'EXPOSURE';
export type PairExitName = 'reverted' | 'stop_loss' | 'age' | 'risk' | 'news_close' | 'close_all';
export type PairEntryName =
  | 'stop'
  | 'model'
  | 'halt'
  | 'edge'
  | 'beta_min'
  | 'beta_max'
  | 'z'
  | 'session'
  | 'news'
  | 'novelty'
  | 'return_prob'
  | 'risk_score'
  | 'expected_net'
  | 'exposure';

const isScored = ({ scores }: PairQuestion): boolean => scores !== null;
const riskScore = ({ scores }: PairQuestion): number => (scores === null ? NaN : scores.risk_score);
const hedge = ({ market }: PairQuestion): number => Math.abs(market.beta);
/** z of the entry's parameters, on the entry's side of zero: falls as the spread reverts. */
const frozenZ = ({ market, position }: PairQuestion): number => adverseZ(position, market.lnA, market.lnB);

/** NaN where the bundle does not describe the rows that it learned from. */
const noveltyOf = ({ scores }: PairQuestion): number => scores?.novelty ?? NaN;
const isNoveltyKnown = (input: PairQuestion): boolean => !Number.isNaN(noveltyOf(input));

/** Exits need no edge, and all but RISK_EXIT need no model. */
const exits: readonly Condition<PairQuestion, PairExitName, PairReason>[] = [
  comparison({
    name: 'reverted',
    reason: 'Z_EXIT',
    limitFrom: 'policy',
    relation: '<=',
    value: frozenZ,
    limit: ({ policy }) => policy.z_exit,
    scale: ({ policy }) => policy.z_entry,
  }),
  comparison({
    name: 'stop_loss',
    reason: 'STOP',
    limitFrom: 'entry',
    relation: '>=',
    value: frozenZ,
    limit: ({ position, policy }) => Math.abs(position.entryZ) + policy.stop,
    scale: ({ policy }) => policy.z_entry,
  }),
  comparison({
    name: 'age',
    reason: 'MAX_AGE',
    limitFrom: 'policy',
    relation: '>=',
    value: ({ position }) => position.ageBars,
    limit: ({ policy }) => policy.max_age_bars,
  }),
  comparison({
    name: 'risk',
    reason: 'RISK_EXIT',
    limitFrom: 'policy',
    relation: '>=',
    value: riskScore,
    limit: ({ policy }) => policy.risk_exit,
    applies: isScored,
  }),
  fact({
    name: 'news_close',
    reason: 'NEWS_CLOSE',
    limitFrom: 'policy',
    holds: ({ terms, time }) => isNewsClose(terms.news) && isNewsTime(terms.news, time),
    applies: ({ terms }) => isNewsClose(terms.news),
  }),
  fact({
    name: 'close_all',
    reason: 'CLOSE_ALL',
    limitFrom: 'person',
    holds: ({ terms }) => terms.stop === 'close',
  }),
];

const entries: readonly Condition<PairQuestion, PairEntryName, PairReason>[] = [
  fact({
    name: 'stop',
    reason: 'STOPPED',
    limitFrom: 'person',
    holds: ({ terms }) => terms.stop === undefined || terms.stop === null,
  }),
  fact({ name: 'model', reason: 'NO_MODEL', limitFrom: 'bundle', holds: isScored }),
  fact({ name: 'halt', reason: 'KPI_HALT', limitFrom: 'bundle', holds: ({ terms }) => !terms.isHalted }),
  fact({
    name: 'edge',
    reason: 'NO_EDGE',
    limitFrom: 'bundle',
    holds: ({ terms, policy }) => terms.hasEdge || !policy.require_edge,
  }),
  comparison({
    name: 'beta_min',
    reason: 'BETA_RANGE',
    limitFrom: 'policy',
    relation: '>=',
    value: hedge,
    limit: ({ policy }) => policy.beta_min,
  }),
  comparison({
    name: 'beta_max',
    reason: 'BETA_RANGE',
    limitFrom: 'policy',
    relation: '<=',
    value: hedge,
    limit: ({ policy }) => policy.beta_max,
  }),
  comparison({
    name: 'z',
    reason: 'NO_SETUP',
    limitFrom: 'policy',
    relation: '>=',
    value: ({ market }) => Math.abs(market.z),
    limit: ({ policy }) => policy.z_entry,
  }),
  {
    name: 'session',
    reason: 'SESSION',
    limitFrom: 'policy',
    holds: ({ policy, time }) => !isEntryClosed(policy.no_entry_windows, time + SECONDS_PER_BAR),
    measure: (input) => ({ value: minutesUntilOpen(input), relation: '<=', limit: 0, scale: MINUTES_PER_WEEK }),
  },
  {
    name: 'news',
    reason: 'NEWS',
    limitFrom: 'policy',
    holds: ({ terms, time }) => !isNewsTime(terms.news, time),
    measure: ({ terms, time }) => ({
      value: minutesOfNews(terms.news, time),
      relation: '<=',
      limit: 0,
      scale: MINUTES_PER_WEEK,
    }),
    applies: ({ terms }) => hasNewsWindows(terms.news),
  },
  // Before the answers of the models: what they say of an input that they have never seen counts for nothing.
  comparison({
    name: 'novelty',
    reason: 'NOVEL_INPUT',
    limitFrom: 'policy',
    relation: '>=',
    value: (input) => (isNoveltyKnown(input) ? noveltyOf(input) : 1),
    limit: ({ policy }) => policy.novelty_min ?? 0,
    applies: (input) => input.policy.novelty_min !== undefined && isNoveltyKnown(input),
  }),
  comparison({
    name: 'return_prob',
    reason: 'PROB_LOW',
    limitFrom: 'bundle',
    relation: '>',
    value: ({ scores }) => (scores === null ? NaN : scores.return_prob),
    limit: ({ terms }) => terms.theta1,
    applies: isScored,
  }),
  comparison({
    name: 'risk_score',
    reason: 'RISK_HIGH',
    limitFrom: 'bundle',
    relation: '<',
    value: riskScore,
    limit: ({ terms }) => terms.theta2,
    applies: isScored,
  }),
  comparison({
    name: 'expected_net',
    reason: 'COST_HIGH',
    limitFrom: 'policy',
    relation: '>',
    value: ({ scores }) => (scores === null ? NaN : scores.expected_net_bps),
    limit: ({ policy }) => policy.min_expected_net_bps,
    scale: ({ roundTripBps = NaN }) => roundTripBps,
    applies: isScored,
  }),
  // Last: an entry is refused for what is open elsewhere only where nothing else refuses it.
  comparison({
    name: 'exposure',
    reason: 'EXPOSURE',
    limitFrom: 'policy',
    relation: '<=',
    value: ({ terms }) => terms.exposure?.net ?? 0,
    limit: ({ terms }) => terms.exposure?.limit ?? 0,
    applies: ({ terms }) => terms.exposure !== null && terms.exposure !== undefined,
  }),
];

/** The rule of a pair: sells a spread that is far above its mean, buys one that is far below. */
export const PAIR_RULE: Rule<PairQuestion, PairReason, PairExitName, PairEntryName> = {
  exits,
  entries,
  entrySide: ({ market }) => sideAgainst(market),
};

/** The side of an entry: against the deviation. */
export function sideAgainst({ z }: Market): -1 | 1 {
  return z > 0 ? -1 : 1;
}

/** Minutes from the fill, one bar after the open, until entries are allowed; a week when they never are. */
function minutesUntilOpen({ policy, time }: PairQuestion): number {
  const fill = time + SECONDS_PER_BAR;
  for (let minutes = 0; minutes < MINUTES_PER_WEEK; minutes++)
    if (!isEntryClosed(policy.no_entry_windows, fill + minutes * 60)) return minutes;
  return MINUTES_PER_WEEK;
}
