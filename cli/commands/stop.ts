import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';
import { askThroughDoor, stopDoors } from '../stop_door.ts';

export function addStop(program: Command, output: () => Output): void {
  program
    .command('stop')
    .option('--wait <seconds>', 'for each process to store what it has, and end', '30')
    .description(
      'Windows: ends what runs in this home (up, daemons, trainer, paper accounts, collectors) as Ctrl-C does: the bar in work is answered and journaled, files are complete. Elsewhere: Ctrl-C, `kill` or `systemctl stop`.',
    )
    .action((flags: { wait: string }) => stop(parseInteger(flags.wait, '--wait', 1), output()));
}

async function stop(waitSeconds: number, output: Output): Promise<void> {
  if (process.platform !== 'win32') throw new MinutehandError('STOP_BY_SIGNAL', { seen: process.platform });
  const { home } = homePaths();
  const ended: { kind: string; pid: number }[] = [];
  for (const door of stopDoors(home)) {
    const { kind, pid } = door;
    const how = await askThroughDoor(home, door, waitSeconds * 1000);
    if (how === 'gone') continue;
    if (how === 'unanswered')
      throw new MinutehandError('STOP_UNANSWERED', { seen: `${kind}, process ${pid}, after ${waitSeconds} s` });
    output.line(`ended  ${kind}  process ${pid}`);
    ended.push({ kind, pid });
  }
  if (ended.length === 0) output.line(`Nothing runs in ${home}.`);
  output.result({ home, ended });
}
