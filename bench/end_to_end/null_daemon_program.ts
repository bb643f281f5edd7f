/**
 * The null daemon: the server and the publishers of the real one, and nothing between them. To a message of bars it
 * answers with one signal for each pair, made before and changed in its minute and number only. What it takes is what
 * transports, kernel and clients take; a real daemon cannot be faster.
 */
import { readFileSync } from 'node:fs';
import { closeTimestamp, type OpenTime } from '../../shared/bar.ts';
import { MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { createFileThread } from '../../daemon/publish/file_thread.ts';
import { createWebSocketPublisher } from '../../daemon/publish/websocket.ts';
import type { Publication } from '../../daemon/publish/publish.ts';
import { openServer } from '../../daemon/serve/serve.ts';
import { openRedisPublisher } from '../redis_publisher.ts';
import type { NullArgument, ProgramMessage, SampleSignal } from './field.ts';

const { signalsFolder, samplePath, transports } = JSON.parse(process.argv[2]!) as NullArgument;
const signals = JSON.parse(readFileSync(samplePath, 'utf8')) as readonly SampleSignal[];
const tell = (message: ProgramMessage): void => void process.send!(message);
const fail = (error: unknown): never => {
  throw error;
};

const templates = signals.map(({ pairId, text }) => {
  const seqAt = text.indexOf('"seq":') + '"seq":'.length;
  return {
    pairId,
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
        const bars = JSON.parse(text) as readonly { readonly time: number }[];
        const publications = answer((bars[0]!.time / 1000) as OpenTime);
        websocket.publish(publications);
        file.publish(publications);
        redis.publish(publications);
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

function answer(time: OpenTime): Publication[] {
  const timestamp = closeTimestamp(time);
  seq++;
  return templates.map(({ pairId, head, middle, tail }) => ({
    pairId,
    text: `${head}${timestamp}${middle}${seq}${tail}`,
  }));
}

process.on('message', (message: { readonly memory?: true }) => {
  if (message.memory) tell({ rss: process.memoryUsage.rss() });
});
const stop = (): never => process.exit();
process.on('SIGTERM', stop);
process.on('disconnect', stop);
tell({ port: server.port });
