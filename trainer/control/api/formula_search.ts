import { MinutehandError, describeError } from '../../../shared/errors.ts';
import { FORMULA_SEARCH_DEFAULTS, MOST_CANDIDATES, type FormulaSearch } from '../../jobs/kinds/automl_job.ts';
import { GENERATORS, WINDOW_BARS, type Generator } from '../../learning/automl/candidates.ts';
import type { AutoMLConfig } from '../schema/training.ts';

/** What each part of `AutoMLConfigModel` makes candidates of. */
const GENERATOR_OF = {
  tsfresh: 'windows',
  featuretools: 'calendar',
  autofeat: 'products',
} as const satisfies Readonly<Record<keyof AutoMLConfig, Generator>>;
type Part = keyof typeof GENERATOR_OF;
const PARTS = Object.keys(GENERATOR_OF) as Part[];

/** Windows, bars, by `performance_mode`. */
const MODES: Readonly<Record<string, readonly number[]>> = {
  fast: [15, 60, 240],
  balanced: WINDOW_BARS,
  comprehensive: [...WINDOW_BARS, 10, 20, 45, 90, 360].sort((a, b) => a - b),
  // The lengths of the bars of usual charts, and of a session of eight hours.
  financial_optimized: [5, 15, 30, 60, 240, 480],
};

/** Keys that have only one value here, or none, and why. */
const ONLY: Readonly<Record<string, { readonly value?: unknown; readonly next: string }>> = {
  'tsfresh.feature_selection': { value: true, next: 'Omit it: without the screening, chance would choose formulas.' },
  'featuretools.max_depth': { value: 1, next: 'Omit it: there is nothing further to join.' },
  'autofeat.feateng_steps': {
    value: 2,
    next: 'Omit it: trees split a formula of one column as they split the column.',
  },
  'autofeat.tournament_size': { next: 'Omit it: what is selected is decided by `fdr_level` of tsfresh.' },
};

/** Individuals of a generation, where a request names generations alone. */
const DEFAULT_POPULATION = 50;

/** Keys that act, beside those of `ONLY`. */
const ACTING: Readonly<Record<Part, readonly string[]>> = {
  tsfresh: ['fdr_level', 'feature_count_limit', 'parallel_jobs', 'performance_mode'],
  featuretools: ['max_features'],
  autofeat: ['max_features', 'max_gb', 'featsel_runs', 'n_jobs', 'generations', 'population_size'],
};

/** A configuration that is valid and states every default. */
export const DEFAULT_AUTOML: AutoMLConfig = {
  tsfresh: {
    enabled: true,
    feature_selection: true,
    fdr_level: FORMULA_SEARCH_DEFAULTS.level,
    feature_count_limit: FORMULA_SEARCH_DEFAULTS.most,
    performance_mode: 'balanced',
  },
  featuretools: { enabled: true, max_depth: 1, max_features: FORMULA_SEARCH_DEFAULTS.most },
  autofeat: {
    enabled: true,
    max_features: FORMULA_SEARCH_DEFAULTS.most,
    feateng_steps: 2,
    featsel_runs: FORMULA_SEARCH_DEFAULTS.parts,
  },
};

export interface AskedSearch {
  readonly search: FormulaSearch;
  /** Threads; undefined: all processors but one. */
  readonly workers: number | undefined;
}

/** Whether a request wants formulas to be searched. */
export function wantsSearch(config: AutoMLConfig | undefined): boolean {
  return config !== undefined && PARTS.some((part) => config[part].enabled);
}

/**
 * Converts the generators of a request to a search of formulas.
 * @throws MinutehandError SETTING_UNSUPPORTED for a key that would not act, with the reason
 */
export function formulaSearchOf(config: AutoMLConfig): AskedSearch {
  refuseIdleKeys(config);
  const { tsfresh, featuretools, autofeat } = config;
  const limits = {
    windows: tsfresh.feature_count_limit,
    calendar: featuretools.max_features,
    products: autofeat.max_features,
  };
  const given = Object.entries(limits).filter(([, most]) => most !== undefined) as [Generator, number][];
  const enabled = PARTS.filter((part) => config[part].enabled).map((part) => GENERATOR_OF[part]);
  const most = Math.max(FORMULA_SEARCH_DEFAULTS.most, ...given.map(([, limit]) => limit));
  return {
    search: {
      ...FORMULA_SEARCH_DEFAULTS,
      generators: GENERATORS.filter((generator) => enabled.includes(generator)),
      window_bars: [...MODES[tsfresh.performance_mode ?? 'balanced']!],
      candidates: candidatesOf(autofeat),
      most,
      most_of: Object.fromEntries(given),
      level: tsfresh.fdr_level ?? FORMULA_SEARCH_DEFAULTS.level,
      parts: autofeat.featsel_runs ?? FORMULA_SEARCH_DEFAULTS.parts,
      memory_gb: autofeat.max_gb ?? null,
    },
    workers: tsfresh.parallel_jobs ?? autofeat.n_jobs,
  };
}

/** As many candidates as a search of so many generations of so many individuals evaluates. */
function candidatesOf({ generations, population_size }: AutoMLConfig['autofeat']): number {
  if (generations === undefined && population_size === undefined) return FORMULA_SEARCH_DEFAULTS.candidates;
  return (generations ?? 1) * (population_size ?? DEFAULT_POPULATION);
}

/** @throws MinutehandError SETTING_UNSUPPORTED for the first key that would not act */
export function refuseIdleKeys(config: AutoMLConfig): void {
  const [first] = refusalsOf(config);
  if (first !== undefined) throw first;
}

/** Why a configuration is refused, key by key; empty: it is valid. */
export function automlErrors(config: AutoMLConfig): string[] {
  return refusalsOf(config).map((refusal) => {
    const { message, next } = describeError(refusal);
    return `${message} ${next}`;
  });
}

/** The refusal of each key that would not act. */
function refusalsIn(part: Part, { enabled, ...keys }: AutoMLConfig[Part]): MinutehandError[] {
  const found: MinutehandError[] = [];
  const refuse = (...given: Parameters<typeof refusal>): void => void found.push(refusal(...given));
  for (const [key, value] of Object.entries(keys)) {
    if (value === undefined) continue;
    const name = `automl_config.${part}.${key}`;
    const only = ONLY[`${part}.${key}`];
    if (!enabled) refuse(name, value, 'no value of a disabled generator', `Enable ${part}, or omit it.`);
    else if (only !== undefined && value !== only.value)
      refuse(name, value, only.value === undefined ? 'no value' : String(only.value), only.next);
    else if (only === undefined && !ACTING[part].includes(key))
      refuse(name, value, [...ACTING[part], ...onlyKeys(part)].join(', '), 'Omit it: nothing reads it.');
    else if (key === 'performance_mode' && !Object.hasOwn(MODES, String(value)))
      refuse(name, value, Object.keys(MODES).join(', '), 'All modes have series of returns, ranges and spreads.');
  }
  return found;
}

function refusalsOf(config: AutoMLConfig): MinutehandError[] {
  const found = PARTS.flatMap((part) => refusalsIn(part, config[part]));
  const { tsfresh, autofeat } = config;
  const candidates = candidatesOf(autofeat);
  if (candidates > MOST_CANDIDATES)
    found.push(
      refusal(
        'automl_config.autofeat.generations',
        autofeat.generations,
        `at most ${MOST_CANDIDATES} candidates: generations × population_size`,
        'Give fewer of either.',
      ),
    );
  if (tsfresh.parallel_jobs !== undefined && autofeat.n_jobs !== undefined && tsfresh.parallel_jobs !== autofeat.n_jobs)
    found.push(
      refusal(
        'automl_config.autofeat.n_jobs',
        autofeat.n_jobs,
        String(tsfresh.parallel_jobs),
        'One search has one number of threads.',
      ),
    );
  return found;
}

const onlyKeys = (part: Part): string[] =>
  Object.entries(ONLY).flatMap(([name, { value }]) =>
    name.startsWith(`${part}.`) && value !== undefined ? [`${name.slice(part.length + 1)} ${String(value)}`] : [],
  );

function refusal(name: string, seen: unknown, expected: string, next: string): MinutehandError {
  const shown = typeof seen === 'string' ? seen : JSON.stringify(seen);
  return new MinutehandError('SETTING_UNSUPPORTED', { seen: `${name} ${shown}`.slice(0, 200), expected, next });
}
