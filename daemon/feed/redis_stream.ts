import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisTransport } from '../../shared/policy/policy.ts';
import { connectionProblem, redisAddress } from '../../shared/redis_address.ts';
import {
  BEGINNING,
  compareIds,
  entriesLost,
  NO_STREAM,
  whereToGoOn,
  type StreamPosition,
  type StreamState,
} from './redis_position.ts';

export const BARS_STREAM = 'minutehand:bars';

const ENTRIES_AT_ONCE = 250;
const BLOCK_MS = 1000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5000;

/** `[id, [field, value, field, value …]]` */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

export interface StreamListener {
  /** Where to go on. */
  readonly from: StreamPosition;
  /** The reader begins at the beginning: what follows may have been taken before. */
  onBeginning(): void;
  /**
   * The next entries, all in one loop turn.
   * @param position behind them
   * @param isAll whether there were no more
   * @returns what the next ones have to wait for
   */
  onEntries(entries: readonly StreamEntry[], position: StreamPosition, isAll: boolean): Promise<void>;
  /** Another word on where the reader stands; no entries came. */
  onPosition(position: StreamPosition): void;
  /** Entries were removed from the stream before they could be read; null = nobody knows how many. */
  onLost(count: number | null): void;
  /** The stream is not the one that was read before. */
  onAnother(): void;
  /** Told once of each change. @param isRefused Redis answers, and refuses the commands */
  onState(state: 'up' | 'down', detail: string, isRefused: boolean): void;
}

export interface StreamReader {
  /** No entry is handed on after this was called. */
  stop(): Promise<void>;
}

/**
 * Reads the stream `minutehand:bars` for ever, by a connection of its own that waits for the next entry (XREAD BLOCK): publishing never
 * stands behind it. A Redis that is absent, stalled, restarted or emptied is tried again after 0.1 s, 0.2 s … 5 s.
 * A user of Redis's access lists needs `+xread +xrange +xinfo +info ~minutehand:bars`.
 *
 * @throws MinutehandError CONFIG_INVALID when the address cannot be understood or `ca_file` cannot be read
 */
export function readBarStream(
  transport: Pick<RedisTransport, 'url' | 'ca_file' | 'connect_timeout_ms' | 'command_timeout_ms'>,
  listener: StreamListener,
): StreamReader {
  const redis = new Redis({
    ...redisAddress(transport.url, transport.ca_file),
    lazyConnect: true,
    // ioredis starts this timer on a connection that is closed already, too, and a process would wait for it.
    disconnectTimeout: 50,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: transport.connect_timeout_ms,
    socketTimeout: BLOCK_MS + 2 * transport.command_timeout_ms,
    // The loop below connects again: it has to look at the stream then.
    retryStrategy: () => null,
    connectionName: 'minutehand-bars',
    protocol: 2,
  });
  let lastError = 'the connection was closed';
  redis.on('error', (error: Error) => (lastError = connectionProblem(error)));
  const stopping = new AbortController();
  const isStopped = (): boolean => stopping.signal.aborted;
  let state: 'up' | 'down' | null = null;
  let { from: position } = listener;

  function enter(next: 'up' | 'down', detail: string, isRefused = false): void {
    if (state === next || isStopped()) return;
    state = next;
    listener.onState(next, detail, isRefused);
  }

  async function run(): Promise<void> {
    if (position.id === BEGINNING.id) listener.onBeginning();
    let waitMs = FIRST_RETRY_MS;
    while (!isStopped()) {
      try {
        await redis.connect();
        lastError = 'the connection was closed';
        await findPlace();
        enter('up', 'connected');
        waitMs = FIRST_RETRY_MS;
        while (!isStopped()) await readOn();
      } catch (error) {
        if (isStopped()) return;
        const isRefused = error instanceof Error && error.name === 'ReplyError';
        enter('down', isRefused ? error.message : lastError, isRefused);
        redis.disconnect();
        redis.stream?.destroy();
      }
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      waitMs = Math.min(2 * waitMs, MAX_RETRY_MS);
    }
  }

  async function findPlace(): Promise<void> {
    const stream = await look();
    const isThere = (await redis.xrange(BARS_STREAM, position.id, position.id)).length > 0;
    const verdict = whereToGoOn(position, stream, isThere);
    if (verdict === 'another') beginAgain();
    // Where Redis counts, the count says later how many are missing, if any.
    if (verdict === 'trimmed' && (position.number === null || stream.added === null)) listener.onLost(null);
  }

  async function readOn(): Promise<void> {
    const answer = (await redis.xread(
      'COUNT', ENTRIES_AT_ONCE, 'BLOCK', BLOCK_MS, 'STREAMS', BARS_STREAM, position.id)) as [string, StreamEntry[]][] | null; // prettier-ignore
    if (isStopped()) return;
    const entries = answer?.[0]?.[1] ?? [];
    if (entries.length === 0) return takeStock();
    const { number } = position;
    position = { id: entries.at(-1)![0], number: number === null ? null : number + entries.length };
    await listener.onEntries(entries, position, entries.length < ENTRIES_AT_ONCE);
  }

  /** Nothing comes: whether all that was written has been read, and whether the stream is still the same. */
  async function takeStock(): Promise<void> {
    const stream = await look();
    if (isStopped()) return;
    const lost = entriesLost(position, stream) ?? 0;
    if (lost < 0 || compareIds(stream.lastId, position.id) < 0) return beginAgain();
    if (lost > 0) listener.onLost(lost);
    if (stream.lastId !== position.id || stream.added === position.number) return;
    position = { id: position.id, number: stream.added };
    listener.onPosition(position);
  }

  function beginAgain(): void {
    if (isStopped()) return;
    position = BEGINNING;
    listener.onAnother();
    listener.onBeginning();
  }

  async function look(): Promise<StreamState> {
    try {
      return stateOf((await redis.xinfo('STREAM', BARS_STREAM)) as unknown[]);
    } catch (error) {
      if (/no such key/i.test((error as Error).message)) return NO_STREAM;
      throw error;
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      redis.disconnect();
      // `disconnect` waits two seconds for the other side to hang up; a stalled one never does.
      redis.stream?.destroy();
      await running;
    },
  };
}

/** Names and values by turns, as RESP2 gives them. */
function stateOf(reply: readonly unknown[]): StreamState {
  const valueOf = (name: string): unknown => {
    const at = reply.indexOf(name);
    return at < 0 ? null : reply[at + 1];
  };
  const first = valueOf('first-entry') as StreamEntry | null;
  return {
    firstId: first?.[0] ?? null,
    lastId: valueOf('last-generated-id') as string,
    added: valueOf('entries-added') as number | null,
  };
}
