import { join } from 'node:path';
import { renamePatiently } from '../../shared/durable_file.ts';
import { FILLS_STREAM } from '../../shared/fill/fill.ts';
import type { FileSystem } from '../../shared/ports.ts';
import { atMostOneWaiting } from '../../shared/in_turn.ts';
import { connectRedis, type EaTransport } from './redis_client.ts';
import { fullResultFile, readPart } from './result_file.ts';

const EVERY_MS = 250;
const CHUNK_BYTES = 65_536;
const STREAM_MAXLEN = 100_000;
/**
 * Tail of the file that is sent again, for a Redis that came back empty; its consumer skips fills that it already has.
 */
const AGAIN_BYTES = 65_536;
const NEWLINE = 10;

export interface FillSender {
  /** Sends remaining fills if Redis is available, and ends. */
  stop(): Promise<void>;
}

/**
 * Sends the lines of `result.json` to the stream `minutehand:fills`, each at least once, and keeps in `fills.sent` how
 * far it has come.
 */
export function sendFills(files: FileSystem, folder: string, transport: EaTransport): FillSender {
  const { redis, stop } = connectRedis(transport, 'minutehand-ea-fills');
  const result = join(folder, 'result.json');
  const marker = join(folder, 'fills.sent');
  let sent = readMark();
  let isFresh = false;
  redis.on('ready', () => (isFresh = true));

  function readMark(): number {
    try {
      return Number(files.read(marker).toString()) || 0;
    } catch {
      return 0;
    }
  }

  function keepMark(): void {
    files.write(`${marker}.tmp`, `${sent}\n`);
    renamePatiently(files, `${marker}.tmp`, marker);
  }

  /** @returns whether there may be more */
  async function send(): Promise<boolean> {
    if (redis.status !== 'ready') return false;
    const size = files.stat(result)?.bytes ?? 0;
    if (sent > size && (await sendRest())) return true;
    if (isFresh || sent > size) {
      sent = Math.max(0, Math.min(sent, size) - AGAIN_BYTES);
      // From the beginning of a line on.
      if (sent > 0) sent += readPart(result, sent, CHUNK_BYTES).indexOf(NEWLINE) + 1;
      isFresh = false;
    }
    const bytes = readPart(result, sent, CHUNK_BYTES);
    const end = await sendLines(bytes);
    if (end === 0) return false;
    sent += end;
    keepMark();
    return bytes.length === CHUNK_BYTES;
  }

  /**
   * The end of the file that had been renamed because it was full.
   * @returns false when there is none
   */
  async function sendRest(): Promise<boolean> {
    const full = fullResultFile(result);
    const size = files.stat(full)?.bytes ?? 0;
    if (size < sent) return false;
    const bytes = readPart(full, sent, CHUNK_BYTES);
    const end = await sendLines(bytes);
    if (end === 0 && bytes.length > 0) return false;
    sent = sent + end < size ? sent + end : 0;
    keepMark();
    return true;
  }

  /** @returns the number of bytes whose lines Redis has taken */
  async function sendLines(bytes: Buffer): Promise<number> {
    const pipeline = redis.pipeline();
    let end = 0;
    for (let newline = bytes.indexOf(NEWLINE); newline >= 0; newline = bytes.indexOf(NEWLINE, end)) {
      const line = bytes.toString('utf8', end, newline);
      pipeline.xadd(FILLS_STREAM, 'MAXLEN', '~', STREAM_MAXLEN, '*', 'fill', line);
      end = newline + 1;
    }
    if (end === 0) return 0;
    const answers = (await pipeline.exec()) ?? [];
    return answers.some(([error]) => error !== null) ? 0 : end;
  }

  const sendAll = atMostOneWaiting(async () => {
    try {
      while (await send());
    } catch {
      // Redis disconnected in between: they are sent when it is back.
    }
  });

  const timer = setInterval(() => void sendAll(), EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.race([
        sendAll(),
        new Promise((resolve) => setTimeout(resolve, transport.command_timeout_ms).unref()),
      ]);
      stop();
    },
  };
}
