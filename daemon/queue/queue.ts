import { isHeartbeat, type AnsweredMinute } from '../align/minute.ts';
import type { StateInput } from './input.ts';

export interface MinuteItem {
  readonly kind: 'minute';
  readonly minute: AnsweredMinute;
  readonly publish: boolean;
  readonly arrivedUs: number;
  /** In a replay: takes effect right before this minute, whose bars stand before it. */
  readonly first?: readonly StateInput[];
}

export interface QueueOptions {
  /** Resolves at the end of this loop turn: everything that arrived in it is there. */
  loopTurn(): Promise<void>;
  answer(batch: readonly MinuteItem[]): Promise<void>;
  apply(input: StateInput): void;
  /** Ends what `answer` left to do: before anything but a minute takes effect, and when nothing waits. */
  finish(): void;
  /** Whether the answers of a subject depend on auxiliary series, whose values end its batch; by default all do. */
  readsSeries?(pairIndex: number): boolean;
  /** Called when something is pushed while something else is in progress. */
  onWaiting?(): void;
  /** Behind everything that waited. */
  onIdle(): void;
}

/**
 * Inputs (minutes, heartbeats, swaps, halts, degradations), in the order in which they were journaled, so that
 * a replay of the journal gives the same signals. Everything taken in one loop turn is answered as one batch.
 */
export class Queue {
  readonly #options: QueueOptions;
  #items: (MinuteItem | StateInput)[] = [];
  /** Number of items of the loop turn that is being answered which still wait. */
  #left = 0;
  #running: Promise<void> | null = null;
  #done = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Nothing waits, and nothing is in progress. */
  get isIdle(): boolean {
    return this.#running === null;
  }

  /** Nothing waits. */
  get isEmpty(): boolean {
    return this.#items.length + this.#left === 0;
  }

  /** Grows with each batch that has been answered and journaled, and with everything else that has taken effect. */
  get done(): number {
    return this.#done;
  }

  push(item: MinuteItem | StateInput): void {
    this.#items.push(item);
    if (this.#running === null) this.#running = this.#run();
    else this.#options.onWaiting?.();
  }

  /** Takes back everything from the first minute on that is to be published. */
  takeUnpublished(): (MinuteItem | StateInput)[] {
    const first = this.#items.findIndex((item) => item.kind === 'minute' && item.publish);
    return first < 0 ? [] : this.#items.splice(first);
  }

  /** Resolves when all that was pushed so far has taken effect. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    const { loopTurn, answer, finish, onIdle, readsSeries = () => true } = this.#options;
    await loopTurn();
    while (this.#items.length > 0) {
      const items = this.#items;
      this.#items = [];
      let at = 0;
      while (at < items.length) {
        const item = items[at]!;
        if (item.kind === 'minute') {
          const { batch, values, end } = batchFrom(items, at, readsSeries);
          at = end;
          this.#left = items.length - end;
          for (const change of item.first ?? []) this.#apply(change);
          await answer(batch);
          for (const value of values) this.#apply(value);
          this.#done += values.length;
        } else {
          at++;
          this.#apply(item);
        }
        this.#done++;
      }
    }
    finish();
    onIdle();
    this.#running = null;
  }

  #apply(input: StateInput): void {
    const { finish, apply } = this.#options;
    finish();
    apply(input);
  }
}

/**
 * The longest run of minutes from `at` on in which no pair publishes twice, and the values of series among them, which
 * none of its minutes behind them reads. Heartbeats are among themselves: nothing is scored for them, so that models
 * that fail concern no heartbeat before the first minute of a batch.
 * @returns also the index behind the run
 */
function batchFrom(
  items: readonly (MinuteItem | StateInput)[],
  at: number,
  readsSeries: (pairIndex: number) => boolean,
): { readonly batch: MinuteItem[]; readonly values: StateInput[]; readonly end: number } {
  const batch: MinuteItem[] = [];
  const values: StateInput[] = [];
  const pairs = new Set<number>();
  let end = at;
  for (; end < items.length; end++) {
    const item = items[end]!;
    if (item.kind === 'series') {
      values.push(item);
      continue;
    }
    if (item.kind !== 'minute' || pairs.has(item.minute.pairIndex)) break;
    if (batch.length > 0 && (item.first !== undefined || isHeartbeat(item.minute) !== isHeartbeat(batch[0]!.minute)))
      break;
    if (values.length > 0 && readsSeries(item.minute.pairIndex)) break;
    if (item.publish) pairs.add(item.minute.pairIndex);
    batch.push(item);
  }
  return { batch, values, end };
}
