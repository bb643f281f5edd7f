/**
 * The null daemon: the server and the publishers of the real one, and nothing between them. To a message of bars it
 * answers with one signal for each pair that now has both legs of the minute, made before and changed in its minute and
 * number only, under the same settings of the engine. What it takes is what transports, kernel and clients take, with
 * caches that nothing keeps warm.
 */
import { readFileSync } from 'node:fs';
import { closeTimestamp, type OpenTime } from '../../shared/bar.ts';
import { parsePair } from '../../shared/pair.ts';
import { MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { lowerEngineThreads, tuneEngine } from '../../daemon/v8_flags.ts';
import { createFileThread } from '../../daemon/publish/file_thread.ts';
import { createWebSocketPublisher } from '../../daemon/publish/websocket.ts';
import type { Publication } from '../../daemon/publish/publish.ts';
import { openServer } from '../../daemon/serve/serve.ts';
import { openRedisPublisher } from '../redis_publisher.ts';
import { answerProfile, createCpuProfiler } from './cpu_profile.ts';
import type { NullArgument, ProgramMessage, SampleSignal } from './field.ts';

tuneEngine();
lowerEngineThreads();
const { signalsFolder, samplePath, transports } = JSON.parse(process.argv[2]!) as NullArgument;
const signals = JSON.parse(readFileSync(samplePath, 'utf8')) as readonly SampleSignal[];
const tell = (message: ProgramMessage): void => void process.send!(message);
const fail = (error: unknown): never => {
  throw error;
};

const templates = signals.map(({ pairId, text }) => {
  const seqAt = text.indexOf('"seq":') + '"seq":'.length;
  const { a, b } = parsePair(pairId);
  return {
    pairId,
    legs: [a, b],
    endedAt: 0,
    head: '{"timestamp":"',
    middle: text.slice('{"timestamp":"2025-10-14T12:35:00Z'.length, seqAt),
    tail: text.slice(text.indexOf(',', seqAt)),
  };
});

const websocket = createWebSocketPublisher({ pairIds: signals.map(({ pairId }) => pairId), onFailure: fail });
const file = createFileThread({
  folder: signalsFolder,
  scheduler: MACHINE_SCHEDULER,
  onFailure: fail,
  onRecovered: () => undefined,
});
const redis = openRedisPublisher(transports.redis, { onState: () => undefined, onFailure: fail });
const bootId = (JSON.parse(signals[0]!.text) as { boot_id: string }).boot_id;
const publishers = [websocket, file, redis].map((one) => ({ publish: one.publish.bind(one) }));
/** Open of each symbol's newest bar, in ms. */
const lastTime = new Map<string, number>();
let seq = 0;

const server = await openServer({
  host: '127.0.0.1',
  port: 0,
  engine: transports.daemon.engine,
  routes: [],
  webSockets: [
    websocket.subscriptionRoute(),
    {
      path: '/bars',
      onOpen: () => undefined,
      onMessage(connection, text) {
        const bars = JSON.parse(text) as readonly SentBar[];
        const publications = answer(bars);
        if (publications.length > 0) for (const { publish } of publishers) publish(publications);
        setImmediate(() => {
          connection.send(
            JSON.stringify({ boot_id: bootId, accepted: bars.length, duplicates: 0, late: 0, rejected: [] }),
          );
        });
      },
      onClose: () => undefined,
    },
  ],
  maxBodyBytes: 1 << 26,
  maxBufferedBytes: transports.daemon.max_buffered_bytes,
  onError: fail,
});
websocket.attach(server);

interface SentBar {
  readonly symbol: string;
  readonly time: number;
}

function answer(bars: readonly SentBar[]): Publication[] {
  const time = bars[0]!.time;
  for (const { symbol } of bars) lastTime.set(symbol, time);
  const ended = templates.filter((pair) => pair.endedAt < time && pair.legs.every((leg) => lastTime.get(leg) === time));
  if (ended.length === 0) return [];
  const timestamp = closeTimestamp((time / 1000) as OpenTime);
  seq++;
  return ended.map((pair) => {
    pair.endedAt = time;
    const text = `${pair.head}${timestamp}${pair.middle}${seq}${pair.tail}`;
    return { pairId: pair.pairId, text, bytes: Buffer.from(text) };
  });
}

const profiler = createCpuProfiler();
process.on('message', (message: { readonly memory?: true; readonly profile?: 'start' | 'stop' }) => {
  if (message.memory) tell({ rss: process.memoryUsage.rss() });
  if (message.profile !== undefined) void answerProfile(profiler, message.profile, tell);
});
const stop = (): never => process.exit();
process.on('SIGTERM', stop);
process.on('disconnect', stop);
tell({ port: server.port });
