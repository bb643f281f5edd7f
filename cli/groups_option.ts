import type { GroupContent } from '../shared/bundle/bundle.ts';
import { MODEL_NAMES } from '../shared/core/features/feature.ts';
import { MinutehandError } from '../shared/errors.ts';
import { GROUP_NAME } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { groupProblems } from '../shared/policy/subject_groups.ts';

const EXPECTED = 'metals=XAUUSD_XAGUSD;fx=EURUSD_GBPUSD,GBPUSD_USDCHF';

/**
 * The groups of `--groups`; `none` is no group.
 * @throws MinutehandError USAGE
 */
export function parseGroups(list: string, { minutehand }: Settings): Record<string, string[]> {
  if (list === 'none') return {};
  const groups = readGroups(list);
  const [problem] = groupProblems(groups, minutehand.pairs);
  if (problem !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `--groups: pair ${problem.index + 1} of ${problem.group} ${problem.text}`,
    });
  return groups;
}

function readGroups(list: string): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const text of list.split(';')) {
    const [name = '', pairs = '', ...rest] = text.split('=').map((part) => part.trim());
    const ids = pairs.split(',').map((id) => id.trim());
    if (!GROUP_NAME.test(name) || rest.length > 0 || ids.includes('') || Object.hasOwn(groups, name))
      throw new MinutehandError('USAGE', { seen: `--groups ${text}`, expected: EXPECTED });
    groups[name] = ids;
  }
  return groups;
}

/** Verdict and gains of each group. */
export function groupLines(groups: readonly GroupContent[] = []): string[] {
  return groups.map(({ name, pairs, verdict, comparison, own }) => {
    const gains = MODEL_NAMES.flatMap((model) => {
      const { gain = null, standard_error: error = null } = comparison?.[model] ?? {};
      return gain === null ? [] : [`${model} ${gain.toFixed(5)} ± ${error === null ? '?' : error.toFixed(5)}`];
    });
    const thresholds = own === undefined ? '' : `; θ1 ${own.theta1}, θ2 ${own.theta2}`;
    return `group ${name} (${pairs.length} pairs): ${verdict}${thresholds}; gain in log loss ${gains.join(', ')}`;
  });
}
