import type { Message } from './websocket_route.ts';

export interface Subscriber {
  write(texts: readonly Buffer[]): boolean;
}

/** Subscribers of each topic. */
export class Topics {
  readonly #subscribersByTopic = new Map<string, Set<Subscriber>>();

  join(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#subscribersByTopic.get(topic);
    if (subscribers) subscribers.add(subscriber);
    else this.#subscribersByTopic.set(topic, new Set([subscriber]));
  }

  leave(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#subscribersByTopic.get(topic);
    if (subscribers?.delete(subscriber) && subscribers.size === 0) this.#subscribersByTopic.delete(topic);
  }

  /** @param everything a topic whose subscribers get every message */
  publishAll(messages: readonly Message[], everything?: string): void {
    const topics = this.#subscribersByTopic;
    const listeners = everything === undefined ? undefined : topics.get(everything);
    const onlyEverything = listeners !== undefined && topics.size === 1;
    let encoded: Buffer[] | null = null;
    if (listeners !== undefined) {
      encoded = encodeAll(messages);
      for (const subscriber of listeners) subscriber.write(encoded);
    }
    if (topics.size === 0 || onlyEverything) return;
    const wantedBySubscriber = this.#wanted(messages);
    if (wantedBySubscriber.size === 0) return;
    writeSelections(encoded ?? encodeAll(messages), wantedBySubscriber);
  }

  /** Indices of the messages of each subscriber's own topics. */
  #wanted(messages: readonly Message[]): Map<Subscriber, number[]> {
    const wantedBySubscriber = new Map<Subscriber, number[]>();
    for (let i = 0; i < messages.length; i++) {
      for (const subscriber of this.#subscribersByTopic.get(messages[i]!.topic) ?? []) {
        const wanted = wantedBySubscriber.get(subscriber);
        if (wanted) wanted.push(i);
        else wantedBySubscriber.set(subscriber, [i]);
      }
    }
    return wantedBySubscriber;
  }
}

function encodeAll(messages: readonly Message[]): Buffer[] {
  return messages.map(({ text, bytes }) => bytes ?? Buffer.from(text));
}

/** Subscribers with the same selection are given the very same array. */
function writeSelections(all: readonly Buffer[], wantedBySubscriber: ReadonlyMap<Subscriber, readonly number[]>): void {
  const selections = new Map<string, Buffer[]>();
  for (const [subscriber, wanted] of wantedBySubscriber) {
    const key = wanted.join();
    let selection = selections.get(key);
    if (selection === undefined) {
      selection = wanted.map((i) => all[i]!);
      selections.set(key, selection);
    }
    subscriber.write(selection);
  }
}
