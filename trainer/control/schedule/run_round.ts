import type { RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import type { Retrainer } from './retrainer.ts';
import type { RunKind, RunParameters } from './run.ts';

/** How often a round looks whether its run has ended. */
const LOOK_MS = 5000;

/**
 * Runs of one kind, one after the other: one run of a kind can wait.
 * @param print told what is skipped
 */
export class RunRound {
  readonly #retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>;
  readonly #kind: RunKind;
  readonly #print: (line: string) => void;
  readonly #lookMs: number;
  #isBusy = false;
  #stopped = false;
  #wake: (() => void) | null = null;

  constructor(
    retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>,
    kind: RunKind,
    print: (line: string) => void,
    lookMs = LOOK_MS,
  ) {
    this.#retrainer = retrainer;
    this.#kind = kind;
    this.#print = print;
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
    while (!this.#stopped && !this.#hasEnded(before)) await this.#pause();
  }

  #hasEnded(before: ReadonlySet<number>): boolean {
    const newer = this.#retrainer.runs().filter(({ kind, run_id }) => kind === this.#kind && !before.has(run_id));
    return newer.length > 0 && newer.every(({ status }) => status !== 'running');
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
