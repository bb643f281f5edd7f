import {
  activeDirectionVersions,
  directionFolder,
  isDirectionBundle,
} from '../../../shared/bundle/direction/active_direction.ts';
import { counted } from '../../../shared/counted.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { homePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { Output } from '../../output.ts';
import type { BacktestFlags } from '../strategy_commands.ts';
import { runEvaluate } from './evaluate.ts';

/**
 * A bundle of the direction model trades by its own threshold and costs.
 * @throws MinutehandError USAGE for options of pairs, or without a single active direction model
 */
export function backtestDirection(flags: BacktestFlags, output: Output): Promise<void> {
  const { models = [], data, from, to, pairs, theta1, theta2, costTable: table, out, printJob } = flags;
  const folder = models.find((own) => isDirectionBundle(own)) ?? onlyActive();
  const others = {
    '--pairs': pairs,
    '--theta1': theta1,
    '--theta2': theta2,
    '--cost-table': table,
    '--out': out,
    '--print-job': printJob,
  };
  const unusable = Object.entries(others).find(([, value]) => value !== undefined);
  if (unusable !== undefined || models.length > 1)
    throw new MinutehandError('USAGE', {
      seen: `${unusable?.[0] ?? 'two bundles'} with the direction model ${folder}`,
      expected: 'one bundle, --data, --from and --to; `minutehand direction evaluate --help` shows more',
    });
  const period = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  return runEvaluate(folder, { ...period, ...(data !== undefined && { data }), seed: '0' }, output);
}

/** Folder of the only active direction model. @throws MinutehandError USAGE where there is none, or several */
function onlyActive(): string {
  const folder = homePaths().models;
  const active = Object.values(activeDirectionVersions(folder));
  if (active.length === 1) return pathInside(directionFolder(folder), active[0]!);
  throw new MinutehandError('USAGE', {
    seen: `--strategy direction without --models, and ${counted(active.length, 'active direction model')}`,
    expected: '--models <bundle>: `minutehand models list` shows them',
  });
}
