import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import type { RedisTransport } from '../../shared/policy/policy.ts';
import { SIGNAL_PARTS, type Bus, type BusMessage, type BusRefusal, type ResentMessage } from '../../shared/ports.ts';
import { connectionProblem, redisAddress } from '../../shared/redis/redis_address.ts';
import { isRefusalOfReplica, ReplicaRetries } from '../../shared/redis/redis_role.ts';
import { CLAIM_MS, type Owner } from '../../shared/owner/owner.ts';
import { claimRedis, isKnown, releaseRedis } from '../../shared/owner/redis_owner.ts';
import { BatchCommands, lifeMs } from './redis_commands.ts';

export interface RedisBusOptions {
  /**
   * `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS, `unix://[user:password@]/path/of/the.sock[?db=n]`
   * for a Unix socket. A user without a name is the default one (`redis://:password@host`); reserved characters are
   * percent-encoded.
   */
  readonly url: string;
  /** PEM file with the certificates that `rediss://` trusts instead of those Node comes with; null = those. */
  readonly caFile: string | null;
  /**
   * Expiry of `minutehand:signal:<pair_id>` when no later signal replaces it, for a pair of one-minute bars; one of
   * longer bars has as many minutes more.
   */
  readonly keyTtlMs: number;
  /** About how many entries the stream `minutehand:signals` keeps (MAXLEN ~). */
  readonly streamMaxLen: number;
  readonly connectTimeoutMs: number;
  /** Publishes only while this owner has the key of owners; absent = nothing is claimed. */
  readonly owner?: Owner;
  /** Life of its claim, which is renewed after a third of it; `CLAIM_MS` unless given. */
  readonly claimMs?: number;
  /** For the handshake: one that takes twice as long is restarted. */
  readonly commandTimeoutMs: number;
}

/** The settings as this module takes them. */
export function redisBusOptions(transport: RedisTransport, owner?: Owner): RedisBusOptions {
  return {
    ...(owner && { owner }),
    url: transport.url,
    caFile: transport.ca_file,
    keyTtlMs: transport.key_ttl_ms,
    streamMaxLen: transport.stream_maxlen,
    connectTimeoutMs: transport.connect_timeout_ms,
    commandTimeoutMs: transport.command_timeout_ms,
  };
}

export const SIGNALS_CHANNEL = 'minutehand:signals';
export const SIGNALS_STREAM = 'minutehand:signals';
export const signalChannel = (pairId: string): string => `minutehand:signals:${pairId}`;
export const signalKey = (pairId: string): string => `minutehand:signal:${pairId}`;

const { key: KEY, pairChannel: PAIR_CHANNEL, stream: STREAM, channel: CHANNEL } = SIGNAL_PARTS;

const TRY = `
local refused, lacking = {}, 0
local function try(part, ...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return end
  lacking = lacking + part
  refused[1] = refused[1] or reply.err
end
local function note(index)
  if lacking == 0 then return end
  refused[#refused + 1] = index
  refused[#refused + 1] = lacking
end`;

/**
 * SET, PUBLISH and XADD of every pair, as one command: each separate command costs ioredis some microseconds of the
 * main thread, here and again with its answer (measured: half of it saved at 10 pairs, four fifths at 1,000). Sent with
 * its text each time, so a restart of the server cannot lose it. A refused command does not keep the next ones from
 * being tried. ARGV: length of the stream, then life of the key in ms, pair id and signal of each pair. Reply: nothing,
 * or the first refusal, then of each pair of which a command was refused its index and what it lacks.
 */
const PAIRS_SCRIPT = `
${TRY}
for i = 2, #ARGV, 3 do
  local pair, signal = ARGV[i + 1], ARGV[i + 2]
  lacking = 0
  try(${KEY}, 'SET', '${signalKey('')}' .. pair, signal, 'PX', ARGV[i])
  try(${PAIR_CHANNEL}, 'PUBLISH', '${signalChannel('')}' .. pair, signal)
  try(${STREAM}, 'XADD', '${SIGNALS_STREAM}', 'MAXLEN', '~', ARGV[1], '*', 'pair_id', pair, 'signal', signal)
  note((i - 2) / 3)
end
return refused`;

/**
 * The parts that signals lack. ARGV: length of the stream, then life of the key in ms, pair id, signal, and what it
 * lacks. `SET … GET` needs no right to GET; a Redis before 6.2 does not know it, nor whether it took the signal.
 */
const RESEND_SCRIPT = `
${TRY}
local function has(parts, part) return math.floor(parts / part) % 2 == 1 end
for i = 2, #ARGV, 4 do
  local pair, signal, parts = ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  lacking = 0
  if has(parts, ${KEY}) then
    local before = redis.pcall('SET', '${signalKey('')}' .. pair, signal, 'PX', ARGV[i], 'GET')
    if type(before) == 'table' then try(${KEY}, 'SET', '${signalKey('')}' .. pair, signal, 'PX', ARGV[i]) end
    if lacking > 0 then lacking, parts = parts, 0
    elseif before == signal then parts = 0 end
  end
  if has(parts, ${CHANNEL}) then try(${CHANNEL}, 'PUBLISH', '${SIGNALS_CHANNEL}', signal) end
  if has(parts, ${PAIR_CHANNEL}) then try(${PAIR_CHANNEL}, 'PUBLISH', '${signalChannel('')}' .. pair, signal) end
  if has(parts, ${STREAM}) then
    try(${STREAM}, 'XADD', '${SIGNALS_STREAM}', 'MAXLEN', '~', ARGV[1], '*', 'pair_id', pair, 'signal', signal)
  end
  note((i - 2) / 4)
end
return refused`;

const CONNECTION_CLOSED = 'the connection was closed';
const BECAME_REPLICA = 'this Redis has become a read-only replica: connecting again';
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
/** Redis's own estimate of how long it still loads is often far too long at its beginning. */
const LOADING_RETRY_MS = 1_000;

/**
 * A Redis server by ioredis. `send` writes two commands to the socket at once: `PUBLISH minutehand:signals` with all
 * signals, one per line; then, in one script, for each pair `SET minutehand:signal:<pair_id> <text> PX <ttl>`, `PUBLISH
 * minutehand:signals:<pair_id>` and `XADD minutehand:signals MAXLEN ~ <n> * pair_id <id> signal <text>`. A user of
 * Redis's access lists needs `+publish +set +xadd +eval +info ~minutehand:* &minutehand:*`; without `+info` it works
 * too, but signals are tried, and refused, while the server is still loading, and ioredis writes a warning.
 *
 * While it is away the connection is tried again after 0.1 s, 0.2 s … 5 s. A server that is still loading its data, and
 * one that refuses the credentials, is not `ready`. Nothing is queued here.
 *
 * @throws MinutehandError CONFIG_INVALID when the address cannot be understood or `caFile` cannot be read
 */
export function createRedisBus(options: RedisBusOptions): Bus {
  return new RedisBus(options);
}

/** Without an answer, the claim ends by its time. */
const RELEASE_MS = 200;

type BusListener = Parameters<Bus['onState']>[0];

class RedisBus implements Bus {
  readonly #options: RedisBusOptions;
  readonly #commands: BatchCommands;
  readonly #redis: Redis;
  readonly #listeners: BusListener[] = [];
  #state: 'up' | 'down' | null = null;
  #isClosing = false;
  #lastError = CONNECTION_CLOSED;
  takenBy: string | null = null;
  /** Whether this connection may publish. */
  #isOwner: boolean;
  #claims: NodeJS.Timeout | undefined;
  readonly #replicaRetries = new ReplicaRetries(() => performance.now());

  constructor(options: RedisBusOptions) {
    this.#options = options;
    this.#isOwner = options.owner === undefined;
    this.#commands = new BatchCommands({
      channel: SIGNALS_CHANNEL,
      script: PAIRS_SCRIPT,
      firstArguments: [options.streamMaxLen],
      keyTtlMs: options.keyTtlMs,
    });
    this.#redis = new Redis(clientOptions(options));
    this.#redis.on('error', (error: Error) => {
      this.#lastError = connectionProblem(error);
    });
    this.#redis.on('ready', () => {
      this.#lastError = CONNECTION_CLOSED;
      if (options.owner === undefined) this.#enter('up', 'connected');
      else void this.#claim(options.owner);
    });
    this.#redis.on('close', () => {
      this.#isOwner = options.owner === undefined;
      this.#enter('down', this.#lastError);
    });
    const { owner } = options;
    if (owner !== undefined) this.#claims = setInterval(() => void this.#claim(owner), this.#claimMs / 3).unref();
  }

  get #claimMs(): number {
    return this.#options.claimMs ?? CLAIM_MS;
  }

  /** Claims this Redis, and renews the claim; begins to publish with it, and ends when another owner has it. */
  async #claim(owner: Owner): Promise<void> {
    const { stream } = this.#redis;
    // Until the lease server has answered, nothing is published anywhere.
    if (this.#redis.status !== 'ready' || !isKnown(owner)) return;
    try {
      const takenBy = await claimRedis(this.#redis, owner, this.#claimMs);
      if (this.#redis.stream !== stream || this.#redis.status !== 'ready') return;
      this.takenBy = takenBy;
      this.#isOwner = takenBy === null;
      this.#enter(this.#isOwner ? 'up' : 'down', takenBy === null ? 'connected' : `${takenBy} publishes there`);
    } catch (error) {
      // Otherwise the connection has ended: its close event follows, and the next one claims again.
      if (!isRefusalOfReplica((error as Error).message) || this.#redis.stream !== stream) return;
      // Also where nothing is published: no bar shows it.
      this.#enter('down', BECAME_REPLICA);
      this.#leaveReplica();
    }
  }

  /** ioredis reports a connection's end a turn later. */
  get ready(): boolean {
    return this.#isOwner && this.#redis.status === 'ready' && this.#redis.stream.writable;
  }

  async send(batch: readonly BusMessage[]): Promise<BusRefusal | null> {
    if (!this.ready) throw new Error('not connected');
    const [published, evaluated] = await Promise.allSettled(this.#write(batch));
    const channel = refusalIn(published!, batch.length, () => CHANNEL);
    const others = refusalIn(evaluated!, batch.length, () => KEY + PAIR_CHANNEL + STREAM);
    this.#noteRole(channel, others);
    if (channel === null || others === null) return channel ?? others;
    const lacking = channel.lacking.map((parts, i) => parts + others.lacking[i]!);
    return { ...channel, lacking };
  }

  /** The script reports refusals as a value, so that ioredis does not see the error of a replica. */
  #noteRole(...refusals: readonly (BusRefusal | null)[]): void {
    const isReplica = refusals.some((refusal) => refusal !== null && isRefusalOfReplica(refusal.words));
    if (isReplica) this.#leaveReplica();
    if (refusals.every((refusal) => refusal === null)) this.#replicaRetries.accepted();
  }

  #leaveReplica(): void {
    if (!this.#replicaRetries.refused()) return;
    this.#lastError = BECAME_REPLICA;
    this.reset();
  }

  async resend(messages: readonly ResentMessage[]): Promise<BusRefusal | null> {
    const { streamMaxLen, keyTtlMs } = this.#options;
    const words = messages.flatMap(({ pairId, text, lacking }) => [lifeMs(pairId, keyTtlMs), pairId, text, lacking]);
    const [evaluated] = await Promise.allSettled([this.#redis.eval(RESEND_SCRIPT, 0, streamMaxLen, ...words)]);
    const refusal = refusalIn(evaluated, messages.length, (i) => messages[i]!.lacking);
    this.#noteRole(refusal);
    return refusal;
  }

  reset(): void {
    const { stream } = this.#redis;
    // A reset drops what the kernel still has to send; only bare TCP supports it.
    if (stream instanceof Socket && !('encrypted' in stream) && stream.remoteFamily !== undefined) {
      stream.resetAndDestroy();
    } else {
      stream?.destroy();
    }
  }

  onState(listener: BusListener): void {
    this.#listeners.push(listener);
    if (this.#state !== null) listener(this.#state, this.#state === 'up' ? 'connected' : this.#lastError);
  }

  async close(): Promise<void> {
    // Disconnected again, ioredis would wait its two seconds.
    if (this.#isClosing) return;
    this.#isClosing = true;
    clearInterval(this.#claims);
    const { owner } = this.#options;
    if (owner !== undefined && isKnown(owner) && this.ready) {
      const released = releaseRedis(this.#redis, owner).catch(() => undefined);
      await Promise.race([released, sleep(RELEASE_MS, undefined, { ref: false })]);
    }
    const { stream } = this.#redis;
    this.#redis.disconnect();
    // `disconnect` waits two seconds for the other side to hang up; a stalled one never does.
    stream?.destroy();
  }

  /** Hands both commands to the socket at once. */
  #write(batch: readonly BusMessage[]): Promise<unknown>[] {
    // redis.pipeline() defines an accessor on each instance: V8 keeps its hidden class, and with it every text, until a
    // major collection.
    const { stream } = this.#redis;
    const commands = this.#commands.of(batch);
    stream.cork();
    const replies = commands.map((command) => this.#redis.sendCommand(command) as Promise<unknown>);
    stream.uncork();
    return replies;
  }

  #enter(next: 'up' | 'down', detail: string): void {
    if (this.#state === next || this.#isClosing) return;
    this.#state = next;
    for (const listener of this.#listeners) listener(next, detail);
  }
}

/**
 * @param reply of PUBLISH, which is no array, or of a script
 * @param allOf what a signal lacks when the command was refused as a whole
 * @throws what ended the connection
 */
function refusalIn(
  reply: PromiseSettledResult<unknown>,
  signals: number,
  allOf: (index: number) => number,
): BusRefusal | null {
  if (reply.status === 'rejected') {
    const error = reply.reason as Error;
    if (error.name !== 'ReplyError') throw error;
    return { words: error.message, signals, lacking: Array.from({ length: signals }, (_, i) => allOf(i)) };
  }
  if (!Array.isArray(reply.value) || reply.value.length === 0) return null;
  const [words, ...found] = reply.value as [string, ...number[]];
  const lacking = new Array<number>(signals).fill(0);
  for (let i = 0; i < found.length; i += 2) lacking[found[i]!] = found[i + 1]!;
  return { words, signals: found.length / 2, lacking };
}

function clientOptions(options: RedisBusOptions) {
  return {
    ...redisAddress(options.url, options.caFile),
    // ioredis starts this timer on a connection that is closed already, too, and a process would wait for it.
    disconnectTimeout: 50,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // With 0, commands without an answer are rejected as soon as the connection closes.
    maxRetriesPerRequest: 0,
    connectTimeout: options.connectTimeoutMs,
    socketTimeout: 2 * options.commandTimeoutMs,
    retryStrategy: (attempt: number) => Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), MAX_RETRY_MS),
    maxLoadingRetryTime: LOADING_RETRY_MS,
    connectionName: 'minutehand-publish',
    // Only the plain replies of RESP2 are used, and every server supports it.
    protocol: 2,
  } satisfies RedisOptions;
}
