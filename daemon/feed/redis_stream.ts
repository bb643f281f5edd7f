import type { RedisTransport } from '../../shared/policy/policy.ts';
import {
  keepReading,
  type StreamConnection,
  type StreamConnectionState,
  type StreamReader,
} from '../../shared/policy/redis_stream.ts';
import {
  BEGINNING,
  compareIds,
  entriesLost,
  NO_STREAM,
  streamStateOf,
  whereToGoOn,
  type StreamPosition,
  type StreamState,
} from './redis_position.ts';

export const BARS_STREAM = 'minutehand:bars';

const ENTRIES_AT_ONCE = 250;
const BLOCK_MS = 1000;
const FIRST_RETRY_MS = 100;

/** `[id, [field, value, field, value …]]` */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

export interface StreamListener {
  /** Start position. */
  readonly from: StreamPosition;
  /** The reader begins at the beginning: what follows may have been taken before. */
  onBeginning(): void;
  /**
   * The next entries, all in one loop turn.
   * @param position after them
   * @param isAll whether there were no more
   * @returns what the next ones have to wait for
   */
  onEntries(entries: readonly StreamEntry[], position: StreamPosition, isAll: boolean): Promise<void>;
  /** A new position without entries. */
  onPosition(position: StreamPosition): void;
  /** Entries were removed from the stream before they could be read; null = an unknown number. */
  onLost(count: number | null): void;
  /** The stream is not the one that was read before. */
  onAnother(): void;
  /** Called once per change. */
  onState(state: StreamConnectionState, detail: string): void;
}

/**
 * Reads the stream `minutehand:bars` forever, by its own connection that waits for the next entry (XREAD BLOCK), so
 * that publishing never waits for it. A Redis that is absent, stalled, restarted or emptied is tried again after 0.1 s,
 * 0.2 s … 5 s. A user of Redis's access lists needs `+xread +xrange +xinfo +info ~minutehand:bars`.
 *
 * @throws MinutehandError CONFIG_INVALID when the address is not valid or `ca_file` cannot be read
 */
export function readBarStream(
  transport: Pick<RedisTransport, 'url' | 'ca_file' | 'connect_timeout_ms' | 'command_timeout_ms'>,
  listener: StreamListener,
): StreamReader {
  let { from: position } = listener;

  async function findPlace(connection: StreamConnection): Promise<void> {
    const { redis } = connection;
    const stream = await look(connection);
    const isThere = (await redis.xrange(BARS_STREAM, position.id, position.id)).length > 0;
    // Without BLOCK: a user that may not read is refused here, before the connection counts as up.
    await redis.xread('COUNT', 1, 'STREAMS', BARS_STREAM, position.id);
    const verdict = whereToGoOn(position, stream, isThere);
    if (verdict === 'another') beginAgain(connection);
    // If Redis counts entries, the count shows later how many are missing.
    if (verdict === 'trimmed' && (position.number === null || stream.added === null)) listener.onLost(null);
  }

  async function readOn(connection: StreamConnection): Promise<void> {
    const answer = (await connection.redis.xread(
      'COUNT', ENTRIES_AT_ONCE, 'BLOCK', BLOCK_MS, 'STREAMS', BARS_STREAM, position.id)) as [string, StreamEntry[]][] | null; // prettier-ignore
    if (connection.isStopped) return;
    const entries = answer?.[0]?.[1] ?? [];
    if (entries.length === 0) return takeStock(connection);
    const { number } = position;
    position = { id: entries.at(-1)![0], number: number === null ? null : number + entries.length };
    await listener.onEntries(entries, position, entries.length < ENTRIES_AT_ONCE);
  }

  /** Nothing comes: whether all that was written has been read, and whether the stream is still the same. */
  async function takeStock(connection: StreamConnection): Promise<void> {
    const stream = await look(connection);
    if (connection.isStopped) return;
    const lost = entriesLost(position, stream) ?? 0;
    if (lost < 0 || compareIds(stream.lastId, position.id) < 0) return beginAgain(connection);
    if (lost > 0) listener.onLost(lost);
    if (stream.lastId !== position.id || stream.added === position.number) return;
    position = { id: position.id, number: stream.added };
    listener.onPosition(position);
  }

  function beginAgain({ isStopped }: StreamConnection): void {
    if (isStopped) return;
    position = BEGINNING;
    listener.onAnother();
    listener.onBeginning();
  }

  async function look({ redis }: StreamConnection): Promise<StreamState> {
    try {
      return streamStateOf((await redis.xinfo('STREAM', BARS_STREAM)) as unknown[]);
    } catch (error) {
      if (/no such key/i.test((error as Error).message)) return NO_STREAM;
      throw error;
    }
  }

  if (position.id === BEGINNING.id) listener.onBeginning();
  return keepReading({
    transport,
    name: 'minutehand-bars',
    blockMs: BLOCK_MS,
    firstRetryMs: FIRST_RETRY_MS,
    begin: findPlace,
    read: readOn,
    onState: (state, detail) => listener.onState(state, detail),
  });
}
