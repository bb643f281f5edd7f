import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createRng } from '../../shared/rng.ts';
import type { Rng } from '../../shared/ports.ts';

/** A server with as much RESP2 as the expert advisor needs to send its fills; it crashes at the worst moments. */
export interface CrashingRedis {
  readonly port: number;
  /** Fills whose answer was sent completely. All others are lost in a crash. */
  readonly kept: Set<string>;
  readonly crashes: number;
  close(): void;
}

const MEAN_COMMANDS = 90;

/**
 * Crashes after some commands: before they are executed, between two answers, in the middle of one, or right after the
 * last. Sometimes a command is answered with an error and not executed. After `crashes` crashes it stays up.
 * @param onCrash called after each one
 */
export async function startCrashingRedis(seed: number, crashes: number, onCrash: () => void): Promise<CrashingRedis> {
  const rng = createRng(seed);
  const kept = new Set<string>();
  const state = { crashes: 0 };

  function serve(socket: Socket): void {
    let unread = Buffer.alloc(0);
    let left = 20 + rng.integer(2 * MEAN_COMMANDS);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      unread = Buffer.concat([unread, data]);
      const answers: { bytes: string; fill: string | null }[] = [];
      for (let command = takeCommand(unread); command !== null; command = takeCommand(unread)) {
        unread = unread.subarray(command.bytes);
        answers.push(answerTo(command.words, rng));
      }
      left -= answers.length;
      const isCrash = left <= 0 && state.crashes < crashes;
      const all = answers.reduce((sum, { bytes }) => sum + bytes.length, 0);
      let room = isCrash ? rng.integer(all + 1) : all;
      const sent = Buffer.from(
        answers
          .map(({ bytes }) => bytes)
          .join('')
          .slice(0, room),
      );
      for (const { bytes, fill } of answers) {
        room -= bytes.length;
        if (room >= 0 && fill !== null) kept.add(fill);
      }
      if (!isCrash) return void socket.write(sent);
      state.crashes++;
      socket.end(sent);
      onCrash();
    });
  }

  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    kept,
    get crashes() {
      return state.crashes;
    },
    close: () => void server.close(),
  };
}

function answerTo([name, ...words]: string[], rng: Rng): { bytes: string; fill: string | null } {
  if (name === 'PING') return { bytes: '+PONG\r\n', fill: null };
  if (name !== 'XADD') return { bytes: '$-1\r\n', fill: null };
  if (rng.integer(200) === 0) return { bytes: '-OOM command not allowed\r\n', fill: null };
  return { bytes: '$15\r\n1795163160000-0\r\n', fill: words.at(-1)! };
}

/** The first complete command, an array of bulk strings; null while it is incomplete. */
function takeCommand(bytes: Buffer): { words: string[]; bytes: number } | null {
  let at = 0;
  function takeLength(): number {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return -1;
    const length = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return length;
  }
  const count = takeLength();
  const words: string[] = [];
  while (words.length < count) {
    const length = takeLength();
    if (length < 0 || at + length + 2 > bytes.length) return null;
    words.push(bytes.toString('utf8', at, at + length));
    at += length + 2;
  }
  return count < 0 ? null : { words, bytes: at };
}
