import { folderOfRule } from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { fillCostBps } from '../../../shared/core/cost/fill_cost.ts';
import { isInstrument, parseSubject } from '../../../shared/pair.ts';
import { pairCosts, tradingCosts } from '../../../shared/policy/costs.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { InstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { closedResults } from './closed_results.ts';
import { closedPairResults, pairBarResults } from './pair_bar_results.ts';

/**
 * Results of the bars of an instrument from the answers of one arm in order, from the close before to each close. A
 * position pays half of a round trip when it opens, and half when it closes.
 * @param costBps of a round trip
 * @returns net, basis points of the notional of the position's entry: those of the bars of a trade add up to its result
 */
export function barResults(costBps: number): (body: Pick<InstrumentBody, 'action' | 'target' | 'price'>) => number {
  let side = 0;
  let entryPrice = NaN;
  let price = NaN;
  return ({ action, target, price: close }) => {
    const held = side;
    const moved = close === null || Number.isNaN(price) ? 0 : close - price;
    if (close !== null) price = close;
    const isEntry = action === 'ENTER' && close !== null;
    const isExit = action === 'EXIT' && held !== 0;
    const earned = held === 0 ? 0 : (1e4 * held * moved) / entryPrice;
    if (isEntry) entryPrice = price;
    // A position that was entered before these answers has no known entry.
    side = isEntry || (held !== 0 && target !== 0) ? target : 0;
    return earned - (isEntry || isExit ? costBps / 2 : 0);
  };
}

/** Costs without a profile are the same at every minute. */
const ANY_TIME = 0;

/** What is read of an answer; those of instruments have `price`, those of pairs the last three. */
export type RuleBody = Pick<InstrumentBody, 'pair_id' | 'action' | 'target' | 'price'> &
  Pick<SignalBody, 'beta' | 'price_a' | 'price_b'>;

/** What the answers of one arm to the bars of a subject earn, in order. Each call begins with no position. */
export interface RuleResults {
  /** Of each bar. See `barResults`. */
  bars(): (body: RuleBody) => number;
  /** Of the position that a bar closed; null where it closed none. See `closedResults`. */
  closed(): (body: RuleBody) => number | null;
}

export interface ResultsQuestion {
  /** Id of the instrument, or of the pair. */
  readonly subject: string;
  /** Of the rule. */
  readonly version: string;
  readonly modelsFolder: string;
  readonly settings: Settings;
}

/** Of an instrument by the costs that its rule was judged with. @throws MinutehandError as readRuleBundle */
export function resultsOfRule({ subject, version, modelsFolder, settings }: ResultsQuestion): RuleResults {
  const own = parseSubject(subject);
  if (!isInstrument(own)) {
    const costs = pairCosts(tradingCosts(settings, 'flat'), own);
    return { bars: () => pairBarResults(costs), closed: () => closedPairResults(costs) };
  }
  const { costs } = readRuleBundle(folderOfRule(modelsFolder, version)).manifest;
  const costBps = 2 * fillCostBps(costs, ANY_TIME);
  return { bars: () => barResults(costBps), closed: () => closedResults(costBps) };
}
