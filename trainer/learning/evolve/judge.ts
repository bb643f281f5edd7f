import { EDGE_LEVEL, lookLevel, MIN_TRADES } from '../backtest/edge.ts';
import { TRADING_DAYS_PER_YEAR } from '../../../shared/bundle/holdout_sharpe.ts';
import {
  MAX_OVERFITTING,
  MAX_SPA_P,
  MIN_DEFLATED_SHARPE,
  oneBarLaterCheck,
  ruleCheck,
  type RuleCheck,
} from '../formula_rules/rule_checks.ts';
import { laterColumns, ruleColumns } from '../formula_rules/rule_columns.ts';
import {
  meanNet,
  reportedTrade,
  ruleEdge,
  ruleReport,
  type ReportedTrade,
  type RuleEdge,
  type RuleReport,
} from '../formula_rules/rule_report.ts';
import type { RuleSubject } from '../formula_rules/rule_subject.ts';
import { ruleTrades } from '../formula_rules/rule_trades.ts';
import { checkStrategy, type FormulaStrategy, type StrategyDocument } from '../../../shared/policy/strategy_file.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import {
  deflatedSharpe,
  expectedMaxSharpe,
  probabilisticSharpe,
  sharpeFacts,
} from '../statistics/deflated_sharpe_ratio.ts';
import { CSCV_BLOCKS, overfittingProbability } from '../statistics/overfitting_probability.ts';
import { superiorAbility } from '../statistics/superior_ability.ts';
import type { FilledTrade } from '../trades/backtest.ts';
import {
  frontOf,
  newEvolution,
  nextGeneration,
  proposedRule,
  type EvaluatedRule,
  type EvolutionState,
} from './evolution.ts';
import { genomeOf, strategyOf } from './genome.ts';
import { RuleEvaluator } from './rule_evaluator.ts';
import { searchMarket, type Development, type SearchMarket } from './search_market.ts';
import type { SearchSpace } from './search_space.ts';

/** Blocks on which the searches of the walk-forward end; each trades the blocks up to the next one's end. */
export const WALK_FORWARD_BLOCKS = [8, 10, 12, 14] as const;
/** The searches: of all blocks, then those of the walk-forward. */
export const SEARCH_BLOCKS: readonly number[] = [CSCV_BLOCKS, ...WALK_FORWARD_BLOCKS];
const RULES_OF_FRONT = 20;
const MOST_ANCESTORS = 30;

/** Makes the generations of a search that its state lacks, in place; calls back after each. */
export type AdvanceSearch = (blocks: number, state: EvolutionState, onGeneration: () => Promise<void>) => Promise<void>;

export interface EvolveOptions {
  readonly subject: RuleSubject;
  readonly space: SearchSpace;
  readonly windows: Windows;
  /** Bars of the history that are decided on, [from, to). */
  readonly bars: Development;
  /** First bar of the holdout: no search sees it or a later one. */
  readonly holdoutFrom: number;
  readonly seed: string;
  /** Of the bootstrap. */
  readonly resamples: number;
  /** The searches so far, by their blocks; kept current. */
  readonly searches: Record<string, EvolutionState>;
  /**
   * Counts the evaluation of the holdout before its result is known; absent: it is not counted.
   * @returns its number, from 1
   */
  lookAt?(trades: readonly FilledTrade[]): number;
  /** Rules of other searches and judgements that were tried on the bars before this holdout; absent: none. */
  readonly trialsBefore?: number;
  /** Searches elsewhere, all of them side by side; absent: on this thread, one after the other. */
  readonly searchElsewhere?: (market: SearchMarket) => AdvanceSearch;
  /** Called after each generation: what is kept then continues from here. Awaited. */
  onGeneration(done: number, total: number, rules: number): Promise<void> | void;
}

/** A rule of the front with its figures on the training blocks. */
export interface FrontRule extends Omit<EvaluatedRule, 'parents' | 'key'> {
  readonly strategy: StrategyDocument;
}

export interface EvolveResult {
  /** Every rule ever evaluated, in all searches; a rule counts once. */
  readonly trials: number;
  readonly searches: readonly { readonly blocks: number; readonly generations: number; readonly rules: number }[];
  readonly front: readonly FrontRule[];
  /** null: no rule has enough trades. */
  readonly proposed: ProposedRule | null;
  readonly checks: readonly RuleCheck[];
  /** Whether all checks passed. */
  readonly accepted: boolean;
}

export interface ProposedRule {
  readonly strategy: StrategyDocument;
  /** Of the training blocks, annualized. */
  readonly sharpe: number;
  /** Annualized Sharpe ratio that the best of as many rules without skill is expected to reach. */
  readonly expected_max_sharpe: number;
  readonly deflated_sharpe: number;
  /**
   * Both with the variance of the net ratios of all rules that were tried, which costs and selection widen: no check.
   */
  readonly expected_max_sharpe_of_tried: number;
  readonly deflated_sharpe_of_tried: number;
  readonly overfitting_probability: number | null;
  readonly overfitting_trials: number;
  readonly spa_p: number;
  readonly white_p: number;
  readonly development: RuleReport;
  readonly walk_forward: { readonly trades: number; readonly net_bps: number | null } & RuleEdge;
  readonly holdout: RuleReport;
  /** Number of the evaluation of the holdout, at whose level its edge is tested; null: it was not counted. */
  readonly holdout_look: number | null;
  /** Of development period and holdout, in order. */
  readonly trades: readonly ReportedTrade[];
  /** Rules that it came from, the parents first. */
  readonly lineage: readonly StrategyDocument[];
}

/**
 * Searches, and judges what it proposes: on the development period by the deflated Sharpe ratio over every rule that
 * was ever evaluated, the probability of overfitting, and Hansen's test; by searches that end before the blocks on
 * which their rules trade; and on the holdout, once.
 */
export async function evolve(options: EvolveOptions): Promise<EvolveResult> {
  const { subject, space, bars, holdoutFrom } = options;
  const market = searchMarket(subject, space, { from: bars.from, to: holdoutFrom });
  const evaluator = new RuleEvaluator(market, space);
  await runSearches(market, evaluator, options);
  const { searches } = options;
  const states = SEARCH_BLOCKS.map((blocks) => searches[blocks]!);
  const keys = [...new Set(states.flatMap(({ evaluated }) => evaluated.map(({ key }) => key)))];
  const main = states[0]!;
  const proposed = proposedRule(main, space);
  const counted = SEARCH_BLOCKS.map((blocks, i) => ({
    blocks,
    generations: states[i]!.generation,
    rules: states[i]!.evaluated.length,
  }));
  const front = frontOf(main, space, RULES_OF_FRONT).map(({ key, sharpe, drawdown, trades }): FrontRule => ({
    sharpe,
    drawdown,
    trades,
    strategy: strategyDocument(key, space, 'front'),
  }));
  const judged = proposed === null ? null : judge(proposed, main, keys, evaluator, options);
  const checks = checksOf(judged);
  const accepted = checks.every(({ passed }) => passed);
  return { trials: keys.length, searches: counted, front, proposed: judged, checks, accepted };
}

async function runSearches(market: SearchMarket, evaluator: RuleEvaluator, options: EvolveOptions): Promise<void> {
  const { space, searches, searchElsewhere } = options;
  const { generations } = space.document;
  const total = generations * SEARCH_BLOCKS.length;
  const isDone = (): number => Object.values(searches).reduce((sum, { generation }) => sum + generation, 0);
  const rules = (): number => Object.values(searches).reduce((sum, { evaluated }) => sum + evaluated.length, 0);
  const onGeneration = async (): Promise<void> => void (await options.onGeneration(isDone(), total, rules()));
  for (const blocks of SEARCH_BLOCKS) searches[blocks] ??= newEvolution();
  if (searchElsewhere === undefined) {
    const advance = searchHere(evaluator, options);
    for (const blocks of SEARCH_BLOCKS) await advance(blocks, searches[blocks]!, onGeneration);
  } else {
    const advance = searchElsewhere(market);
    await Promise.all(SEARCH_BLOCKS.map((blocks) => advance(blocks, searches[blocks]!, onGeneration)));
  }
}

function searchHere(evaluator: RuleEvaluator, { space, seed }: EvolveOptions): AdvanceSearch {
  return async (blocks, state, onGeneration) => {
    while (state.generation < space.document.generations) {
      nextGeneration(state, { space, evaluator, seed, blocks });
      await onGeneration();
    }
  };
}

function judge(
  proposed: EvaluatedRule,
  main: EvolutionState,
  keys: readonly string[],
  evaluator: RuleEvaluator,
  options: EvolveOptions,
): ProposedRule {
  const { subject, space, bars, holdoutFrom, seed, resamples, windows } = options;
  const results = keys.map((key) => evaluator.evaluate(genomeOf(key)));
  const own = results[keys.indexOf(proposed.key)]!;
  const facts = sharpeFacts(own.days);
  const byTried = deflatedSharpe(
    facts,
    results.map(({ days }) => sharpeFacts(days).sharpe),
  );
  // Variance of the ratio of independent days without skill. That of the rules that were tried is no estimate of it:
  // how often they pay costs, and whom they are bred from, disperse their ratios further, and no rule of any skill
  // passes.
  const expectedMax = expectedMaxSharpe(keys.length + (options.trialsBefore ?? 0), 1 / (own.days.length - 1));
  // Rules with equal trades are one model of a test.
  const different = [
    ...new Map(
      results.flatMap(({ days, trades }) =>
        trades < MIN_TRADES ? [] : [[Buffer.from(days.buffer).toString('base64'), days] as const],
      ),
    ).values(),
  ];
  const ownIndex = different.findIndex((days) => days.every((value, day) => value === own.days[day]));
  const ability = superiorAbility(different, { seed: `${seed}/evolve`, resamples });
  const overfitting = different.length < 2 ? null : overfittingProbability(different, evaluator.blockOfDay);
  const strategy = strategyDocument(proposed.key, space, 'evolved');
  const rule = checked(strategy, windows);
  const columns = ruleColumns(subject, rule);
  const later = laterColumns(subject, rule);
  const development = ruleTrades(subject, columns, bars.from, holdoutFrom);
  const holdout = ruleTrades(subject, columns, holdoutFrom, bars.to);
  const forward = walkForwardTrades(evaluator, options);
  const look = options.lookAt?.(holdout) ?? null;
  return {
    strategy,
    sharpe: proposed.sharpe,
    expected_max_sharpe: expectedMax * Math.sqrt(TRADING_DAYS_PER_YEAR),
    deflated_sharpe: probabilisticSharpe(facts, expectedMax),
    expected_max_sharpe_of_tried: byTried.expectedMaxSharpe * Math.sqrt(TRADING_DAYS_PER_YEAR),
    deflated_sharpe_of_tried: byTried.deflated,
    overfitting_probability: overfitting?.probability ?? null,
    overfitting_trials: different.length,
    spa_p: ability.adjusted[ownIndex]!,
    white_p: ability.pWhite,
    development: ruleReport({ subject, trades: development, later, look: null }, bars.from, holdoutFrom),
    walk_forward: { trades: forward.length, net_bps: meanNet(forward), ...ruleEdge(forward, null) },
    holdout: ruleReport({ subject, trades: holdout, later, look }, holdoutFrom, bars.to),
    holdout_look: look,
    trades: [...development, ...holdout].map(reportedTrade),
    lineage: lineageOf(proposed, main).map((key) => strategyDocument(key, space, 'ancestor')),
  };
}

/** Trades of the rule that each search of the walk-forward proposes, on the blocks that it has not seen. */
function walkForwardTrades(evaluator: RuleEvaluator, options: EvolveOptions): FilledTrade[] {
  const { subject, space, windows, searches } = options;
  return WALK_FORWARD_BLOCKS.flatMap((blocks, i) => {
    const rule = proposedRule(searches[blocks]!, space);
    if (rule === null) return [];
    const { from, to } = evaluator.barsOfBlocks(blocks, WALK_FORWARD_BLOCKS[i + 1] ?? CSCV_BLOCKS);
    const strategy = checked(strategyDocument(rule.key, space, 'walk_forward'), windows);
    return ruleTrades(subject, ruleColumns(subject, strategy), from, to);
  });
}

function strategyDocument(key: string, space: SearchSpace, name: string): StrategyDocument {
  return strategyOf(genomeOf(key), space, name, `Found by evolution in the space ${space.document.name}.`);
}

/** Formulas of a space have been checked. */
function checked(document: StrategyDocument, windows: Windows): FormulaStrategy {
  const strategy = checkStrategy(document, windows, () => document.name);
  if (Array.isArray(strategy)) throw new RangeError(`a rule of a space is invalid: ${JSON.stringify(strategy)}`);
  return strategy as FormulaStrategy;
}

function lineageOf({ parents }: EvaluatedRule, { evaluated }: EvolutionState): string[] {
  const known = new Map(evaluated.map((rule) => [rule.key, rule]));
  const seen = new Set<string>();
  let current = [...parents];
  while (current.length > 0 && seen.size < MOST_ANCESTORS) {
    for (const key of current) seen.add(key);
    current = current.flatMap((key) => known.get(key)?.parents ?? []).filter((key) => !seen.has(key));
  }
  return [...seen].slice(0, MOST_ANCESTORS);
}

function checksOf(rule: ProposedRule | null): RuleCheck[] {
  const level = rule === null || rule.holdout_look === null ? EDGE_LEVEL : lookLevel(rule.holdout_look);
  return [
    ruleCheck('TRADES', rule?.development.performance.trades ?? 0, '>=', MIN_TRADES),
    ruleCheck('DEFLATED_SHARPE', rule?.deflated_sharpe, '>=', MIN_DEFLATED_SHARPE),
    ruleCheck('OVERFITTING', rule?.overfitting_probability, '<=', MAX_OVERFITTING),
    ruleCheck('SPA', rule?.spa_p, '<=', MAX_SPA_P),
    ruleCheck('WALK_FORWARD', rule?.walk_forward.p, '<', EDGE_LEVEL),
    ruleCheck('HOLDOUT', rule?.holdout.edge.p, '<', level),
    oneBarLaterCheck(rule?.development),
  ];
}
