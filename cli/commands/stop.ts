import type { Command } from 'commander';
import { readAddress } from '../../shared/address.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { loadSettings, shardsOf } from '../../shared/policy/policy.ts';
import { isTaken } from '../../shared/process/process_state.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';
import { askThroughDoor, stopDoors, stopUnanswered } from '../stop_door.ts';

export function addStop(program: Command, output: () => Output): void {
  program
    .command('stop')
    .option('--wait <seconds>', 'for each process to store what it has, and end', '30')
    .description(
      'Ends what `minutehand up` runs in this home as Ctrl-C does: the bar in work is answered and journaled, files are complete. On Windows also daemons, trainer, paper accounts and collectors that were started separately; elsewhere these are named, and end by Ctrl-C, `kill` or `systemctl stop`.',
    )
    .action((flags: { wait: string }) => stop(parseInteger(flags.wait, '--wait', 1) * 1000, output()));
}

async function stop(waitMs: number, output: Output): Promise<void> {
  const paths = homePaths();
  const { home } = paths;
  const ended: { kind: string; pid: number }[] = [];
  for (const door of stopDoors(home)) {
    const { kind, pid } = door;
    const end = await askThroughDoor(home, door, waitMs);
    if (end.how === 'gone') continue;
    if (end.how === 'unanswered') throw stopUnanswered(door, end, waitMs);
    output.line(`ended  ${kind}  process ${pid}`);
    ended.push({ kind, pid });
  }
  const left = process.platform === 'win32' ? [] : separatelyStarted(paths);
  if (left.length > 0) throw new MinutehandError('STOP_BY_SIGNAL', { seen: left.join(', ') });
  if (ended.length === 0) output.line(`Nothing runs in ${home}.`);
  output.result({ home, ended });
}

/** Daemons and a trainer that hold their place and are no longer, or never were, of an `up`. */
function separatelyStarted(paths: HomePaths): string[] {
  const kinds = [...shardsOf(loadSettings().minutehand).map(({ name }) => `daemon_${name}`), 'trainer'];
  return kinds.flatMap((kind) => {
    if (isTaken(paths.lock(kind)) !== true) return [];
    const pid = readAddress(paths.address(kind))?.pid;
    return [`${kind}${pid === undefined ? '' : `, process ${pid}`}`];
  });
}
