import type { RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import type { Retrainer } from './retrainer.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { RunStatus } from '../../store/schema/jobs.ts';
import type { RunKind } from './run.ts';
import type { RunParameters } from '../../jobs/kinds/run_parameters.ts';

/** How often a round looks whether its run has ended. */
const LOOK_MS = 5000;
/** Time beyond the delay of a retry in which it begins, where no other run is in progress. */
const RETRY_MARGIN_MS = 10 * 60_000;
const MS_PER_MINUTE = 60_000;
/** Statuses of an attempt that another one follows, after a delay. */
const RETRIED: readonly RunStatus[] = ['failed', 'killed'];

/**
 * Runs of one kind, one after the other, each with its retries: one run of a kind can wait, and the next one would take
 * the place of a queued retry.
 */
export class RunRound {
  readonly #retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>;
  readonly #kind: RunKind;
  readonly #print: (line: string) => void;
  readonly #retryMs: number;
  readonly #lookMs: number;
  #isBusy = false;
  #stopped = false;
  #wake: (() => void) | null = null;

  /**
   * @param retrain delay after which an attempt follows a failed one
   * @param print told what is skipped
   */
  constructor(
    retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>,
    kind: RunKind,
    { retrain_retry_delay_minutes }: Pick<Settings['retrain'], 'retrain_retry_delay_minutes'>,
    print: (line: string) => void,
    lookMs = LOOK_MS,
  ) {
    this.#retrainer = retrainer;
    this.#kind = kind;
    this.#print = print;
    this.#retryMs = retrain_retry_delay_minutes * MS_PER_MINUTE + RETRY_MARGIN_MS;
    this.#lookMs = lookMs;
  }

  /** Resolves when the last one has ended, or the round was stopped. */
  async begin(trigger: RunTrigger, wanted: readonly RunParameters[]): Promise<void> {
    if (wanted.length === 0)
      return this.#print(`Retraining (${triggerText(trigger)}) is skipped: there are no instruments.`);
    if (this.#isBusy)
      return this.#print(`Retraining (${triggerText(trigger)}) is skipped: the last round has not ended.`);
    this.#isBusy = true;
    try {
      for (const parameters of wanted) await this.#run(trigger, parameters);
    } finally {
      this.#isBusy = false;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  async #run(trigger: RunTrigger, parameters: RunParameters): Promise<void> {
    // A queued attempt keeps its number when it begins: a number does not say what began later.
    const before = new Set(this.#retrainer.runs().map(({ run_id }) => run_id));
    // A run of this kind that someone asked for comes first.
    while (!this.#stopped && !(await this.#retrainer.startOrWait({ kind: this.#kind, trigger, parameters })))
      await this.#pause();
    let retryWaitMs = 0;
    while (!this.#stopped) {
      const newest = this.#newest(before);
      if (newest === null) retryWaitMs = 0;
      else if (!RETRIED.includes(newest) || retryWaitMs >= this.#retryMs) return;
      else retryWaitMs += this.#lookMs;
      await this.#pause();
    }
  }

  /** Status of the newest attempt; null while one is in progress, or before the first. */
  #newest(before: ReadonlySet<number>): RunStatus | null {
    const newer = this.#retrainer.runs().filter(({ kind, run_id }) => kind === this.#kind && !before.has(run_id));
    return newer.some(({ status }) => status === 'running') ? null : (newer[0]?.status ?? null);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#lookMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
