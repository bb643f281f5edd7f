import type { Logger } from 'pino';
import type { Pair } from '../../shared/pair.ts';
import type { Bus, FileSystem, Scheduler } from '../../shared/ports.ts';
import { allSignalsFile, type Settings } from '../../shared/policy/policy.ts';
import { createFilePublisher, type FilePublisher, type FilePublisherOptions } from './file.ts';
import type { Publisher } from './publish.ts';
import { createRedisPublisher, type RedisPublisher } from './redis.ts';
import { createWebSocketPublisher, type WebSocketPublisher } from './websocket.ts';

export interface PublishersOptions {
  readonly settings: Settings;
  readonly pairs: readonly Pair[];
  readonly shard: string;
  readonly signalsFolder: string;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** null = Redis is not used. */
  readonly bus: Bus | null;
  /** Opens signal files that another thread writes; without it this thread writes them. */
  readonly openFileThread: ((options: Omit<FilePublisherOptions, 'files'>) => FilePublisher) | undefined;
  /** Called once until it works again. */
  onFailure(what: 'file' | 'redis'): FilePublisherOptions['onFailure'];
  onRecovered(what: 'file' | 'redis'): void;
  readonly log: Logger;
  say(line: string): void;
}

export interface Publishers {
  readonly websocket: WebSocketPublisher;
  readonly redis: RedisPublisher | null;
  /** What takes signals without holding this thread, in order. */
  readonly sockets: readonly Publisher[];
  /** Signal files that this thread writes. */
  readonly files: readonly Publisher[];
  readonly all: readonly Publisher[];
}

/** Every transport that the settings enable. */
export function openPublishers(options: PublishersOptions): Publishers {
  const { pairs, bus, log, openFileThread } = options;
  const websocket = createWebSocketPublisher({
    pairIds: pairs.map(({ id }) => id),
    onFailure: (error) => log.error({ err: error }, 'websocket publish failed'),
  });
  const files = options.settings.minutehand.transports.files.enabled ? [openFiles(options)] : [];
  const redis = bus === null ? null : openRedis(bus, options);
  const withRedis = redis === null ? [] : [redis];
  const isThread = openFileThread !== undefined;
  return {
    websocket,
    redis,
    // Files of another thread only have to be handed over, which takes less than what Redis does.
    sockets: [websocket, ...(isThread ? files : []), ...withRedis],
    files: isThread ? [] : files,
    all: [websocket, ...files, ...withRedis],
  };
}

function openFiles(options: PublishersOptions): FilePublisher {
  const open = options.openFileThread ?? ((given) => createFilePublisher({ ...given, files: options.files }));
  return open({
    folder: options.signalsFolder,
    allName: allSignalsFile(options.settings.minutehand, options.shard),
    onFailure: options.onFailure('file'),
    onRecovered: () => options.onRecovered('file'),
  });
}

function openRedis(bus: Bus, options: PublishersOptions): RedisPublisher {
  const { scheduler, settings, log, say } = options;
  const { command_timeout_ms, max_batches_in_flight } = settings.minutehand.transports.redis;
  return createRedisPublisher({
    bus,
    scheduler,
    commandTimeoutMs: command_timeout_ms,
    maxBatchesInFlight: max_batches_in_flight,
    onState(state, detail) {
      log.info({ state, detail }, 'redis');
      say(
        state === 'up'
          ? `Redis takes the signals too (${detail}).`
          : `Redis does not answer (${detail}): signals go out by file and WebSocket; it is used as soon as it answers.`,
      );
    },
    onFailure: options.onFailure('redis'),
    onRecovered(missedMeanwhile) {
      options.onRecovered('redis');
      log.info({ missed: missedMeanwhile }, 'redis takes signals again');
      say(`Redis takes all signals again (${missedMeanwhile} were missed).`);
    },
  });
}
