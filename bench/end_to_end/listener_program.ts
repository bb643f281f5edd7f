/**
 * A consumer in its own process that waits on one transport of both daemons and reports when it had all signals of a
 * minute, and when it had each: when the message was read or, for files, `signals.json` after an inotify event. Minutes
 * of the two daemons differ, so a time also identifies the daemon.
 */
import { closeSync, fstatSync, openSync, readSync, watch } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import WebSocket from 'ws';
import { collectionOf } from '../../daemon/idle_gc.ts';
import { lowerEngineThreads } from '../../daemon/v8_flags.ts';
import { SIGNALS_CHANNEL } from '../../daemon/publish/redis_bus.ts';
import type { ListenerArgument, MinuteReport, ProgramMessage } from './field.ts';
import { instantNs } from './instant.ts';

// V8's threads of this process would delay what it measures.
lowerEngineThreads();
const { transport, pairs, redisUrl, targets } = JSON.parse(process.argv[2]!) as ListenerArgument;
const tell = (message: ProgramMessage): void => void process.send!(message);
const TIMESTAMP_AT = '{"timestamp":"'.length;
const TIMESTAMP_LENGTH = '2025-10-14T12:35:00Z'.length;
/** A report costs processor time, so it is sent after the daemon has finished the minute. */
const REPORT_DELAY_MS = 2;

/** Arrival times of each minute's signals, until all have come. */
const seenByMinute = new Map<string, Map<string, number>>();

function report(message: MinuteReport): void {
  setTimeout(() => tell(message), REPORT_DELAY_MS);
}

function fieldOf(text: string, name: string, from = 0): string {
  const at = text.indexOf(`"${name}":"`, from) + name.length + 4;
  return text.slice(at, text.indexOf('"', at));
}

function take(text: string, atNs: number, from = 0): void {
  const timestamp = text.slice(from + TIMESTAMP_AT, from + TIMESTAMP_AT + TIMESTAMP_LENGTH);
  let seen = seenByMinute.get(timestamp);
  if (seen === undefined) seenByMinute.set(timestamp, (seen = new Map()));
  seen.set(fieldOf(text, 'pair_id', from), atNs);
  if (seen.size < pairs) return;
  seenByMinute.delete(timestamp);
  const version = fieldOf(text, 'model_version', from);
  report({ timestamp, atNs, version, atNsByPair: Object.fromEntries(seen) });
}

async function listenWebSocket(): Promise<void> {
  for (const { port } of targets) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/signals`, { perMessageDeflate: false });
    socket.on('message', (data: Buffer) => {
      const atNs = instantNs();
      take(data.toString('latin1'), atNs);
    });
    // Without one of its daemons it cannot complete a minute.
    socket.on('close', () => process.exit(1));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  }
}

async function listenRedis(): Promise<void> {
  const redis = new Redis(redisUrl!);
  redis.on('message', (_channel: string, message: string) => {
    const atNs = instantNs();
    for (const line of message.split('\n')) take(line, atNs);
  });
  await redis.subscribe(SIGNALS_CHANNEL);
}

function listenFiles(): void {
  const marker = '{"timestamp":"';
  let buffer = Buffer.alloc(1 << 16);
  for (const { signals } of targets) {
    const path = join(signals, 'signals.json');
    const lastByPair = new Map<string, string>();
    watch(signals, (_event, name) => {
      if (name !== 'signals.json') return;
      const file = openSync(path, 'r');
      const { size } = fstatSync(file);
      if (size > buffer.length) buffer = Buffer.alloc(2 * size);
      readSync(file, buffer, 0, size, 0);
      closeSync(file);
      const atNs = instantNs();
      const content = buffer.toString('latin1', 0, size);
      for (let at = content.indexOf(marker); at >= 0; at = content.indexOf(marker, at + marker.length)) {
        const pairId = fieldOf(content, 'pair_id', at);
        const timestamp = content.slice(at + TIMESTAMP_AT, at + TIMESTAMP_AT + TIMESTAMP_LENGTH);
        if (lastByPair.get(pairId) === timestamp) continue;
        lastByPair.set(pairId, timestamp);
        take(content, atNs, at);
      }
    });
  }
}

if (transport === 'websocket') await listenWebSocket();
else if (transport === 'redis') await listenRedis();
else listenFiles();
const collect = collectionOf('major');
process.on('message', (message: { readonly collect?: true }) => {
  if (message.collect !== true) return;
  collect();
  tell({ collected: true });
});
process.on('disconnect', () => process.exit());
process.on('SIGTERM', () => process.exit());
tell({ listening: true });
