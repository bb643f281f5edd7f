/**
 * A consumer process that waits on one transport of both daemons and reports when it had all signals of a minute: when
 * the last message arrived or, for files, when `signals.json` was read after the inotify event. The minutes of the two
 * daemons differ, so a time identifies the daemon too.
 */
import { closeSync, fstatSync, openSync, readSync, watch } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import WebSocket from 'ws';
import { SIGNALS_CHANNEL } from '../../daemon/publish/redis_bus.ts';
import type { ListenerArgument, ProgramMessage } from './field.ts';
import { instantNs } from './instant.ts';

const { transport, pairs, redisUrl, targets } = JSON.parse(process.argv[2]!) as ListenerArgument;
const tell = (message: ProgramMessage): void => void process.send!(message);
const TIMESTAMP_AT = '{"timestamp":"'.length;
const TIMESTAMP_LENGTH = '2025-10-14T12:35:00Z'.length;
/** A message to the bench costs the machine some time: it is sent when the daemon has done with the minute. */
const REPORT_DELAY_MS = 2;

const seenByMinute = new Map<string, number>();

function report(timestamp: string, atNs: number, version: string): void {
  setTimeout(() => tell({ timestamp, atNs, version }), REPORT_DELAY_MS);
}

function versionOf(text: string): string {
  const at = text.indexOf('"model_version":"') + '"model_version":"'.length;
  return text.slice(at, text.indexOf('"', at));
}

/** @param count signals of this minute that have just come; the last of them is `text` */
function take(timestamp: string, count: number, text: string, atNs: number): void {
  const seen = (seenByMinute.get(timestamp) ?? 0) + count;
  if (seen < pairs) {
    seenByMinute.set(timestamp, seen);
    return;
  }
  seenByMinute.delete(timestamp);
  if (seen === pairs) report(timestamp, atNs, versionOf(text));
}

async function listenWebSocket(): Promise<void> {
  for (const { port } of targets) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/signals`, { perMessageDeflate: false });
    socket.on('message', (data: Buffer) => {
      const timestamp = data.toString('latin1', TIMESTAMP_AT, TIMESTAMP_AT + TIMESTAMP_LENGTH);
      const seen = (seenByMinute.get(timestamp) ?? 0) + 1;
      if (seen < pairs) seenByMinute.set(timestamp, seen);
      else take(timestamp, 1, data.toString('latin1'), instantNs());
    });
    // Without one of its daemons there is nothing to wait for.
    socket.on('close', () => process.exit(1));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  }
}

async function listenRedis(): Promise<void> {
  const redis = new Redis(redisUrl!);
  redis.on('message', (_channel: string, message: string) => {
    const atNs = instantNs();
    const lines = message.split('\n');
    const counts = new Map<string, number>();
    for (const line of lines) {
      const timestamp = line.slice(TIMESTAMP_AT, TIMESTAMP_AT + TIMESTAMP_LENGTH);
      counts.set(timestamp, (counts.get(timestamp) ?? 0) + 1);
    }
    for (const [timestamp, count] of counts) take(timestamp, count, lines.at(-1)!, atNs);
  });
  await redis.subscribe(SIGNALS_CHANNEL);
}

function listenFiles(): void {
  const marker = Buffer.from('{"timestamp":"');
  let buffer = Buffer.alloc(1 << 16);
  for (const { signals } of targets) {
    const path = join(signals, 'signals.json');
    let last = '';
    watch(signals, (_event, name) => {
      if (name !== 'signals.json') return;
      const file = openSync(path, 'r');
      const { size } = fstatSync(file);
      if (size > buffer.length) buffer = Buffer.alloc(2 * size);
      readSync(file, buffer, 0, size, 0);
      closeSync(file);
      const atNs = instantNs();
      const content = buffer.subarray(0, size);
      const counts = new Map<string, number>();
      for (let at = content.indexOf(marker); at >= 0; at = content.indexOf(marker, at + marker.length)) {
        const from = at + marker.length;
        const timestamp = content.toString('latin1', from, from + TIMESTAMP_LENGTH);
        counts.set(timestamp, (counts.get(timestamp) ?? 0) + 1);
      }
      const [timestamp] = counts.keys();
      if (counts.size !== 1 || counts.get(timestamp!) !== pairs || timestamp === last) return;
      last = timestamp!;
      report(last, atNs, versionOf(content.toString('latin1')));
    });
  }
}

if (transport === 'websocket') await listenWebSocket();
else if (transport === 'redis') await listenRedis();
else listenFiles();
process.on('disconnect', () => process.exit());
process.on('SIGTERM', () => process.exit());
tell({ listening: true });
