import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { availableParallelism, setPriority } from 'node:os';
import { join } from 'node:path';
import { writeBarFile } from '../../shared/bar_file/bar_file.ts';
import { recordMarket } from '../../shared/market/simulated_market.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { launcher } from '../../shared/launcher.ts';
import { lowerPriority, lowPriorityPrefix } from '../../shared/process/process_priority.ts';
import { atExit } from '../exit_work.ts';
import { benchMarket, daysAgo } from '../market.ts';
import { openTemporaryFolder } from '../temporary_folder.ts';

const BARS_DAYS_AGO = 60;
const MINUTES = 20_160;

/** A method of keeping a training run off the daemon's processor. */
export interface TrainingWay {
  readonly name: string;
  /** Command-line prefix of the program. */
  readonly under: readonly string[];
  /** In its own session with the lowest weight; see `lowerPriority`. */
  readonly ownSession: boolean;
  readonly workers: number;
}

const NICE = 10;

/** As the trainer starts its runs (trainer/control/schedule/): one core left to the daemon. */
export function asScheduled(): TrainingWay {
  const under = lowPriorityPrefix();
  const name = under.length === 0 ? 'nice 10, own session' : 'pinned, SCHED_IDLE';
  return { name, under, ownSession: true, workers: Math.max(1, availableParallelism() - 1) };
}

/** The trainer's method, and others. */
export function trainingWays(): TrainingWay[] {
  const scheduled = asScheduled();
  return [
    scheduled,
    { ...scheduled, name: 'nice 10, own session', under: [] },
    { ...scheduled, name: 'nice 10', under: [], ownSession: false },
  ];
}

export interface Training {
  /** Runs that ended. */
  readonly runs: number;
  /** Stops all its threads until `resume`. */
  pause(): void;
  resume(): void;
  end(): Promise<void>;
}

/**
 * Runs `minutehand train` for the configured pairs on simulated bars repeatedly, each time with a new seed, as a
 * process with its own home and no cache.
 */
export async function startTraining({ under, ownSession, workers }: TrainingWay): Promise<Training> {
  const { path: folder, remove } = openTemporaryFolder('train');
  const { pairs } = loadSettings({ env: {} }).minutehand;
  const data = join(folder, 'bars');
  mkdirSync(data);
  for (const columns of recordMarket(benchMarket(pairs, 'bench train', daysAgo(BARS_DAYS_AGO)), MINUTES).values())
    await writeBarFile(join(data, `${columns.symbol}.csv`), columns);
  let runs = 0;
  let ending = false;
  let child: ChildProcess | null = null;
  const command = [...under, ...launcher(), 'train', '--data', data, '--no-cache', '--workers', String(workers)];
  const env = { ...process.env, MINUTEHAND_HOME: join(folder, 'home') };
  const takeBack = atExit(() => void child?.kill('SIGKILL'));

  const trainAgain = async (): Promise<void> => {
    while (!ending) {
      const args = [...command.slice(1), '--seed', String(runs + 1)];
      child = spawn(command[0]!, args, { stdio: 'ignore', env, detached: ownSession });
      if (child.pid !== undefined) {
        if (ownSession) lowerPriority(child.pid);
        else setPriority(child.pid, NICE);
      }
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0 && !ending) throw new Error(`minutehand train ended with ${code}`);
      if (!ending) runs++;
    }
  };
  const trained = trainAgain();
  // The error is rethrown when the bench ends; until then it must not count as unhandled.
  trained.catch(() => undefined);
  return {
    get runs() {
      return runs;
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async end() {
      ending = true;
      // A stopped process does not receive other signals.
      child?.kill('SIGCONT');
      child?.kill('SIGTERM');
      await trained.finally(() => {
        takeBack();
        remove();
      });
    },
  };
}
