import type { FeatureDefinition } from '../../../shared/core/features/feature.ts';
import { ENSEMBLES } from '../../../shared/policy/engines.ts';
import { columnsOf } from '../learners/learning.ts';
import type { EntrantKind } from './increments.ts';

/** Behind the name of a learner: it gets the baseline columns alone. */
const BASELINE_SUFFIX = '@baseline';

/** What the rule of the pair itself is about: the regression, the distance from the mean, its speed and its size. */
const BASELINE_COLUMNS: readonly string[] = ['beta', 'corr', 'z_score', 'z_abs', 'half_life', 'spread_vol'];

/** An entrant by its name: `gbdt`, or `gbdt@baseline`. */
export interface NamedEntrant {
  readonly learner: string;
  readonly kind: EntrantKind;
}

/** Names of entrants by those of learners. */
export function entrantNames(learners: readonly string[]): string[] {
  const single = learners.filter((name) => !isEnsemble(name));
  return [...learners, ...single.map((name) => `${name}${BASELINE_SUFFIX}`)];
}

export function entrantNamed(name: string): NamedEntrant {
  if (name.endsWith(BASELINE_SUFFIX)) return { learner: name.slice(0, -BASELINE_SUFFIX.length), kind: 'baseline' };
  return { learner: name, kind: isEnsemble(name) ? 'ensemble' : 'single' };
}

/** The columns of AI1 that an entrant may use. */
export function entrantColumns(definitions: readonly FeatureDefinition[], kind: EntrantKind): number[] {
  const all = columnsOf(definitions, 'ai1');
  return kind === 'baseline' ? all.filter((column) => BASELINE_COLUMNS.includes(definitions[column]!.name)) : all;
}

function isEnsemble(name: string): boolean {
  return (ENSEMBLES as readonly string[]).includes(name);
}
