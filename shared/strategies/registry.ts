/** What a strategy is called in files, tables, requests and options. */
interface StrategyNames {
  /** Its bundles: their folder, pointer files and registry rows. */
  readonly shelf: string;
  /** Its models, as registry and notes type them. */
  readonly models: readonly string[];
  /** Kinds of runs that make its bundles, in their turn; the first one learns from the beginning. */
  readonly runs: readonly [string, ...string[]];
  /** Reasons of its signals that pairs, direction and rules of files have not, with what they mean. */
  readonly reasons: Readonly<Record<string, string>>;
}

/**
 * The strategies, one line each; the first one's runs come first where all are due. Every name of a strategy is taken
 * from here. Its parts are in the list of each layer, in this order: `shared/bundle/shelves/shelves.ts`,
 * `trainer/jobs/kinds/strategy_jobs.ts`, `trainer/jobs/strategies/trainings.ts`, `cli/strategies/commands.ts`.
 */
export const STRATEGIES = {
  pair_reversion: {
    shelf: 'pairs',
    models: ['AI1', 'AI2', 'AI3'],
    runs: ['full', 'thresholds', 'incremental'],
    reasons: {},
  },
  direction: { shelf: 'direction', models: ['DIRECTION'], runs: ['direction'], reasons: {} },
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

/** Reasons of strategies that their lines name, with what they mean. */
export type StrategyReason = { [Name in StrategyName]: keyof (typeof STRATEGIES)[Name]['reasons'] }[StrategyName];
/** Reasons that all strategies may have, and their own. */
export type WithOwnReasons<Reason extends string> = {
  [Name in StrategyName]: Reason | keyof (typeof STRATEGIES)[Name]['reasons'];
}[StrategyName];
export const STRATEGY_REASONS: Readonly<Record<StrategyReason, string>> = Object.assign(
  {},
  ...STRATEGY_NAMES.map((name) => STRATEGIES[name].reasons),
);

/** The models of a bundle. */
export function modelsOf(strategy: StrategyName): readonly ModelType[] {
  return STRATEGIES[strategy].models;
}
