import type { Logger } from 'pino';
import type { MinutehandError } from '../../shared/errors.ts';
import type { Pair } from '../../shared/pair.ts';
import { allSignalsFile, type Settings } from '../../shared/policy/policy.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import type { Bus, Clock, FileSystem, Scheduler } from '../../shared/ports.ts';
import { DELIVERED_REDIS_URL } from '../../shared/redis/redis_address.ts';
import type { WebSocketRoute } from '../serve/websocket_route.ts';
import { createFilePublisher, type FilePublisher, type FilePublisherOptions } from './file.ts';
import type { Publisher } from './publish.ts';
import { createRedisPublisher, type RedisPublisher } from './redis.ts';
import { createWebSocketPublisher, type TopicServer } from './websocket.ts';

/** The lease as transports need it that keep signals. */
export interface TransportLease {
  isHolder(): boolean;
  /** Whether a signal with this fence may leave now. */
  holds(fence: number): boolean;
  /** Milliseconds of `os.uptime()` after which nothing may leave. */
  deadlineMs(): number;
}

export interface TransportOptions {
  readonly settings: Settings;
  readonly pairs: readonly Pair[];
  readonly shard: string;
  readonly signalsFolder: string;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** null = Redis is not used. */
  readonly bus: Bus | null;
  /** Opens signal files that another thread writes; without it this thread writes them. */
  readonly openFileThread: ((options: Omit<FilePublisherOptions, 'files'>) => FilePublisher) | undefined;
  /** Where a lease across machines is configured. */
  readonly lease?: TransportLease | undefined;
  /** Called at the first failure after a success. */
  onFailure(error: MinutehandError): void;
  /** Called at the first success after a failure. */
  onRecovered(): void;
  readonly log: Logger;
  print(line: string): void;
}

/** The connection of a remote transport. */
export type Link = Pick<RedisPublisher, 'state' | 'refusal' | 'missed' | 'resent'>;

/** A transport that the settings enable. */
export interface OpenTransport<Name extends string = string> {
  readonly publisher: Publisher<Name>;
  /** `publish` blocks this thread, so it is called one loop turn after the others. */
  readonly isBlocking?: boolean;
  /** Of a remote transport. */
  readonly link?: Link;
  /** WebSocket route of the daemon's server for subscriptions. */
  readonly webSockets?: readonly WebSocketRoute[];
  /** Called when the daemon's server listens. */
  attach?(server: TopicServer): void;
}

export interface Transport {
  readonly name: string;
  readonly label: string;
  /** Connects to a server, whose state `/healthz`, `/metrics` and `minutehand status` show. */
  readonly isRemote: boolean;
  /** The degradation of this name while the transport fails; null = a failure is logged only. */
  readonly degradation: { readonly means: string; readonly next: string } | null;
  /** null = disabled by the settings. */
  open(options: TransportOptions): OpenTransport | null;
}

/**
 * Every transport, in publication order. Names of metrics, log fields, health fields and degradations derive from this
 * list. The settings of a transport are in shared/policy/schema.ts.
 */
export const TRANSPORTS = [
  { name: 'websocket', label: 'WebSocket', isRemote: false, degradation: null, open: openWebSocket },
  {
    name: 'file',
    label: 'file',
    isRemote: false,
    degradation: {
      means: '`PUBLISH_FILE`: a signal file cannot be written; other transports continue.',
      next: 'Check disk space (`df -h`), permissions of the signals folder, and on Windows that no program keeps a signal file open. The daemon retries.',
    },
    open: openFiles,
  },
  {
    name: 'redis',
    label: 'Redis',
    isRemote: true,
    degradation: {
      means: '`PUBLISH_REDIS`: Redis refuses signals; other transports continue.',
      next: '`minutehand status` shows Redis’s response; `minutehand doctor` tries every command.',
    },
    open: openRedis,
  },
] as const satisfies readonly Transport[];

export type TransportName = (typeof TRANSPORTS)[number]['name'];
export const TRANSPORT_NAMES: readonly TransportName[] = TRANSPORTS.map(({ name }) => name);

type RemoteTransport = Extract<(typeof TRANSPORTS)[number], { isRemote: true }>;
export type RemoteName = RemoteTransport['name'];
export const REMOTE_TRANSPORTS = TRANSPORTS.filter((transport): transport is RemoteTransport => transport.isRemote);

export type DegradingName = Extract<(typeof TRANSPORTS)[number], { degradation: object }>['name'];

/** The values of each transport, as an object. */
export function byTransport<Value>(valueOf: (name: TransportName) => Value): Record<TransportName, Value> {
  return Object.fromEntries(TRANSPORT_NAMES.map((name) => [name, valueOf(name)])) as Record<TransportName, Value>;
}

function openWebSocket({ settings, pairs, lease, onFailure }: TransportOptions): OpenTransport<'websocket'> {
  const publisher = createWebSocketPublisher({
    pairIds: pairs.map(({ id }) => id),
    names: symbolNames(settings),
    ...(lease === undefined ? {} : { isHolder: () => lease.isHolder() }),
    onFailure,
  });
  return {
    publisher,
    webSockets: [publisher.subscriptionRoute()],
    attach: (server) => publisher.attach(server),
  };
}

function openFiles(options: TransportOptions): OpenTransport<'file'> | null {
  const { settings, shard, files, openFileThread, signalsFolder, lease, onFailure, onRecovered } = options;
  if (!settings.minutehand.transports.files.enabled) return null;
  const open = openFileThread ?? ((given) => createFilePublisher({ ...given, files }));
  return {
    publisher: open({
      folder: signalsFolder,
      allName: allSignalsFile(settings.minutehand, shard),
      ...(lease === undefined ? {} : { deadlineMs: () => lease.deadlineMs(), mayWrite: () => lease.isHolder() }),
      onFailure,
      onRecovered,
    }),
    // Files of another thread are only passed on, which takes less time than Redis.
    isBlocking: openFileThread === undefined,
  };
}

function openRedis(options: TransportOptions): OpenTransport<'redis'> | null {
  const { bus, clock, scheduler, settings, lease, onFailure, onRecovered, log, print } = options;
  if (bus === null) return null;
  const { url, command_timeout_ms, max_batches_in_flight } = settings.minutehand.transports.redis;
  const publisher = createRedisPublisher({
    bus,
    scheduler,
    isExpected: url !== DELIVERED_REDIS_URL,
    commandTimeoutMs: command_timeout_ms,
    maxBatchesInFlight: max_batches_in_flight,
    mayLeave: ({ valid_until_ms, fence }) =>
      valid_until_ms >= clock.nowMs() && (lease === undefined || (fence !== undefined && lease.holds(fence))),
    onState(state, detail) {
      log.info({ state, detail }, 'redis');
      print(
        state === 'up'
          ? `Redis takes the signals too (${detail}).`
          : `Redis does not answer (${detail}): signals go out by file and WebSocket; it is used as soon as it answers.`,
      );
    },
    onFailure,
    onRecovered(missedMeanwhile) {
      onRecovered();
      log.info({ missed: missedMeanwhile }, 'redis accepts signals again');
      print(`Redis accepts all signals again (${missedMeanwhile} were missed).`);
    },
  });
  return { publisher, link: publisher };
}
