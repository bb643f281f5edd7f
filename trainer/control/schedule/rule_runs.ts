import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError } from '../../../shared/errors.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { ownConfigDir, type Settings } from '../../../shared/policy/policy.ts';
import { readSpaceFile } from '../../learning/evolve/search_space.ts';
import type { EvolveJob } from '../../jobs/kinds/evolve_job.ts';
import type { Judgement, RuleMarket } from '../../jobs/kinds/rule_market.ts';
import type { RunParameters } from '../../jobs/kinds/run_parameters.ts';
import { isThere } from '../../../shared/files.ts';

/** Of the bootstrap. */
const RESAMPLES = 1000;

/** Strategy files and search spaces of the configuration. */
function strategiesFolder(): string {
  return join(ownConfigDir(), 'strategies');
}

/** Names of the search spaces of the configuration. */
export function configuredSpaces(): string[] {
  return yamlNames(join(strategiesFolder(), 'spaces'));
}

/** Names of the strategy files of the configuration. */
export function configuredStrategies(): string[] {
  return yamlNames(strategiesFolder());
}

function yamlNames(folder: string): string[] {
  if (!isThere(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort();
}

/** A space by the name of its file. @throws MinutehandError NAME_UNSAFE; as readSpaceFile */
export function configuredSpace(name: string, { minutehand }: Pick<Settings, 'minutehand'>): EvolveJob['space'] {
  return readSpaceFile(pathInside(join(strategiesFolder(), 'spaces'), `${name}.yaml`), minutehand.windows).document;
}

/** What all searches and judgements share that begin in the trainer: the bars of the installation, configured costs. */
export function ruleRunDefaults(
  { minutehand }: Pick<Settings, 'minutehand'>,
  nowMs: number,
): Omit<RuleMarket, 'subject'> & Judgement {
  return {
    market: minutehand.market,
    // A fixed end: the next attempt after a kill has the same bars, and continues.
    window: { from: null, to: `${new Date(nowMs).toISOString().slice(0, 16)}:00Z` },
    source: { folder: null, series: null },
    direction: null,
    costs: { model: 'profile', fee_bps: null, slippage_bps: null },
    holdout_from: null,
    seed: '0',
    resamples: RESAMPLES,
  };
}

/**
 * The searches of the schedule: each configured instrument in the space of `rule_search_space`.
 * @throws MinutehandError CONFIG_INVALID for a space of pairs; as configuredSpace
 */
export function scheduledSearches(settings: Settings, nowMs: number): RunParameters[] {
  const name = settings.retrain.rule_search_space;
  const space = configuredSpace(name, settings);
  if (space.subject !== 'instrument')
    throw new MinutehandError('CONFIG_INVALID', {
      seen: `rule_search_space is ${name}, a space of pairs`,
      expected: `a space of instruments among ${configuredSpaces().join(', ')}`,
    });
  return settings.minutehand.instruments.map((subject) => ({
    rule_job: {
      kind: 'evolve' as const,
      ...ruleRunDefaults(settings, nowMs),
      subject,
      space,
      output: { folder: null, candidate: true },
    },
  }));
}
