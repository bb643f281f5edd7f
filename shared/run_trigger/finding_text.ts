import type { Finding } from './run_trigger.ts';
import { FindingFigures, type TriggerCatalog } from './trigger_words.ts';

export function findingTextIn({ findings }: Pick<TriggerCatalog, 'findings'>, finding: Finding): string {
  return findings[finding.trigger](new FindingFigures(finding));
}

type Scalars = Readonly<Record<string, string | number | boolean>>;

/** `api --seed 3 --set train.folds=3`: the options of a request after its name, as a command line has them. */
export function withOptions(name: string, options: Scalars, settings: Scalars): string {
  const given = Object.entries(options).map(([option, value]) => `--${option} ${value}`);
  const own = Object.entries(settings).map(([key, value]) => `--set ${key}=${value}`);
  return [name, ...given, ...own].join(' ');
}
