import type { Windows } from '../../../shared/core/features/windows.ts';
import { keyText } from '../../../shared/policy/problem.ts';
import { nextGeneration, stepOf, type EvolutionState, type GenerationStep } from './evolution.ts';
import { RuleEvaluator } from './rule_evaluator.ts';
import { marketOfParts, type MarketParts } from './search_market.ts';
import { spaceOf, type SearchSpace, type SpaceDocument } from './search_space.ts';

/** The next generation of a search, as data. */
export interface GenerationTask {
  /** Equal names have equal parts. */
  readonly market: string;
  readonly parts: MarketParts;
  readonly space: SpaceDocument;
  readonly windows: Windows;
  readonly seed: string;
  readonly blocks: number;
  /** After the generation before. */
  readonly state: EvolutionState;
}

interface KnownMarket {
  readonly name: string;
  readonly space: SearchSpace;
  readonly evaluator: RuleEvaluator;
}

/** Of the last task: those of one evolution follow each other, and what exits earn is computed once for all of them. */
let lastMarket: KnownMarket | null = null;

/** Makes the next generation; the state of the task is left as it is. */
export function makeGeneration(task: GenerationTask): GenerationStep {
  const { seed, blocks, state } = task;
  const { space, evaluator } = marketOf(task);
  const own = { ...state, population: [...state.population], evaluated: [...state.evaluated] };
  nextGeneration(own, { space, evaluator, seed, blocks });
  return stepOf(own, state.evaluated.length);
}

function marketOf({ market, parts, space: document, windows }: GenerationTask): KnownMarket {
  const name = JSON.stringify([market, document, windows]);
  if (lastMarket?.name !== name) {
    const space = spaceOf(document, windows, keyText);
    lastMarket = { name, space, evaluator: new RuleEvaluator(marketOfParts(parts), space) };
  }
  return lastMarket;
}
