import { compareIds } from '../../shared/redis/stream_ids.ts';

export { compareIds };

/** Position of a reader of a stream. */
export interface StreamPosition {
  /** Id of the last entry that was taken, `<ms>-<number>`; 0-0 = none. */
  readonly id: string;
  /**
   * Number of entries that the stream had ever been given when it got that one; null = not known (Redis counts them
   * from 7.0 on).
   */
  readonly number: number | null;
}

/** State of a stream in Redis. */
export interface StreamState {
  /** Of the first entry that is still there; null when there is none. */
  readonly firstId: string | null;
  /** The greatest id it ever gave out; 0-0 = none. */
  readonly lastId: string;
  /** Number of entries it has ever been given; null where Redis does not count them. */
  readonly added: number | null;
}

export const BEGINNING: StreamPosition = { id: '0-0', number: null };
/** A stream that does not exist. */
export const NO_STREAM: StreamState = { firstId: null, lastId: '0-0', added: null };

/** @param reply of `XINFO STREAM`: names and values by turns, as RESP2 gives them */
export function streamStateOf(reply: readonly unknown[]): StreamState {
  const valueOf = (name: string): unknown => {
    const at = reply.indexOf(name);
    return at < 0 ? null : reply[at + 1];
  };
  const first = valueOf('first-entry') as readonly [id: string] | null;
  return {
    firstId: first?.[0] ?? null,
    lastId: valueOf('last-generated-id') as string,
    added: valueOf('entries-added') as number | null,
  };
}

/**
 * Returns whether a reader can continue from its position.
 * - `same`: yes.
 * - `trimmed`: the stream has lost its entries up to there, and maybe more.
 * - `another`: it is not the stream that was read before (Redis lost it, went back to an old copy, or is another
 *   server), so any of its entries may have been read or not.
 *
 * @param isThere whether the entry of this position is still in the stream
 */
export function whereToGoOn(
  { id }: StreamPosition,
  { firstId, lastId }: StreamState,
  isThere: boolean,
): 'same' | 'trimmed' | 'another' {
  if (id === BEGINNING.id || isThere) return 'same';
  if (compareIds(lastId, id) < 0) return 'another';
  if (firstId === null) return lastId === id ? 'same' : 'trimmed';
  return compareIds(firstId, id) < 0 ? 'another' : 'trimmed';
}

/**
 * Number of entries that were removed unread, once a reader has read the others. Below zero: the
 * stream has been given fewer than were read, so it is another one. null when it cannot be known, or there is something
 * to be read yet.
 */
export function entriesLost(position: StreamPosition, { lastId, added }: StreamState): number | null {
  if (lastId !== position.id || position.number === null || added === null) return null;
  return added - position.number;
}
