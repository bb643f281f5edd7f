import { Command } from 'ioredis';
import { barMinutesOf } from '../../shared/pair.ts';
import type { BusMessage } from '../../shared/ports.ts';

const CRLF = '\r\n';
const NEWLINE = 0x0a;
/** More than the length of a text takes: `$`, at most ten digits, CRLF. */
const LENGTH_BYTES = 16;
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
  readonly #evalHead: string;
  readonly #firstWords: number;
  readonly #keyTtlMs: number;
  /** By pair: life of its key, and its id. */
  readonly #pairs = new Map<string, string>();

  constructor({ channel, script, firstArguments, keyTtlMs }: BatchCommandsOptions) {
    this.#keyTtlMs = keyTtlMs;
    const first = firstArguments.map((argument) => bulk(`${argument}`)).join('');
    this.#publishHead = `*3${CRLF}${bulk('PUBLISH')}${bulk(channel)}`;
    this.#evalHead = `${bulk('EVAL')}${bulk(script)}${bulk('0')}${first}`;
    this.#firstWords = 3 + firstArguments.length;
  }

  of(batch: readonly BusMessage[]): [publish: Command, evaluate: Command] {
    const signals = batch.map(({ bytes, text }) => bytes ?? Buffer.from(text));
    return [
      new ReadyCommand('publish', this.#publish(signals)),
      new ReadyCommand('eval', this.#evaluate(batch, signals)),
    ];
  }

  #publish(signals: readonly Uint8Array[]): Buffer {
    let length = signals.length - 1;
    for (const signal of signals) length += signal.length;
    const head = `${this.#publishHead}$${length}${CRLF}`;
    const buffer = Buffer.allocUnsafeSlow(head.length + length + CRLF.length);
    let at = buffer.write(head);
    signals.forEach((signal, i) => {
      if (i > 0) buffer[at++] = NEWLINE;
      buffer.set(signal, at);
      at += signal.length;
    });
    buffer.write(CRLF, at);
    return buffer;
  }

  #evaluate(batch: readonly BusMessage[], signals: readonly Uint8Array[]): Buffer {
    const pairs = batch.map(({ pairId }) => this.#pairOf(pairId));
    const head = `*${this.#firstWords + 3 * batch.length}${CRLF}${this.#evalHead}`;
    let size = head.length;
    for (let i = 0; i < batch.length; i++) size += 3 * pairs[i]!.length + LENGTH_BYTES + signals[i]!.length;
    const buffer = Buffer.allocUnsafeSlow(size);
    let at = buffer.write(head);
    signals.forEach((signal, i) => {
      at += buffer.write(`${pairs[i]}$${signal.length}${CRLF}`, at);
      buffer.set(signal, at);
      at += signal.length;
      at += buffer.write(CRLF, at);
    });
    return buffer.subarray(0, at);
  }

  #pairOf(pairId: string): string {
    let known = this.#pairs.get(pairId);
    if (known === undefined) {
      const ttl = this.#keyTtlMs + (barMinutesOf(pairId) - 1) * MS_PER_MINUTE;
      this.#pairs.set(pairId, (known = bulk(`${ttl}`) + bulk(pairId)));
    }
    return known;
  }
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
