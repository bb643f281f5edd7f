import type { BusMessage, ResentMessage } from '../../shared/ports.ts';

/** When a signal may no longer leave. */
export interface SignalLimits {
  readonly valid_until_ms: number;
  readonly fence?: number;
}

interface Unsent {
  readonly text: string;
  readonly isHeard: boolean;
  /** Of the batch; later batches have higher numbers. */
  readonly number: number;
}

type Batch = readonly (BusMessage & Partial<ResentMessage>)[];

/** The last signal of each pair that a server did not take, or may not have taken. */
export class UnsentSignals {
  readonly #byPair = new Map<string, Unsent>();

  get size(): number {
    return this.#byPair.size;
  }

  /**
   * Replies come in order, but a batch that is not even sent fails before those under way.
   * @param isHeard the server's channels took the batch, only its data did not
   */
  note(batch: Batch, number: number, isHeard = false): void {
    for (const message of batch) {
      const known = this.#byPair.get(message.pairId);
      if (known !== undefined && known.number > number) continue;
      // Without the bytes: they would keep the buffer of the whole batch.
      const { pairId, text } = message;
      this.#byPair.set(pairId, { text, isHeard: isHeard || message.isHeard === true, number });
    }
  }

  /** The server took a batch: older signals of its pairs are obsolete. */
  taken(batch: Batch, number: number): void {
    if (this.#byPair.size === 0) return;
    for (const { pairId } of batch) {
      const known = this.#byPair.get(pairId);
      if (known !== undefined && known.number <= number) this.#byPair.delete(pairId);
    }
  }

  /** Removes all signals. @returns those that may still leave */
  take(mayLeave: (limits: SignalLimits) => boolean): ResentMessage[] {
    const messages = [...this.#byPair]
      .filter(([, { text }]) => mayLeave(JSON.parse(text) as SignalLimits))
      .map(([pairId, { text, isHeard }]) => ({ pairId, text, isHeard }));
    this.#byPair.clear();
    return messages;
  }
}
