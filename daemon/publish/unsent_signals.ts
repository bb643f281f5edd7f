import { ALL_PARTS, type BusMessage, type BusRefusal, type ResentMessage } from '../../shared/ports.ts';

/** When a signal may no longer leave. */
export interface SignalLimits {
  readonly valid_until_ms: number;
  readonly fence?: number;
}

interface Unsent {
  readonly text: string;
  readonly lacking: number;
  /** Of the batch; later batches have higher numbers. */
  readonly number: number;
}

/** A signal that may leave again, with the number of the batch that it belonged to. */
export interface UnsentMessage extends ResentMessage {
  readonly number: number;
}

/** The last signal of each pair that a server did not take, or may not have taken. */
export class UnsentSignals {
  readonly #byPair = new Map<string, Unsent>();

  get size(): number {
    return this.#byPair.size;
  }

  /**
   * Replies come in order, but a batch that is not even sent fails before those in progress.
   * @param refusal what the server lacks of the batch; null = not known
   */
  note(batch: readonly BusMessage[], number: number, refusal: BusRefusal | null): void {
    // Without the bytes: they would keep the buffer of the whole batch.
    const messages = batch.map(({ pairId, text }) => ({ pairId, text, lacking: ALL_PARTS, number }));
    this.restore(messages, refusal);
  }

  /** Resent without success. */
  restore(messages: readonly UnsentMessage[], refusal: BusRefusal | null): void {
    messages.forEach((message, i) => {
      const { pairId, text, number } = message;
      const lacking = refusal?.lacking[i] ?? message.lacking;
      if (lacking === 0) return this.taken([message], number);
      const known = this.#byPair.get(pairId);
      if (known === undefined || known.number <= number) this.#byPair.set(pairId, { text, lacking, number });
    });
  }

  /** The server took a batch: older signals of its pairs are obsolete. */
  taken(batch: readonly BusMessage[], number: number): void {
    if (this.#byPair.size === 0) return;
    for (const { pairId } of batch) {
      const known = this.#byPair.get(pairId);
      if (known !== undefined && known.number <= number) this.#byPair.delete(pairId);
    }
  }

  /** Removes all signals. @returns those that may still leave */
  take(mayLeave: (limits: SignalLimits) => boolean): UnsentMessage[] {
    const messages = [...this.#byPair]
      .filter(([, { text }]) => mayLeave(JSON.parse(text) as SignalLimits))
      .map(([pairId, unsent]) => ({ pairId, ...unsent }));
    this.#byPair.clear();
    return messages;
  }
}
