import type { Notice } from './outbox.ts';

/**
 * For what happens outside a transaction of the store. Never rejects: what the store does not take is sent from memory.
 */
export interface Notifier {
  raise(notice: Notice): Promise<void>;
  /** Resolves the open alert of this key, if there is one. */
  clear(key: string): Promise<void>;
}

/** Discards every event. */
export const NO_NOTIFIER: Notifier = { raise: () => Promise.resolve(), clear: () => Promise.resolve() };
