import { Command } from 'ioredis';
import { barMinutesOf } from '../../shared/pair.ts';
import type { BusMessage } from '../../shared/ports.ts';

const CRLF = '\r\n';
const CR = 0x0d;
const LF = 0x0a;
const DOLLAR = 0x24;
const ZERO = 0x30;
/** More than the length of a text and its two ends take: `$`, at most ten digits, CRLF twice. */
const FRAME_BYTES = 16;
const MS_PER_MINUTE = 60_000;

export interface BatchCommandsOptions {
  /** Gets the signals of a batch, one per line. */
  readonly channel: string;
  /** Gets `firstArguments`, then life of the key, pair id and signal of each pair. */
  readonly script: string;
  readonly firstArguments: readonly (string | number)[];
  /** Life of the key of a pair of one-minute bars. */
  readonly keyTtlMs: number;
}

/**
 * PUBLISH and EVAL of a batch as the bytes of Redis's protocol: ioredis would measure, join and encode every argument.
 * What is the same in each batch is formatted once.
 */
export class BatchCommands {
  readonly #publishHead: string;
  readonly #evalHead: Buffer;
  readonly #firstWords: number;
  readonly #keyTtlMs: number;
  /** By pair: life of its key, and its id. */
  readonly #pairs = new Map<string, Buffer>();

  constructor({ channel, script, firstArguments, keyTtlMs }: BatchCommandsOptions) {
    this.#keyTtlMs = keyTtlMs;
    const first = firstArguments.map((argument) => bulk(`${argument}`)).join('');
    this.#publishHead = `*3${CRLF}${bulk('PUBLISH')}${bulk(channel)}`;
    this.#evalHead = Buffer.from(`${bulk('EVAL')}${bulk(script)}${bulk('0')}${first}`);
    this.#firstWords = 3 + firstArguments.length;
  }

  of(batch: readonly BusMessage[]): [publish: Command, evaluate: Command] {
    const signals = new Array<Uint8Array>(batch.length);
    for (let i = 0; i < batch.length; i++) signals[i] = batch[i]!.bytes ?? Buffer.from(batch[i]!.text);
    return [
      new ReadyCommand('publish', this.#publish(signals)),
      new ReadyCommand('eval', this.#evaluate(batch, signals)),
    ];
  }

  #publish(signals: readonly Uint8Array[]): Buffer {
    let length = signals.length - 1;
    for (let i = 0; i < signals.length; i++) length += signals[i]!.length;
    const head = `${this.#publishHead}$${length}${CRLF}`;
    const buffer = Buffer.allocUnsafeSlow(head.length + length + CRLF.length);
    let at = buffer.write(head);
    for (let i = 0; i < signals.length; i++) {
      if (i > 0) buffer[at++] = LF;
      buffer.set(signals[i]!, at);
      at += signals[i]!.length;
    }
    buffer[at] = CR;
    buffer[at + 1] = LF;
    return buffer;
  }

  #evaluate(batch: readonly BusMessage[], signals: readonly Uint8Array[]): Buffer {
    const words = `*${this.#firstWords + 3 * batch.length}${CRLF}`;
    let size = words.length + this.#evalHead.length;
    for (let i = 0; i < batch.length; i++)
      size += this.#pairOf(batch[i]!.pairId).length + FRAME_BYTES + signals[i]!.length;
    const buffer = Buffer.allocUnsafeSlow(size);
    let at = buffer.write(words);
    buffer.set(this.#evalHead, at);
    at += this.#evalHead.length;
    for (let i = 0; i < batch.length; i++) {
      const pair = this.#pairOf(batch[i]!.pairId);
      const signal = signals[i]!;
      buffer.set(pair, at);
      at = writeLength(buffer, signal.length, at + pair.length);
      buffer.set(signal, at);
      at += signal.length;
      buffer[at++] = CR;
      buffer[at++] = LF;
    }
    return buffer.subarray(0, at);
  }

  #pairOf(pairId: string): Buffer {
    let known = this.#pairs.get(pairId);
    if (known === undefined) {
      this.#pairs.set(pairId, (known = Buffer.from(bulk(`${lifeMs(pairId, this.#keyTtlMs)}`) + bulk(pairId))));
    }
    return known;
  }
}

/** @param keyTtlMs life of the key of a pair of one-minute bars */
export function lifeMs(pairId: string, keyTtlMs: number): number {
  return keyTtlMs + (barMinutesOf(pairId) - 1) * MS_PER_MINUTE;
}

/** Writes `$`, the length of the text that follows, and CRLF. @returns the address behind them */
function writeLength(buffer: Buffer, length: number, at: number): number {
  let digits = 1;
  for (let rest = length; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  buffer[at] = DOLLAR;
  let rest = length;
  for (let i = digits; i > 0; i--) {
    buffer[at + i] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  buffer[at + digits + 1] = CR;
  buffer[at + digits + 2] = LF;
  return at + digits + 3;
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}${CRLF}${text}${CRLF}`;
}

/** A command whose bytes are there already. */
class ReadyCommand extends Command {
  readonly #bytes: Buffer;

  constructor(name: string, bytes: Buffer) {
    super(name, [], { replyEncoding: 'utf8' });
    this.#bytes = bytes;
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}
