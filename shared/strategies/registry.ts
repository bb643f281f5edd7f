/** What a strategy is called in files, tables, requests and options. */
interface StrategyNames {
  /** Its bundles: their folder, pointer files and registry rows. */
  readonly shelf: string;
  /** Its models, as registry and notes type them. */
  readonly models: readonly string[];
  /** Kinds of runs that make its bundles, in their turn; the first one learns from the beginning. */
  readonly runs: readonly [string, ...string[]];
}

/** The strategies, one line each; the first one's runs come first where all are due. */
export const STRATEGIES = {
  pair_reversion: { shelf: 'pairs', models: ['AI1', 'AI2', 'AI3'], runs: ['full', 'thresholds', 'incremental'] },
  direction: { shelf: 'direction', models: ['DIRECTION'], runs: ['direction'] },
} as const satisfies Readonly<Record<string, StrategyNames>>;

/** A strategy, as `--strategy` names it. */
export type StrategyName = keyof typeof STRATEGIES;

type Names = (typeof STRATEGIES)[StrategyName];
export type ShelfName = Names['shelf'];
export type ModelType = Names['models'][number];
export type StrategyRun = Names['runs'][number];

export const STRATEGY_NAMES = Object.keys(STRATEGIES) as [StrategyName, ...StrategyName[]];
export const MODEL_TYPES = STRATEGY_NAMES.flatMap(modelsOf);
export const STRATEGY_RUNS = STRATEGY_NAMES.flatMap((name): readonly StrategyRun[] => STRATEGIES[name].runs);

/** The models of a bundle. */
export function modelsOf(strategy: StrategyName): readonly ModelType[] {
  return STRATEGIES[strategy].models;
}
