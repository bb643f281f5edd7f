import { spawn } from 'node:child_process';
import { z } from 'zod';
import { readRollout, type Rollout } from '../../shared/bundle/rollout.ts';
import type { Notifications } from '../notify/notifications.ts';
import type { TrainerOptions } from '../trainer_options.ts';

/** Time between two looks of the trainer; a challenger that fails is dropped by the daemon at once. */
const LOOK_MS = { live: 120_000, simulated: 20_000 } as const;

export type RolloutWatchOptions = Pick<TrainerOptions, 'settings' | 'paths' | 'command' | 'say'> & {
  readonly notifier: Pick<Notifications, 'raise'>;
  readonly lookMs?: number;
};

const answerSchema = z.object({ verdict: z.string() });

/** Judges the active rollout in a child process again and again, and tells of each stage. */
export function watchRollout(options: RolloutWatchOptions): { stop(): void } {
  const { settings, paths, say, notifier, lookMs = LOOK_MS[settings.minutehand.market] } = options;
  const ending = new AbortController();
  let told = stateOf(read(paths.models));
  let isLooking = false;

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    const before = read(paths.models);
    if (before?.status === 'active') {
      const failure = await advance(options, ending.signal);
      if (failure !== null && !ending.signal.aborted) say(`The rollout cannot be judged: ${failure}`);
    }
    await tell(read(paths.models));
    isLooking = false;
  }

  async function tell(rollout: Rollout | null): Promise<void> {
    const state = stateOf(rollout);
    if (rollout === null || state === told) return;
    told = state;
    const { id, stage, share, status, reason, challenger } = rollout;
    const text =
      status === 'active'
        ? `Rollout ${id}: stage ${stage}, ${challenger} decides ${100 * share} % of entries.`
        : `Rollout ${id} ${status}${reason === '' ? '' : `: ${reason}`}.`;
    say(text);
    const severity = status === 'aborted' ? 'warning' : 'info';
    await notifier.raise({ key: `rollout:${state}`, event: 'rollout', subject: id, text, severity });
  }

  const timer = setInterval(() => void look(), lookMs);
  return {
    stop() {
      clearInterval(timer);
      ending.abort();
    },
  };
}

function stateOf(rollout: Rollout | null): string {
  return rollout === null ? '' : `${rollout.id}:${rollout.stage}:${rollout.status}`;
}

/** A damaged file is what the daemon refuses, too. */
function read(models: string): Rollout | null {
  try {
    return readRollout(models);
  } catch {
    return null;
  }
}

/** @returns why it could not be judged; null when it was */
function advance({ command, settings }: RolloutWatchOptions, signal: AbortSignal): Promise<string | null> {
  const [program, ...args] = command;
  const market = ['--market', settings.minutehand.market];
  const child = spawn(program!, [...args, 'rollout', 'advance', '--json', ...market], {
    stdio: ['ignore', 'pipe', 'ignore'],
    windowsHide: true,
    signal,
  });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString('utf8')));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => {
      try {
        answerSchema.parse(JSON.parse(text));
        resolve(null);
      } catch {
        resolve(`exit code ${code}: ${text.slice(0, 200)}`);
      }
    });
  });
}
