import { FILLS_STREAM } from '../../../shared/fill/fill.ts';
import type { RedisTransport } from '../../../shared/policy/policy.ts';
import {
  keepReading,
  type StreamConnection,
  type StreamConnectionState,
  type StreamReader,
} from '../../../shared/policy/redis_stream.ts';

const FILLS_GROUP = 'minutehand-trainer';
/** A fixed consumer name, so that a trainer takes over entries that the previous one did not acknowledge. */
const CONSUMER = 'trainer';

const ENTRIES_AT_ONCE = 200;
const BLOCK_MS = 1000;
const CLAIM_IDLE_MS = 60_000;
const FIRST_RETRY_MS = 200;
/** Own pending entries from the first on; and new ones. */
const PENDING = '0';
const NEW = '>';

export interface FillStreamOptions {
  readonly transport: Pick<RedisTransport, 'url' | 'ca_file' | 'connect_timeout_ms' | 'command_timeout_ms'>;
  /**
   * Resolves when the store has the lines; then the entries are acknowledged. If it rejects, it is called again with
   * them.
   */
  take(lines: readonly string[]): Promise<unknown>;
  /** Called once per change. */
  onState(state: StreamConnectionState, detail: string): void;
}

type Entry = [id: string, fields: string[] | null];

/**
 * Reads the stream `minutehand:fills` as consumer group `minutehand-trainer`: delivered but unacknowledged entries
 * first, then new ones. An absent, restarted or empty Redis is retried forever; a missing group is created again.
 */
export function readFillStream({ transport, take, onState }: FillStreamOptions): StreamReader {
  async function makeGroup({ redis }: StreamConnection): Promise<void> {
    try {
      // From the first entry, so that entries from before the first start of a trainer are read too.
      await redis.xgroup('CREATE', FILLS_STREAM, FILLS_GROUP, '0', 'MKSTREAM');
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
        const [next] = (await redis.xautoclaim(FILLS_STREAM, FILLS_GROUP, CONSUMER, CLAIM_IDLE_MS, from, 'COUNT', ENTRIES_AT_ONCE)) as [string]; // prettier-ignore
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

  /** Processes all pending entries, or the next new ones. */
  async function drain(which: typeof PENDING | typeof NEW, connection: StreamConnection): Promise<void> {
    const { redis } = connection;
    for (let from: string = which; ;) {
      const entries = await next(from, connection);
      const lines = entries.flatMap(([, fields]) => (fields === null ? [] : [lineOf(fields)]));
      if (lines.length > 0) await hand(lines, connection);
      if (entries.length > 0) await redis.xack(FILLS_STREAM, FILLS_GROUP, ...entries.map(([id]) => id));
      if (which === NEW || entries.length === 0) return;
      from = entries.at(-1)![0];
    }
  }

  async function next(from: string, { redis }: StreamConnection): Promise<Entry[]> {
    const answer = (await redis.xreadgroup(
      'GROUP', FILLS_GROUP, CONSUMER, 'COUNT', ENTRIES_AT_ONCE, 'BLOCK', BLOCK_MS, 'STREAMS', FILLS_STREAM, from)) as [string, Entry[]][] | null; // prettier-ignore
    return answer?.[0]?.[1] ?? [];
  }

  return keepReading({
    transport,
    name: 'minutehand-fills',
    blockMs: BLOCK_MS,
    firstRetryMs: FIRST_RETRY_MS,
    async begin(connection) {
      await makeGroup(connection);
      await claimForgotten(connection);
      await drain(PENDING, connection);
    },
    read: (connection) => drain(NEW, connection),
    onState,
  });
}

/** An entry without a `fill` is refused like a malformed line, and stays visible. */
function lineOf(fields: readonly string[]): string {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === 'fill') return fields[i + 1]!.trim();
  return JSON.stringify(fields);
}
