import { createRng } from '../../../shared/rng.ts';
import { MIN_TRADES } from '../backtest/edge.ts';
import { cumulate, maxDrawdown } from '../backtest/equity.ts';
import { sharpe } from '../backtest/performance.ts';
import { Breeder, complexityOf, genomeKey, genomeOf, type Genome } from './genome.ts';
import { crowdingDistances, paretoFronts } from './pareto.ts';
import type { RuleEvaluator } from './rule_evaluator.ts';
import type { SearchSpace } from './search_space.ts';

/** Rules of a generation that the best of the one before are, by fitness. */
const ELITE_SHARE = 0.1;
const TOURNAMENT = 3;
const CROSSOVER_SHARE = 0.6;
/** A rule that is known is changed further, at most so often. */
const MOST_CHANGES = 8;
/** Rules with too few trades come last, whatever they earned. */
const FEW_TRADES_SHARPE = -1000;

/** A rule that was evaluated. */
export interface EvaluatedRule {
  readonly key: string;
  /** Annual net Sharpe ratio of the training blocks. */
  readonly sharpe: number;
  readonly drawdown: number;
  readonly trades: number;
  /** Of which rules it was made; none at random. */
  readonly parents: readonly string[];
}

/** The state of a search after a generation; as JSON it continues in another process. */
export interface EvolutionState {
  /** Generations that are done. */
  generation: number;
  /** Keys, [population]. */
  population: string[];
  /** Every rule ever evaluated, in this order. */
  evaluated: EvaluatedRule[];
}

/** What one generation adds to a search. */
export interface GenerationStep {
  readonly population: readonly string[];
  /** Rules that were evaluated for the first time. */
  readonly evaluated: readonly EvaluatedRule[];
}

export function newEvolution(): EvolutionState {
  return { generation: 0, population: [], evaluated: [] };
}

/** The newest generation of a state. @param before number of rules that were evaluated before it */
export function stepOf({ population, evaluated }: EvolutionState, before: number): GenerationStep {
  return { population, evaluated: evaluated.slice(before) };
}

/** Adds a generation that was made elsewhere, in place. */
export function takeStep(state: EvolutionState, { population, evaluated }: GenerationStep): void {
  state.population = [...population];
  state.evaluated.push(...evaluated);
  state.generation++;
}

export interface EvolutionOptions {
  readonly space: SearchSpace;
  readonly evaluator: RuleEvaluator;
  readonly seed: string;
  /** Training blocks: the first ones. */
  readonly blocks: number;
}

/** Net Sharpe ratio after the complexity penalty: by it the elite, tournaments and the proposed rule are chosen. */
export function fitnessOf(rule: EvaluatedRule, { document }: SearchSpace): number {
  return rule.sharpe - document.complexity_penalty * (complexityOf(genomeOf(rule.key)) - 1);
}

/** Net Sharpe ratio, drawdown, trades and complexity, each to be maximized. */
export function objectivesOf({ key, sharpe: own, drawdown, trades }: EvaluatedRule): number[] {
  return [own, -drawdown, trades, -complexityOf(genomeOf(key))];
}

/**
 * One generation, in place: the first one is random; each further one keeps the elite, breeds by crossover and
 * mutation, and survives by fronts and crowding (NSGA-II). A function of seed, space and state alone.
 */
export function nextGeneration(state: EvolutionState, options: EvolutionOptions): void {
  const { space, seed, blocks } = options;
  const rng = createRng(`${seed}/${blocks}/${state.generation}`);
  const breeder = new Breeder(space, rng);
  const known = new Map(state.evaluated.map((rule) => [rule.key, rule]));
  const { population: size } = space.document;
  const evaluated = (genome: Genome, parents: readonly string[]): EvaluatedRule => {
    const key = genomeKey(genome);
    const before = known.get(key);
    if (before !== undefined) return before;
    const rule = evaluateRule(genome, key, parents, options);
    known.set(key, rule);
    state.evaluated.push(rule);
    return rule;
  };
  const isKnown = (genome: Genome): boolean => known.has(genomeKey(genome));
  /** A small space may hold no further new rule. */
  const fresh = (make: () => Genome): Genome => {
    let genome = make();
    for (let i = 0; i < MOST_CHANGES && isKnown(genome); i++) genome = breeder.mutated(genome);
    return genome;
  };

  if (state.generation === 0) {
    const rules = Array.from({ length: size }, () =>
      evaluated(
        fresh(() => breeder.random()),
        [],
      ),
    );
    state.population = distinct(rules).map(({ key }) => key);
  } else {
    const parents = state.population.map((key) => known.get(key)!);
    const ranks = ranksOf(parents);
    const pick = (): EvaluatedRule => {
      const isByFitness = rng.uniform() < 0.5;
      let best = rng.integer(parents.length);
      for (let i = 1; i < TOURNAMENT; i++) {
        const other = rng.integer(parents.length);
        const isBetter = isByFitness
          ? fitnessOf(parents[other]!, space) > fitnessOf(parents[best]!, space)
          : ranks[other]! < ranks[best]!;
        if (isBetter) best = other;
      }
      return parents[best]!;
    };
    const children = Array.from({ length: size }, () => {
      const a = pick();
      if (rng.uniform() >= CROSSOVER_SHARE) {
        const child = fresh(() => breeder.mutated(genomeOf(a.key)));
        return evaluated(child, [a.key]);
      }
      const b = pick();
      return evaluated(
        fresh(() => breeder.crossed(genomeOf(a.key), genomeOf(b.key))),
        [a.key, b.key],
      );
    });
    state.population = survivors(distinct([...parents, ...children]), size, space).map(({ key }) => key);
  }
  state.generation++;
}

function evaluateRule(
  genome: Genome,
  key: string,
  parents: readonly string[],
  { evaluator, blocks }: EvolutionOptions,
): EvaluatedRule {
  const { days, trades } = evaluator.evaluate(genome, blocks);
  const own = trades < MIN_TRADES ? FEW_TRADES_SHARPE : (sharpe([...days]) ?? FEW_TRADES_SHARPE);
  return { key, sharpe: own, drawdown: maxDrawdown(cumulate({ time: days, change: days })), trades, parents };
}

function distinct(rules: readonly EvaluatedRule[]): EvaluatedRule[] {
  return [...new Map(rules.map((rule) => [rule.key, rule])).values()];
}

/** The elite by fitness, then front by front, the least crowded first. */
function survivors(rules: readonly EvaluatedRule[], size: number, space: SearchSpace): EvaluatedRule[] {
  const byFitness = [...rules].sort((a, b) => fitnessOf(b, space) - fitnessOf(a, space) || (a.key < b.key ? -1 : 1));
  const kept = new Set(byFitness.slice(0, Math.max(1, Math.round(ELITE_SHARE * size))));
  const ranks = ranksOf(rules);
  const order = [...rules.keys()].sort((a, b) => ranks[a]! - ranks[b]!);
  for (const i of order) {
    if (kept.size >= size) break;
    kept.add(rules[i]!);
  }
  return [...kept];
}

/** Place of each rule by front, then by crowding distance; 0 is first. */
function ranksOf(rules: readonly EvaluatedRule[]): Int32Array {
  const points = rules.map(objectivesOf);
  const front = paretoFronts(points);
  const distance = crowdingDistances(points, front);
  // Two infinite distances differ by NaN: their order is kept.
  const order = [...rules.keys()].sort((a, b) => front[a]! - front[b]! || distance[b]! - distance[a]! || a - b);
  const ranks = new Int32Array(rules.length);
  order.forEach((rule, place) => (ranks[rule] = place));
  return ranks;
}

/** The rule that a search proposes: the fittest with enough trades; null where there is none. */
export function proposedRule({ evaluated }: EvolutionState, space: SearchSpace): EvaluatedRule | null {
  let best: EvaluatedRule | null = null;
  for (const rule of evaluated) {
    if (rule.trades < MIN_TRADES) continue;
    const order = best === null ? 1 : fitnessOf(rule, space) - fitnessOf(best, space);
    if (order > 0 || (order === 0 && rule.key < best!.key)) best = rule;
  }
  return best;
}

/** The first front of all rules with enough trades, the fittest first. */
export function frontOf({ evaluated }: EvolutionState, space: SearchSpace, most: number): EvaluatedRule[] {
  const rules = evaluated.filter(({ trades }) => trades >= MIN_TRADES);
  const fittest = rules
    .sort((a, b) => fitnessOf(b, space) - fitnessOf(a, space) || (a.key < b.key ? -1 : 1))
    .slice(0, FRONT_OF);
  const front = paretoFronts(fittest.map(objectivesOf));
  return fittest.filter((_, i) => front[i] === 0).slice(0, most);
}

/** Fronts take time by the square of the rules: only the fittest are compared. */
const FRONT_OF = 2000;
