import { setTimeout as sleep } from 'node:timers/promises';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { lookAtFleet, refuseDifferences, type FleetView } from '../../jobs/fleet/fleet_view.ts';
import { openFleet, queueKind, type Fleet } from '../../jobs/fleet/open_fleet.ts';
import type { TaskQueue } from '../../jobs/fleet/task_queue.ts';
import { ownInstallation } from './own_installation.ts';

/** Less than a check may take. */
const ANSWER_MS = 5000;

export interface FleetLookOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  /** Environment with the address of the queue. */
  readonly env: NodeJS.ProcessEnv;
  /** After which a queue counts as away. */
  readonly answerMs?: number;
}

/** The fleet of a trainer, as its last check has seen it. */
export class FleetLook {
  readonly #options: FleetLookOptions;
  #fleet: Fleet | null = null;
  #looking: Promise<FleetView> | null = null;
  #last: FleetView | null = null;
  #announcing: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: FleetLookOptions) {
    this.#options = options;
  }

  /** Whether this installation has a fleet. A name that no queue has is an error of the training that uses it. */
  get isUsed(): boolean {
    try {
      return queueKind(this.#options.env) !== null;
    } catch {
      return false;
    }
  }

  /** null: there is none, it did not answer last time, or nobody has looked yet. */
  last(): FleetView | null {
    return this.#last;
  }

  /**
   * Looks, remembers what it has seen, and then says what this machine has.
   * @throws MinutehandError QUEUE_UNREACHABLE; TASK_DIFFERS while two workers have made different results of one task
   */
  async check(): Promise<void> {
    const view = await this.now();
    // A daemon that does not answer, or a queue that goes away now, holds up no check.
    this.#announcing ??= this.#announce()
      .catch(() => undefined)
      .finally(() => (this.#announcing = null));
    refuseDifferences(view);
  }

  async #announce(): Promise<void> {
    const { settings, paths } = this.#options;
    const own = await ownInstallation(settings, paths);
    await this.#fleet?.queue.announce(own);
  }

  /** Looks, and remembers what it has seen. @throws MinutehandError QUEUE_UNREACHABLE, CONFIG_INVALID */
  async now(): Promise<FleetView> {
    this.#last = await this.#answer();
    return this.#last;
  }

  /**
   * Asks the queue for something, in limited time.
   * @throws MinutehandError FLEET_ABSENT, QUEUE_UNREACHABLE, CONFIG_INVALID
   */
  async ask<Answer>(question: (queue: TaskQueue) => Promise<Answer>): Promise<Answer> {
    if (!this.isUsed) throw new MinutehandError('FLEET_ABSENT');
    // A queue that is away would keep the question, and act on it whenever it is back.
    await this.now();
    return await question(this.#fleet!.queue);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const fleet = this.#fleet;
    this.#fleet = null;
    await fleet?.close().catch(() => undefined);
  }

  /** A queue that is away keeps what it is asked until it is back: it is not asked again before that. */
  async #answer(): Promise<FleetView> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    // An answer or an error that comes after the time limit is used by the next check.
    this.#looking.catch(() => undefined);
    const giveUp = new AbortController();
    const { answerMs = ANSWER_MS } = this.#options;
    const late = sleep(answerMs, null, { signal: giveUp.signal, ref: false }).catch(() => null);
    try {
      const view = await Promise.race([this.#looking, late]);
      if (view !== null) return view;
      throw new MinutehandError('QUEUE_UNREACHABLE', { seen: `no answer in ${answerMs / 1000} s` });
    } catch (error) {
      this.#last = null;
      throw error;
    } finally {
      giveUp.abort();
    }
  }

  async #look(): Promise<FleetView> {
    const { settings, paths, env } = this.#options;
    const fleet = this.#fleet ?? (await openFleet(settings, paths, env))!;
    this.#fleet = fleet;
    // Closed while it was being opened.
    if (this.#isClosed) await this.close();
    return await lookAtFleet(fleet);
  }
}
