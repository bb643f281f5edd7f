import { FILLS_STREAM } from '../../../shared/fill/fill.ts';
import type { Owner } from '../../../shared/owner/owner.ts';
import { redisTakenBy } from '../../../shared/owner/redis_owner.ts';
import type { RedisTransport } from '../../../shared/policy/policy.ts';
import {
  ENTRY_BYTES_MAX,
  exhaustion,
  mendStream,
  nextEntries,
  sizeOf,
  type EntrySize,
  type MendedStream,
} from '../../../shared/redis/stream_sizes.ts';
import {
  keepReading,
  type StreamConnection,
  type StreamConnectionState,
  type StreamReader,
} from '../../../shared/redis/redis_stream.ts';

/** A fixed consumer name, so that a trainer takes over entries that the previous one did not acknowledge. */
const CONSUMER = 'trainer';

const ENTRIES_AT_ONCE = 200;
const BLOCK_MS = 1000;
const OWNER_LOOK_MS = 10_000;
const CLAIM_IDLE_MS = 60_000;
const FIRST_RETRY_MS = 200;
/** Own pending entries from the first on; and new ones. */
const PENDING = '0';
const NEW = '>';

export interface FillStreamOptions {
  /** Consumer group of this trainer's home: each home stores every fill. */
  readonly group: string;
  /** Another installation may publish into this Redis, to which the fills belong then. */
  readonly owner: Owner;
  readonly transport: Pick<RedisTransport, 'url' | 'ca_file' | 'connect_timeout_ms' | 'command_timeout_ms'>;
  /**
   * Resolves when the store has the lines; then the entries are acknowledged. If it rejects, it is called again with
   * them.
   */
  take(lines: readonly string[]): Promise<unknown>;
  /** Entries that were passed over because of their size, in bytes. */
  onOversized(entries: readonly EntrySize[]): void;
  /** Entries with ids that no clock gives were removed, after they were read. */
  onMended(mended: MendedStream): void;
  /** Who else publishes into this Redis; null = nobody. Called with each look. */
  onTaken(by: string | null): void;
  /** Called once per change. */
  onState(state: StreamConnectionState, detail: string): void;
}

/** Pending entries whose sizes are asked for at once. */
const LOOKED_AT = 20;

type Entry = [id: string, fields: string[] | null];

/**
 * Reads the stream `minutehand:fills` as a consumer group: delivered but unacknowledged entries first, then new ones.
 * An absent, restarted or empty Redis is retried forever; a missing group is created again. Nothing is read while
 * another installation publishes into this Redis.
 */
export function readFillStream(options: FillStreamOptions): StreamReader {
  const { group, owner, transport, take, onOversized, onMended, onTaken, onState } = options;
  let lookedMs = -Infinity;

  /** @throws ReplyError while another installation has this Redis */
  async function refuseOfOthers({ redis }: StreamConnection): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - lookedMs < OWNER_LOOK_MS) return;
    const taken = await redisTakenBy(redis, owner);
    onTaken(taken);
    lookedMs = taken === null ? nowMs : -Infinity;
    if (taken === null) return;
    throw Object.assign(new Error(`${taken} publishes there`), { name: 'ReplyError' });
  }

  async function makeGroup({ redis }: StreamConnection): Promise<void> {
    try {
      // From the first entry, so that entries from before the first start of a trainer are read too.
      await redis.xgroup('CREATE', FILLS_STREAM, group, '0', 'MKSTREAM');
    } catch (error) {
      if (!(error as Error).message.startsWith('BUSYGROUP')) throw error;
    }
  }

  /**
   * Entries of a consumer with another name, such as a tool that read the group manually. Not supported by Redis below
   * 6.2, where it is rarely needed.
   */
  async function claimForgotten({ redis }: StreamConnection): Promise<void> {
    try {
      for (let from = '0-0'; ;) {
        const [next] = (await redis.xautoclaim(
          FILLS_STREAM,
          group,
          CONSUMER,
          CLAIM_IDLE_MS,
          from,
          'COUNT',
          ENTRIES_AT_ONCE,
          'JUSTID',
        )) as [string];
        if (next === '0-0') return;
        from = next;
      }
    } catch (error) {
      if (!/unknown command/i.test((error as Error).message)) throw error;
    }
  }

  async function hand(lines: readonly string[], { because }: StreamConnection): Promise<void> {
    try {
      await take(lines);
    } catch (error) {
      because(`they could not be stored: ${(error as Error).message}`);
      throw error;
    }
  }

  /** Stores pending entries one by one, and acknowledges those that are too large: a reply had too much of them. */
  async function drainCarefully(connection: StreamConnection): Promise<void> {
    const { redis } = connection;
    for (let from = '0-0'; ;) {
      const [next, ids] = (await redis.xautoclaim(
        FILLS_STREAM,
        group,
        CONSUMER,
        0,
        from,
        'COUNT',
        LOOKED_AT,
        'JUSTID',
      )) as [string, string[]];
      for (const id of ids) {
        const size = await sizeOf(redis, FILLS_STREAM, id, id);
        if (size !== null && size.bytes > ENTRY_BYTES_MAX) {
          onOversized([size]);
        } else {
          const [entry] = (await redis.xrange(FILLS_STREAM, id, id)) as Entry[];
          if (entry?.[1]) await hand([lineOf(entry[1])], connection);
        }
        await redis.xack(FILLS_STREAM, group, id);
      }
      if (next === '0-0' || connection.isStopped) return;
      from = next;
    }
  }

  /** Id of the last entry that the group was given. */
  async function lastDelivered({ redis }: StreamConnection): Promise<string> {
    const groups = (await redis.xinfo('GROUPS', FILLS_STREAM)) as unknown[][];
    const own = groups.find((one) => valueIn(one, 'name') === group);
    return own === undefined ? '0-0' : String(valueIn(own, 'last-delivered-id'));
  }

  /** Moves the group past new entries that are too large. @returns the number of entries that may be read now */
  async function passOversized(connection: StreamConnection): Promise<number> {
    const { redis } = connection;
    const after = await lastDelivered(connection);
    const { oversized, count, isSound } = await nextEntries(redis, FILLS_STREAM, after);
    if (isSound) connection.trust();
    if (oversized === null) return isSound && count === 0 ? ENTRIES_AT_ONCE : count;
    await redis.xgroup('SETID', FILLS_STREAM, group, oversized.id);
    onOversized([oversized]);
    return 0;
  }

  /** Processes all pending entries, or the next new ones. */
  async function drain(which: typeof PENDING | typeof NEW, connection: StreamConnection): Promise<void> {
    const { redis } = connection;
    if (which === PENDING && connection.isCareful) return drainCarefully(connection);
    for (let from: string = which; ;) {
      const usual = connection.isSlow ? 1 : ENTRIES_AT_ONCE;
      const count = which === NEW && connection.isCareful ? await passOversized(connection) : usual;
      if (count === 0 || connection.isStopped) return;
      const entries = await next(from, count, connection);
      const oversized = entries.flatMap(([id, fields]) => {
        const bytes = (fields ?? []).reduce((sum, { length }) => sum + length, 0);
        return bytes > ENTRY_BYTES_MAX ? [{ id, bytes }] : [];
      });
      if (oversized.length > 0) onOversized(oversized);
      const passed = new Set(oversized.map(({ id }) => id));
      const lines = entries.flatMap(([id, fields]) => (fields === null || passed.has(id) ? [] : [lineOf(fields)]));
      if (which === NEW && entries.length === 0) await mendExhausted(connection);
      if (lines.length > 0) await hand(lines, connection);
      if (entries.length > 0) await redis.xack(FILLS_STREAM, group, ...entries.map(([id]) => id));
      if (which === NEW || entries.length === 0) return;
      from = entries.at(-1)![0];
    }
  }

  /** All was read: whether anything can come. */
  async function mendExhausted(connection: StreamConnection): Promise<void> {
    const delivered = await lastDelivered(connection);
    const reason = exhaustion(FILLS_STREAM, delivered);
    if (reason === null || (await nextEntries(connection.redis, FILLS_STREAM, delivered)).count > 0) return;
    const mended = await mendStream(connection.redis, FILLS_STREAM, delivered);
    if (mended !== null) return onMended(mended);
    const { because } = connection;
    because(reason);
    throw Object.assign(new Error(reason), { name: 'ReplyError' });
  }

  async function next(from: string, count: number, { redis }: StreamConnection): Promise<Entry[]> {
    const answer = (await redis.xreadgroup(
      'GROUP',
      group,
      CONSUMER,
      'COUNT',
      count,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      FILLS_STREAM,
      from,
    )) as [string, Entry[]][] | null;
    return answer?.[0]?.[1] ?? [];
  }

  return keepReading({
    transport,
    name: 'minutehand-fills',
    blockMs: BLOCK_MS,
    firstRetryMs: FIRST_RETRY_MS,
    async begin(connection) {
      lookedMs = -Infinity;
      await refuseOfOthers(connection);
      await makeGroup(connection);
      await claimForgotten(connection);
      await drain(PENDING, connection);
      await mendExhausted(connection);
    },
    async read(connection) {
      await refuseOfOthers(connection);
      await drain(NEW, connection);
    },
    onState,
  });
}

/** An entry without a `fill` is refused like a malformed line, and stays visible. */
function lineOf(fields: readonly string[]): string {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === 'fill') return fields[i + 1]!.trim();
  return JSON.stringify(fields);
}

/** A value of a reply that has names and values by turns, as RESP2 gives them. */
function valueIn(reply: readonly unknown[], name: string): unknown {
  const at = reply.indexOf(name);
  return at < 0 ? null : reply[at + 1];
}
