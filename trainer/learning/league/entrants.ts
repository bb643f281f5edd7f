import type { FeatureDefinition } from '../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { SubjectGroups } from '../../../shared/policy/subject_groups.ts';
import { positions } from '../dataset/rows.ts';
import { ENSEMBLES } from '../../../shared/policy/engines.ts';
import { columnsOf } from '../learners/learning.ts';
import type { EntrantKind } from './increments.ts';

/** Behind the name of a learner: it gets the baseline columns alone. */
const BASELINE_SUFFIX = '@baseline';
/** Suffix of a learner's name: it trains one model per group of pairs. */
const GROUPS_SUFFIX = '@groups';
/** Several models of a learner are less simple than one, and simpler than those of the next learner. */
const GROUPS_COMPLEXITY = 0.5;

/** What the rule of the pair itself is about: the regression, the distance from the mean, its speed and its size. */
const BASELINE_COLUMNS: readonly string[] = ['beta', 'corr', 'z_score', 'z_abs', 'half_life', 'spread_vol'];

/** An entrant by its name: `gbdt`, `gbdt@baseline`, or `gbdt@groups`. */
export interface NamedEntrant {
  readonly learner: string;
  readonly kind: EntrantKind;
}

/** Names of entrants by those of learners. */
export function entrantNames(learners: readonly string[]): string[] {
  const single = learners.filter((name) => !isEnsemble(name));
  return [
    ...learners,
    ...[BASELINE_SUFFIX, GROUPS_SUFFIX].flatMap((suffix) => single.map((name) => `${name}${suffix}`)),
  ];
}

export function entrantNamed(name: string): NamedEntrant {
  if (name.endsWith(BASELINE_SUFFIX)) return { learner: name.slice(0, -BASELINE_SUFFIX.length), kind: 'baseline' };
  if (name.endsWith(GROUPS_SUFFIX)) return { learner: name.slice(0, -GROUPS_SUFFIX.length), kind: 'groups' };
  return { learner: name, kind: isEnsemble(name) ? 'ensemble' : 'single' };
}

/** Order of simplicity of an entrant, by that of its learner. */
export function entrantComplexity(ofLearner: number, kind: EntrantKind): number {
  return kind === 'groups' ? ofLearner + GROUPS_COMPLEXITY : ofLearner;
}

/**
 * Pairs of the groups that have rows, by index; null where the entrant has one model of all pairs.
 * @param pairs ids, in the order of the rows’ index
 * @throws MinutehandError USAGE without a group of these pairs
 */
export function entrantGroups(
  groups: SubjectGroups,
  pairs: readonly string[],
  kind: EntrantKind,
): readonly (readonly number[])[] | null {
  if (kind !== 'groups') return null;
  const known = Object.values(groups)
    .map((ids) => positions(pairs.length, (index) => ids.includes(pairs[index]!)))
    .filter(({ length }) => length > 0)
    .map((own) => [...own]);
  if (known.length > 0) return known;
  throw new MinutehandError('USAGE', {
    seen: 'an entrant with models of groups, and no group of these pairs',
    expected: 'train.groups, or --groups such as metals=XAUUSD_XAGUSD;fx=EURUSD_GBPUSD,EURUSD_USDCHF',
  });
}

/** The columns of AI1 that an entrant may use. */
export function entrantColumns(definitions: readonly FeatureDefinition[], kind: EntrantKind): number[] {
  const all = columnsOf(definitions, 'ai1');
  return kind === 'baseline' ? all.filter((column) => BASELINE_COLUMNS.includes(definitions[column]!.name)) : all;
}

function isEnsemble(name: string): boolean {
  return (ENSEMBLES as readonly string[]).includes(name);
}
