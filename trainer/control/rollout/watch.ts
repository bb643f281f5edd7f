import { spawn } from 'node:child_process';
import * as z from 'zod';
import { readRollout, type Rollout } from '../../../shared/bundle/rollout.ts';
import type { Timeframe } from '../../../shared/pair.ts';
import type { Notifications } from '../notify/notifications.ts';
import { PROGRESS_FORM, PROGRESS_VARIABLE } from '../../jobs/progress/progress_line.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import { rolloutFields, slotOfRollout } from '../../../shared/subject/written_names.ts';

/** Interval of evaluations by the trainer; the daemon drops a failing challenger at once. */
const LOOK_MS = { live: 120_000, simulated: 20_000, replay: 20_000 } as const;

export type RolloutWatchOptions = Pick<TrainerOptions, 'settings' | 'paths' | 'command' | 'print'> & {
  readonly notifier: Pick<Notifications, 'raise'>;
  readonly lookMs?: number;
};

const answerSchema = z.object({
  verdict: z.string(),
  next: z.string().default(''),
  blocked: z.array(z.string()).default([]),
  facts: z.object({ labels: z.number(), harm: z.number(), benefit: z.number() }).optional(),
  loss_bps: z.number().optional(),
});
type LookAnswer = z.infer<typeof answerSchema>;

/** The active rollout at the last evaluation. */
export interface RolloutState {
  readonly id: string;
  readonly stage: string;
  readonly share: number;
  readonly champion: string;
  readonly challenger: string;
  /** Of direction models. */
  readonly timeframe?: Timeframe;
  /** Of rules. */
  readonly instrument?: string;
  /** The challenger is the newest update of the champion. */
  readonly of_updates?: true;
  readonly promotion_e_value: number;
  /** null before the first evaluation. */
  readonly evidence: {
    readonly labels: number;
    readonly benefit: number;
    readonly harm: number;
    readonly loss_bps: number;
  } | null;
  readonly next: string;
  /** Conditions of the next step that are not met. */
  readonly blocked: readonly string[];
}

export interface RolloutWatch {
  /** null without an active rollout. */
  state(): RolloutState | null;
  stop(): void;
}

/** Evaluates the active rollout periodically in a child process, and notifies of each stage. */
export function watchRollout(options: RolloutWatchOptions): RolloutWatch {
  const { settings, paths, print, notifier, lookMs = LOOK_MS[settings.minutehand.market] } = options;
  const ending = new AbortController();
  let told = stateOf(read(paths.models));
  let isLooking = false;
  let last: { readonly id: string; readonly answer: LookAnswer | string } | null = null;

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    const before = read(paths.models);
    if (before?.status === 'active') {
      const answer = await advance(options, ending.signal);
      last = { id: before.id, answer };
      if (typeof answer === 'string' && !ending.signal.aborted) print(`The rollout cannot be evaluated: ${answer}`);
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
    print(text);
    const severity = status === 'aborted' ? 'warning' : 'info';
    await notifier.raise({ key: `rollout:${state}`, event: 'rollout', subject: id, text, severity });
  }

  const timer = setInterval(() => void look(), lookMs);
  return {
    state() {
      const rollout = read(paths.models);
      if (rollout?.status !== 'active') return null;
      return stateFor(rollout, last?.id === rollout.id ? last.answer : null);
    },
    stop() {
      clearInterval(timer);
      ending.abort();
    },
  };
}

function stateFor(rollout: Rollout, answer: LookAnswer | string | null): RolloutState {
  const { id, stage, share, champion, challenger, promotion_e_value } = rollout;
  const arms = { champion, challenger, ...(rollout.of_updates && { of_updates: rollout.of_updates }) };
  const known = { id, stage, share, ...arms, promotion_e_value, ...rolloutFields(slotOfRollout(rollout)) };
  if (answer === null) return { ...known, evidence: null, next: '', blocked: [] };
  if (typeof answer === 'string') return { ...known, evidence: null, next: '', blocked: [`not evaluated: ${answer}`] };
  const { next, blocked, facts, loss_bps = 0 } = answer;
  const evidence = facts === undefined ? null : { ...facts, loss_bps };
  return { ...known, evidence, next, blocked };
}

function stateOf(rollout: Rollout | null): string {
  return rollout === null ? '' : `${rollout.id}:${rollout.stage}:${rollout.status}`;
}

/** A damaged file is also refused by the daemon. */
function read(models: string): Rollout | null {
  try {
    return readRollout(models);
  } catch {
    return null;
  }
}

/** @returns the answer, or why it could not be evaluated */
function advance({ command, settings }: RolloutWatchOptions, signal: AbortSignal): Promise<LookAnswer | string> {
  const [program, ...args] = command;
  const market = ['--market', settings.minutehand.market];
  const child = spawn(program!, [...args, 'rollout', 'advance', '--json', ...market], {
    stdio: ['ignore', 'pipe', 'ignore'],
    // The audit names the trainer as the actor.
    env: { ...process.env, [PROGRESS_VARIABLE]: PROGRESS_FORM },
    windowsHide: true,
    signal,
  });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString('utf8')));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => {
      try {
        resolve(answerSchema.parse(JSON.parse(text)));
      } catch {
        resolve(`exit code ${code}: ${text.slice(0, 200)}`);
      }
    });
  });
}
