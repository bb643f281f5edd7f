import type { HomePaths } from '../shared/home.ts';
import { launcher } from '../shared/launcher.ts';
import { isLocked } from '../shared/process/home_lock.ts';
import { isThere } from '../shared/files.ts';

const MAX_ANSWER = 1_000_000;

/**
 * How a daemon has lost models restored: by `minutehand models recover --lost`, at normal priority, as nothing is
 * entered until it has ended. A running trainer of this home does it itself, with its notifications.
 * @returns a sentence about the outcome; null when nobody was asked
 */
export async function recoverByCommand(paths: HomePaths, env: NodeJS.ProcessEnv): Promise<string | null> {
  const hasServer = (env['MINUTEHAND_DATABASE_URL'] ?? '') !== '';
  if (!hasServer && !isThere(paths.trainer)) return null;
  if (isLocked(paths.lock('trainer'))) return null;
  const { answerOf, startCommand } = await import('../trainer/control/schedule/command_process.ts');
  const command = [...launcher(), 'models', 'recover', '--lost', '--json'];
  const { ended } = startCommand({ command, yields: false, maxAnswer: MAX_ANSWER, onProgress: () => undefined });
  const answer = answerOf(await ended, 'models recover --lost');
  if ('error' in answer) return `They were not restored: ${answer.error} By hand: \`minutehand models recover\`.`;
  const { activated, recovered } = JSON.parse(answer.document) as Record<'activated' | 'recovered', readonly string[]>;
  if (activated.length + recovered.length === 0)
    return 'The registry has nothing to restore: train, or `minutehand models recover` by hand.';
  return `Restored from the registry: ${[...new Set([...activated, ...recovered])].join(', ')}.`;
}
