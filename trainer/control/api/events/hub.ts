import type { ServerResponse } from 'node:http';
import { MinutehandError } from '../../../../shared/errors.ts';
import { socketShare } from '../../../../shared/process/descriptors.ts';

/** Maximum concurrent streams in total, per address, and per session or token. */
export interface StreamLimits {
  readonly total: number;
  readonly perAddress: number;
  readonly perOwner: number;
}

const MAX_STREAMS = 200;

/** 200, 150 of one address, 60 of one client; fewer where the process may open few descriptors. */
export function streamLimits(descriptors?: number): StreamLimits {
  // They are connections of HTTP in use, a quarter of which they take at most.
  const total = Math.min(MAX_STREAMS, Math.max(4, Math.floor(socketShare(4 * MAX_STREAMS, descriptors) / 4)));
  return { total, perAddress: Math.ceil(0.75 * total), perOwner: Math.ceil(0.3 * total) };
}

/** A client with more unread bytes is disconnected; it reconnects and reads the current state. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const BEAT_MS = 15_000;
/**
 * Events of so many milliseconds are one write to each stream. The signals of a bar come one by one: to write each to
 * each of 50 streams would take the processor from the daemon while it answers.
 */
const GATHER_MS = 25;
const MAX_GATHERED = 64 * 1024;

interface Stream {
  readonly owner: string;
  readonly address: string;
  readonly response: ServerResponse;
  isAllowed(): Promise<boolean>;
}

/** Sends server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) to every open stream. */
export class EventHub {
  readonly #streams = new Set<Stream>();
  readonly #limits: StreamLimits;
  readonly #beats: NodeJS.Timeout;
  #id = 0;
  #gathered = '';
  #gathering: NodeJS.Timeout | undefined;

  constructor(limits = streamLimits()) {
    this.#limits = limits;
    this.#beats = setInterval(() => void this.beat(), BEAT_MS);
    this.#beats.unref();
  }

  get size(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream on a response whose head has not been sent.
   * @param first initial events
   * @param isAllowed whether its session or token is still valid
   * @throws MinutehandError STREAMS_TOO_MANY
   */
  open(
    response: ServerResponse,
    owner: string,
    first: readonly (readonly [event: string, json: string])[],
    isAllowed: () => Promise<boolean>,
  ): void {
    const address = response.socket?.remoteAddress ?? '';
    const { size } = this.#streams;
    const own = this.#count((stream) => stream.owner === owner);
    const near = this.#count((stream) => stream.address === address);
    const { total, perAddress, perOwner } = this.#limits;
    if (size >= total || near >= perAddress || own >= perOwner)
      throw new MinutehandError('STREAMS_TOO_MANY', {
        seen: `${own} of this client, ${near} of its address, ${size} in all`,
        expected: `at most ${perOwner}, ${perAddress} and ${total}`,
      });
    this.#flush();
    const stream = { owner, address, response, isAllowed };
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
    response.on('error', () => this.#streams.delete(stream));
    response.write(`retry: 2000\n\n${first.map(([event, json]) => this.#text(event, json)).join('')}`);
  }

  /** @param json on one line */
  publish(event: string, json: string): void {
    if (this.#streams.size === 0) return;
    this.#gathered += this.#text(event, json);
    if (this.#gathered.length > MAX_GATHERED) this.#flush();
    else this.#gathering ??= setTimeout(() => this.#flush(), GATHER_MS).unref();
  }

  /** Keeps connections alive, and ends streams whose session or token is no longer valid. Never rejects. */
  async beat(): Promise<void> {
    this.#gathered += ': beat\n\n';
    this.#flush();
    for (const stream of this.#streams) {
      // A store error does not end the session.
      if (!(await stream.isAllowed().catch(() => true))) stream.response.end();
    }
  }

  /** Ends the streams of a session or token, e.g. after log-out. */
  drop(owner: string): void {
    for (const stream of this.#streams) if (stream.owner === owner) stream.response.end();
  }

  close(): void {
    clearInterval(this.#beats);
    clearTimeout(this.#gathering);
    for (const { response } of this.#streams) response.destroy();
    this.#streams.clear();
  }

  #count(isCounted: (stream: Stream) => boolean): number {
    let count = 0;
    for (const stream of this.#streams) if (isCounted(stream)) count++;
    return count;
  }

  #text(event: string, json: string): string {
    return `id: ${(this.#id += 1)}\nevent: ${event}\ndata: ${json}\n\n`;
  }

  #flush(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#gathered === '') return;
    const bytes = Buffer.from(this.#gathered);
    this.#gathered = '';
    for (const stream of this.#streams) {
      if (stream.response.writableLength > MAX_UNREAD_BYTES) {
        this.#streams.delete(stream);
        stream.response.destroy();
      } else stream.response.write(bytes);
    }
  }
}
