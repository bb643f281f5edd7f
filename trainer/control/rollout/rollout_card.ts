import { describeError } from '../../../shared/errors.ts';
import { oneLine } from '../../../shared/one_line.ts';
import { readRollout, type Rollout } from '../../../shared/bundle/rollout.ts';
import { slotOfRollout } from '../../../shared/subject/written_names.ts';

/**
 * The section of a bundle's card on its rollouts: their levels in the online false-discovery control (e-LOND). Empty
 * without a rollout.
 * @param version of a bundle of pairs
 */
export function rolloutCard(modelsFolder: string, version: string): string {
  const rows = rolloutsOf(modelsFolder, version);
  if (rows.length === 0) return '';
  return [
    '',
    '## Rollouts',
    '',
    'Online false-discovery control (e-LOND) over all candidates: the level of each, and the e-value that promotion needs.',
    '',
    '|rollout|candidate|level|promotion at e-value|outcome|',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** Every update of a rollout is named by it while it is the newest rollout; an earlier one names the last of them. */
function isArm({ challenger, updates = [] }: { challenger: string; updates?: Rollout['updates'] }, version: string) {
  return challenger === version || updates.some((update) => update.version === version);
}

function rolloutsOf(modelsFolder: string, version: string): string[] {
  try {
    const newest = readRollout(modelsFolder);
    if (newest === null) return [];
    const all = [...(newest.earlier ?? []), { ...newest, candidate: newest.history.length + 1 }];
    return all
      .filter((own) => isArm(own, version) && slotOfRollout(own) === 'pairs')
      .map(({ id, candidate, promotion_e_value: needed, status, reason }) => {
        const outcome = reason === '' ? status : `${status}: ${oneLine(reason)}`;
        return `|${id}|${candidate}|${(1 / needed).toPrecision(2)}|${needed.toFixed(0)}|${outcome}|`;
      });
  } catch (error) {
    return [`|rollout.json|–|–|–|${describeError(error).message}|`];
  }
}
