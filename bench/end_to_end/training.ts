import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { availableParallelism, setPriority } from 'node:os';
import { join } from 'node:path';
import { writeBarFile } from '../../shared/bar_file/bar_file.ts';
import { recordMarket } from '../../shared/market/simulated_market.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { launcher } from '../../shared/launcher.ts';
import { lowerSessionWeight } from '../../trainer/schedule/training_process.ts';
import { atExit } from '../exit_work.ts';
import { benchMarket, daysAgo } from '../market.ts';
import { openTemporaryFolder } from '../temporary_folder.ts';

const BARS_DAYS_AGO = 60;
const MINUTES = 20_160;

/** A method of keeping a training run off the daemon's processor. */
export interface TrainingWay {
  readonly name: string;
  readonly nice: number;
  /** Command-line prefix of the program. */
  readonly under: readonly string[];
  /**
   * In its own session with the lowest weight. Where Linux groups processes by session (sched_autogroup_enabled), nice
   * applies within a session only, and each session has one share of the machine.
   */
  readonly ownSession: boolean;
  readonly workers: number;
}

/**
 * As the trainer starts its runs (trainer/schedule/training_process.ts): lower priority, and a core left to the daemon.
 */
export const AS_SCHEDULED: TrainingWay = {
  name: 'nice 10, own session',
  nice: 10,
  under: [],
  ownSession: true,
  workers: Math.max(1, availableParallelism() - 1),
};

/** The trainer's method, and others available on this machine. */
export function trainingWays(): TrainingWay[] {
  const idle = ['chrt', '--idle', '0'];
  const hasIdle = spawnSync(idle[0]!, [...idle.slice(1), 'true'], { stdio: 'ignore' }).status === 0;
  return [
    AS_SCHEDULED,
    { ...AS_SCHEDULED, name: 'nice 19', nice: 19 },
    ...(hasIdle ? [{ ...AS_SCHEDULED, name: 'SCHED_IDLE', nice: 19, under: idle }] : []),
    { ...AS_SCHEDULED, name: 'nice 10', ownSession: false },
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
export async function startTraining({ nice, under, ownSession, workers }: TrainingWay): Promise<Training> {
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
        setPriority(child.pid, nice);
        if (ownSession) lowerSessionWeight(child.pid);
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
