import { MinutehandError } from '../shared/errors.ts';
import { ensemblePolicy, type EnsemblePolicy } from '../shared/policy/schema.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { TrainEngine } from '../shared/policy/engines.ts';
import { ensembleParameters } from '../trainer/learning/learners/mixture/ensemble_parameters.ts';
import { learnersIn } from '../trainer/learning/learners/registry.ts';

const PREFIX = 'train.';
const { bagging, stacking } = ensemblePolicy.shape;
const FIELDS = {
  bagging: Object.keys(bagging.unwrap().shape),
  stacking: Object.keys(stacking.unwrap().shape),
};
/** Values that are lists of learners, joined by commas. */
const LISTS: readonly string[] = ['bagging.mixed', 'stacking.members'];

/** Settings that name the members, as `--members` does. */
const OF_MEMBERS: readonly string[] = [...LISTS, 'bagging.base'];

type Part = keyof typeof FIELDS;

/** Settings of ensembles that one training may have otherwise than the configuration, by name. */
export const ENSEMBLE_SETTINGS: readonly string[] = Object.entries(FIELDS).flatMap(([part, fields]) =>
  fields.map((field) => `${PREFIX}${part}.${field}`),
);

/** Whether `--set NAME=…` names a setting of an ensemble. */
export function isEnsembleSetting(text: string): boolean {
  return ENSEMBLE_SETTINGS.includes(text.split('=')[0]!);
}

export interface GivenEnsemble {
  /** `NAME=VALUE` of `--set`, each of an ensemble. */
  readonly set: readonly string[];
  /** Of `--members`, which these settings are added to. */
  readonly members: EnsemblePolicy | undefined;
  /** What the training learns with. */
  readonly engines: readonly TrainEngine[];
}

/**
 * Ensembles of one training: the configured ones with the members and settings that are given; undefined without any.
 * @throws MinutehandError USAGE for a value beyond its limits, and for an ensemble that takes no part in the training
 */
export function parseEnsemble(
  { set, members, engines }: GivenEnsemble,
  { minutehand: { train } }: Settings,
): EnsemblePolicy | undefined {
  if (set.length === 0) return members;
  const given: Partial<Record<Part, Record<string, unknown>>> = {};
  const named = new Set<string>();
  for (const text of set) {
    const at = text.indexOf('=');
    const [part, field] = text.slice(PREFIX.length, at).split('.') as [Part, string];
    const value = text.slice(at + 1).trim();
    if (at < 0 || value === '') throw refusal(text, 'NAME=VALUE');
    if (members?.[part] !== undefined && OF_MEMBERS.includes(`${part}.${field}`))
      throw refusal(`${text} with --members`, 'one of them: both name the members');
    const name = text.slice(0, at);
    if (named.has(name)) throw refusal(`${name} twice`, 'it once');
    named.add(name);
    given[part] ??= { ...train[part], ...members?.[part] };
    given[part][field] = valueOf(`${part}.${field}`, value);
  }
  const { data, error } = ensemblePolicy.safeParse({ ...members, ...given });
  const issue = error?.issues[0];
  if (issue !== undefined) {
    const name = `${PREFIX}${issue.path.slice(0, 2).join('.')}`;
    throw refusal(set.find((text) => text.startsWith(`${name}=`)) ?? set[0]!, issue.message);
  }
  const taking = engines.flatMap((engine) => learnersIn(engine, ensembleParameters({ ...train, ...data })));
  const unused = set.find((text) => !taking.includes(text.split('.')[1]!));
  if (unused !== undefined)
    throw refusal(
      unused,
      `a training in which ${unused.split('.')[1]} takes part, such as --engine ${unused.split('.')[1]}`,
    );
  return data!;
}

function valueOf(name: string, text: string): unknown {
  if (LISTS.includes(name)) return text.split(',').map((own) => own.trim());
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function refusal(text: string, expected: string): MinutehandError {
  return new MinutehandError('USAGE', { seen: `--set ${text}`, expected });
}
