import type { RedisTransport } from '../../shared/policy/policy.ts';
import {
  keepReading,
  type StreamConnection,
  type StreamConnectionState,
  type StreamReader,
} from '../../shared/redis/redis_stream.ts';
import {
  ENTRY_BYTES_MAX,
  exhaustion,
  mendStream,
  nextEntries,
  type EntrySize,
  type MendedStream,
} from '../../shared/redis/stream_sizes.ts';
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

/** Pause between looks at a stream whose first or last entry is large: Redis copies both for each. */
const LARGE_LOOK_MS = 10_000;

/** As XINFO STREAM, with the bytes of the first and the last entry, `ends-bytes`, in place of their contents. */
const STATE = `
local state = redis.call('XINFO', 'STREAM', KEYS[1])
local bytes = 0
for i = 1, #state, 2 do
  local entry = state[i + 1]
  if (state[i] == 'last-entry' or state[i] == 'first-entry') and entry then
    for _, field in ipairs(entry[2]) do bytes = bytes + #field end
    state[i + 1] = {entry[1]}
  end
end
state[#state + 1] = 'ends-bytes'
state[#state + 1] = bytes
return state`;
const IS_THERE = "return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])";

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
  /** Entries that were passed over because of their size, in bytes. */
  onOversized(entries: readonly EntrySize[]): void;
  /** Entries with ids that no clock gives were removed, after they were read. */
  onMended(mended: MendedStream): void;
  /** The stream is not the one that was read before. */
  onAnother(): void;
  /** Called once per change. */
  onState(state: StreamConnectionState, detail: string): void;
}

/**
 * Reads the stream `minutehand:bars` forever, by its own connection that waits for the next entry (XREAD BLOCK), so
 * that publishing never waits for it. A Redis that is absent, stalled, restarted or emptied is tried again after 0.1 s,
 * 0.2 s … 5 s. A user of Redis's access lists needs `+xread +xrange +xinfo +info ~minutehand:bars`, and `+eval` to pass
 * over an entry that is too large.
 *
 * @throws MinutehandError CONFIG_INVALID when the address is not valid or `ca_file` cannot be read
 */
export function readBarStream(
  transport: Pick<RedisTransport, 'url' | 'ca_file' | 'connect_timeout_ms' | 'command_timeout_ms'>,
  listener: StreamListener,
): StreamReader {
  let { from: position } = listener;
  /** Whether the first or the last entry is too large to be asked for: XINFO STREAM has both. */
  let areEndsLarge = false;
  let lookedMs = -Infinity;

  async function findPlace(connection: StreamConnection): Promise<void> {
    const { redis } = connection;
    const stream = await look(connection);
    if (await mendExhausted(stream, connection)) return;
    const isThere = await hasEntry(connection);
    // Without BLOCK: a user that may not read is refused here, before the connection counts as up.
    if (!connection.isCareful) await redis.xread('COUNT', 1, 'STREAMS', BARS_STREAM, position.id);
    const verdict = whereToGoOn(position, stream, isThere);
    if (verdict === 'another') beginAgain(connection);
    // If Redis counts entries, the count shows later how many are missing.
    if (verdict === 'trimmed' && (position.number === null || stream.added === null)) listener.onLost(null);
  }

  async function readOn(connection: StreamConnection): Promise<void> {
    const usual = connection.isSlow ? 1 : ENTRIES_AT_ONCE;
    const count = connection.isCareful ? await passOversized(connection) : usual;
    if (count === 0 || connection.isStopped) return;
    const answer = (await connection.redis.xread(
      'COUNT',
      count,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      BARS_STREAM,
      position.id,
    )) as [string, StreamEntry[]][] | null;
    if (connection.isStopped) return;
    const entries = answer?.[0]?.[1] ?? [];
    if (entries.length === 0) return takeStock(connection);
    const { number } = position;
    position = { id: entries.at(-1)![0], number: number === null ? null : number + entries.length };
    await listener.onEntries(entries, position, entries.length < count);
  }

  /** @returns the number of entries that may be read now */
  async function passOversized(connection: StreamConnection): Promise<number> {
    const { oversized, count, isSound } = await nextEntries(connection.redis, BARS_STREAM, position.id);
    if (connection.isStopped) return 0;
    if (isSound) connection.trust();
    if (oversized === null) return isSound && count === 0 ? ENTRIES_AT_ONCE : count;
    areEndsLarge = true;
    const { number } = position;
    position = { id: oversized.id, number: number === null ? null : number + 1 };
    listener.onOversized([oversized]);
    listener.onPosition(position);
    return 0;
  }

  /** Whether the entry of the position is still there. */
  async function hasEntry({ redis, isCareful }: StreamConnection): Promise<boolean> {
    if (!isCareful) return (await redis.xrange(BARS_STREAM, position.id, position.id)).length > 0;
    return (await redis.eval(IS_THERE, 1, BARS_STREAM, position.id)) === 1;
  }

  /** @returns whether the stream was mended; it is read on from its newest entry @throws ReplyError when it was not */
  async function mendExhausted({ lastId }: StreamState, connection: StreamConnection): Promise<boolean> {
    const reason = lastId === position.id ? exhaustion(BARS_STREAM, lastId) : null;
    if (reason === null) return false;
    const mended = await mendStream(connection.redis, BARS_STREAM, lastId);
    if (mended !== null) {
      position = { id: mended.lastId, number: null };
      listener.onMended(mended);
      listener.onPosition(position);
      return true;
    }
    connection.because(reason);
    throw Object.assign(new Error(reason), { name: 'ReplyError' });
  }

  /** Nothing comes: whether all that was written has been read, and whether the stream is still the same. */
  async function takeStock(connection: StreamConnection): Promise<void> {
    if (areEndsLarge && performance.now() - lookedMs < LARGE_LOOK_MS) return;
    const stream = await look(connection);
    if (connection.isStopped || (await mendExhausted(stream, connection))) return;
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

  async function look({ redis, isCareful }: StreamConnection): Promise<StreamState> {
    try {
      lookedMs = performance.now();
      if (!isCareful && !areEndsLarge) return streamStateOf((await redis.xinfo('STREAM', BARS_STREAM)) as unknown[]);
      const state = (await redis.eval(STATE, 1, BARS_STREAM)) as unknown[];
      areEndsLarge = (state.at(-1) as number) > ENTRY_BYTES_MAX;
      return streamStateOf(state);
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
